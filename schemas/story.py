"""A story (稿件): what the newsroom files, and what travels once it is taken.

Field names follow IPTC ninjs 3.1 in snake case where ninjs has the notion
(headline, slugline → slug, urgency 1-9, embargoed_until, digital_source_type).
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, model_validator

from schemas.body import Block, Model, Paragraph, Span, media_of, plain
from schemas.text import ChannelId, Line, Ref, Sha256, Text

Kind = Literal["news", "video", "answer", "notice"]
MediaKind = Literal["image", "video", "audio", "file"]


class MediaIn(Model):
    """One piece of media named by the sender: a file of the same request, or an asset uploaded
    before."""

    ref: Ref
    file: str | None = Field(default=None, max_length=255)
    """File name of a part of the same multipart request."""
    asset_id: UUID | None = None
    """Id that ``POST /v1/assets`` answered."""

    @model_validator(mode="after")
    def _one_source(self) -> "MediaIn":
        if (self.file is None) == (self.asset_id is None):
            raise ValueError("写 file 或 asset_id 之一 / give either file or asset_id")
        return self


class TopicRequest(Model):
    """A citizen's request (百姓点题) that a story answers."""

    id: Line = Field(min_length=1, max_length=64)
    asked: Text = Field(min_length=1, max_length=600)
    asked_at: AwareDatetime | None = None


class Variant(Model):
    """What one channel shows instead of the story's own headline, lead or cover."""

    headline: Line | None = Field(default=None, min_length=1, max_length=200)
    lead: Text | None = Field(default=None, max_length=600)
    cover: Ref | None = None


class StoryFields(Model):
    """What the sender writes; common to the story as filed and as it travels."""

    slug: Ref | None = None
    kind: Kind = "news"
    headline: Line = Field(min_length=1, max_length=200)
    lead: Text = Field(default="", max_length=600)
    """导语: the summary that feeds and cards show."""
    byline: Line = Field(default="", max_length=60)
    source: Line = Field(default="", max_length=60)
    desk: Line = Field(default="", max_length=60)
    """部门 from which the story comes."""
    columns: tuple[Line, ...] = Field(default=(), max_length=8)
    sections: tuple[Line, ...] = Field(default=(), max_length=8)
    keywords: tuple[Line, ...] = Field(default=(), max_length=16)
    language: Literal["zh-CN", "en"] = "zh-CN"
    urgency: int = Field(default=5, ge=1, le=9)
    """1 is the most urgent, as in ninjs."""
    embargoed_until: AwareDatetime | None = None
    body: tuple[Block, ...] = Field(min_length=1, max_length=400)
    cover: Ref | None = None
    """Media shown on cards; the first picture or clip where not given."""
    variants: dict[ChannelId, Variant] = Field(default_factory=dict, max_length=32)
    correction: Text = Field(default="", max_length=600)
    """更正说明, filled where this version corrects a live one."""
    answers: TopicRequest | None = None
    digital_source_type: Line = Field(default="", max_length=100)


class StoryIn(StoryFields):
    """A story as it is filed: ``POST /v1/stories`` part ``story``."""

    media: tuple[MediaIn, ...] = Field(default=(), max_length=40)

    @model_validator(mode="after")
    def _references_resolve(self) -> "StoryIn":
        _check_references(self, {medium.ref for medium in self.media}, len(self.media))
        return self


class Asset(Model):
    """A piece of media (素材) as it is kept: written once, known by its SHA-256."""

    ref: Ref
    id: UUID
    kind: MediaKind
    sha256: Sha256
    size_bytes: int = Field(ge=1)
    content_type: str
    file_name: str
    """As the sender called it; data only, never a path."""
    width: int | None = None
    """Pixels after rotation."""
    height: int | None = None
    duration_s: float | None = None


class Story(StoryFields):
    """One version of a story as it travels and as it is rendered for each channel."""

    id: UUID
    number: int = Field(ge=1)
    """Short number for people to say aloud."""
    version: int = Field(ge=1)
    created_at: AwareDatetime
    """When the first version was filed."""
    updated_at: AwareDatetime
    """When this version was filed."""
    assets: tuple[Asset, ...] = ()

    def asset(self, ref: str) -> Asset:
        """The asset that a block names; raises ``KeyError``."""
        for asset in self.assets:
            if asset.ref == ref:
                return asset
        raise KeyError(ref)

    def headline_for(self, channel: str) -> str:
        variant = self.variants.get(channel)
        return (variant.headline if variant else None) or self.headline

    def lead_for(self, channel: str) -> str:
        """The channel's own lead, else the story's, else its first paragraph."""
        variant = self.variants.get(channel)
        own = variant.lead if variant else None
        if own is not None:
            return own
        if self.lead:
            return self.lead
        return next((plain(b.spans) for b in self.body if isinstance(b, Paragraph)), "")

    def cover_for(self, channel: str) -> Asset | None:
        """Cover asset: the channel's own, else the story's, else the first picture, else the
        first clip."""
        variant = self.variants.get(channel)
        ref = (variant.cover if variant else None) or self.cover
        if ref is not None:
            return self.asset(ref)
        return self.first("image") or self.first("video")

    def first(self, kind: MediaKind) -> Asset | None:
        """First asset of a kind in reading order, then in the order of ``assets``."""
        order = media_of(self.body)
        ranked = sorted(
            (a for a in self.assets if a.kind == kind),
            key=lambda a: order.index(a.ref) if a.ref in order else len(order),
        )
        return ranked[0] if ranked else None


class Plan(Model):
    """Release plan (发布方案) of one story; what is not given comes from ``newsroom.toml``."""

    channels: tuple[ChannelId, ...] | None = None
    """None means every active channel."""
    waves: dict[ChannelId, int] = Field(default_factory=dict)
    gate: Literal["any", "all"] | None = None
    """A wave opens when any (or all) of the wave before is live."""
    fallback_after_s: int | None = Field(default=None, ge=1, le=7 * 86400)
    """Seconds after release at which a wave opens in any case."""
    release_at: AwareDatetime | None = None
    """定时发布: nothing goes out before."""


class Filing(Model):
    """What ``./run submit --plan`` and the watched folder's manifest hold."""

    story: StoryIn
    plan: Plan = Plan()


def paragraphs(text: str) -> tuple[Paragraph, ...]:
    """Plain text to paragraphs, one for each non-empty line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return tuple(
        Paragraph(key=f"p{index}", spans=(Span(text=line),)) for index, line in enumerate(lines, 1)
    )


def _check_references(story: StoryFields, known: set[str], count: int) -> None:
    if len(known) != count:
        raise ValueError("media 中 ref 重复 / a ref is used twice in media")
    used = set(media_of(story.body)) | {v.cover for v in story.variants.values() if v.cover}
    used |= {story.cover} if story.cover else set()
    missing = sorted(used - known)
    if missing:
        raise ValueError(
            f"正文引用了没有提交的素材 {'、'.join(missing)} / "
            f"the body names media that were not given: {', '.join(missing)}"
        )


def utc(value: datetime) -> int:
    """UTC integer milliseconds, the ledger's unit of time."""
    return round(value.timestamp() * 1000)
