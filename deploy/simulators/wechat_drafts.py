"""WeChat's draft box: add, update, get, batchget, delete, count.

Sources: api_draft_add, api_draft_update, api_getdraft, api_draft_batchget, api_draft_delete,
api_draft_count. There is no key against repeats: each ``draft/add`` makes one more draft.
"""

import hashlib
import json
import secrets
from typing import Any

from deploy.simulators.platform_state import transaction
from deploy.simulators.shell import note
from deploy.simulators.wechat_account import Account, Call
from deploy.simulators.wechat_html import clean, plain_text
from deploy.simulators.wechat_media import body_picture_id, cover_picture, picture_url
from deploy.simulators.wechat_rules import Refusal, check_article, number_field, text_field

OK = {"errcode": 0, "errmsg": "ok"}
PRIVATE = "_"
"""Keys with this prefix are the simulator's own and leave it in no platform answer."""


async def draft_add(account: Account, call: Call) -> dict[str, Any]:
    """``{"articles": [...]}`` → ``{"media_id"}`` of a new draft."""
    articles = call.body.get("articles")
    if not isinstance(articles, list):
        raise Refusal(47001)
    if not articles:
        raise Refusal(44003)
    if len(articles) > account.limits.articles_per_draft:
        raise Refusal(45008)
    stored = [store_form(account, one, single=len(articles) == 1) for one in articles]
    media_id = secrets.token_urlsafe(48)
    now = account.platform.clock()
    with transaction(account.platform) as db:
        db.execute(
            "INSERT INTO drafts VALUES(?,?,?,?,?,1)",
            (media_id, secrets.token_urlsafe(16), _dump(stored), now, now),
        )
    note(call.request, media_id=media_id, source_url=stored[0]["content_source_url"])
    return {"media_id": media_id, "item": []}


def store_form(account: Account, article: Any, *, single: bool) -> dict[str, Any]:
    """One article as the platform keeps it. Raises Refusal where it breaks a limit."""
    if not isinstance(article, dict):
        raise Refusal(47001)
    check_article(article, account.limits)
    cover = text_field(article, "thumb_media_id")
    if cover_picture(account, cover) is None:
        raise Refusal(40007)
    sent = text_field(article, "content")
    content = clean(sent, lambda url: body_picture_id(account, url) is not None)
    digest = text_field(article, "digest") if single else ""
    if single and not digest:
        digest = plain_text(content)[: account.limits.digest_default_chars]
    return {
        "article_type": "news",
        "title": text_field(article, "title"),
        "author": text_field(article, "author"),
        "digest": digest,
        "content": content,
        "content_source_url": text_field(article, "content_source_url"),
        "thumb_media_id": cover,
        "show_cover_pic": 0,
        "need_open_comment": article.get("need_open_comment", 0),
        "only_fans_can_comment": article.get("only_fans_can_comment", 0),
        "_sent_sha256": hashlib.sha256(sent.encode()).hexdigest(),
    }


async def draft_update(account: Account, call: Call) -> dict[str, Any]:
    """``{"media_id", "index" from 0, "articles": {one article}}`` replaces that article."""
    media_id, articles = _in_box(account, call)
    index = number_field(call.body, "index")
    if not 0 <= index < len(articles):
        raise Refusal(40007)
    articles[index] = store_form(account, call.body.get("articles"), single=len(articles) == 1)
    with transaction(account.platform) as db:
        db.execute(
            "UPDATE drafts SET articles=?, updated_at=? WHERE media_id=?",
            (_dump(articles), account.platform.clock(), media_id),
        )
    return OK


async def draft_get(account: Account, call: Call) -> dict[str, Any]:
    """``{"media_id"}`` → ``{"news_item": [...]}``; 40007 once the draft has left the box."""
    media_id, articles = _in_box(account, call)
    row = account.platform.db.execute("SELECT * FROM drafts WHERE media_id=?", (media_id,))
    draft = row.fetchone()
    return {
        "news_item": [_shown(account, call, one, draft["preview"]) for one in articles],
        "create_time": draft["created_at"] // 1000,
        "update_time": draft["updated_at"] // 1000,
    }


async def draft_batchget(account: Account, call: Call) -> dict[str, Any]:
    """``{"offset", "count" 1..20, "no_content"}`` → the drafts in the box, newest first."""
    offset, count, no_content = page_arguments(call.body)
    db = account.platform.db
    rows = db.execute(
        "SELECT * FROM drafts WHERE in_box=1 ORDER BY updated_at DESC, rowid DESC LIMIT ? OFFSET ?",
        (count, offset),
    ).fetchall()
    items = []
    for row in rows:
        news = [_shown(account, call, one, row["preview"]) for one in json.loads(row["articles"])]
        content = {
            "news_item": [without_content(one) for one in news] if no_content else news,
            "create_time": row["created_at"] // 1000,
            "update_time": row["updated_at"] // 1000,
        }
        items.append(
            {
                "media_id": row["media_id"],
                "content": content,
                "update_time": row["updated_at"] // 1000,
            }
        )
    return {"item": items, "total_count": drafts_in_box(account), "item_count": len(items)}


async def draft_delete(account: Account, call: Call) -> dict[str, Any]:
    """``{"media_id"}``: the draft is gone for good."""
    media_id, _articles = _in_box(account, call)
    with transaction(account.platform) as db:
        db.execute("UPDATE drafts SET in_box=0 WHERE media_id=?", (media_id,))
    return OK


async def draft_count(account: Account, _call: Call) -> dict[str, Any]:
    """GET, no body → ``{"total_count"}``."""
    return {"total_count": drafts_in_box(account)}


def drafts_in_box(account: Account) -> int:
    row = account.platform.db.execute("SELECT count(*) AS n FROM drafts WHERE in_box=1").fetchone()
    return int(row["n"])


def page_arguments(body: dict[str, Any]) -> tuple[int, int, bool]:
    """offset, count and no_content of a list call. Raises Refusal 40097."""
    offset, count = number_field(body, "offset"), number_field(body, "count")
    no_content = number_field(body, "no_content", 0)
    if offset < 0 or not 1 <= count <= 20 or no_content not in {0, 1}:
        raise Refusal(40097)
    return offset, count, no_content == 1


def shown_article(account: Account, call: Call, article: dict[str, Any]) -> dict[str, Any]:
    """An article in a platform answer: without our own keys, with its cover's address."""
    public = {key: value for key, value in article.items() if not key.startswith(PRIVATE)}
    cover = cover_picture(account, article["thumb_media_id"])
    public["thumb_url"] = picture_url(call, *cover) if cover else ""
    return public


def without_content(article: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in article.items() if key != "content"}


def _shown(account: Account, call: Call, article: dict[str, Any], preview: str) -> dict[str, Any]:
    return shown_article(account, call, article) | {"url": f"{call.base_url}/s/preview/{preview}"}


def _in_box(account: Account, call: Call) -> tuple[str, list[dict[str, Any]]]:
    media_id = text_field(call.body, "media_id", wrong_type=40007)
    row = account.platform.db.execute(
        "SELECT articles FROM drafts WHERE media_id=? AND in_box=1", (media_id,)
    ).fetchone()
    note(call.request, media_id=media_id)
    if row is None:
        raise Refusal(40007)
    return media_id, json.loads(row["articles"])


def _dump(articles: list[dict[str, Any]]) -> str:
    return json.dumps(articles, ensure_ascii=False)
