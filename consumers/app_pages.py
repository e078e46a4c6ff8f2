"""Files of the app feed, made from payloads and records alone. Pure.

Lists are JSON Feed 1.1 (jsonfeed.org); what the standard has no word for stands under
``_shoufa``. ``index.json``, ``board-<slug>.json`` and ``column-<slug>.json`` hold the newest
stories; ``next_url`` leads to a file for each earlier day (``board-<slug>-2026-11-24.json``),
which may repeat what the reader has seen: items are told apart by ``id``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel

from consumers.drawn import Drawn, drawn_once
from consumers.shelves import Shelf, shelves_of
from consumers.static_live import LiveRecords, day_before
from consumers.static_records import Record
from consumers.story_facts import Facts
from consumers.story_media import fill
from schemas.beijing import SHANGHAI
from schemas.hashing import fingerprint

LAYOUT = 1
"""Raised when the files' form changes, so that they are made again."""
_WHERE = ("sections", "columns")
JSON_FEED = "https://jsonfeed.org/version/1.1"


class Feed(Protocol):
    """What the files need to know of the channel's entry."""

    @property
    def public_url(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def home_page_url(self) -> str: ...
    @property
    def article_url(self) -> str: ...
    @property
    def boards(self) -> tuple[Shelf, ...]: ...
    @property
    def columns(self) -> tuple[Shelf, ...]: ...
    @property
    def page_size(self) -> int: ...


class Copy(Protocol):
    """The payload, as far as the story file needs it."""

    @property
    def facts(self) -> Facts: ...
    @property
    def content_text(self) -> str: ...
    @property
    def blocks(self) -> tuple[dict[str, Any], ...]: ...


@dataclass(frozen=True)
class _List:
    """One list of stories: everything, a board or a column."""

    stem: str
    """File name without ending: ``index``, ``board-gov``, ``column-hot``."""
    title: str
    name: str = ""
    """As :meth:`AppPages.names` has it; empty lists everything."""


@dataclass(frozen=True)
class AppPages:
    """Implements :class:`consumers.static_pages.Pages` for the feed."""

    feed: Feed
    drawn: Drawn = field(default_factory=dict)
    """Items of lists by story file: written once, however many lists show them."""

    def look(self) -> str:
        assert isinstance(self.feed, BaseModel)
        return fingerprint([LAYOUT, self.feed.model_dump_json()])

    def path(self, number: int) -> str:
        return f"story-{number}.json"

    def fixed(self) -> dict[str, bytes]:
        return {}

    def story(self, payload: Copy, record: Record, addresses: Mapping[str, str]) -> bytes:
        facts = payload.facts
        item = self._item(record, facts.model_dump(mode="json"))
        public = {name: f"{self.feed.public_url}/{path}" for name, path in addresses.items()}
        item["content_text"] = payload.content_text
        item |= {"image": public.get(facts.cover), "banner_image": public.get(facts.cover)}
        item["_shoufa"] |= {
            "thumb_url": public.get(facts.thumb),
            "story_id": str(record.story_id),
            "payload_sha256": record.payload_sha256,
            "desk": facts.desk,
            "made_by_ai": facts.made_by_ai,
            "asked": facts.asked.model_dump(mode="json") if facts.asked else None,
            "blocks": list(payload.blocks),
        }
        return fill(_text(item), public).encode()

    def tombstone(self, record: Record) -> bytes:
        told = {
            "id": _id(record),
            "state": "withdrawn",
            "withdrawn_at": _time(record.updated_at),
            "_shoufa": {
                "state": "withdrawn",
                "number": record.number,
                "release": record.release,
            },
        }
        return _text(told).encode()

    def names(self, record: Record) -> set[str]:
        return {f"{where}/{name}" for where in _WHERE for name in _names(record, where)}

    def indexes(
        self, live: LiveRecords, touched: Sequence[Record] | None, _now: datetime
    ) -> Iterator[dict[str, bytes]]:
        changed = live.newest if touched is None else touched
        files: dict[str, bytes] = {}
        for one in self._lists(changed, everything=touched is None):
            found = live.named(one.name) if one.name else live.newest
            for day in sorted(
                {r.day for r in changed if not one.name or one.name in self.names(r)}
            ):
                held = [r for r in live.of_day(day) if not one.name or one.name in self.names(r)]
                files[f"{one.stem}-{day}.json"] = self._file(one, held, day_before(found, day), day)
            shown = found[: self.feed.page_size]
            following = shown[-1].day if len(found) > len(shown) else ""
            files[f"{one.stem}.json"] = self._file(one, shown, following)
        yield files

    def _lists(self, records: Sequence[Record], *, everything: bool) -> list[_List]:
        """The lists in which these records stand; the one of everything last."""
        lists: list[_List] = []
        for where, (kind, configured) in self._shelves().items():
            names = [name for record in records for name in _names(record, where)]
            names += [shelf.name for shelf in configured] if everything else []
            lists += [
                _List(f"{kind}-{shelf.slug}", shelf.name, f"{where}/{shelf.name}")
                for shelf in shelves_of(names, configured)
            ]
        return [*lists, _List("index", self.feed.title)]

    def _shelves(self) -> dict[str, tuple[str, tuple[Shelf, ...]]]:
        return {"sections": ("board", self.feed.boards), "columns": ("column", self.feed.columns)}

    def _file(self, one: _List, shown: Sequence[Record], following: str, day: str = "") -> bytes:
        """A list file. ``day`` is empty for the newest stories; ``following`` is the day whose
        file goes on: where the newest end within a day, that day's as a whole."""
        name = f"{one.stem}-{day}" if day else one.stem
        title = self.feed.title if one.stem == "index" else f"{self.feed.title} · {one.title}"
        told: dict[str, Any] = {"version": JSON_FEED, "title": title, "language": "zh-CN"}
        if self.feed.home_page_url:
            told["home_page_url"] = self.feed.home_page_url
        told["feed_url"] = f"{self.feed.public_url}/{name}.json"
        if following:
            told["next_url"] = f"{self.feed.public_url}/{one.stem}-{following}.json"
        if name == "index":
            told["_shoufa"] = {
                "boards": self._doors("board", self.feed.boards),
                "columns": self._doors("column", self.feed.columns),
            }
        items = ",".join(drawn_once(self.drawn, "item", r, self._listed) for r in shown)
        return f'{_text(told)[:-1]},"items":[{items}]}}'.encode()

    def _listed(self, _kind: str, record: Record) -> str:
        card = record.card
        item = self._item(record, card)
        item["content_text"] = card["summary"] or card["headline"]
        item["image"] = f"{self.feed.public_url}/{card['cover']}" if card["cover"] else None
        thumb = f"{self.feed.public_url}/{card['thumb']}" if card["thumb"] else None
        item["_shoufa"]["thumb_url"] = thumb
        return _text(item)

    def _item(self, record: Record, told: Mapping[str, Any]) -> dict[str, Any]:
        """What a list and the story file say alike."""
        story_url = f"{self.feed.public_url}/{self.path(record.number)}"
        author = told["byline"] or told["source"]
        return {
            "id": _id(record),
            "url": self.feed.article_url.replace("{number}", str(record.number)) or None,
            "title": told["headline"],
            "summary": told["summary"],
            "date_published": _time(record.published_at),
            "date_modified": _time(record.updated_at),
            "authors": [{"name": author}] if author else None,
            "tags": list(told["keywords"]) or None,
            "language": told["language"],
            "_shoufa": {
                "state": "live",
                "number": record.number,
                "version": record.version,
                "updated_at": _time(record.updated_at),
                "story_url": story_url,
                "kind": told["kind"],
                "source": told["source"],
                "boards": self._doors("board", shelves_of(told["sections"], self.feed.boards)),
                "columns": self._doors("column", shelves_of(told["columns"], self.feed.columns)),
                "urgency": told["urgency"],
                "clip": told["clip"],
                "duration_s": told["duration_s"],
                "corrections": [
                    {"version": n.version, "text": n.text, "at": _time(n.at)}
                    for n in record.corrections
                ],
            },
        }

    def _doors(self, kind: str, shelves: Sequence[Shelf]) -> list[dict[str, str]]:
        return [
            {
                "name": shelf.name,
                "slug": shelf.slug,
                "url": f"{self.feed.public_url}/{kind}-{shelf.slug}.json",
            }
            for shelf in shelves
        ]


def _names(record: Record, where: str) -> list[str]:
    names = record.card.get(where)
    return [str(name) for name in names] if isinstance(names, list) else []


def _id(record: Record) -> str:
    return f"urn:uuid:{record.story_id}"


def _time(at: datetime) -> str:
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")


def _without_nothing(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if value is not None}


def _text(told: dict[str, Any]) -> str:
    return json.dumps(_without_nothing(told), ensure_ascii=False, separators=(",", ":"))
