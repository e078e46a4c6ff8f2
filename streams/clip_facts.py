"""From what ffprobe says to facts, and whether the file holds what its header claims. Pure."""

from dataclasses import dataclass
from fractions import Fraction
from statistics import mean, median
from typing import Any

from streams import refusals
from streams.media_facts import AudioFacts, Hdr, MediaFacts, VideoFacts
from streams.sniff import Sniffed

_HDR: dict[str, Hdr] = {"smpte2084": "pq", "arib-std-b67": "hlg"}
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
    video = _video_facts(found.video, shown) if found.video else None
    size = _display_size(found.video) if found.video else (None, None)
    return MediaFacts(
        kind="video" if video else "audio",
        content_type=sniffed.content_type if video or sniffed.kind == "audio" else "audio/mp4",
        reader=sniffed.reader,
        size_bytes=size_bytes,
        width=size[0],
        height=size[1],
        duration_s=round(duration_s, 3),
        has_audio=audio is not None,
        fps=video.rate if video else None,
        video=video,
        audio=_audio_facts(audio) if audio else None,
        aigc=_aigc(found.answer),
        problems=("没有声音 / there is no sound",) if audio is None else (),
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
    across, _, down = str(stream.get("sample_aspect_ratio", "1:1")).partition(":")
    if across.isdigit() and down.isdigit() and int(across) and int(down):
        width *= int(across) / int(down)
    if _rotation(stream) in {90, 270}:
        width, height = height, width
    return round(width), round(height)


def _video_facts(stream: dict[str, Any], packets: Packets) -> VideoFacts:
    steps = [b - a for a, b in zip(packets.times_s, packets.times_s[1:], strict=False)]
    usual_s = median(steps) if steps else 0.0
    even = [step for step in steps if abs(step - usual_s) <= max(0.2 * usual_s, 0.002)]
    interlaced = stream.get("field_order", "progressive") not in {"progressive", "unknown"}
    matrix = str(stream.get("color_space", ""))
    return VideoFacts(
        stream=stream["index"],
        codec=stream["codec_name"],
        pixel_format=stream.get("pix_fmt", ""),
        coded_width=stream["width"],
        coded_height=stream["height"],
        rotation=_rotation(stream),
        # The mean of the usual steps, since Matroska rounds times to milliseconds. Field pictures
        # may come in two packets a frame.
        rate=_declared_rate(stream) if usual_s <= 0.0 or interlaced else round(1 / mean(even), 4),
        variable_rate=len(steps) - len(even) > 0.02 * len(steps),
        interlaced=interlaced,
        frames=len(packets.times_s),
        matrix="" if matrix in _UNTAGGED else matrix,
        hdr=_HDR.get(stream.get("color_transfer", ""), ""),
    )


def _declared_rate(stream: dict[str, Any]) -> float:
    above, _, below = str(stream.get("avg_frame_rate", "")).partition("/")
    if above.isdigit() and below.isdigit() and int(above) and int(below):
        return float(Fraction(int(above), int(below)))
    return 25.0


def _audio_facts(stream: dict[str, Any]) -> AudioFacts:
    return AudioFacts(
        stream=stream["index"],
        codec=stream["codec_name"],
        channels=int(stream.get("channels", 0)),
        sample_rate=int(stream.get("sample_rate", 0)),
    )


def _aigc(answer: dict[str, Any]) -> str | None:
    tags: dict[str, str] = answer.get("format", {}).get("tags", {})
    return next((value for name, value in tags.items() if name.lower() == "aigc"), None)
