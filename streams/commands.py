"""ffmpeg's arguments for each clip recipe."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from streams import chains
from streams.chains import QUIET, SOUND_RATE, THREADS
from streams.media_facts import MediaFacts
from streams.programs import Programs
from streams.renditions import Clip, Hls, Level, Vertical, Xdcam, ladder, output_rate, vertical_kbps

_TAGS = {
    "color_primaries": "bt709",
    "color_trc": "bt709",
    "colorspace": "bt709",
    "color_range": "tv",
}
_PROGRESS = ("-progress", "pipe:1", "-stats_period", "0.5")
# With cmaf and negative offsets the pictures start at 0 without an edit list, which players of
# fragmented files ignore: sound and pictures come from different files there.
_FMP4 = "movflags=+cmaf+negative_cts_offsets+use_metadata_tags"


def encode(
    programs: Programs, source: Path, facts: MediaFacts, recipe: Clip, folder: str, gain_db: float
) -> list[str]:
    """Arguments of the one process that makes ``recipe`` into ``folder``, which is relative to
    the process's own; all sizes of a ladder come from one decode.

    Recipes of one source run one after the other: measured on two cores, the upright clip beside
    the ladder in one process saves a tenth of the CPU time and comes out two and a half times later.
    """
    taken = chains.source_input(source, facts)
    picture = chains.upright(taken, facts, fields=isinstance(recipe, Xdcam))
    sound = _sound(taken, facts, recipe, gain_db)
    if isinstance(recipe, Hls):
        made = ffmpeg.merge_outputs(*_hls(recipe, facts, picture, sound, folder))
    elif isinstance(recipe, Vertical):
        made = _vertical(recipe, facts, picture, sound, folder)
    else:
        made = _xdcam(recipe, facts, picture, sound, folder)
    return [programs.ffmpeg, *QUIET, "-v", "error", *_PROGRESS, *ffmpeg.get_args(made)]


def _sound(taken: Any, facts: MediaFacts, recipe: Clip, gain_db: float) -> Any:
    """The web may stay without sound; platforms and the station may not."""
    if facts.has_audio:
        sound = chains.raw_sound(taken, facts)
    elif isinstance(recipe, Hls):
        return None
    else:
        sound = chains.silence()
    return chains.levelled(sound, recipe, facts, gain_db)


def _hls(recipe: Hls, facts: MediaFacts, picture: Any, sound: Any, folder: str) -> list[Any]:
    rate = output_rate(facts, recipe.highest_rate)
    levels = ladder(recipe, facts)
    parts = chains.split(chains.constant(picture, rate), len(levels))
    made = [
        _fragmented(
            chains.scaled(part, facts, (level.width, level.height)),
            f"{folder}/{level.name}",
            recipe,
            facts,
            _x264(recipe, level, rate),
        )
        for level, part in zip(levels, parts, strict=True)
    ]
    if sound is not None:
        coded = {"c:a": "aac", "b:a": f"{recipe.audio_kbps}k", "ar": SOUND_RATE}
        made.append(_fragmented(sound, f"{folder}/a", recipe, facts, coded))
    return made


def _x264(recipe: Hls, level: Level, rate: Fraction) -> dict[str, Any]:
    return {
        "c:v": "libx264",
        "threads": THREADS,
        "preset": recipe.preset,
        "profile:v": "high",
        "pix_fmt": "yuv420p",
        "crf": recipe.crf,
        "maxrate": f"{level.kbps}k",
        "bufsize": f"{2 * level.kbps}k",
        # Longer than the forced distance, so that the forced keyframes are the only ones and
        # fall on the same frames in every size.
        "g": int(rate * (recipe.keyframe_s + 1)),
        "sc_threshold": 0,
        "force_key_frames": f"expr:gte(t,n_forced*{recipe.keyframe_s})",
        **_TAGS,
    }


def _fragmented(
    stream: Any, stem: str, recipe: Hls, facts: MediaFacts, coded: dict[str, Any]
) -> Any:
    return ffmpeg.output(
        stream,
        f"{stem}.m3u8",
        f="hls",
        hls_segment_type="fmp4",
        hls_flags="single_file+independent_segments",
        hls_time=recipe.segment_s,
        hls_playlist_type="vod",
        hls_segment_filename=f"{stem}.mp4",
        hls_segment_options=_FMP4,
        avoid_negative_ts="disabled",
        **_metadata(facts),
        **coded,
    )


def _metadata(facts: MediaFacts) -> dict[str, Any]:
    """Nothing of the source's metadata goes out (place, device) but the AIGC label."""
    return {"map_metadata": -1, **({"metadata": f"AIGC={facts.aigc}"} if facts.aigc else {})}


def _vertical(recipe: Vertical, facts: MediaFacts, picture: Any, sound: Any, folder: str) -> Any:
    rate = output_rate(facts, recipe.highest_rate)
    kbps = vertical_kbps(recipe, facts.duration_s or 0.0)
    shown = chains.in_box(chains.constant(picture, rate), facts, recipe.box, "yuv420")
    coded = {
        "c:v": "libx264",
        "threads": THREADS,
        "preset": recipe.preset,
        "profile:v": "high",
        "pix_fmt": "yuv420p",
        "crf": recipe.crf,
        "maxrate": f"{kbps}k",
        "bufsize": f"{2 * kbps}k",
        "g": int(rate * 2),
        "c:a": "aac",
        "b:a": f"{recipe.audio_kbps}k",
        "ar": SOUND_RATE,
        **_TAGS,
    }
    return ffmpeg.output(
        shown,
        sound,
        f"{folder}/{recipe.name}.mp4",
        f="mp4",
        movflags="+faststart+use_metadata_tags",
        t=_length(facts),
        **_metadata(facts),
        **coded,
    )


def _xdcam(recipe: Xdcam, facts: MediaFacts, picture: Any, sound: Any, folder: str) -> Any:
    """MPEG-2 4:2:2 long GOP. ``+cgop`` is left off: it makes GOPs of ten frames."""
    fields = chains.video_of(facts).interlaced or output_rate(facts, 60) > 30
    if fields:  # two moments of movement to a frame
        steady = chains.in_box(chains.constant(picture, Fraction(50)), facts, recipe.box, "yuv422")
        shown = steady.filter("interlace", scan="tff").filter("format", "yuv422p")
    else:  # the same moment in both fields
        steady = chains.in_box(chains.constant(picture, Fraction(25)), facts, recipe.box, "yuv422")
        shown = steady.filter("setfield", "tff")
    tracks = sound.filter_multi_output("channelsplit", channel_layout="stereo")
    coded = {
        "c:v": "mpeg2video",
        "threads": THREADS,
        "profile:v": 0,
        "level:v": 2,
        "b:v": recipe.bit_rate,
        "minrate": recipe.bit_rate,
        "maxrate": recipe.bit_rate,
        "bufsize": recipe.vbv_bits,
        "rc_init_occupancy": recipe.vbv_bits,
        "rc_max_vbv_use": 1,
        "rc_min_vbv_use": 1,
        "g": recipe.gop,
        "bf": 2,
        "b_strategy": 0,
        "sc_threshold": 1_000_000_000,
        "flags": "+ildct+ilme",
        "intra_vlc": 1,
        "non_linear_quant": 1,
        "dc": 10,
        "qmin": 1,
        "qmax": 12,
        "c:a": "pcm_s24le",
        "ar": SOUND_RATE,
        **_TAGS,
    }
    return ffmpeg.output(
        shown,
        tracks[0],
        tracks[1],
        f"{folder}/{recipe.name}.mxf",
        f="mxf",
        timecode=recipe.timecode,
        map_metadata=-1,
        **coded,
    )


def _length(facts: MediaFacts) -> str:
    return f"{facts.duration_s or 0.0:.3f}"
