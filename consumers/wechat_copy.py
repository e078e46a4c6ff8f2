"""The WeChat copy of a story: what is signed, with placeholders for its pictures. Pure."""

import re
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from consumers.wechat_html import content_of
from schemas.body import Paragraph, plain
from schemas.errors import Fault, PermanentError
from schemas.rendition import placeholder
from schemas.story import Story
from schemas.text import characters

PICTURE = re.compile(r'(?<=<img src=")asset://[0-9a-f]{64}/[a-z0-9_]+(?=")')
"""A picture's placeholder in the content; text cannot look like it, for ``<`` is escaped there."""

_ADDRESS_CHARS = 160  # about the length of a picture's address at WeChat


class Limits(BaseModel):
    """What WeChat takes; characters are code points."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: int = Field(default=32, ge=1)
    author: int = Field(default=16, ge=1)
    digest: int = Field(default=128, ge=1)
    content_chars: int = Field(default=20_000, ge=100)
    """The content, markup included, stays below."""
    content_bytes: int = Field(default=1_000_000, ge=100)
    picture_bytes: int = Field(default=1_000_000, ge=1000)
    """A body picture stays below."""
    cover_bytes: int = Field(default=10_000_000, ge=1000)


class Article(BaseModel):
    """The article; pictures and cover are placeholders, the marker comes in at sending."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    author: str
    digest: str
    """Empty: WeChat shows the start of the text."""
    content: str
    source_url: str
    """阅读原文."""
    cover: str
    """Placeholder; empty: the account's default cover."""
    need_open_comment: int
    only_fans_can_comment: int


class CopySpec(Protocol):
    """The fields of the channel's entry that a copy depends on."""

    @property
    def id(self) -> str: ...
    @property
    def story_url(self) -> str: ...
    @property
    def author(self) -> str: ...
    @property
    def need_open_comment(self) -> bool: ...
    @property
    def only_fans_can_comment(self) -> bool: ...
    @property
    def limits(self) -> Limits: ...


def copy_of(story: Story, spec: CopySpec) -> Article:
    """The copy; raises PermanentError with a fault for each limit that the story breaks."""
    limits, title, lead = spec.limits, story.headline_for(spec.id), _own_lead(story, spec.id)
    opening = next((plain(b.spans) for b in story.body if isinstance(b, Paragraph)), "")
    # without a lead of its own the digest is the first paragraph, or WeChat's own excerpt of it
    digest = lead or (opening if characters(opening) <= limits.digest else "")
    content = content_of(story, "" if lead == opening else lead)
    size = characters(content) + _ADDRESS_CHARS * len(PICTURE.findall(content))
    own = f"variants.{spec.id}"
    faults = [
        *_over("headline", "标题", characters(title), limits.title, f"{own}.headline"),
        *_over("lead", "摘要（导语）", characters(digest), limits.digest, f"{own}.lead"),
        *_over("body", "正文（含排版）", size, limits.content_chars - 1, ""),
        *_over("body", "正文字节数", len(content.encode()), limits.content_bytes - 1, ""),
    ]
    if faults:
        raise PermanentError(*faults)
    cover = story.cover_for(spec.id)
    pictured = cover is not None and cover.kind in {"image", "video"}
    return Article(
        title=title,
        author=_author(story, spec),
        digest=digest.replace("\n", " "),
        content=content,
        source_url=spec.story_url.format(number=story.number, story_id=story.id),
        cover=placeholder(cover.sha256, "wechat_cover") if cover and pictured else "",
        need_open_comment=int(spec.need_open_comment),
        only_fans_can_comment=int(spec.only_fans_can_comment),
    )


def too_large(what: str, actual: int, limit: int) -> PermanentError:
    """A fault found only at sending, when the real size is known."""
    return PermanentError(
        Fault(
            "too_large",
            what,
            f"{actual} 字节, 微信最多 {limit} 字节 / {actual} bytes, WeChat takes {limit}",
            "换一张图片 / use another picture",
        )
    )


def _own_lead(story: Story, channel: str) -> str:
    """The lead that somebody wrote, for this channel or for all; not the first paragraph."""
    variant = story.variants.get(channel)
    own = variant.lead if variant else None
    return story.lead if own is None else own


def _author(story: Story, spec: CopySpec) -> str:
    fitting = (t for t in (story.byline, story.source) if 0 < characters(t) <= spec.limits.author)
    return next(fitting, spec.author)


def _over(field: str, what: str, actual: int, limit: int, own: str) -> list[Fault]:
    if actual <= limit:
        return []
    next_step = f"填写 {own} / give {own}" if own else "缩短正文 / shorten the body"
    reason = f"{what} {actual} 字, 微信最多 {limit} 字 / {actual} characters, WeChat takes {limit}"
    return [Fault("too_long", field, reason, next_step)]
