"""The body of a story (正文): a closed union of typed blocks; text is spans, never HTML.

The shape follows Portable Text (blocks of spans) and, for ``only`` and ``correction``, the
Arc ANS story elements. A new kind of block is a new major version of the story event.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.text import Line, Ref, Text

Family = Literal["web", "app", "wechat", "short_video", "tv", "radio", "newspaper", "screen"]
"""Channel families, for a block that shows only in some outlets."""

Href = Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>\"'\\]{3,1000}$")]


class Model(BaseModel):
    """Readers tolerate unknown fields; writers and the API pass ``extra="forbid"`` at the call."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Span(Model):
    """A run of text with one set of marks."""

    text: Text
    strong: bool = False
    em: bool = False
    href: Href | None = None


Spans = Annotated[tuple[Span, ...], Field(min_length=1, max_length=200)]


class _Block(Model):
    key: Ref = "b"
    """Stable within the story; given at intake where the sender gave none."""
    only: tuple[Family, ...] = ()
    """Families in which this block shows; empty means all."""


class Paragraph(_Block):
    kind: Literal["paragraph"] = "paragraph"
    spans: Spans


class Heading(_Block):
    kind: Literal["heading"] = "heading"
    level: Literal[2, 3] = 2
    text: Line = Field(min_length=1, max_length=120)


class Quote(_Block):
    kind: Literal["quote"] = "quote"
    spans: Spans
    cite: Line = Field(default="", max_length=120)


class ListItem(_Block):
    kind: Literal["list_item"] = "list_item"
    ordered: bool = False
    spans: Spans


class Image(_Block):
    """A picture (图片) by reference to one of the story's media."""

    kind: Literal["image"] = "image"
    media: Ref
    caption: Line = Field(default="", max_length=300)
    alt: Line = Field(default="", max_length=300)
    credit: Line = Field(default="", max_length=100)


class Video(_Block):
    """A clip (视频) by reference to one of the story's media."""

    kind: Literal["video"] = "video"
    media: Ref
    caption: Line = Field(default="", max_length=300)
    credit: Line = Field(default="", max_length=100)


class Gallery(_Block):
    kind: Literal["gallery"] = "gallery"
    images: tuple[Image, ...] = Field(min_length=1, max_length=30)


class Table(_Block):
    kind: Literal["table"] = "table"
    caption: Line = Field(default="", max_length=200)
    header: bool = True
    """The first row holds column heads."""
    rows: tuple[tuple[Line, ...], ...] = Field(min_length=1, max_length=200)


class Divider(_Block):
    kind: Literal["divider"] = "divider"


class Correction(_Block):
    """A correction notice (更正) inside the text: what was wrong and since when it is right."""

    kind: Literal["correction"] = "correction"
    text: Text = Field(min_length=1, max_length=600)


Block = Annotated[
    Paragraph | Heading | Quote | ListItem | Image | Video | Gallery | Table | Divider | Correction,
    Field(discriminator="kind"),
]


def plain(spans: tuple[Span, ...]) -> str:
    """The text of spans without marks."""
    return "".join(span.text for span in spans)


def media_of(body: tuple[Block, ...]) -> list[str]:
    """References to media in reading order, each once."""
    found: dict[str, None] = {}
    for block in body:
        if isinstance(block, Image | Video):
            found[block.media] = None
        elif isinstance(block, Gallery):
            found.update(dict.fromkeys(image.media for image in block.images))
    return list(found)


def shown_in(body: tuple[Block, ...], family: Family) -> tuple[Block, ...]:
    """The blocks that a family of channels carries."""
    return tuple(block for block in body if not block.only or family in block.only)
