"""Which renditions (转码件) exist: recipes are data, one more is one entry in :data:`RECIPES`.

Figures come from the outlets' own pages where they state any: Apple's HLS authoring specification
(keyframes every 2 s, peak rates), Douyin's upload page (whole upload up to 128 MB, 15 minutes, no
logo), WeChat's material interface (body picture under 1 MB, video up to 10 MB), the XDCAM HD422 and
AVC-Intra formats for the station. docs/video.md lists them with their sources.
"""

from dataclasses import dataclass
from typing import Literal

from schemas.rendition import RecipeName
from schemas.story import MediaKind

Size = tuple[int, int]
Rate25 = Literal["nearest_field", "nearest_frame"]


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
    candidates: int = 1
    """How many frames of a clip, the best first; a person chooses among several."""


@dataclass(frozen=True)
class Rung:
    """One size of a ladder: the picture fits into ``long_side`` × ``short_side``."""

    long_side: int
    short_side: int
    kbps: int
    """Peak rate up to 30 frames a second; half as much again beyond."""


@dataclass(frozen=True)
class Hls:
    """Fragmented MP4 for the web: one file a size by byte range, shared sound, a sheet of small
    pictures for the player's time line."""

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
    tail_s: float = 0.0


@dataclass(frozen=True)
class Mp4:
    """One clean MP4, H.264 and AAC: no logo, no text."""

    name: RecipeName
    box: Size
    max_bytes: int
    max_duration_s: float
    fit: Literal["blur", "crop", "inside"] = "blur"
    """``blur``: the whole picture before a blurred one. ``crop``: the middle fills the box.
    ``inside``: shrunk into the box, which stands up where the source does, never enlarged."""
    sources: tuple[MediaKind, ...] = ("video",)
    crf: int = 21
    preset: str = "veryfast"
    kbps: int = 8000
    least_bits_per_pixel: float = 0.0
    """The picture is made smaller until each pixel has so many bits."""
    highest_rate: int = 30
    audio_kbps: int = 128
    sound: bool = True
    """False leaves sound out; else a silent source gets a silent track, which platforms demand."""
    loudness_lufs: float = -16.0
    true_peak_db: float = -1.5
    tail_s: float = 0.0


@dataclass(frozen=True)
class Station:
    """1080i50, upper field first, for the station; loudness as China's stations ask for."""

    name: RecipeName
    coding: Literal["xdcam_hd422", "h264", "avc_intra_100"]
    box: Size = (1920, 1080)
    sources: tuple[MediaKind, ...] = ("video",)
    bit_rate: int = 50_000_000
    vbv_bits: int = 36_408_320
    gop: int = 12
    thirty: Rate25 = "nearest_field"
    """How 29.97 and 30 frames a second become 25: ``nearest_field`` takes for each of the fifty
    fields the picture that is nearest in time, ``nearest_frame`` for each of the 25 frames, which
    moves in jerks but leaves both fields of one moment."""
    timecode: str = "10:00:00:00"
    loudness_lufs: float = -24.0
    loudness_within: float = 2.0
    true_peak_db: float = -2.0
    audio_tracks: int = 2
    tail_s: float = 0.2
    """The MXF muxer drops the last picture when sound ends before it: sound goes on a little."""

    @property
    def mxf(self) -> bool:
        return self.coding != "h264"


@dataclass(frozen=True)
class Sound:
    """Sound alone, stereo at 48 kHz, for the radio."""

    name: RecipeName
    coding: Literal["bwf", "m4a"]
    sources: tuple[MediaKind, ...] = ("audio", "video")
    audio_kbps: int = 192
    loudness_lufs: float = -24.0
    true_peak_db: float = -2.0
    tail_s: float = 0.0


Clip = Hls | Mp4 | Station | Sound
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
    Mp4("vertical", (1080, 1920), max_bytes=120_000_000, max_duration_s=900.0),
    Mp4("vertical_crop", (1080, 1920), max_bytes=120_000_000, max_duration_s=900.0, fit="crop"),
    Hls("web_hls", _LADDER),
    Mp4(
        "wechat_clip",
        (1280, 720),
        max_bytes=10_000_000,
        max_duration_s=300.0,
        fit="inside",
        kbps=2500,
        least_bits_per_pixel=0.05,
        audio_kbps=96,
    ),
    Sound("radio_m4a", "m4a", loudness_lufs=-16.0, true_peak_db=-1.5),
    Sound("radio_bwf", "bwf"),
    Mp4(
        "screen_loop",
        (1920, 1080),
        max_bytes=2_000_000_000,
        max_duration_s=1800.0,
        kbps=12_000,
        sound=False,
    ),
    Picture("print_image", ("image",), None, "original", 95),
    Picture("print_still", ("video",), None, "original", 97, format="png", max_bytes=20_000_000),
    Picture("print_candidates", ("video",), None, "original", 95, candidates=6),
    Station("tv_xdcam_hd422", "xdcam_hd422"),
    Station("tv_h264", "h264", bit_rate=25_000_000, vbv_bits=25_000_000, gop=25, tail_s=0.0),
    Station("tv_avci100", "avc_intra_100", bit_rate=113_664_000, gop=1),
)
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _TABLE}
