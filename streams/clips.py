"""Make one clip rendition: find the gain, encode, write the master playlist, check it."""

from collections.abc import Callable
from pathlib import Path

from pydantic import JsonValue

from streams import commands, hls, soundings
from streams.ffmpeg_run import ProgramFailed
from streams.loudness import gain_for
from streams.passthrough import copied_level, copies_pictures, copies_sound, levels_of
from streams.recipes import Clip, Hls, Mp4, Sound, Station
from streams.renditions import Level, output_rate
from streams.sprites import sheet_of, track_of
from streams.validate import Checked, check_clip
from streams.work import Work, cannot

_TOLERATED_ERRORS = 3
"""Phones and browsers write files about whose first or last packet ffmpeg says a line or two."""


def make_clip(
    recipe: Clip, work: Work, part: Path, on_progress: Callable[[float], None]
) -> tuple[list[Path], Checked]:
    """Files in ``part``, the entry first, and what was measured on them. Raises PermanentError
    for a source that cannot be done, and whatever a run raises."""
    _check_length(recipe, work)
    measured: dict[str, JsonValue] = {"aigc": work.facts.aigc} if work.facts.aigc else {}
    gain_db, heard = 0.0, None
    if work.facts.has_audio and _wants_gain(recipe, work):
        gain_db, heard = gain_for(recipe, work)
        measured |= {"gain_db": gain_db, "lufs": heard.lufs, "true_peak_db": heard.true_peak_db}
    measured |= _encode(recipe, work, part, gain_db, on_progress)
    if copied := _copied(recipe, work):
        measured["copied"] = copied
    if isinstance(recipe, Hls):
        paths = _write_master(recipe, work, part)
    else:
        paths = [part / f"{recipe.name}.{_ending(recipe)}"]
    checked = check_clip(recipe, part, work, heard)
    checked.facts = {**measured, **checked.facts}
    return paths, checked


def _check_length(recipe: Clip, work: Work) -> None:
    if isinstance(recipe, Mp4) and work.duration_s > recipe.max_duration_s:
        raise cannot(
            "too_long",
            f"最长 {recipe.max_duration_s / 60:.0f} 分钟,本片 {work.duration_s / 60:.1f} 分钟"
            f" / at most {recipe.max_duration_s / 60:.0f} minutes, "
            f"this clip has {work.duration_s / 60:.1f}",
        )
    if isinstance(recipe, Sound) and not work.facts.has_audio:
        raise cannot("no_sound", "没有声音,不能给广播 / there is no sound for the radio")


def _wants_gain(recipe: Clip, work: Work) -> bool:
    silenced = isinstance(recipe, Mp4) and not recipe.sound
    return not (silenced or copies_sound(recipe, work.facts))


def _copied(recipe: Clip, work: Work) -> JsonValue:
    """Which streams were taken over as they are."""
    found: list[JsonValue] = []
    if isinstance(recipe, Hls):
        level = copied_level(recipe, work.facts)
        found += [level.name] if level else []
    elif isinstance(recipe, Mp4 | Station) and copies_pictures(recipe, work.facts):
        found.append("pictures")
    if copies_sound(recipe, work.facts) and _has_sound(recipe):
        found.append("sound")
    return found


def _has_sound(recipe: Clip) -> bool:
    return not isinstance(recipe, Mp4) or recipe.sound


def _ending(recipe: Clip) -> str:
    if isinstance(recipe, Sound):
        return {"bwf": "wav", "m4a": "m4a"}[recipe.coding]
    return "mxf" if isinstance(recipe, Station) and recipe.mxf else "mp4"


def _encode(
    recipe: Clip, work: Work, part: Path, gain_db: float, on_progress: Callable[[float], None]
) -> dict[str, JsonValue]:
    """Run the encoder; how many errors it met in the source, a few at most unless a person
    accepted more: then also how many seconds of picture are not whole."""

    def line(text: str) -> None:
        name, _, value = text.partition("=")
        if name == "out_time_us" and value.isdigit() and work.duration_s > 0:
            on_progress(min(0.97, int(value) / 1e6 / work.duration_s))

    argv = commands.encode(work.programs, work.source, work.facts, recipe, part.name, gain_db)
    told = work.run(argv, line)
    if told.line_count <= _TOLERATED_ERRORS:
        return {"source_errors": told.line_count}
    damaged_s = _damaged_s(work)
    if work.accept_damage:
        return {"source_errors": told.line_count, "damaged_s": damaged_s}
    raise cannot(
        "damaged_source",
        f"原片有损坏,解码时报错 {told.line_count} 处,约 {damaged_s:.1f} 秒画面不完整,要人看过才能用 / "
        f"the original is damaged, {told.line_count} decoding errors, about {damaged_s:.1f} s of "
        f"pictures are not whole, a person must look ({told.lines[-1][:200]})",
    )


def _damaged_s(work: Work) -> float:
    """Seconds of picture that a decoder which stops at nothing half right leaves out."""
    video = work.facts.video
    if video is None:
        return 0.0
    whole = [0]

    def line(text: str) -> None:
        name, _, value = text.partition("=")
        if name == "frame" and value.strip().isdigit():
            whole[0] = int(value)

    try:
        work.run(soundings.whole_pictures(work.programs, work.source, work.facts), line)
    except ProgramFailed:
        return round(work.duration_s, 1)
    return round(max(0, video.frames - whole[0]) / max(video.rate, 1.0), 1)


def _write_master(recipe: Hls, work: Work, part: Path) -> list[Path]:
    levels = levels_of(recipe, work.facts)
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
    files = [entry, *(part / f"{name}{ending}" for name in names for ending in (".m3u8", ".mp4"))]
    return files + _write_sprite(recipe, work, part, levels[0])


def _write_sprite(recipe: Hls, work: Work, part: Path, level: Level) -> list[Path]:
    """The time line's small pictures, from the keyframes of the smallest size."""
    sheet = sheet_of(work.duration_s, (level.width, level.height), recipe.keyframe_s)
    picture = part / "sprite.jpg"
    name = str(picture.relative_to(work.folder))
    work.run(soundings.sprite(work.programs, part / f"{level.name}.mp4", name, sheet))
    track = part / "sprite.vtt"
    track.write_text(track_of(sheet, work.duration_s, picture.name), encoding="utf-8")
    return [picture, track]
