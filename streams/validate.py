"""Whether an output is what its recipe promises: an exit status of 0 proves nothing.

ffmpeg ends with 0 after half a source, and leaves a playable, shorter file when it is stopped. So
each file is read back: its streams, its packets' times, its keyframes decoded, its loudness, its
size; the station's file also by MediaInfo (:mod:`streams.structure`).
"""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from PIL import Image
from pydantic import JsonValue

from schemas.errors import Fault, PermanentError
from streams import hls, soundings
from streams.chains import SOUND_RATE
from streams.clip_facts import Packets
from streams.ffmpeg_run import ProgramFailed
from streams.ffprobe import packets_of, streams_of
from streams.loudness import parse
from streams.media_facts import MediaFacts
from streams.passthrough import copies_sound, levels_of
from streams.recipes import Clip, Hls, Mp4, Picture, Sound, Station
from streams.renditions import mp4_shape, output_rate
from streams.structure import Wrong, check_structure
from streams.work import Heard, Work

_SLACK_S = 0.05
_SYNC_S = 0.04
_H264 = {"Constrained Baseline", "Baseline", "Main", "High"}


@dataclass
class Checked:
    """What was measured on the files."""

    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    facts: dict[str, JsonValue] = field(default_factory=dict)


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


def check_clip(recipe: Clip, folder: Path, work: Work, expected: Heard | None) -> Checked:
    """Every file of a finished clip; raises PermanentError naming what is wrong. ``expected`` is
    the loudness that the gain was chosen for; ``None`` where the source is silent."""
    try:
        if isinstance(recipe, Hls):
            return _check_hls(recipe, folder, work, expected)
        if isinstance(recipe, Mp4):
            return _check_mp4(recipe, folder / f"{recipe.name}.mp4", work, expected)
        if isinstance(recipe, Sound):
            return _check_sound_file(recipe, folder, work, expected)
        return _check_station(recipe, folder, work, expected)
    except (Wrong, ProgramFailed, ValueError) as error:
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


def _check_hls(recipe: Hls, folder: Path, work: Work, expected: Heard | None) -> Checked:
    rate = output_rate(work.facts, recipe.highest_rate)
    levels = levels_of(recipe, work.facts)
    cuts = set()
    for level in levels:
        path = folder / f"{level.name}.mp4"
        video = _only(_streams(path, "mov", work), "video")
        _expect(level.name, video, codec_name="h264", width=level.width, height=level.height)
        _expect(level.name, video, pix_fmt="yuv420p")
        _expect_square(level.name, video)
        # ffprobe moves fragments without an edit list by their reordering: their start says nothing
        packets = _check_times(path, "mov", video["index"], rate, work, starts=False)
        _check_keyframes(path, packets, recipe.keyframe_s)
        cuts.add(tuple(seconds for seconds, _ in hls.read_track(folder / f"{level.name}.m3u8").segments))  # fmt: skip
    if len({len(cut) for cut in cuts}) != 1 or any(
        max(one) - min(one) > _SLACK_S for one in zip(*cuts, strict=True)
    ):
        raise Wrong("the sizes are not cut at the same times")
    told: dict[str, JsonValue] = {
        "levels": [level.name for level in levels],
        "frame_rate": str(rate),
    }
    if work.facts.has_audio:
        sound = folder / "a.mp4"
        _check_sound(sound, "mov", work, tracks=1, channels=2)
        told |= _check_loudness(recipe, sound, "mov", work, expected)
    top = levels[-1]
    return Checked(top.width, top.height, work.facts.duration_s, told)


def _check_keyframes(path: Path, packets: Packets, every_s: float) -> None:
    marks = [*packets.keys_s, packets.end_s]
    longest_s = max(b - a for a, b in pairwise(marks))
    if longest_s > every_s + _SLACK_S:
        raise Wrong(f"{path.name}: {longest_s:.2f} s without a keyframe")


def _check_mp4(recipe: Mp4, path: Path, work: Work, expected: Heard | None) -> Checked:
    rate = output_rate(work.facts, recipe.highest_rate)
    streams = _streams(path, "mov", work)
    video = _only(streams, "video")
    (width, height), _ = mp4_shape(recipe, work.facts)
    _expect(path.name, video, codec_name="h264", width=width, height=height)
    _expect(path.name, video, pix_fmt="yuv420p")
    _expect_square(path.name, video)
    if video.get("profile") not in _H264:
        raise Wrong(f"{path.name}: profile {video.get('profile')}")
    packets = _check_times(path, "mov", video["index"], rate, work)
    told: dict[str, JsonValue] = {"frame_rate": str(rate)}
    if recipe.sound:
        _check_sound(path, "mov", work, tracks=1, channels=2)
        told |= _check_loudness(recipe, path, "mov", work, expected)
    elif any(stream.get("codec_type") == "audio" for stream in streams):
        raise Wrong(f"{path.name}: sound where none is wanted")
    size = path.stat().st_size
    if size > recipe.max_bytes:
        raise Wrong(f"{size} bytes, the limit is {recipe.max_bytes}")
    return Checked(width, height, round(len(packets.times_s) / float(rate), 3), told)


def _check_sound_file(recipe: Sound, folder: Path, work: Work, expected: Heard | None) -> Checked:
    name, reader, codec = {
        "bwf": ("wav", "wav", "pcm_s24le"),
        "m4a": ("m4a", "mov", "aac"),
    }[recipe.coding]
    path = folder / f"{recipe.name}.{name}"
    sound = _only(_streams(path, reader, work), "audio")
    _expect(path.name, sound, codec_name=codec)
    if recipe.coding == "bwf" and b"bext" not in _head(path):
        raise Wrong(f"{path.name} has no bext chunk")
    _check_sound(path, reader, work, tracks=1, channels=2)
    told = _check_loudness(recipe, path, reader, work, expected)
    return Checked(None, None, work.facts.duration_s, told)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def _check_station(recipe: Station, folder: Path, work: Work, expected: Heard | None) -> Checked:
    path = folder / f"{recipe.name}.{'mxf' if recipe.mxf else 'mp4'}"
    reader = "mxf" if recipe.mxf else "mov"
    video = _only(_streams(path, reader, work), "video")
    width, height = recipe.box
    codec, pixels = {
        "xdcam_hd422": ("mpeg2video", "yuv422p"),
        "avc_intra_100": ("h264", "yuv422p10le"),
        "h264": ("h264", "yuv420p"),
    }[recipe.coding]
    _expect(path.name, video, codec_name=codec, width=width, height=height, pix_fmt=pixels)
    _expect(path.name, video, field_order="tt", r_frame_rate="25/1")
    packets = _check_times(path, reader, video["index"], Fraction(25), work)
    tracks, channels = (recipe.audio_tracks, 1) if recipe.mxf else (1, 2)
    _check_sound(path, reader, work, tracks=tracks, channels=channels, tail_s=recipe.tail_s)
    told = _check_loudness(recipe, path, reader, work, expected)
    told |= check_structure(recipe, path, work.duration_s)
    return Checked(width, height, round(len(packets.times_s) / 25, 3), told)


def _check_loudness(
    recipe: Clip, path: Path, reader: str, work: Work, expected: Heard | None
) -> dict[str, JsonValue]:
    """As loud as it was chosen to be, in the file itself. For the station never too loud; too
    quiet only where the source gives no more than noise."""
    if copies_sound(recipe, work.facts):
        return {"sound": "copied"}
    if isinstance(recipe, Station) and recipe.mxf:
        argv = soundings.listen_to_tracks(work.programs, path)
    else:
        argv = soundings.listen_to(work.programs, path, reader)
    heard = parse(work.run(argv).lines)
    if isinstance(recipe, Station):
        ceiling = recipe.loudness_lufs + recipe.loudness_within
        over = 0.5 if not recipe.mxf else 0.0  # a lossy coding moves single samples
        if heard.lufs > ceiling or heard.true_peak_db > recipe.true_peak_db + over:
            raise Wrong(f"{heard.lufs} LUFS, true peak {heard.true_peak_db} dBTP")
    if expected is not None and abs(heard.lufs - expected.lufs) > 1.0 and not heard.silent:
        raise Wrong(f"{heard.lufs} LUFS in the file, {expected.lufs} before it was written")
    return {"lufs": heard.lufs, "true_peak_db": heard.true_peak_db}


def _streams(path: Path, reader: str, work: Work) -> list[dict[str, Any]]:
    """Streams of an output; an MP4 must have kept the source's AIGC label (GB 45438)."""
    answer = streams_of(path, reader, work.programs)
    label = work.facts.aigc
    if reader == "mov" and label and answer.get("format", {}).get("tags", {}).get("AIGC") != label:
        raise Wrong(f"{path.name} lost the AIGC label")
    streams: list[dict[str, Any]] = answer.get("streams", [])
    return streams


def _only(streams: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    found = [stream for stream in streams if stream.get("codec_type") == kind]
    if len(found) != 1:
        raise Wrong(f"{len(found)} {kind} streams")
    return found[0]


def _expect(name: str, stream: dict[str, Any], **wanted: object) -> None:
    for key, value in wanted.items():
        if stream.get(key) != value:
            raise Wrong(f"{name}: {key} is {stream.get(key)}, not {value}")


def _expect_square(name: str, video: dict[str, Any]) -> None:
    """Pixels that nobody says a shape of are square: a camera's pictures, copied as they are."""
    told = video.get("sample_aspect_ratio", "1:1")
    if told not in {"1:1", "0:1"}:
        raise Wrong(f"{name}: pixels are {told}, not 1:1")


def _check_times(
    path: Path, reader: str, index: int, rate: Fraction, work: Work, *, starts: bool = True
) -> Packets:
    """Frame count, even steps and length of the pictures; decodes the keyframes and the sound."""
    packets = packets_of(path, reader, work.programs).get(index)
    if packets is None:
        raise Wrong(f"{path.name} holds no pictures")
    frame_s = float(1 / rate)
    length_s = len(packets.times_s) * frame_s
    if abs(length_s - work.duration_s) > frame_s + _SLACK_S:
        raise Wrong(
            f"{path.name}: {len(packets.times_s)} frames are {length_s:.2f} s, "
            f"the source has {work.duration_s:.2f} s"
        )
    if abs(packets.end_s - packets.times_s[0] - length_s) > frame_s + _SLACK_S:
        raise Wrong(f"{path.name}: uneven frame times")
    if starts and abs(packets.times_s[0]) > _SYNC_S:
        raise Wrong(f"{path.name}: the pictures begin at {packets.times_s[0]:.3f} s")
    told = work.run(soundings.decode_keyframes(work.programs, path, reader))
    if told.line_count:
        raise Wrong(f"{path.name}: {told.lines[-1]}")
    return packets


def _check_sound(
    path: Path, reader: str, work: Work, *, tracks: int, channels: int, tail_s: float = 0.0
) -> None:
    sounds = [s for s in _streams(path, reader, work) if s.get("codec_type") == "audio"]
    if len(sounds) != tracks:
        raise Wrong(f"{path.name}: {len(sounds)} sound tracks, not {tracks}")
    wanted_s = work.duration_s
    found = packets_of(path, reader, work.programs)
    for sound in sounds:
        _expect(path.name, sound, sample_rate=str(SOUND_RATE), channels=channels)
        packets = found.get(sound["index"])
        length_s = packets.end_s - max(0.0, packets.times_s[0]) if packets else 0.0
        if packets and packets.times_s[0] > _SYNC_S:
            raise Wrong(f"{path.name}: the sound begins at {packets.times_s[0]:.3f} s")
        if not -0.04 - _SLACK_S <= length_s - wanted_s <= tail_s + 0.04 + _SLACK_S:
            raise Wrong(f"{path.name}: sound lasts {length_s:.2f} s, not {wanted_s:.2f}")
