"""What the renderers of our own outlets share: a story's media by block, placeholders filled."""

import re
from collections.abc import Mapping

from schemas.body import Image, Video
from schemas.errors import Fault, PermanentError
from schemas.rendition import placeholders
from schemas.story import Asset, Story

_PLACEHOLDER = re.compile(r"asset://[0-9a-f]{64}/[a-z0-9_]+")


def picture(story: Story, block: Image) -> Asset:
    """The picture that an image block names; raises PermanentError for another kind of file."""
    return _of_kind(story, block.key, block.media, "image", "图片")


def clip(story: Story, block: Video) -> Asset:
    """The clip that a video block names; raises PermanentError for another kind of file."""
    return _of_kind(story, block.key, block.media, "video", "视频")


def fitted(asset: Asset, longest: int) -> tuple[int, int] | None:
    """Width and height once the longest side is at most ``longest`` pixels; None if unknown."""
    if not asset.width or not asset.height:
        return None
    scale = min(1.0, longest / max(asset.width, asset.height))
    return max(1, round(asset.width * scale)), max(1, round(asset.height * scale))


def refuse_placeholders(story: Story) -> None:
    """Text that looks like a placeholder would be filled in like one: raises PermanentError."""
    found = placeholders(story.model_dump(mode="json"))
    if found:
        raise PermanentError(
            Fault(
                "reserved_text",
                "body",
                f"文中有系统保留的写法 {found[0][:40]}… / reserved notation in the text",
                "改写这处文字 / reword it",
            )
        )


def fill(text: str, addresses: Mapping[str, str]) -> str:
    """The text with each known placeholder replaced by its address."""
    return _PLACEHOLDER.sub(lambda found: addresses.get(found.group(), found.group()), text)


def _of_kind(story: Story, key: str, ref: str, kind: str, word: str) -> Asset:
    try:
        asset = story.asset(ref)
    except KeyError:
        asset = None
    if asset is None or asset.kind != kind:
        raise PermanentError(
            Fault(
                "wrong_media",
                f"body.{key}.media",
                f"素材 {ref} 不是{word} / {ref} is not of kind {kind}",
                f"换成{word}素材，或改用别的正文块 / name another medium or use another block",
            )
        )
    return asset
