"""Ask ffprobe about a file through one forced reader: its streams, and the times of its packets."""

import json
from pathlib import Path
from typing import Any

from streams.clip_facts import Packets
from streams.ffmpeg_run import Limits, run
from streams.programs import Programs

MAX_STREAMS = 32
MAX_PIXELS = 40_000_000
_READERS = {"mov": "mov,mp4,m4a,3gp,3g2,mj2", "matroska": "matroska,webm"}
"""A demuxer's full name, which a format white list compares with."""
_LOOK = Limits(wall_s=60, cpu_s=20, memory_bytes=3 * 1024**3)


def reading(reader: str) -> dict[str, str | int]:
    """Input options that keep a crafted file from opening any other file or address."""
    return {
        "f": reader,
        "protocol_whitelist": "file",
        "format_whitelist": _READERS.get(reader, reader),
        "max_streams": MAX_STREAMS,
        "max_pixels": MAX_PIXELS,
    }


def streams_of(path: Path, reader: str, programs: Programs) -> dict[str, Any]:
    """ffprobe's ``format`` and ``streams``; raises ProgramFailed with ffprobe's words."""
    argv = [programs.ffprobe, "-v", "error", *_options(reader), "-show_format", "-show_streams"]
    output = run([*argv, "-of", "json", str(path)], _LOOK, cwd=path.parent)
    answer: dict[str, Any] = json.loads(output.stdout or b"{}")
    return answer


def packets_of(path: Path, reader: str, programs: Programs) -> dict[int, Packets]:
    """Packets by stream index: what is really in the file, whatever its header says."""
    argv = [programs.ffprobe, "-v", "error", *_options(reader)]
    argv += ["-show_entries", "packet=stream_index,pts_time,dts_time,duration_time,flags"]
    found: dict[int, list[tuple[float, float]]] = {}

    def take(line: str) -> None:
        index, pts, dts, duration, flags = (line.split(",") + [""] * 5)[:5]
        if "D" in flags or not index.isdigit():
            return
        time_s = _seconds(pts, _seconds(dts, -1e9))
        if time_s > -1e9:
            found.setdefault(int(index), []).append((time_s, _seconds(duration, 0.0)))

    run([*argv, "-of", "csv=p=0", str(path)], _LOOK, cwd=path.parent, on_line=take)
    return {index: _packets(rows) for index, rows in found.items()}


def _options(reader: str) -> list[str]:
    return [text for name, value in reading(reader).items() for text in (f"-{name}", str(value))]


def _packets(rows: list[tuple[float, float]]) -> Packets:
    rows.sort()
    times = [time_s for time_s, _ in rows]
    last_s = rows[-1][1] or (times[-1] - times[-2] if len(times) > 1 else 0.0)
    return Packets(
        times, max(times[-1] + last_s, *(time_s + long_s for time_s, long_s in rows[-64:]))
    )


def _seconds(text: str, otherwise: float) -> float:
    try:
        return float(text)
    except ValueError:
        return otherwise
