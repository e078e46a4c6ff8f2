"""Which renditions (转码件) exist, and what each must look like for a given source. Pure.

Recipes are data: one more recipe is one more entry in :data:`RECIPES`. Figures come from the
outlets' own pages where they state any: Apple's HLS authoring specification (keyframes every 2 s,
peak rates), Douyin's upload page (whole upload up to 128 MB, 15 minutes, no logo), WeChat's
material interface (body picture under 1 MB), the XDCAM HD422 format for the station.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Literal, Protocol

from schemas.rendition import RecipeName
from schemas.story import MediaKind
from streams.media_facts import MediaFacts, VideoFacts

Size = tuple[int, int]


@dataclass(frozen=True)
class Picture:
    """A still picture, from a picture or from the best frame of a clip."""

    name: RecipeName
    sources: tuple[MediaKind, ...]
    box: Size | None
    """Pixels, width and height; ``None`` keeps the size of the source."""
    fit: Literal["inside", "turned", "cover", "blur", "original"]
    """``inside``: shrunk into the box. ``turned``: the box lies down or stands up as the source
    does. ``cover``: crop to fill. ``blur``: whole picture before a blurred one. ``original``: the
    sender's own bytes where a newspaper can place them."""
    quality: int
    format: Literal["jpeg", "png"] = "jpeg"
    max_bytes: int | None = None


@dataclass(frozen=True)
class Rung:
    """One size of a ladder: the picture fits into ``long_side`` × ``short_side``."""

    long_side: int
    short_side: int
    kbps: int
    """Peak rate up to 30 frames a second; half as much again beyond."""


@dataclass(frozen=True)
class Hls:
    """Fragmented MP4 for the web: one file a size by byte range, shared sound."""

    name: RecipeName
    rungs: tuple[Rung, ...]
    sources: tuple[MediaKind, ...] = ("video",)
    crf: int = 22
    preset: str = "veryfast"
    keyframe_s: int = 2
    segment_s: int = 6
    highest_rate: int = 60
    audio_kbps: int = 128
    loudness_lufs: float = -16.0
    true_peak_db: float = -1.5


@dataclass(frozen=True)
class Vertical:
    """A clean upright clip for short-video platforms: no logo, no text."""

    name: RecipeName
    box: Size
    max_bytes: int
    max_duration_s: float
    sources: tuple[MediaKind, ...] = ("video",)
    crf: int = 21
    preset: str = "veryfast"
    kbps: int = 8000
    highest_rate: int = 30
    audio_kbps: int = 128
    loudness_lufs: float = -16.0
    true_peak_db: float = -1.5


@dataclass(frozen=True)
class Xdcam:
    """XDCAM HD422 in MXF OP1a: MPEG-2 4:2:2, 1080i50 upper field first, 50 Mb/s constant."""

    name: RecipeName
    box: Size = (1920, 1080)
    sources: tuple[MediaKind, ...] = ("video",)
    bit_rate: int = 50_000_000
    vbv_bits: int = 36_408_320
    gop: int = 12
    timecode: str = "10:00:00:00"
    loudness_lufs: float = -24.0
    loudness_within: float = 2.0
    true_peak_db: float = -2.0
    audio_tracks: int = 2


Clip = Hls | Vertical | Xdcam
Recipe = Picture | Clip

_ANY: tuple[MediaKind, ...] = ("image", "video")
_LADDER = (Rung(640, 360, 900), Rung(1280, 720, 3000), Rung(1920, 1080, 6000))
_TABLE: tuple[Recipe, ...] = (
    # In the order in which they are made when one source needs several.
    Picture("web_poster", ("video",), (1280, 720), "turned", 85),
    Picture("web_thumb", _ANY, (640, 640), "inside", 82),
    Picture("web_image", _ANY, (1920, 1920), "inside", 86),
    Picture("wechat_cover", _ANY, (900, 383), "cover", 88, max_bytes=640 * 1024),
    Picture("wechat_image", _ANY, (1440, 1440), "inside", 90, max_bytes=999_000),
    Picture("vertical_cover", ("video",), (1080, 1920), "blur", 88, max_bytes=2_900_000),
    Vertical("vertical", (1080, 1920), max_bytes=120_000_000, max_duration_s=900.0),
    Hls("web_hls", _LADDER),
    Picture("print_image", ("image",), None, "original", 95),
    Picture("print_still", ("video",), None, "original", 97, format="png", max_bytes=20_000_000),
    Xdcam("tv_xdcam_hd422"),
)
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _TABLE}


def applies(recipe: RecipeName, kind: MediaKind) -> bool:
    """Whether a recipe can be made of a source of this kind."""
    return kind in RECIPES[recipe].sources


class Versioned(Protocol):
    """Programs, as far as a key needs them."""

    @property
    def version(self) -> str: ...


def recipe_key(recipe: RecipeName, programs: Versioned) -> str:
    """Hash of the recipe's settings and the programs' version: part of the object key."""
    settings = {"recipe": asdict(RECIPES[recipe]), "version": programs.version, "format": 1}
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Level:
    """One rung as planned for one source."""

    name: str
    width: int
    height: int
    kbps: int


def ladder(recipe: Hls, facts: MediaFacts) -> list[Level]:
    """Rungs without upscaling, smallest first; a size between two rungs gets one of its own."""
    width, height = facts.width or 2, facts.height or 2
    factor = 1.5 if output_rate(facts, recipe.highest_rate) > 30 else 1.0
    levels: list[Level] = []
    for rung in recipe.rungs:
        shrink = min(rung.long_side / max(width, height), rung.short_side / min(width, height))
        if shrink <= 1.0:
            size = even(width * shrink), even(height * shrink)
            levels.append(Level(f"v{rung.short_side}", *size, round(rung.kbps * factor)))
            continue
        size = even(width), even(height)
        if not levels or min(size) >= 1.2 * min(levels[-1].width, levels[-1].height):
            name = f"v{min(size)}"
            if levels and levels[-1].name == name:  # a long source: the rung is narrower than named
                name += "s"
            levels.append(Level(name, *size, round(rung.kbps * factor)))
        break
    return levels


_RATES = tuple(
    Fraction(*pair)
    for pair in ((24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60000, 1001), (60, 1))
)  # fmt: skip


def output_rate(facts: MediaFacts, highest: int) -> Fraction:
    """Constant frame rate of an output: the source's own, snapped to a usual one, halved until
    it is allowed. A variable rate becomes the usual rate next above it, so nothing is lost."""
    rate = facts.video.rate if facts.video else 25.0
    snapped = min(_RATES, key=lambda usual: abs(float(usual) - rate))
    if abs(float(snapped) - rate) > 0.01 * rate:
        snapped = Fraction(rate).limit_denominator(1001)
        if facts.video is not None and facts.video.variable_rate:
            snapped = next((usual for usual in _RATES if usual >= rate), Fraction(60))
    while snapped > highest + Fraction(1, 100):
        snapped /= 2
    return max(snapped, Fraction(1))


def vertical_kbps(recipe: Vertical, duration_s: float) -> int:
    """Peak rate so that the whole file stays under the limit with 6 % left for the container."""
    budget = recipe.max_bytes * 8 * 0.94 / 1000 / max(duration_s + 2.0, 1.0)
    return min(recipe.kbps, int(budget) - recipe.audio_kbps)


def fills(width: int, height: int, box: Size) -> bool:
    """Whether cropping to the box loses at most a tenth: more could cut a person or a caption."""
    return min(width / height, box[0] / box[1]) / max(width / height, box[0] / box[1]) >= 0.9


def inside(width: int, height: int, box: Size) -> Size:
    """Even size of a picture that lies whole inside the box and touches two of its sides."""
    scale = min(box[0] / width, box[1] / height)
    return min(box[0], even(width * scale)), min(box[1], even(height * scale))


def even(length: float) -> int:
    """Nearest even number of pixels, at least two: 4:2:0 has no odd sizes."""
    return max(2, 2 * round(length / 2))


def matrix_of(video: VideoFacts) -> str:
    """Colour matrix for the scaler; what is not tagged is BT.709 from 720 lines on, else 601."""
    tagged = {"bt709": "bt709", "bt470bg": "bt601", "smpte170m": "bt601", "bt2020nc": "bt2020"}
    untagged = "bt709" if min(video.coded_width, video.coded_height) >= 720 else "bt601"
    return tagged.get(video.matrix, untagged)
