"""The Douyin copy of a story: its text and its clip by placeholder. Pure."""

from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from schemas.body import Video, shown_in
from schemas.errors import Fault, PermanentError
from schemas.rendition import placeholder
from schemas.story import Asset, Story
from schemas.text import characters


class Limits(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    text: int = Field(default=1000, ge=1)
    """Characters of headline, correction and topics together."""
    topics: int = Field(default=5, ge=0)
    duration_s: float = Field(default=900.0, gt=0)


class Clip(BaseModel):
    """Text and clip; both media are placeholders."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    video: str
    cover: str
    """Placeholder; empty: the frame at ``cover_second``."""
    cover_second: float | None


class CopySpec(Protocol):
    """The fields of the channel's entry that a copy depends on."""

    @property
    def id(self) -> str: ...
    @property
    def custom_cover(self) -> bool: ...
    @property
    def cover_second(self) -> float: ...
    @property
    def limits(self) -> Limits: ...


def copy_of(story: Story, spec: CopySpec) -> Clip:
    """The copy; raises PermanentError naming what Douyin cannot carry."""
    clip = _clip(story)
    if clip is None:
        raise PermanentError(
            Fault("no_clip", "media", "稿件没有视频 / no clip", "加一段视频 / add a clip")
        )
    most_s = spec.limits.duration_s
    if clip.duration_s is not None and clip.duration_s > most_s:
        reason = f"片长 {clip.duration_s:.0f} 秒, 抖音最多 {most_s:.0f} 秒 / the clip is too long"
        raise PermanentError(Fault("too_long", "media", reason, "剪短视频 / cut the clip"))
    second = spec.cover_second
    if clip.duration_s is not None:
        second = min(second, round(clip.duration_s / 2, 2))
    return Clip(
        text=_text(story, spec),
        video=placeholder(clip.sha256, "vertical"),
        cover=placeholder(clip.sha256, "vertical_cover") if spec.custom_cover else "",
        cover_second=None if spec.custom_cover else second,
    )


def _clip(story: Story) -> Asset | None:
    """The first clip that this family shows; one that no block names stands for the story too."""
    shown = [b for b in shown_in(story.body, "short_video") if isinstance(b, Video)]
    if shown:
        return story.asset(shown[0].media)
    named = {b.media for b in story.body if isinstance(b, Video)}
    return next((a for a in story.assets if a.kind == "video" and a.ref not in named), None)


def _text(story: Story, spec: CopySpec) -> str:
    """Headline, correction and as many topics as fit, on one line."""
    headline, most = story.headline_for(spec.id), spec.limits.text
    notice = " ".join(f"更正：{story.correction}".split()) if story.correction else ""
    for field, text in (("headline", headline), ("correction", f"{headline} {notice}")):
        if characters(text) > most:
            reason = f"{characters(text)} 字, 抖音最多 {most} 字 / characters, Douyin takes {most}"
            own = f"variants.{spec.id}.headline"
            raise PermanentError(Fault("too_long", field, reason, f"填写 {own} / give {own}"))
    text = " ".join(filter(None, (headline, notice)))
    topics = [f"#{''.join(word.replace('#', '').split())}" for word in story.keywords]
    for topic in topics[: spec.limits.topics]:
        if characters(f"{text} {topic}") <= most:
            text = f"{text} {topic}"
    return text
