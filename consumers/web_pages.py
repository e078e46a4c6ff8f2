"""Pages and feeds of the web site, made from payloads and records alone. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from markupsafe import Markup
from pydantic import BaseModel, JsonValue

from consumers import web_templates
from consumers.drawn import Drawn, drawn_once
from consumers.public_url import base_path
from consumers.shelves import Shelf, shelf_of
from consumers.static_live import LiveRecords, day_before
from consumers.static_records import Record
from consumers.story_media import fill
from consumers.web_copy import Payload
from consumers.web_feeds import feeds
from consumers.web_linked_data import linked_data
from schemas.hashing import fingerprint

FRONT_SLUG = "index"
"""A section with this slug is the front page itself."""
KINDS = {"video": "视频", "answer": "百姓点题", "notice": "通知公告"}


class Site(Protocol):
    """What the pages need to know of the channel's entry."""

    @property
    def public_url(self) -> str: ...
    @property
    def site_name(self) -> str: ...
    @property
    def tagline(self) -> str: ...
    @property
    def publisher(self) -> str: ...
    @property
    def licence(self) -> str: ...
    @property
    def contact_line(self) -> str: ...
    @property
    def corrections_url(self) -> str: ...
    @property
    def sections(self) -> tuple[Shelf, ...]: ...
    @property
    def columns(self) -> tuple[Shelf, ...]: ...
    @property
    def front_page_size(self) -> int: ...
    @property
    def list_page_size(self) -> int: ...
    @property
    def feed_size(self) -> int: ...


@dataclass(frozen=True)
class Link:
    name: str
    path: str


@dataclass(frozen=True)
class FrontShelf:
    name: str
    path: str
    records: list[Record]


def story_path(number: int) -> str:
    return f"a/{number}.html"


@dataclass(frozen=True)
class WebPages:
    """Implements :class:`consumers.static_pages.Pages` for the site."""

    site: Site
    drawn: Drawn = field(default_factory=dict)
    """Parts of index pages by kind and story page: drawn once, however many pages show them."""

    def look(self) -> str:
        assert isinstance(self.site, BaseModel)
        return fingerprint([web_templates.look(), self.site.model_dump_json()])

    def path(self, number: int) -> str:
        return story_path(number)

    def fixed(self) -> dict[str, bytes]:
        return {
            **dict(web_templates.static_files().values()),
            self._icon(): web_templates.page("icon.svg", site=self.site),
            "404.html": self._page("missing.html", "404.html"),
            "robots.txt": web_templates.page("robots.txt", site=self.site),
        }

    def story(self, payload: Payload, record: Record, addresses: Mapping[str, str]) -> bytes:
        base = base_path(self.site.public_url)
        local = {name: f"{base}/{path}" for name, path in addresses.items()}
        public = {name: f"{self.site.public_url}/{path}" for name, path in addresses.items()}
        address = f"{self.site.public_url}/{self.path(record.number)}"
        facts = payload.facts
        shelves = self._links([*facts.sections, *facts.columns])
        kind = KINDS.get(facts.kind, "")
        return self._page(
            "article.html",
            self.path(record.number),
            language=facts.language,
            story=payload,
            facts=facts,
            record=record,
            body=Markup(fill(payload.body_html, local)),  # noqa: S704  # made by our own templates
            address=address,
            cover=public.get(facts.cover, ""),
            shelves=shelves,
            kind="" if kind in {shelf.name for shelf in shelves} else kind,
            linked_data=linked_data(payload, record, public, self.site, address),
        )

    def tombstone(self, record: Record) -> bytes:
        return self._page("gone.html", self.path(record.number), record=record)

    def names(self, record: Record) -> set[str]:
        return {*_texts(record.card["sections"]), *_texts(record.card["columns"])}

    def indexes(
        self, live: LiveRecords, touched: Sequence[Record] | None, now: datetime
    ) -> Iterator[dict[str, bytes]]:
        changed = live.newest if touched is None else touched
        names = {name for record in changed for name in self.names(record)}
        if touched is None:
            names |= {shelf.name for shelf in (*self.site.sections, *self.site.columns)}
        pages = {"index.html": self._front(live)}
        for name in sorted(names):
            link = self._link(name)
            if link.path:
                found = live.named(name)[: self.site.list_page_size]
                older = day_before(live.newest, found[-1].day) if found else ""
                pages[link.path] = self._list(link, found, older)
        days = sorted({record.day for record in changed})
        for day in days:
            older = day_before(live.newest, day)
            pages[f"d/{day}.html"] = self._list(
                Link(_spoken(day), f"d/{day}.html"), live.of_day(day), older
            )
        yield pages
        yield feeds(self.site, live, days, now, self.drawn)

    def _front(self, live: LiveRecords) -> bytes:
        newest = live.newest[: self.site.front_page_size]
        lead = _lead(newest)
        others = [record for record in newest if record is not lead]
        second, others = others[:4], others[4:]
        clips = [record for record in others if record.card["clip"]][:4]
        clips = clips if len(clips) > 1 else []
        shelves = [
            FrontShelf(shelf.name, self._link(shelf.name).path, found[:6])
            for shelf in self.site.sections
            if shelf.slug != FRONT_SLUG and (found := live.named(shelf.name))
        ]
        return self._page(
            "front.html",
            "",
            lead=lead,
            lead_day=lead.day if lead else "",
            second=[self._draw("row", record) for record in second],
            clips=[self._draw("tile", record) for record in clips],
            rest=[self._draw("tile", record) for record in others if record not in clips],
            shelves=shelves,
        )

    def _list(self, link: Link, found: Sequence[Record], older: str) -> bytes:
        rows = [self._draw("list_row", record) for record in found]
        return self._page(
            "list.html",
            link.path,
            name=link.name,
            rows=rows,
            older=older,
            older_name=_spoken(older),
        )

    def _draw(self, kind: str, record: Record) -> str:
        """A card by the macro of that name."""
        return drawn_once(self.drawn, kind, record, self._card)

    def _card(self, kind: str, record: Record) -> str:
        macro = getattr(web_templates.environment().get_template("cards.html").module, kind)
        return Markup(macro(record, base_path(self.site.public_url), self.path(record.number)))  # noqa: S704

    def _page(self, template: str, here: str, **context: Any) -> bytes:
        return web_templates.page(
            template,
            site=self.site,
            base=base_path(self.site.public_url),
            static=web_templates.static_files(),
            icon=self._icon(),
            links=self._links(shelf.name for shelf in (*self.site.sections, *self.site.columns)),
            here=here,
            path=self.path,
            **context,
        )

    def _icon(self) -> str:
        return f"static/icon-{fingerprint(self.site.site_name)[:10]}.svg"

    def _links(self, names: Iterable[str]) -> list[Link]:
        links = (self._link(name) for name in dict.fromkeys(names))
        return [link for link in links if link.path]

    def _link(self, name: str) -> Link:
        """Section before column, as the site's navigation has them."""
        for shelf in self.site.sections:
            if shelf.name == name:
                return Link(name, "" if shelf.slug == FRONT_SLUG else f"s/{shelf.slug}.html")
        return Link(name, f"c/{shelf_of(name, self.site.columns).slug}.html")


def _lead(newest: Sequence[Record]) -> Record | None:
    """The most urgent of the newest eight of the newest day; the newest among equals."""
    if not newest:
        return None
    today = [record for record in newest[:8] if record.day == newest[0].day]
    return min(today, key=lambda record: int(str(record.card["urgency"])))


def _spoken(day: str) -> str:
    """``2026-11-24`` → ``2026年11月24日``."""
    if not day:
        return ""
    year, month, of_month = day.split("-")
    return f"{year}年{int(month)}月{int(of_month)}日"


def _texts(value: JsonValue) -> list[str]:
    return [str(text) for text in value] if isinstance(value, list) else []
