"""What the copies of our own outlets (site, app) say of a story beside its text. Pure."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, JsonValue

from consumers.static_pages import Draft
from consumers.story_media import clip, refuse_placeholders
from schemas.body import Family, Video, shown_in
from schemas.rendition import placeholder, placeholders
from schemas.story import Kind, Story, TopicRequest

_AI_SOURCES = (
    "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "algorithmicMedia",
)
"""IPTC digital source types that stand for generated content."""
_ON_CARD = {
    "headline", "summary", "kind", "language", "urgency", "sections", "columns", "keywords",
    "byline", "source", "clip", "duration_s",
}  # fmt: skip


class Facts(BaseModel):
    """Headline, lead, names and labels; ``cover`` and ``thumb`` are placeholders."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    story_id: UUID
    number: int
    version: int
    kind: Kind
    language: Literal["zh-CN", "en"]
    headline: str
    summary: str
    """The lead on one line: shown on cards and in feeds."""
    byline: str
    source: str
    desk: str
    sections: tuple[str, ...]
    columns: tuple[str, ...]
    keywords: tuple[str, ...]
    urgency: int
    correction: str
    asked: TopicRequest | None
    made_by_ai: bool
    cover: str
    """``web_image`` of a picture or ``web_poster`` of a clip; empty without either."""
    thumb: str
    clip: bool
    """There is a clip in the text."""
    duration_s: float | None
    """Of the first clip, where known."""


def facts_of(story: Story, channel: str, family: Family) -> Facts:
    """Raises PermanentError where text of the story is reserved notation."""
    refuse_placeholders(story)
    cover = story.cover_for(channel)
    if cover is not None and cover.kind not in {"image", "video"}:
        cover = None
    clips = [block for block in shown_in(story.body, family) if isinstance(block, Video)]
    return Facts(
        story_id=story.id,
        number=story.number,
        version=story.version,
        kind=story.kind,
        language=story.language,
        headline=story.headline_for(channel),
        summary=" ".join(story.lead_for(channel).split("\n")),
        byline=story.byline,
        source=story.source,
        desk=story.desk,
        sections=tuple(name for name in story.sections if name),
        columns=tuple(name for name in story.columns if name),
        keywords=story.keywords,
        urgency=story.urgency,
        correction=story.correction,
        asked=story.answers,
        made_by_ai=any(source in story.digital_source_type for source in _AI_SOURCES),
        cover=_large(cover.sha256, cover.kind) if cover else "",
        thumb=placeholder(cover.sha256, "web_thumb") if cover else "",
        clip=bool(clips),
        duration_s=clip(story, clips[0]).duration_s if clips else None,
    )


def draft_of(payload: BaseModel, facts: Facts) -> Draft:
    """What the tree needs of a copy: itself, its placeholders, its card."""

    def card(addresses: Mapping[str, str]) -> dict[str, JsonValue]:
        told: dict[str, JsonValue] = facts.model_dump(mode="json", include=_ON_CARD)
        told["cover"] = addresses.get(facts.cover, "")
        told["thumb"] = addresses.get(facts.thumb, "")
        return told

    found = placeholders(payload.model_dump(mode="json"))
    return Draft(payload, tuple(found), facts.correction, card)


def _large(sha256: str, kind: str) -> str:
    return placeholder(sha256, "web_image" if kind == "image" else "web_poster")
