"""Whether an output is what its recipe promises: an exit status of 0 proves nothing.

ffmpeg ends with 0 after half a source, and leaves a playable, shorter file when it is stopped. So
each file is read back: its streams, its packets' times, its keyframes decoded, its size.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import JsonValue

from schemas.errors import Fault, PermanentError
from streams import hls, soundings
from streams.chains import SOUND_RATE, TV_TAIL_S
from streams.ffmpeg_run import ProgramFailed
from streams.ffprobe import packets_of, streams_of
from streams.loudness import parse
from streams.media_facts import MediaFacts
from streams.renditions import Hls, Picture, Vertical, Xdcam, ladder, output_rate
from streams.work import Heard, Work

_SLACK_S = 0.05


@dataclass
class Checked:
    """What was measured on the files."""

    width: int
    height: int
    duration_s: float | None = None
    facts: dict[str, JsonValue] = field(default_factory=dict)


class _Wrong(Exception):
    pass


def check_picture(recipe: Picture, path: Path, source: MediaFacts) -> Checked:
    """The picture decodes, fits the box and the size limit, and carries no metadata.

    The sender's own bytes (``original`` of a picture) keep theirs, their orientation included.
    """
    with Image.open(path, formats=["JPEG", "PNG", "TIFF"]) as picture:
        picture.load()
        width, height = picture.size
        told = bool(picture.getexif()) or "icc_profile" in picture.info
    if recipe.fit == "original" and source.kind == "image":
        return Checked(source.width or width, source.height or height)
    box = recipe.box or (source.width or 0, source.height or 0)
    if told or (recipe.fit in {"cover", "blur"} and (width, height) != box):
        raise _invalid(recipe.name, f"{width}x{height}, metadata: {told}")
    size = path.stat().st_size
    limit = recipe.max_bytes if path.suffix == ".jpg" and recipe.format == "jpeg" else None
    if max(width, height) > max(box) or (limit is not None and size > limit):
        raise _invalid(recipe.name, f"{width}x{height}, {size} bytes")
    return Checked(width, height)


def check_clip(
    recipe: Hls | Vertical | Xdcam, folder: Path, work: Work, expected: Heard | None
) -> Checked:
    """Every file of a finished clip; raises PermanentError naming what is wrong. ``expected`` is
    the loudness that the gain was chosen for; ``None`` where the source is silent."""
    try:
        if isinstance(recipe, Hls):
            return _check_hls(recipe, folder, work)
        if isinstance(recipe, Vertical):
            return _check_vertical(recipe, folder / f"{recipe.name}.mp4", work)
        return _check_xdcam(recipe, folder / f"{recipe.name}.mxf", work, expected)
    except (_Wrong, ProgramFailed, ValueError) as error:
        raise _invalid(recipe.name, str(error)) from error


def _invalid(name: str, found: str) -> PermanentError:
    return PermanentError(
        Fault(
            "output_invalid",
            name,
            f"转码结果没有通过检查({found})/ the output did not pass its checks ({found})",
            "请检查原片能否完整播放 / check that the original plays to its end",
        )
    )


def _check_hls(recipe: Hls, folder: Path, work: Work) -> Checked:
    rate = output_rate(work.facts, recipe.highest_rate)
    levels = ladder(recipe, work.facts)
    cuts = set()
    for level in levels:
        path = folder / f"{level.name}.mp4"
        video = _only(_streams(path, "mov", work), "video")
        _expect(level.name, video, codec_name="h264", width=level.width, height=level.height)
        _expect(level.name, video, pix_fmt="yuv420p", sample_aspect_ratio="1:1")
        _check_times(path, "mov", video["index"], rate, work)
        cuts.add(tuple(seconds for seconds, _ in hls.read_track(folder / f"{level.name}.m3u8").segments))  # fmt: skip
    if len(cuts) != 1:
        raise _Wrong("the sizes are not cut at the same times")
    if work.facts.has_audio:
        _check_sound(folder / "a.mp4", "mov", work, tracks=1, channels=2)
    top = levels[-1]
    return Checked(
        top.width,
        top.height,
        work.facts.duration_s,
        {"levels": [level.name for level in levels], "frame_rate": str(rate)},
    )


def _check_vertical(recipe: Vertical, path: Path, work: Work) -> Checked:
    rate = output_rate(work.facts, recipe.highest_rate)
    video = _only(_streams(path, "mov", work), "video")
    width, height = recipe.box
    _expect(path.name, video, codec_name="h264", profile="High", width=width, height=height)
    _expect(path.name, video, pix_fmt="yuv420p", sample_aspect_ratio="1:1")
    duration_s = _check_times(path, "mov", video["index"], rate, work)
    _check_sound(path, "mov", work, tracks=1, channels=2)
    size = path.stat().st_size
    if size > recipe.max_bytes:
        raise _Wrong(f"{size} bytes, the limit is {recipe.max_bytes}")
    return Checked(width, height, duration_s, {"frame_rate": str(rate)})


def _check_xdcam(recipe: Xdcam, path: Path, work: Work, expected: Heard | None) -> Checked:
    video = _only(_streams(path, "mxf", work), "video")
    width, height = recipe.box
    _expect(path.name, video, codec_name="mpeg2video", width=width, height=height)
    _expect(path.name, video, pix_fmt="yuv422p", field_order="tt", r_frame_rate="25/1")
    duration_s = _check_times(path, "mxf", video["index"], Fraction(25), work)
    _check_sound(path, "mxf", work, tracks=recipe.audio_tracks, channels=1, tail_s=TV_TAIL_S)
    heard = parse(work.run(soundings.listen_to_tracks(work.programs, path)).lines)
    _check_loudness(recipe, heard, expected)
    return Checked(
        width,
        height,
        duration_s,
        {"lufs": heard.lufs, "true_peak_db": heard.true_peak_db, "timecode": recipe.timecode},
    )


def _check_loudness(recipe: Xdcam, heard: Heard, expected: Heard | None) -> None:
    """Never too loud; too quiet only where the source gives no more than noise."""
    ceiling = recipe.loudness_lufs + recipe.loudness_within
    if heard.lufs > ceiling or heard.true_peak_db > recipe.true_peak_db:
        raise _Wrong(f"{heard.lufs} LUFS, true peak {heard.true_peak_db} dBTP")
    if expected is not None and abs(heard.lufs - expected.lufs) > 1.0:
        raise _Wrong(f"{heard.lufs} LUFS in the file, {expected.lufs} before it was written")


def _streams(path: Path, reader: str, work: Work) -> list[dict[str, Any]]:
    """Streams of an output; an MP4 must have kept the source's AIGC label (GB 45438)."""
    answer = streams_of(path, reader, work.programs)
    label = work.facts.aigc
    if reader == "mov" and label and answer.get("format", {}).get("tags", {}).get("AIGC") != label:
        raise _Wrong(f"{path.name} lost the AIGC label")
    streams: list[dict[str, Any]] = answer.get("streams", [])
    return streams


def _only(streams: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    found = [stream for stream in streams if stream.get("codec_type") == kind]
    if len(found) != 1:
        raise _Wrong(f"{len(found)} {kind} streams")
    return found[0]


def _expect(name: str, stream: dict[str, Any], **wanted: object) -> None:
    for key, value in wanted.items():
        if stream.get(key) != value:
            raise _Wrong(f"{name}: {key} is {stream.get(key)}, not {value}")


def _check_times(path: Path, reader: str, index: int, rate: Fraction, work: Work) -> float:
    """Frame count, even steps and length of the pictures; decodes the keyframes and the sound."""
    packets = packets_of(path, reader, work.programs).get(index)
    if packets is None:
        raise _Wrong(f"{path.name} holds no pictures")
    frame_s = float(1 / rate)
    length_s = len(packets.times_s) * frame_s
    if abs(length_s - work.duration_s) > frame_s + _SLACK_S:
        raise _Wrong(
            f"{path.name}: {len(packets.times_s)} frames are {length_s:.2f} s, "
            f"the source has {work.duration_s:.2f} s"
        )
    if abs(packets.end_s - packets.times_s[0] - length_s) > frame_s + _SLACK_S:
        raise _Wrong(f"{path.name}: uneven frame times")
    argv = soundings.decode_keyframes(work.programs, path, reader)
    told = work.run(argv)
    if told.line_count:
        raise _Wrong(f"{path.name}: {told.lines[-1]}")
    return round(length_s, 3)


def _check_sound(
    path: Path, reader: str, work: Work, *, tracks: int, channels: int, tail_s: float = 0.0
) -> None:
    sounds = [s for s in _streams(path, reader, work) if s.get("codec_type") == "audio"]
    if len(sounds) != tracks:
        raise _Wrong(f"{path.name}: {len(sounds)} sound tracks, not {tracks}")
    wanted_s = work.duration_s
    found = packets_of(path, reader, work.programs)
    for sound in sounds:
        _expect(path.name, sound, sample_rate=str(SOUND_RATE), channels=channels)
        packets = found.get(sound["index"])
        length_s = packets.end_s - max(0.0, packets.times_s[0]) if packets else 0.0
        if not -0.04 - _SLACK_S <= length_s - wanted_s <= tail_s + 0.04 + _SLACK_S:
            raise _Wrong(f"{path.name}: sound lasts {length_s:.2f} s, not {wanted_s:.2f}")
