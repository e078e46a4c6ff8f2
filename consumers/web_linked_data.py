"""Linked data (schema.org, JSON-LD) of an article page."""

from collections.abc import Mapping
from typing import Any, Protocol

from consumers.static_records import Record
from consumers.story_facts import Facts
from consumers.web_copy import Clip, Payload
from schemas.beijing import SHANGHAI


class Publisher(Protocol):
    @property
    def public_url(self) -> str: ...
    @property
    def site_name(self) -> str: ...
    @property
    def publisher(self) -> str: ...
    @property
    def corrections_url(self) -> str: ...


def linked_data(
    story: Payload, record: Record, addresses: Mapping[str, str], site: Publisher, address: str
) -> dict[str, Any]:
    """``NewsArticle`` with its clips and corrections; ``addresses``: placeholder → public URL."""
    facts, published = story.facts, _time(record.published_at)
    publisher: dict[str, Any] = {
        "@type": "NewsMediaOrganization",
        "name": site.publisher or site.site_name,
        "url": f"{site.public_url}/",
    }
    if site.corrections_url:
        publisher["correctionsPolicy"] = site.corrections_url
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "@id": address,
        "mainEntityOfPage": address,
        "headline": facts.headline,
        "description": facts.summary,
        "inLanguage": facts.language,
        "datePublished": published,
        "dateModified": _time(record.updated_at),
        "author": _author(facts, publisher),
        "publisher": publisher,
        "version": record.version,
    }
    pictures = dict.fromkeys(p for p in (facts.cover, *story.images) if p)
    if pictures:
        data["image"] = [addresses[picture] for picture in pictures]
    if facts.sections or facts.columns:
        data["articleSection"] = [*facts.sections, *facts.columns]
    if facts.keywords:
        data["keywords"] = list(facts.keywords)
    if story.clips:
        data["video"] = [_clip(clip, facts, published, addresses) for clip in story.clips]
    if record.corrections:
        data["correction"] = [
            {"@type": "CorrectionComment", "text": n.text, "datePublished": _time(n.at)}
            for n in record.corrections
        ]
    return data


def _author(facts: Facts, publisher: dict[str, Any]) -> dict[str, Any]:
    if facts.byline:
        return {"@type": "Person", "name": facts.byline}
    return {"@type": "Organization", "name": facts.source or publisher["name"]}


def _clip(clip: Clip, facts: Facts, published: str, addresses: Mapping[str, str]) -> dict[str, Any]:
    data: dict[str, Any] = {
        "@type": "VideoObject",
        "name": clip.caption or facts.headline,
        "description": facts.summary or facts.headline,
        "thumbnailUrl": addresses[clip.poster],
        "contentUrl": addresses[clip.hls],
        "encodingFormat": "application/vnd.apple.mpegurl",
        "uploadDate": published,
    }
    if clip.duration_s:
        data["duration"] = f"PT{round(clip.duration_s)}S"
    return data


def _time(at: Any) -> str:
    return str(at.astimezone(SHANGHAI).isoformat(timespec="seconds"))
