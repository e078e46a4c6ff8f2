"""What a viewer sees: the clip in a phone's frame, the page of a removed clip, the account."""

from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from deploy.simulators.douyin_account import Account
from deploy.simulators.douyin_items import IN_REVIEW, PUBLISHED, status
from deploy.simulators.pages import page
from deploy.simulators.platform_state import beijing_time


def page_routes(account: Account) -> list[Route]:
    """The public side of one account. A clip is found by its number or by its opaque item id."""

    async def video(request: Request) -> Response:
        row = _public_item(account, request.path_params["key"])
        if row is None:
            return page("douyin_gone.html", account=account.name)
        at = beijing_time(row["due_at"])
        return page(
            "douyin_video.html",
            account=account.name,
            text=row["text"],
            at=f"{at.month}月{at.day}日 {at:%H:%M}",
            source=f"/play/{row['number']}.mp4",
        )

    async def play(request: Request) -> Response:
        row = _public_item(account, request.path_params["number"])
        if row is None:
            return PlainTextResponse("not found", 404)
        file = account.platform.folder / "media" / row["file"]
        return FileResponse(file, media_type="video/mp4")

    async def front(_request: Request) -> Response:
        rows = account.platform.db.execute(
            "SELECT * FROM items WHERE deleted_at IS NULL ORDER BY created_at DESC"
        ).fetchall()
        states = [status(account, row) for row in rows]
        entries = [_entry(row) for row, at in zip(rows, states, strict=True) if at == PUBLISHED]
        in_review = states.count(IN_REVIEW)
        return page("douyin_front.html", account=account.name, entries=entries, in_review=in_review)

    return [
        Route("/", front),
        Route("/video/{key:path}", video),
        Route("/play/{number}.mp4", play),
    ]


def _public_item(account: Account, key: str) -> Any:
    """An item that everybody may see; None while it is in review, unfit or deleted."""
    row = account.platform.db.execute(
        "SELECT items.*, videos.file FROM items JOIN videos USING(video_id)"
        " WHERE (number=? OR item_id=?) AND deleted_at IS NULL",
        (key, key),
    ).fetchone()
    return row if row is not None and status(account, row) == PUBLISHED else None


def _entry(row: Any) -> dict[str, str]:
    at = beijing_time(row["due_at"])
    return {
        "text": row["text"],
        "at": f"{at.month}月{at.day}日 {at:%H:%M}",
        "url": f"/video/{row['number']}",
        "source": f"/play/{row['number']}.mp4#t=0.5",
    }
