"""ffmpeg's arguments for each clip recipe."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from streams import chains
from streams.chains import QUIET, SOUND_RATE, THREADS
from streams.media_facts import MediaFacts
from streams.passthrough import copied_level, copies_pictures, copies_sound, levels_of
from streams.programs import Programs
from streams.recipes import Clip, Hls, Mp4, Sound
from streams.renditions import Level, mp4_shape, output_rate
from streams.station import station

_PROGRESS = ("-progress", "pipe:1", "-stats_period", "0.5")
# With cmaf and negative offsets the pictures start at 0 without an edit list, which players of
# fragmented files ignore: sound and pictures come from different files there.
_FMP4 = "movflags=+cmaf+negative_cts_offsets+use_metadata_tags"


def encode(
    programs: Programs, source: Path, facts: MediaFacts, recipe: Clip, folder: str, gain_db: float
) -> list[str]:
    """Arguments of the one process that makes ``recipe`` into ``folder``, which is relative to
    the process's own; all sizes of a ladder come from one decode, and what the source already is
    (:mod:`streams.passthrough`) is copied.

    Recipes of one source run one after the other: measured on two cores, the upright clip beside
    the ladder in one process saves a tenth of the CPU time and comes out two and a half times later.
    """
    taken = chains.source_input(source, facts)
    if isinstance(recipe, Hls):
        made = ffmpeg.merge_outputs(*_hls(recipe, facts, taken, folder, gain_db))
    elif isinstance(recipe, Mp4):
        made = _mp4(recipe, facts, taken, folder, gain_db)
    elif isinstance(recipe, Sound):
        made = _sound_file(recipe, facts, taken, folder, gain_db)
    else:
        made = station(recipe, facts, taken, _sound(taken, facts, recipe, gain_db), folder)
    return [programs.ffmpeg, *QUIET, "-v", "error", *_PROGRESS, *ffmpeg.get_args(made)]


def _sound(taken: Any, facts: MediaFacts, recipe: Clip, gain_db: float) -> Any:
    sound = chains.raw_sound(taken, facts) if facts.has_audio else chains.silence()
    return chains.levelled(sound, recipe, facts, gain_db)


def _aac(recipe: Hls | Mp4 | Sound) -> dict[str, Any]:
    return {"c:a": "aac", "b:a": f"{recipe.audio_kbps}k", "ar": SOUND_RATE}


def _hls(recipe: Hls, facts: MediaFacts, taken: Any, folder: str, gain_db: float) -> list[Any]:
    rate = output_rate(facts, recipe.highest_rate)
    copied = copied_level(recipe, facts)
    encoded = [level for level in levels_of(recipe, facts) if level != copied]
    made = []
    if encoded:
        steady = chains.constant(chains.upright(taken, facts), rate)
        made = [
            _fragmented(
                chains.scaled(part, facts, (level.width, level.height)),
                f"{folder}/{level.name}",
                recipe,
                facts,
                _x264(recipe, level, rate),
            )
            for level, part in zip(encoded, chains.split(steady, len(encoded)), strict=True)
        ]
    if copied is not None:
        own = taken[str(chains.video_of(facts).stream)]
        made.append(_fragmented(own, f"{folder}/{copied.name}", recipe, facts, {"c:v": "copy"}))
    if facts.audio is not None:  # the web may stay without sound
        if copies_sound(recipe, facts):
            sound, coded = taken[str(facts.audio.stream)], {"c:a": "copy"}
        else:
            sound, coded = _sound(taken, facts, recipe, gain_db), _aac(recipe)
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
        **chains.TAGS,
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
        **chains.label(facts),
        **coded,
    )


def _mp4(recipe: Mp4, facts: MediaFacts, taken: Any, folder: str, gain_db: float) -> Any:
    rate = output_rate(facts, recipe.highest_rate)
    size, kbps = mp4_shape(recipe, facts)
    coded: dict[str, Any]
    if copies_pictures(recipe, facts):
        streams, coded = [taken[str(chains.video_of(facts).stream)]], {"c:v": "copy"}
    else:
        steady = chains.constant(chains.upright(taken, facts), rate)
        if recipe.fit == "inside":
            shown = chains.scaled(steady, facts, size)
        else:
            shown = chains.in_box(steady, facts, size, "yuv420", crop=recipe.fit == "crop")
        streams = [shown]
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
            **chains.TAGS,
        }
    if recipe.sound and facts.audio is not None and copies_sound(recipe, facts):
        streams.append(taken[str(facts.audio.stream)])
        coded["c:a"] = "copy"
    elif recipe.sound:
        streams.append(_sound(taken, facts, recipe, gain_db))
        coded |= _aac(recipe)
    return ffmpeg.output(
        *streams,
        f"{folder}/{recipe.name}.mp4",
        f="mp4",
        movflags="+faststart+use_metadata_tags",
        t=_length(facts),
        **chains.label(facts),
        **coded,
    )


def _sound_file(recipe: Sound, facts: MediaFacts, taken: Any, folder: str, gain_db: float) -> Any:
    sound = _sound(taken, facts, recipe, gain_db)
    if recipe.coding == "m4a":
        return ffmpeg.output(
            sound,
            f"{folder}/{recipe.name}.m4a",
            f="ipod",
            movflags="+faststart+use_metadata_tags",
            **chains.label(facts),
            **_aac(recipe),
        )
    return ffmpeg.output(
        sound,
        f"{folder}/{recipe.name}.wav",
        f="wav",
        write_bext=1,
        rf64="auto",
        map_metadata=-1,
        **{"c:a": "pcm_s24le", "ar": SOUND_RATE},
    )


def _length(facts: MediaFacts) -> str:
    return f"{facts.duration_s or 0.0:.3f}"
