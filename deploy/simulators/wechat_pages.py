"""What a reader sees: the article page, the page of a deleted article, pictures, the front page."""

import json
import re
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from deploy.simulators.pages import page
from deploy.simulators.pictures import MEDIA_TYPES
from deploy.simulators.platform_state import beijing_time
from deploy.simulators.wechat_account import Account
from deploy.simulators.wechat_drafts import drafts_in_box
from deploy.simulators.wechat_media import cover_picture
from deploy.simulators.wechat_publish import settle

_OWN_PICTURE = re.compile(r'(<img[^>]*\ssrc=")https?://[^/"]+(/mmbiz_)')


def page_routes(account: Account) -> list[Route]:
    """The public side of one account."""

    async def article(request: Request) -> Response:
        settle(account)
        row = account.platform.db.execute(
            "SELECT * FROM published WHERE page_id=?", (request.path_params["page_id"],)
        ).fetchone()
        if row is None:
            return page("wechat_gone.html", 404, message="链接已失效", account=account.name)
        if row["deleted_at"] is not None:
            return page("wechat_gone.html", message="该内容已被发布者删除", account=account.name)
        return _article_page(account, json.loads(row["article"]), row["published_at"], draft=False)

    async def preview(request: Request) -> Response:
        row = account.platform.db.execute(
            "SELECT * FROM drafts WHERE preview=? AND in_box=1", (request.path_params["preview"],)
        ).fetchone()
        if row is None:
            return page("wechat_gone.html", 404, message="临时链接已失效", account=account.name)
        return _article_page(account, json.loads(row["articles"])[0], row["updated_at"], draft=True)

    async def picture(request: Request) -> Response:
        kind, image_id = request.path_params["kind"], request.path_params["image_id"]
        row = account.platform.db.execute(
            "SELECT * FROM images WHERE image_id=? AND kind=?", (image_id, kind)
        ).fetchone()
        if row is None:
            return PlainTextResponse("not found", 404)
        file = account.platform.folder / "media" / f"{row['image_id']}.{row['kind']}"
        return FileResponse(file, media_type=MEDIA_TYPES[row["kind"]])

    async def front(_request: Request) -> Response:
        settle(account)
        return _front_page(account)

    return [
        Route("/", front),
        Route("/s/preview/{preview}", preview),
        Route("/s/{page_id}", article),
        Route("/mmbiz_{kind}/{image_id}/0", picture),
    ]


def _article_page(
    account: Account, article: dict[str, Any], at_ms: int, *, draft: bool
) -> Response:
    at = beijing_time(at_ms)
    # Cleaned by the platform when it came in; its own pictures are shown by this server even if
    # the platform was reached by another name or port then.
    content = Markup(_OWN_PICTURE.sub(r"\1\2", article["content"]))
    return page(
        "wechat_article.html",
        article=article,
        account=account.name,
        content=content,
        at=f"{at.year}年{at.month}月{at.day}日 {at:%H:%M}",
        draft=draft,
    )


def _front_page(account: Account) -> Response:
    db = account.platform.db
    published = db.execute("SELECT * FROM published ORDER BY published_at DESC, rowid DESC")
    entries = [
        _entry(account, row["article"], row["published_at"], f"/s/{row['page_id']}")
        | {"deleted": row["deleted_at"] is not None}
        for row in published.fetchall()
    ]
    box = db.execute("SELECT * FROM drafts WHERE in_box=1 ORDER BY updated_at DESC LIMIT 20")
    drafts = [
        _entry(account, json.dumps(json.loads(row["articles"])[0]), row["updated_at"], "")
        | {"url": f"/s/preview/{row['preview']}"}
        for row in box.fetchall()
    ]
    running = db.execute("SELECT count(*) AS n FROM jobs WHERE status=1").fetchone()["n"]
    return page(
        "wechat_front.html",
        account=account.name,
        entries=entries,
        drafts=drafts,
        draft_count=drafts_in_box(account),
        running=running,
        published_count=sum(not entry["deleted"] for entry in entries),
    )


def _entry(account: Account, article_json: str, at_ms: int, url: str) -> dict[str, Any]:
    article = json.loads(article_json)
    cover = cover_picture(account, article["thumb_media_id"])
    at = beijing_time(at_ms)
    return {
        "title": article["title"],
        "digest": article["digest"],
        "author": article["author"],
        "cover": f"/mmbiz_{cover[1]}/{cover[0]}/0" if cover else "",
        "at": f"{at.month}月{at.day}日 {at:%H:%M}",
        "url": url,
    }
