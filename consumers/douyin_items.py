"""What became of an item at Douyin: the questions that a publication asks.

Sources: developer.open-douyin.com, video-data and account-video-list. ``video_status``: 1
published (detailed as 5 public, 6 friends, 7 private), 2 not fit to be public, 4 in review. The
data call shows public items only, and a private one with a ``create_time`` of 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from consumers.account_files import keep, read_kept
from consumers.douyin_api import V1, DouyinApi
from consumers.outlet_http import number
from schemas.channel import Attempt
from schemas.errors import TransientError

State = Literal["public", "in_review", "refused", "hidden", "missing"]

_STATES: dict[int, State] = {
    1: "public", 5: "public", 2: "refused", 4: "in_review", 6: "hidden", 7: "hidden",
}  # fmt: skip
_PAGE = 20
_NEWEST = 2000


@dataclass(frozen=True)
class Item:
    item_id: str
    state: State
    url: str
    text: str
    created_at: float
    """Seconds since 1970, the platform's clock."""
    pinned: bool


class Known:
    """Items that the account's publisher has created, by the marker of their release: two stories
    may have the same text."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._markers = read_kept(file)

    def add(self, item_id: str, marker: str) -> None:
        if self._markers.get(item_id) == marker:
            return
        self._markers[item_id] = marker
        for oldest in list(self._markers)[:-_NEWEST]:
            del self._markers[oldest]
        keep(self._file, self._markers)

    def may_be(self, item_id: str, marker: str) -> bool:
        """False for an item of another release."""
        return bool(self._markers.get(item_id, marker) == marker)


def state_of(api: DouyinApi, item_id: str, attempt: Attempt) -> Item | None:
    """The item as the data call tells; None where it tells nothing. Spends ``video_data``."""
    data = api.call(f"{V1}video_data/", attempt, "video_data", body={"item_ids": [item_id]})
    entries = data.get("list")
    for entry in entries if isinstance(entries, list) else []:
        item = _item(entry)
        if item is not None and item.item_id == item_id:
            return item
    return None


def own_items(api: DouyinApi, pages: int, attempt: Attempt) -> Iterator[Item]:
    """The account's own items, newest first after the pinned ones. Spends ``video_list``."""
    cursor = "0"
    for _ in range(pages):
        data = api.call(
            f"{V1}video_list/",
            attempt,
            "video_list",
            method="GET",
            params={"cursor": cursor, "count": str(_PAGE)},
        )
        entries = data.get("list")
        if not isinstance(entries, list):
            raise TransientError("抖音的作品列表读不出 / Douyin's list of items cannot be read")
        yield from filter(None, map(_item, entries))
        cursor = str(data.get("cursor") or "")
        if not data.get("has_more") or not cursor:
            return


def items_with_text(
    api: DouyinApi, text: str, since: float, pages: int, attempt: Attempt
) -> list[Item]:
    """Own items of exactly this text, created since then (seconds by the platform's clock)."""
    found = []
    for item in own_items(api, pages, attempt):
        if item.created_at < since and not item.pinned:
            break
        if item.created_at >= since and _folded(item.text) == _folded(text):
            found.append(item)
    return found


def _folded(text: str) -> str:
    """The platform may fold blanks."""
    return " ".join(text.split())


def _item(entry: Any) -> Item | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("item_id"), str):
        return None
    created = number(entry.get("create_time")) or 0
    state = _STATES.get(number(entry.get("video_status")) or 0, "in_review")
    if state == "public" and entry.get("is_reviewed") is False:
        state = "in_review"
    if state == "public" and created == 0:
        state = "hidden"
    return Item(
        item_id=entry["item_id"],
        state=state,
        url=str(entry.get("share_url") or ""),
        text=str(entry.get("title") or ""),
        created_at=float(created),
        pinned=bool(entry.get("is_top")),
    )
