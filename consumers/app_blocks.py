"""The text of a story as typed blocks for the app, with placeholders for media. Pure.

Kinds and field names are those of the story's own body (:mod:`schemas.body`); a medium is given
by addresses and size in place of the reference.
"""

from collections.abc import Sequence

from pydantic import JsonValue

from consumers.story_media import clip, fitted, picture
from schemas.body import (
    Block,
    Correction,
    Family,
    Gallery,
    Heading,
    Image,
    ListItem,
    Paragraph,
    Quote,
    Span,
    Table,
    Video,
    plain,
    shown_in,
)
from schemas.rendition import placeholder
from schemas.story import Story

AppBlock = dict[str, JsonValue]


def blocks_of(story: Story, family: Family) -> list[AppBlock]:
    """Raises PermanentError where a block names a medium of the wrong kind."""
    return [_block(story, block) for block in shown_in(story.body, family)]


def text_of(story: Story, family: Family) -> str:
    """The same as plain text, a blank line between blocks."""
    parts = (_text(block) for block in shown_in(story.body, family))
    return "\n\n".join(part for part in parts if part)


def _block(story: Story, block: Block) -> AppBlock:
    if isinstance(block, Image):
        return _image(story, block)
    if isinstance(block, Video):
        return _video(story, block)
    if isinstance(block, Gallery):
        images: list[JsonValue] = [_image(story, image) for image in block.images]
        return {"kind": "gallery", "key": block.key, "images": images}
    told: AppBlock = block.model_dump(mode="json", exclude={"only", "spans"})
    if isinstance(block, Paragraph | Quote | ListItem):
        told["spans"] = _spans(block.spans)
    return told


def _spans(spans: Sequence[Span]) -> list[JsonValue]:
    return [
        {"text": span.text, **span.model_dump(exclude={"text"}, exclude_defaults=True)}
        for span in spans
    ]


def _image(story: Story, block: Image) -> AppBlock:
    asset = picture(story, block)
    return {
        "kind": "image",
        "key": block.key,
        "url": placeholder(asset.sha256, "web_image"),
        "thumb_url": placeholder(asset.sha256, "web_thumb"),
        **_size(fitted(asset, 1920)),
        "caption": block.caption,
        "alt": block.alt,
        "credit": block.credit,
    }


def _video(story: Story, block: Video) -> AppBlock:
    asset = clip(story, block)
    return {
        "kind": "video",
        "key": block.key,
        "hls_url": placeholder(asset.sha256, "web_hls"),
        "poster_url": placeholder(asset.sha256, "web_poster"),
        **_size(fitted(asset, 1920)),
        "duration_s": asset.duration_s,
        "caption": block.caption,
        "credit": block.credit,
    }


def _size(size: tuple[int, int] | None) -> AppBlock:
    return {"width": size[0], "height": size[1]} if size else {"width": None, "height": None}


def _text(block: Block) -> str:  # one line for each kind of block
    match block:
        case Paragraph() | ListItem():
            return plain(block.spans)
        case Quote():
            return f"{plain(block.spans)}\n—— {block.cite}" if block.cite else plain(block.spans)
        case Heading():
            return block.text
        case Correction():
            return f"更正：{block.text}"
        case Table():
            rows = ("\t".join(row) for row in block.rows)
            return "\n".join([block.caption, *rows] if block.caption else rows)
        case Image() | Video():
            return block.caption
        case Gallery():
            return "\n".join(image.caption for image in block.images if image.caption)
    return ""
