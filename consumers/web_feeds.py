"""RSS 2.0 and sitemaps of the web site (sitemaps.org 0.9, Google's news extension)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from xml.sax.saxutils import escape

from consumers import web_templates
from consumers.static_records import BEIJING, Record

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
    site: Feed, live: Sequence[Record], months: set[str] | None, now: datetime
) -> dict[str, bytes]:
    """Feeds after a change in the given months (``2026-11``); None makes every month's."""
    every = list(dict.fromkeys(record.day[:7] for record in live))
    made = {
        f"sitemap-{month}.xml": _month(site, [r for r in live if r.day[:7] == month])
        for month in (every if months is None else sorted(months))
    }
    made["sitemap.xml"] = _index(site, live, every)
    made["sitemap-news.xml"] = _news(site, [r for r in live if now - r.published_at < NEWS_AGE])
    newest = list(live[: site.feed_size])
    made["rss.xml"] = web_templates.page(
        "rss.xml",
        site=site,
        records=newest,
        newest=max((record.updated_at for record in newest), default=None),
        path=lambda number: f"a/{number}.html",
    )
    return made


def _month(site: Feed, records: Sequence[Record]) -> bytes:
    """The month's stories; empty, but valid XML, once all of them are withdrawn."""
    rows = (
        f"<url><loc>{_address(site, r)}</loc><lastmod>{_time(r.updated_at)}</lastmod></url>"
        for r in records
    )
    return _document(f"urlset {_SITEMAP}", rows)


def _index(site: Feed, live: Sequence[Record], months: Sequence[str]) -> bytes:
    changed: dict[str, datetime] = {}
    for record in live:
        month = record.day[:7]
        changed[month] = max(changed.get(month, record.updated_at), record.updated_at)
    rows = (
        f"<sitemap><loc>{escape(site.public_url)}/sitemap-{month}.xml</loc>"
        f"<lastmod>{_time(changed[month])}</lastmod></sitemap>"
        for month in months
    )
    return _document(f"sitemapindex {_SITEMAP}", rows)


def _news(site: Feed, records: Sequence[Record]) -> bytes:
    rows = (
        f"<url><loc>{_address(site, r)}</loc><news:news><news:publication>"
        f"<news:name>{escape(site.site_name)}</news:name>"
        f"<news:language>{_language(r)}</news:language></news:publication>"
        f"<news:publication_date>{_time(r.published_at)}</news:publication_date>"
        f"<news:title>{escape(str(r.card['headline']))}</news:title></news:news></url>"
        for r in records[:1000]
    )
    return _document(f"urlset {_SITEMAP} {_NEWS}", rows)


def _document(root: str, rows: "object") -> bytes:
    name = root.split(" ", 1)[0]
    body = "\n".join(rows)  # type: ignore[arg-type]
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}>\n{body}\n</{name}>\n'.encode()


def _address(site: Feed, record: Record) -> str:
    return escape(f"{site.public_url}/a/{record.number}.html")


def _language(record: Record) -> str:
    """Google's code for simplified Chinese is ``zh-cn``."""
    return "zh-cn" if record.card["language"] == "zh-CN" else str(record.card["language"])


def _time(at: datetime) -> str:
    return at.astimezone(BEIJING).isoformat(timespec="seconds")
