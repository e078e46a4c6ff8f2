"""From what ffprobe says to facts, and whether the file holds what its header claims. Pure."""

import re
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from statistics import mean, median
from typing import Any

from streams import refusals
from streams.media_facts import AudioFacts, FieldOrder, Hdr, MediaFacts, StreamFacts, VideoFacts
from streams.sniff import Sniffed

_HDR: dict[str, Hdr] = {"smpte2084": "pq", "arib-std-b67": "hlg"}
_MOST_LABEL = 8192
_UNTAGGED = {"unknown", "unspecified", "reserved"}


@dataclass(frozen=True)
class Bounds:
    """What a newsroom's upload may be at most."""

    duration_s: float = 3600.0
    picture_pixels: int = 40_000_000
    clip_pixels: int = 16_800_000
    """5.3K of action cameras passes, 8K does not."""


@dataclass(frozen=True)
class Packets:
    """Presentation times of one stream's packets, in order, without those an edit list drops."""

    times_s: list[float]
    end_s: float
    """End of the last one."""
    keys_s: Sequence[float] = ()
    """Times of the keyframes."""
    sizes: Sequence[int] = ()
    """Bytes of each packet, in the order of ``times_s``."""
    hidden: int = 0
    """How many an edit list drops."""


@dataclass(frozen=True)
class Probed:
    """ffprobe's answer, and the one stream of each kind that is used."""

    answer: dict[str, Any]
    video: dict[str, Any] | None
    audio: dict[str, Any] | None


def probed(answer: dict[str, Any]) -> Probed:
    streams: list[dict[str, Any]] = answer.get("streams", [])
    return Probed(
        answer,
        next((stream for stream in streams if _is_video(stream)), None),
        next((s for s in streams if s.get("codec_type") == "audio" and _known(s)), None),
    )


def check_declared(found: Probed, bounds: Bounds, *, wants_video: bool) -> None:
    """Raise Refused for what the header alone rules out, before packets are read."""
    if found.video is None:
        if wants_video:
            raise refusals.no_pictures()
    else:
        pixels = int(found.video["width"]) * int(found.video["height"])
        if pixels > bounds.clip_pixels:
            raise refusals.too_many_pixels(pixels, bounds.clip_pixels)
    declared_s = _declared_s(found.video or found.audio or {}, found.answer)
    if declared_s > bounds.duration_s:
        raise refusals.too_long(declared_s, bounds.duration_s)


def clip_facts(
    found: Probed, packets: dict[int, Packets], sniffed: Sniffed, size_bytes: int, bounds: Bounds
) -> MediaFacts:
    """Facts of a clip or a sound file; raises Refused when much less is there than declared."""
    used = found.video or found.audio
    shown = packets.get(used["index"]) if used else None
    if used is None or shown is None:
        raise refusals.truncated("音视频数据 / all of its sound and pictures")
    start_s = float(found.answer.get("format", {}).get("start_time") or 0.0)
    duration_s = shown.end_s - start_s
    if duration_s > bounds.duration_s:
        raise refusals.too_long(duration_s, bounds.duration_s)
    missing_s = _declared_s(used, found.answer) - duration_s
    if missing_s > max(1.0, 0.05 * duration_s):
        raise refusals.truncated(f"{missing_s:.1f} 秒 / seconds")
    audio = found.audio if found.audio and found.audio["index"] in packets else None
    video = _video_facts(found.video, shown, start_s) if found.video else None
    size = _display_size(found.video) if found.video else (None, None)
    return MediaFacts(
        kind="video" if video else "audio",
        content_type=sniffed.content_type if video or sniffed.kind == "audio" else "audio/mp4",
        reader=sniffed.reader,
        size_bytes=size_bytes,
        width=size[0],
        height=size[1],
        duration_s=round(duration_s, 3),
        declared_s=_seconds(found.answer.get("format", {}).get("duration")),
        start_s=start_s,
        has_audio=audio is not None,
        fps=video.rate if video else None,
        video=video,
        audio=_audio_facts(audio, packets[audio["index"]], start_s) if audio else None,
        streams=_all_streams(found),
        edit_list=bool(video and video.hidden_frames),
        aigc=_aigc(found.answer),
    )


def _declared_s(stream: dict[str, Any], answer: dict[str, Any]) -> float:
    """The stream's own duration before the container's, which lies more often."""
    return float(stream.get("duration") or answer.get("format", {}).get("duration") or 0.0)


def _is_video(stream: dict[str, Any]) -> bool:
    attached = stream.get("disposition", {}).get("attached_pic", 0)
    size = stream.get("width", 0) > 0 and stream.get("height", 0) > 0
    return bool(stream.get("codec_type") == "video" and not attached and size and _known(stream))


def _known(stream: dict[str, Any]) -> bool:
    return stream.get("codec_name", "unknown") not in {"unknown", "none"}


def _rotation(stream: dict[str, Any]) -> int:
    for side in stream.get("side_data_list", []):
        if "rotation" in side:
            return round(float(side["rotation"])) % 360
    return 0


def _display_size(stream: dict[str, Any]) -> tuple[int, int]:
    """Pixels as they are shown: the sample aspect ratio widens or narrows the lines."""
    width, height = float(stream["width"]), float(stream["height"])
    across, _, down = _sample_aspect(stream).partition(":")
    width *= int(across) / int(down)
    if _rotation(stream) in {90, 270}:
        width, height = height, width
    return max(1, round(width)), max(1, round(height))


def _video_facts(stream: dict[str, Any], packets: Packets, zero_s: float) -> VideoFacts:
    steps = [b - a for a, b in pairwise(packets.times_s)]
    usual_s = median(steps) if steps else 0.0
    even = [step for step in steps if abs(step - usual_s) <= max(0.2 * usual_s, 0.002)]
    order = _field_order(stream)
    interlaced = order != "progressive"
    return VideoFacts(
        stream=stream["index"],
        codec=stream["codec_name"],
        profile=str(stream.get("profile", "")),
        level=max(0, int(stream.get("level", 0))),
        pixel_format=stream.get("pix_fmt", ""),
        bit_depth=_bit_depth(stream),
        coded_width=stream["width"],
        coded_height=stream["height"],
        sample_aspect=_sample_aspect(stream),
        rotation=_rotation(stream),
        # The mean of the usual steps, since Matroska rounds times to milliseconds. Field pictures
        # may come in two packets a frame.
        rate=_declared_rate(stream) if usual_s <= 0.0 or interlaced else round(1 / mean(even), 4),
        variable_rate=len(steps) - len(even) > 0.02 * len(steps),
        uneven_steps=len(steps) - len(even),
        field_order=order,
        interlaced=interlaced,
        frames=len(packets.times_s),
        hidden_frames=packets.hidden,
        start_s=round(packets.times_s[0] - zero_s, 4),
        duration_s=round(packets.end_s - packets.times_s[0], 4),
        key_every_s=_key_distance(packets),
        even_keys=_even_keys(packets, usual_s),
        bit_rate=_bit_rate(packets),
        peak_bit_rate=_peak_bit_rate(packets),
        matrix=_tagged(stream, "color_space"),
        primaries=_tagged(stream, "color_primaries"),
        transfer=_tagged(stream, "color_transfer"),
        full_range=stream.get("color_range") == "pc" or stream.get("pix_fmt", "")[:4] == "yuvj",
        hdr=_HDR.get(stream.get("color_transfer", ""), ""),
    )


def _tagged(stream: dict[str, Any], name: str) -> str:
    value = str(stream.get(name, ""))
    return "" if value in _UNTAGGED else value


def _field_order(stream: dict[str, Any]) -> FieldOrder:
    """Which field is shown first; ffprobe says ``tb`` for: upper field stored first, lower shown
    first."""
    order = stream.get("field_order", "progressive")
    if order in {"tt", "bt"}:
        return "tff"
    return "bff" if order in {"bb", "tb"} else "progressive"


def _bit_depth(stream: dict[str, Any]) -> int:
    told = str(stream.get("bits_per_raw_sample", ""))
    if told.isdigit() and int(told):
        return int(told)
    found = re.search(r"p(9|10|12|14|16)(?:le|be)?$", stream.get("pix_fmt", ""))
    return int(found[1]) if found else 8


def _sample_aspect(stream: dict[str, Any]) -> str:
    across, _, down = str(stream.get("sample_aspect_ratio", "1:1")).partition(":")
    if not (across.isdigit() and down.isdigit() and int(across) and int(down)):
        return "1:1"
    ratio = Fraction(int(across), int(down))
    return f"{ratio.numerator}:{ratio.denominator}"


def _key_distance(packets: Packets) -> float:
    if not packets.keys_s:
        return 0.0
    marks = [*packets.keys_s, packets.end_s]
    return round(max(b - a for a, b in pairwise(marks)), 3)


def _even_keys(packets: Packets, frame_s: float) -> bool:
    first_s, last_s = packets.times_s[0], packets.times_s[-1]
    marks = [first_s + 2 * number for number in range(int((last_s - first_s) / 2) + 1)]
    keys = list(packets.keys_s)
    for mark in marks:
        at = bisect(keys, mark + frame_s / 2)
        if at == 0 or keys[at - 1] < mark - frame_s / 2:
            return False
    return bool(keys)


def _bit_rate(packets: Packets) -> int:
    length_s = packets.end_s - packets.times_s[0]
    return round(8 * sum(packets.sizes) / length_s) if length_s > 0 else 0


def _peak_bit_rate(packets: Packets) -> int:
    seconds: dict[int, int] = {}
    for time_s, size in zip(packets.times_s, packets.sizes, strict=False):
        second = int(time_s - packets.times_s[0])
        seconds[second] = seconds.get(second, 0) + 8 * size
    return max(seconds.values(), default=0)


def _all_streams(found: Probed) -> tuple[StreamFacts, ...]:
    used = [stream["index"] for stream in (found.video, found.audio) if stream]
    return tuple(
        StreamFacts(
            stream=stream["index"],
            kind=str(stream.get("codec_type", "data")),
            codec=str(stream.get("codec_name", "unknown")),
            language=str(stream.get("tags", {}).get("language", ""))[:8],
            used=stream["index"] in used,
        )
        for stream in found.answer.get("streams", [])
    )


def _seconds(text: object) -> float | None:
    try:
        return round(float(str(text)), 3)
    except ValueError:
        return None


def _declared_rate(stream: dict[str, Any]) -> float:
    above, _, below = str(stream.get("avg_frame_rate", "")).partition("/")
    if above.isdigit() and below.isdigit() and int(above) and int(below):
        return float(Fraction(int(above), int(below)))
    return 25.0


def _audio_facts(stream: dict[str, Any], packets: Packets, zero_s: float) -> AudioFacts:
    return AudioFacts(
        stream=stream["index"],
        codec=stream["codec_name"],
        profile=str(stream.get("profile", "")),
        channels=int(stream.get("channels", 0)),
        layout=str(stream.get("channel_layout", "")),
        sample_rate=int(stream.get("sample_rate", 0)),
        start_s=round(packets.times_s[0] - zero_s, 4),
        duration_s=round(packets.end_s - packets.times_s[0], 4),
        bit_rate=_bit_rate(packets),
    )


def _aigc(answer: dict[str, Any]) -> str | None:
    """The label, from the container or from a stream's own tags."""
    holders = [answer.get("format", {}), *answer.get("streams", [])]
    for holder in holders:
        tags: dict[str, str] = holder.get("tags", {})
        for name, value in tags.items():
            if name.lower() == "aigc" and value.strip():
                return value[:_MOST_LABEL]
    return None
