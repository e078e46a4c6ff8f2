"""Renditions (转码件) by recipe, and the placeholders under which a channel copy names them."""

import re
from collections.abc import Iterator
from typing import Literal

from pydantic import Field, JsonValue

from schemas.body import Model
from schemas.text import Sha256

RecipeName = Literal[
    "web_hls",  # folder: master.m3u8, 360/720/1080 fMP4, shared audio, small pictures for seeking
    "web_poster",  # jpg 1280x720 at most, from a clip
    "web_image",  # jpg, longest side 1920, metadata removed
    "web_thumb",  # jpg, longest side 640, from a picture or a clip
    "wechat_image",  # jpg < 1 MB, longest side 1440
    "wechat_cover",  # jpg 900x383, < 64 KB * 10, from a picture or a clip
    "vertical",  # mp4 1080x1920 clean, H.264 High, AAC, <= 120 MB
    "vertical_crop",  # the same, the middle of the picture fills it
    "vertical_cover",  # jpg 1080x1920, from a clip
    "tv_xdcam_hd422",  # mxf OP1a 1080i50 50 Mb/s, mono PCM tracks
    "tv_h264",  # mp4 H.264 High 1080i50 25 Mb/s
    "tv_avci100",  # mxf OP1a AVC-Intra 100 1080i50, mono PCM tracks
    "wechat_clip",  # mp4 <= 10 MB, 1280x720 at most, up to 5 minutes
    "radio_bwf",  # wav with a bext chunk, 48 kHz 24 bit stereo
    "radio_m4a",  # m4a AAC stereo for the app
    "screen_loop",  # mp4 1920x1080 without sound, for screens out of doors
    "print_image",  # the picture in full resolution, jpg quality 95 or the original bytes
    "print_still",  # png, full resolution frame from the original clip
    "print_candidates",  # six jpg, full resolution, the best frame first
]


class RenditionFile(Model):
    """One file of a rendition: a single one, or a member of a folder (HLS)."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")
    object_key: str
    sha256: Sha256
    size_bytes: int = Field(ge=1)
    content_type: str


class Rendition(Model):
    """What one recipe made of one source; the first committed one wins."""

    source_sha256: Sha256
    recipe: RecipeName
    recipe_key: str
    """Hash of recipe settings and program version: part of the object key."""
    files: tuple[RenditionFile, ...] = Field(min_length=1)
    """The first file is the entry: the master playlist of HLS."""
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    facts: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """SHA-256 of the entry file; what receipts record."""
        return self.files[0].sha256


_PLACEHOLDER = re.compile(r"asset://([0-9a-f]{64})/([a-z0-9_]+)")


def placeholder(source_sha256: str, recipe: RecipeName) -> str:
    """``asset://<source sha256>/<recipe>``: stands in a copy for what is filled in at sending."""
    return f"asset://{source_sha256}/{recipe}"


def placeholders(value: JsonValue) -> list[str]:
    """All placeholders anywhere inside a payload, in order, each once."""
    return list(dict.fromkeys(_walk(value)))


def parse_placeholder(text: str) -> tuple[str, str]:
    """Source SHA-256 and recipe of one placeholder; raises ``ValueError``."""
    found = _PLACEHOLDER.fullmatch(text)
    if found is None:
        raise ValueError(f"not a placeholder: {text!r}")
    return found.group(1), found.group(2)


def _walk(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        yield from (match.group(0) for match in _PLACEHOLDER.finditer(value))
    elif isinstance(value, list):
        for member in value:
            yield from _walk(member)
    elif isinstance(value, dict):
        for member in value.values():
            yield from _walk(member)


_WORK_PER_S: dict[str, float] = {
    "web_hls": 1.0,
    "vertical": 0.9,
    "vertical_crop": 0.9,
    "wechat_clip": 0.4,
    "screen_loop": 0.7,
    "tv_xdcam_hd422": 0.8,
    "tv_h264": 0.8,
    "tv_avci100": 1.2,
    "radio_bwf": 0.05,
    "radio_m4a": 0.05,
}
"""Seconds of work for a second of clip on one ordinary core pair; stills count as one second."""


def cost_s(recipe: str, duration_s: float | None) -> int:
    """Estimated work-seconds, for ranking short before long; never less than 1."""
    return max(1, round(_WORK_PER_S.get(recipe, 0.0) * (duration_s or 0.0)))
