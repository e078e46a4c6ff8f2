"""Douyin's items: create, data, list, delete, and the review that decides when the public sees one.

Sources: zhangshuai/douyin-go video.go (fields, ``video_status`` 1 published, 2 not fit to be
public, 4 in review; ``is_reviewed``; opaque cursor) and the upload page ("visible to its author
only until reviewed"). A create carries no key against repeats: each one makes one more item.
"""

import secrets
from base64 import b64encode
from typing import Any

from starlette.requests import Request

from deploy.simulators.douyin_account import Account
from deploy.simulators.douyin_rules import Refusal, parse_body
from deploy.simulators.platform_state import control, take_control, transaction
from deploy.simulators.shell import note

PUBLISHED, NOT_PUBLIC, IN_REVIEW = 1, 2, 4
VIDEO = 4
"""``media_type`` of a clip."""


async def create_video(account: Account, request: Request) -> dict[str, Any]:
    """``{"video_id", "text", …}`` → ``{"item_id"}``, in review.

    The documentation asks for a new video_id for each create but does not say what a used one
    gives. By default it makes a second item, which hurts a caller that sends twice; with the
    switch ``reuse_video_id`` = "refuse" it is refused.
    """
    platform = account.platform
    body = parse_body(await request.body())
    video_id, text = body.get("video_id"), body.get("text", "")
    if not isinstance(video_id, str) or not isinstance(text, str):
        raise Refusal(28001007, "video_id and text are texts")
    note(request, video_id=video_id, text=text)
    if len(text) > account.limits.text_chars:
        raise Refusal(28001007, "text is too long")
    video = platform.db.execute("SELECT * FROM videos WHERE video_id=?", (video_id,)).fetchone()
    if video is None:
        raise Refusal(28001007, "video_id is unknown")
    _check_cover(body, video["duration_ms"])
    if control(platform, "reuse_video_id", "second_item") == "refuse" and _is_used(
        account, video_id
    ):
        raise Refusal(28001007, "video_id was used")
    item_id = _add_item(account, video_id, text)
    note(request, item_id=item_id)
    return {"item_id": item_id}


def _check_cover(body: dict[str, Any], duration_ms: int) -> None:
    second = body.get("cover_tsp", 0)
    if not isinstance(second, int | float) or not 0 <= second * 1000 <= duration_ms:
        raise Refusal(28001007, "cover_tsp is not within the clip")
    if body.get("custom_cover_image_url"):
        raise Refusal(28001007, "custom_cover_image_url is not an uploaded image")


def _is_used(account: Account, video_id: str) -> bool:
    found = account.platform.db.execute("SELECT 1 FROM items WHERE video_id=?", (video_id,))
    return found.fetchone() is not None


def _add_item(account: Account, video_id: str, text: str) -> str:
    platform = account.platform
    item_id = "@" + b64encode(secrets.token_bytes(39)).decode()
    number = str(7_500_000_000_000_000_000 + secrets.randbelow(10**17))
    delay_ms = int(control(platform, "review_delay_s", account.review_delay_s) * 1000)
    verdict = take_control(platform, "next_review_status", PUBLISHED)
    with transaction(platform) as db:
        newest = db.execute("SELECT max(created_at) AS at FROM items").fetchone()["at"] or 0
        # The list is paged by this time, so no two items share one.
        created_at = max(platform.clock(), newest + 1)
        db.execute(
            "INSERT INTO items VALUES(?,?,?,?,?,?,?,NULL)",
            (item_id, number, video_id, text, created_at, created_at + delay_ms, verdict),
        )
    return item_id


async def video_data(account: Account, request: Request) -> dict[str, Any]:
    """``{"item_ids": [...]}`` → ``{"list": [...]}``; unknown and deleted items are left out."""
    body = parse_body(await request.body())
    wanted = body.get("item_ids")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(i, str) for i in wanted):
        raise Refusal(28001007, "item_ids is a list of item ids")
    note(request, item_ids=wanted)
    found = []
    for item_id in wanted[: account.limits.list_count]:
        row = account.platform.db.execute(
            "SELECT * FROM items WHERE item_id=? AND deleted_at IS NULL", (item_id,)
        ).fetchone()
        if row is not None:
            found.append(shown_item(account, request, row))
    return {"list": found}


async def video_list(account: Account, request: Request) -> dict[str, Any]:
    """GET ``cursor`` (0 first), ``count`` 1..20 → the account's own items, newest first.

    Items in review are in the list, deleted ones are not.
    """
    cursor, count = (request.query_params.get(name, "") for name in ("cursor", "count"))
    if not cursor.isdecimal() or not count.isdecimal():
        raise Refusal(28001007, "cursor and count are numbers")
    if not 1 <= int(count) <= account.limits.list_count:
        raise Refusal(28001007, "count is out of range")
    platform = account.platform
    list_delay_ms = int(control(platform, "list_delay_s", 0) * 1000)
    rows = platform.db.execute(
        "SELECT * FROM items WHERE deleted_at IS NULL AND (?=0 OR created_at<=?)"
        " AND (?=0 OR created_at<?) ORDER BY created_at DESC LIMIT ?",
        (
            *(list_delay_ms, platform.clock() - list_delay_ms),
            *(int(cursor), int(cursor), int(count) + 1),
        ),
    ).fetchall()
    page = rows[: int(count)]
    return {
        "list": [shown_item(account, request, row) for row in page],
        "cursor": page[-1]["created_at"] if page else int(cursor),
        "has_more": len(rows) > len(page),
    }


async def video_delete(account: Account, request: Request) -> dict[str, Any]:
    """``POST /video/delete/ {"item_id"}``; an unknown or deleted item is refused."""
    item_id = parse_body(await request.body()).get("item_id")
    note(request, item_id=item_id)
    with transaction(account.platform) as db:
        done = db.execute(
            "UPDATE items SET deleted_at=? WHERE item_id=? AND deleted_at IS NULL",
            (account.platform.clock(), item_id if isinstance(item_id, str) else ""),
        )
    if done.rowcount != 1:
        raise Refusal(28001007, "item_id is unknown")
    return {}


def status(account: Account, row: Any) -> int:
    """1 published, 2 not fit to be public, 4 in review."""
    return IN_REVIEW if account.platform.clock() < row["due_at"] else int(row["verdict"])


def shown_item(account: Account, request: Request, row: Any) -> dict[str, Any]:
    """One item as the platform lists it to its author."""
    base = str(request.base_url).rstrip("/")
    counts = ("comment", "digg", "download", "forward", "play", "share")
    return {
        "item_id": row["item_id"],
        "video_id": row["number"],
        "title": row["text"],
        "cover": "",
        "create_time": row["created_at"] // 1000,
        "is_reviewed": status(account, row) != IN_REVIEW,
        "is_top": False,
        "media_type": VIDEO,
        "share_url": f"{base}/video/{row['number']}",
        "video_status": status(account, row),
        "statistics": {f"{count}_count": 0 for count in counts},
    }
