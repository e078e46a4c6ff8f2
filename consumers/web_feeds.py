"""RSS 2.0 and sitemaps of the web site (sitemaps.org 0.9, Google's news extension)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby, islice, takewhile
from typing import Protocol
from xml.sax.saxutils import escape

from markupsafe import Markup

from consumers import web_templates
from consumers.drawn import Drawn, drawn_once
from consumers.static_live import LiveRecords
from consumers.static_records import Record
from schemas.beijing import SHANGHAI

NEWS_AGE = timedelta(days=2)
"""A news sitemap lists what is at most two days old, and at most 1,000 addresses."""
_SITEMAP = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
_NEWS = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'


class Feed(Protocol):
    @property
    def public_url(self) -> str: ...
    @property
    def site_name(self) -> str: ...
    @property
    def feed_size(self) -> int: ...


def feeds(
    site: Feed, live: LiveRecords, days: Sequence[str], now: datetime, drawn: Drawn
) -> dict[str, bytes]:
    """Feeds after a change on the given days: the sitemaps of their months, and what lists the
    newest."""

    def entries(kind: str, records: Iterable[Record]) -> list[str]:
        return [drawn_once(drawn, kind, r, lambda _, r: _ENTRIES[kind](site, r)) for r in records]

    for day in days:  # the other days' parts stand as they were drawn
        drawn.pop(("addresses", day), None)
        drawn.pop(("changed", day), None)

    def of_day(kind: str, day: str, draw: Callable[[list[Record]], str]) -> str:
        found = drawn.get((kind, day))
        if found is None:
            found = drawn[kind, day] = draw(live.of_day(day))
        return found

    by_month = {month: list(ds) for month, ds in groupby(live.days(), key=lambda day: day[:7])}
    made = {
        f"sitemap-{month}.xml": _document(
            f"urlset {_SITEMAP}",
            [
                of_day("addresses", day, lambda records: "\n".join(entries("address", records)))
                for day in by_month.get(month, ())
            ],
        )
        for month in dict.fromkeys(day[:7] for day in days)
    }
    months = [
        f"<sitemap><loc>{escape(site.public_url)}/sitemap-{month}.xml</loc><lastmod>"
        f"{max(of_day('changed', day, _last_change) for day in of_month)}</lastmod></sitemap>"
        for month, of_month in by_month.items()
    ]
    made["sitemap.xml"] = _document(f"sitemapindex {_SITEMAP}", months)
    recent = takewhile(lambda r: now - r.published_at < NEWS_AGE, live)
    made["sitemap-news.xml"] = _document(
        f"urlset {_SITEMAP} {_NEWS}", entries("news", islice(recent, 1000))
    )
    newest = live.newest[: site.feed_size]
    made["rss.xml"] = web_templates.page(
        "rss.xml",
        site=site,
        items=[Markup(item) for item in entries("rss", newest)],  # noqa: S704  # our own template's
        newest=max((record.updated_at for record in newest), default=None),
    )
    return made


def _address_entry(site: Feed, record: Record) -> str:
    changed = _time(record.updated_at)
    return f"<url><loc>{_address(site, record)}</loc><lastmod>{changed}</lastmod></url>"


def _news_entry(site: Feed, record: Record) -> str:
    return (
        f"<url><loc>{_address(site, record)}</loc><news:news><news:publication>"
        f"<news:name>{escape(site.site_name)}</news:name>"
        f"<news:language>{_language(record)}</news:language></news:publication>"
        f"<news:publication_date>{_time(record.published_at)}</news:publication_date>"
        f"<news:title>{escape(str(record.card['headline']))}</news:title></news:news></url>"
    )


def _rss_entry(site: Feed, record: Record) -> str:
    address = f"{site.public_url}/a/{record.number}.html"
    entry = web_templates.page("rss_item.xml", site=site, record=record, address=address)
    return entry.decode().strip()


_ENTRIES = {"address": _address_entry, "news": _news_entry, "rss": _rss_entry}


def _last_change(records: list[Record]) -> str:
    return max(_time(record.updated_at) for record in records)


def _document(root: str, rows: Sequence[str]) -> bytes:
    """Valid XML also without any row, as after the last withdrawal of a month."""
    name, body = root.split(" ", 1)[0], "\n".join(rows)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>\n{body}\n</{name}>\n'.encode()


def _address(site: Feed, record: Record) -> str:
    return escape(f"{site.public_url}/a/{record.number}.html")


def _language(record: Record) -> str:
    """Google's code for simplified Chinese is ``zh-cn``."""
    return "zh-cn" if record.card["language"] == "zh-CN" else str(record.card["language"])


def _time(at: datetime) -> str:
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")
