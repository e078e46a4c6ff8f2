"""Filter chains that every recipe shares: upright, progressive, BT.709 pictures and level sound.

With :mod:`streams.commands`, :mod:`streams.station` and :mod:`streams.soundings` the only user of ffmpeg-python, which
builds arguments and runs nothing. A stream of it may feed one filter only: where several want it, :func:`split` it.
"""

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from streams.ffprobe import reading
from streams.media_facts import MediaFacts, VideoFacts
from streams.recipes import Clip, Size
from streams.renditions import fills, inside, matrix_of

QUIET = ("-hide_banner", "-nostdin", "-nostats", "-y")
"""Global options of every run."""
THREADS = 0 if (os.cpu_count() or 1) <= 8 else 8
"""Of one decoder or encoder; 0 is its own choice. More make x264 worse and take memory."""
SOUND_RATE = 48_000
TAGS = {
    "color_primaries": "bt709",
    "color_trc": "bt709",
    "colorspace": "bt709",
    "color_range": "tv",
}
_STEREO = {"sample_fmts": "fltp", "channel_layouts": "stereo", "sample_rates": SOUND_RATE}
_EXACT = "bicubic+accurate_rnd+full_chroma_int"
_TONE_MAP_BOX = (1920, 1920)
_SDR_WHITE_NITS = 203  # ITU-R BT.2408: what HDR news shows as white
_HDR_PEAK_NITS = 1000  # of HLG's reference display; phones' PQ is graded for about as much


def source_input(source: Path, facts: MediaFacts, **more: Any) -> Any:
    """The source through its one reader, unable to open anything else."""
    return ffmpeg.input(str(source), threads=THREADS, **reading(facts.reader), **more)


def silence() -> Any:
    return ffmpeg.input(f"anullsrc=r={SOUND_RATE}:cl=stereo", f="lavfi")["a"]


def split(stream: Any, count: int, kind: str = "split") -> list[Any]:
    """``count`` copies of a stream; ``kind`` is ``asplit`` for sound."""
    if count <= 1:
        return [stream][:count]
    parted = stream.filter_multi_output(kind, count)
    return [parted[index] for index in range(count)]


def video_of(facts: MediaFacts) -> VideoFacts:
    assert facts.video is not None, "a clip has a video stream"
    return facts.video


def display(facts: MediaFacts) -> Size:
    return facts.width or 2, facts.height or 2


def upright(taken: Any, facts: MediaFacts, *, fields: bool = False) -> Any:
    """Whole progressive frames; ffmpeg itself turns them as the display matrix says.

    ``fields`` makes one frame of each field, so that 50i stays 50 movements a second.
    """
    video = video_of(facts)
    picture = taken[str(video.stream)]
    if video.interlaced:
        mode = "send_field" if fields else "send_frame"
        picture = picture.filter("bwdif", mode=mode, parity=video.field_order, deint="all")
    return _tone_mapped(picture, facts) if video.hdr else picture


def _tone_mapped(picture: Any, facts: MediaFacts) -> Any:
    """HLG or PQ to BT.709: the lower tones stay as they are, lights are pressed together up to the
    peak. Shrunk before, since the map works in floating point and is slow."""
    size = inside(*display(facts), _TONE_MAP_BOX)
    if size[0] < display(facts)[0]:
        picture = picture.filter("scale", *size)
    return (
        picture.filter("zscale", t="linear", npl=_SDR_WHITE_NITS)
        .filter("format", "gbrpf32le")
        .filter("zscale", p="bt709")
        .filter(
            "tonemap", "mobius", param=0.3, peak=f"{_HDR_PEAK_NITS / _SDR_WHITE_NITS:.3f}", desat=0
        )
        .filter("zscale", t="bt709", m="bt709", r="tv")
        .filter("format", "yuv420p")
    )


def constant(picture: Any, rate: Fraction) -> Any:
    """Constant rate from time zero on; a late first frame is held, so sound stays in step."""
    return picture.filter("fps", f"{rate.numerator}/{rate.denominator}", start_time=0)


def scaled(picture: Any, facts: MediaFacts, size: Size) -> Any:
    """To ``size`` with square pixels, limited range, BT.709, and tags that say so."""
    matrix = _matrix(facts)
    return (
        picture.filter(
            "scale",
            *size,
            in_color_matrix=matrix,
            out_color_matrix="bt709",
            out_range="tv",
            # Without exact rounding a change of matrix darkens the picture by a hundredth.
            flags="bicubic" if matrix == "bt709" else _EXACT,
        )
        .filter("setsar", 1)
        .filter(
            "setparams", range="tv", color_primaries="bt709", color_trc="bt709", colorspace="bt709"
        )
    )


def to_rgb(picture: Any, facts: MediaFacts) -> Any:
    """Full display size in RGB, for a still."""
    sized = picture.filter("scale", *display(facts), in_color_matrix=_matrix(facts), flags=_EXACT)
    return sized.filter("format", "rgb24")


def _matrix(facts: MediaFacts) -> str:
    return "bt709" if video_of(facts).hdr else matrix_of(video_of(facts))


def label(facts: MediaFacts) -> dict[str, Any]:
    """Nothing of the source's metadata goes out (place, device) but the AIGC label."""
    return {"map_metadata": -1, **({"metadata": f"AIGC={facts.aigc}"} if facts.aigc else {})}


def in_box(picture: Any, facts: MediaFacts, box: Size, chroma: str, *, crop: bool = False) -> Any:
    """The whole picture before a blurred copy of itself, or a crop where that is asked for or
    loses hardly any.

    ``chroma`` is ``yuv420`` or ``yuv422``: overlay would else fall to 4:2:0.
    """
    width, height = display(facts)
    pixel_format = f"{chroma}p"
    if crop or fills(width, height, box):
        grown = max(box[0] / width, box[1] / height)
        cover = max(box[0], round(width * grown)), max(box[1], round(height * grown))
        whole = scaled(picture, facts, cover).filter("format", pixel_format)
        return whole if cover == box else whole.filter("crop", *box)
    behind, front = split(picture, 2)
    # Blurred at an eighth of the size and grown back: the same look for less work.
    small = box[0] // 16 * 2, box[1] // 16 * 2
    soft = (
        behind.filter("scale", *small, force_original_aspect_ratio="increase", flags="bilinear")
        .filter("crop", *small)
        .filter("gblur", sigma=4)
        .filter("eq", brightness=-0.12, saturation=0.85)
    )
    page = scaled(soft, facts, box).filter("format", pixel_format)
    shown = scaled(front, facts, inside(width, height, box)).filter("format", pixel_format)
    return page.overlay(shown, x="(W-w)/2", y="(H-h)/2", format=chroma)


def raw_sound(taken: Any, facts: MediaFacts) -> Any:
    """Stereo at 48 kHz from time zero on: holes are filled, a late start stays late."""
    assert facts.audio is not None, "asked for sound that is not there"
    sound = taken[str(facts.audio.stream)]
    sound = sound.filter("aresample", SOUND_RATE, **{"async": 1, "first_pts": 0})
    return sound.filter("aformat", **_STEREO)


def levelled(sound: Any, recipe: Clip, facts: MediaFacts, gain_db: float) -> Any:
    """Gain, then a limiter at four times the rate, since peaks hide between samples; exactly as
    long as the pictures."""
    length_s = (facts.duration_s or 0.0) + recipe.tail_s
    ceiling = 10 ** ((recipe.true_peak_db - 0.5) / 20)
    return (
        sound.filter("volume", f"{gain_db:.2f}dB")
        .filter("aresample", 4 * SOUND_RATE)
        .filter("alimiter", limit=f"{ceiling:.4f}", level=0, attack=5, release=50)
        .filter("aresample", SOUND_RATE)
        .filter("aformat", **_STEREO)
        .filter("apad", whole_dur=f"{length_s:.3f}")
        .filter("atrim", end=f"{length_s:.3f}")
    )
