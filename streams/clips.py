"""Make one clip rendition: find the gain, encode, write the master playlist, check it."""

from collections.abc import Callable
from pathlib import Path

from pydantic import JsonValue

from streams import commands, hls
from streams.loudness import gain_for
from streams.renditions import Clip, Hls, Vertical, ladder, output_rate
from streams.validate import Checked, check_clip
from streams.work import Work, cannot

_TOLERATED_ERRORS = 3
"""Phones and browsers write files about whose first or last packet ffmpeg says a line or two."""


def make_clip(
    recipe: Clip, work: Work, part: Path, on_progress: Callable[[float], None]
) -> tuple[list[Path], Checked]:
    """Files in ``part``, the entry first, and what was measured on them. Raises PermanentError
    for a source that cannot be done, and whatever a run raises."""
    if isinstance(recipe, Vertical) and work.duration_s > recipe.max_duration_s:
        raise cannot(
            "too_long",
            f"短视频最长 {recipe.max_duration_s / 60:.0f} 分钟,本片 {work.duration_s / 60:.1f} 分钟"
            f" / at most {recipe.max_duration_s / 60:.0f} minutes, "
            f"this clip has {work.duration_s / 60:.1f}",
        )
    measured: dict[str, JsonValue] = {"aigc": work.facts.aigc} if work.facts.aigc else {}
    gain_db, heard = 0.0, None
    if work.facts.has_audio:
        gain_db, heard = gain_for(recipe, work)
        measured |= {"gain_db": gain_db, "lufs": heard.lufs, "true_peak_db": heard.true_peak_db}
    measured["source_errors"] = _encode(recipe, work, part, gain_db, on_progress)
    if isinstance(recipe, Hls):
        paths = _write_master(recipe, work, part)
    else:
        paths = [part / f"{recipe.name}.{'mp4' if isinstance(recipe, Vertical) else 'mxf'}"]
    checked = check_clip(recipe, part, work, heard)
    checked.facts = {**measured, **checked.facts}
    return paths, checked


def _encode(
    recipe: Clip, work: Work, part: Path, gain_db: float, on_progress: Callable[[float], None]
) -> int:
    """Run the encoder; how many errors it met in the source, a few at most."""

    def line(text: str) -> None:
        name, _, value = text.partition("=")
        if name == "out_time_us" and value.isdigit() and work.duration_s > 0:
            on_progress(min(0.97, int(value) / 1e6 / work.duration_s))

    argv = commands.encode(work.programs, work.source, work.facts, recipe, part.name, gain_db)
    told = work.run(argv, line)
    if told.line_count > _TOLERATED_ERRORS:
        raise cannot(
            "damaged_source",
            f"原片有损坏,解码时报错 {told.line_count} 处 / the original is damaged, "
            f"{told.line_count} decoding errors ({told.lines[-1][:200]})",
        )
    return told.line_count


def _write_master(recipe: Hls, work: Work, part: Path) -> list[Path]:
    levels = ladder(recipe, work.facts)
    try:
        tracks = [
            (
                hls.read_track(part / f"{level.name}.m3u8"),
                hls.avc_codec(part / f"{level.name}.mp4"),
                (level.width, level.height),
            )
            for level in levels
        ]
        sound = hls.read_track(part / "a.m3u8") if work.facts.has_audio else None
    except ValueError as error:
        raise cannot(
            "output_invalid", f"转码结果不完整 / the output is incomplete: {error}"
        ) from error
    text = hls.master(tracks, sound, output_rate(work.facts, recipe.highest_rate))
    entry = part / "master.m3u8"
    entry.write_text(text, encoding="utf-8")
    names = [level.name for level in levels] + (["a"] if sound is not None else [])
    return [entry, *(part / f"{name}{ending}" for name in names for ending in (".m3u8", ".mp4"))]
