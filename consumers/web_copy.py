"""The web site's copy of a story: what reviewers sign and the article page shows. Pure."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from consumers.story_media import refuse_placeholders
from consumers.web_body import body_html, clips, images
from schemas.body import Paragraph, plain, shown_in
from schemas.rendition import placeholder
from schemas.story import Kind, Story, TopicRequest

_AI_SOURCES = (
    "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "algorithmicMedia",
)
"""IPTC digital source types that stand for generated content."""


class Clip(BaseModel):
    """One clip of the body, for the page's linked data."""

    model_config = ConfigDict(frozen=True)

    hls: str
    poster: str
    caption: str
    duration_s: float | None


class Payload(BaseModel):
    """The article as it will be sent; media are placeholders."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    story_id: UUID
    number: int
    version: int
    kind: Kind
    language: str
    headline: str
    summary: str
    """Shown on cards and in feeds."""
    standfirst: str
    """Shown above the text: the lead, unless the text begins with the same words."""
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
    body_html: str
    """Inner HTML of the text, made by our own templates; ``src`` are placeholders."""
    images: tuple[str, ...]
    clips: tuple[Clip, ...]
    cover: str
    """``web_image`` of a picture or ``web_poster`` of a clip; empty without either."""
    thumb: str


def copy_of(story: Story, channel: str) -> Payload:
    """Raises PermanentError for a block that names a medium of the wrong kind."""
    refuse_placeholders(story)
    summary, opening = story.lead_for(channel), _opening(story)
    return Payload(
        story_id=story.id,
        number=story.number,
        version=story.version,
        kind=story.kind,
        language=story.language,
        headline=story.headline_for(channel),
        summary=" ".join(summary.split()) if "\n" in summary else summary,
        standfirst="" if summary.strip() == opening.strip() else summary,
        byline=story.byline,
        source=story.source,
        desk=story.desk,
        sections=story.sections,
        columns=story.columns,
        keywords=story.keywords,
        urgency=story.urgency,
        correction=story.correction,
        asked=story.answers,
        made_by_ai=any(source in story.digital_source_type for source in _AI_SOURCES),
        body_html=body_html(story),
        images=tuple(shown.src for shown in images(story)),
        clips=tuple(
            Clip(hls=s.src, poster=s.small, caption=s.caption, duration_s=s.duration_s)
            for s in clips(story)
        ),
        **_cover(story, channel),
    )


def _opening(story: Story) -> str:
    """Text of the first block that the site shows, where it is a paragraph."""
    first = next(iter(shown_in(story.body, "web")), None)
    return plain(first.spans) if isinstance(first, Paragraph) else ""


def _cover(story: Story, channel: str) -> dict[str, str]:
    asset = story.cover_for(channel)
    if asset is None or asset.kind not in {"image", "video"}:
        return {"cover": "", "thumb": ""}
    large = placeholder(asset.sha256, "web_image" if asset.kind == "image" else "web_poster")
    return {"cover": large, "thumb": placeholder(asset.sha256, "web_thumb")}
