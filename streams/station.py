"""ffmpeg's output for the station: XDCAM HD422 and AVC-Intra 100 in MXF, or H.264 in MP4."""

from fractions import Fraction
from typing import Any

import ffmpeg

from streams import chains
from streams.chains import SOUND_RATE, THREADS
from streams.media_facts import MediaFacts
from streams.passthrough import copies_pictures
from streams.recipes import Station
from streams.renditions import fields_of


def station(recipe: Station, facts: MediaFacts, taken: Any, sound: Any, folder: str) -> Any:
    """One file, 1080i50 upper field first. MXF carries a mono track for each channel."""
    if copies_pictures(recipe, facts):
        shown, coded = taken[str(chains.video_of(facts).stream)], {"c:v": "copy"}
    else:
        shown, coded = _interlaced(recipe, facts, taken), _coded(recipe)
    if not recipe.mxf:
        return ffmpeg.output(
            shown,
            sound,
            f"{folder}/{recipe.name}.mp4",
            f="mp4",
            movflags="+faststart+use_metadata_tags",
            timecode=recipe.timecode,
            t=f"{facts.duration_s or 0.0:.3f}",
            **chains.label(facts),
            **coded,
            **{"c:a": "aac", "b:a": "256k", "ar": SOUND_RATE},
        )
    tracks = sound.filter_multi_output("channelsplit", channel_layout="stereo")
    return ffmpeg.output(
        shown,
        tracks[0],
        tracks[1],
        f"{folder}/{recipe.name}.mxf",
        f="mxf",
        timecode=recipe.timecode,
        map_metadata=-1,
        **coded,
        **{"c:a": "pcm_s24le", "ar": SOUND_RATE},
    )


def _interlaced(recipe: Station, facts: MediaFacts, taken: Any) -> Any:
    chroma = "yuv420" if recipe.coding == "h264" else "yuv422"
    fields = fields_of(recipe, facts)
    picture = chains.upright(taken, facts, fields=fields)
    if fields:  # two moments of movement to a frame
        steady = chains.in_box(chains.constant(picture, Fraction(50)), facts, recipe.box, chroma)
        return steady.filter("interlace", scan="tff").filter("format", f"{chroma}p")
    # the same moment in both fields
    steady = chains.in_box(chains.constant(picture, Fraction(25)), facts, recipe.box, chroma)
    return steady.filter("setfield", "tff")


def _coded(recipe: Station) -> dict[str, Any]:
    """``+cgop`` is left off MPEG-2: it makes GOPs of ten frames."""
    coded = {"threads": THREADS, "g": recipe.gop, "flags": "+ildct+ilme", **chains.TAGS}
    if recipe.coding == "xdcam_hd422":
        return coded | {
            "c:v": "mpeg2video",
            "profile:v": 0,
            "level:v": 2,
            "b:v": recipe.bit_rate,
            "minrate": recipe.bit_rate,
            "maxrate": recipe.bit_rate,
            "bufsize": recipe.vbv_bits,
            "rc_init_occupancy": recipe.vbv_bits,
            "rc_max_vbv_use": 1,
            "rc_min_vbv_use": 1,
            "bf": 2,
            "b_strategy": 0,
            "sc_threshold": 1_000_000_000,
            "intra_vlc": 1,
            "non_linear_quant": 1,
            "dc": 10,
            "qmin": 1,
            "qmax": 12,
        }
    if recipe.coding == "avc_intra_100":
        return coded | {
            "c:v": "libx264",
            "pix_fmt": "yuv422p10le",
            "avcintra-class": 100,
            "x264-params": "tff=1",
        }
    return coded | {
        "c:v": "libx264",
        "preset": "veryfast",
        "profile:v": "high",
        "level:v": "4.1",
        "pix_fmt": "yuv420p",
        "b:v": recipe.bit_rate,
        "maxrate": recipe.bit_rate,
        "bufsize": recipe.vbv_bits,
        "bf": 2,
        "x264-params": "tff=1:nal-hrd=vbr",
    }
