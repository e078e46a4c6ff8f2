"""Ask ffprobe about a file through one forced reader: its streams, and the times of its packets."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from streams.clip_facts import Packets
from streams.fence import Fence
from streams.ffmpeg_run import Limits, run
from streams.programs import Programs

MAX_STREAMS = 32
MAX_PIXELS = 40_000_000
_READERS = {"mov": "mov,mp4,m4a,3gp,3g2,mj2", "matroska": "matroska,webm"}
"""A demuxer's full name, which a format white list compares with."""
_Packet = tuple[float, float, int, bool]
"""Time, length, bytes, keyframe."""
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
    output = run(
        [*argv, "-of", "json", str(path)], _LOOK, cwd=path.parent, fence=_only(path, programs)
    )
    answer: dict[str, Any] = json.loads(output.stdout or b"{}")
    return answer


def packets_of(path: Path, reader: str, programs: Programs) -> dict[int, Packets]:
    """Packets by stream index: what is really in the file, whatever its header says."""
    argv = [programs.ffprobe, "-v", "error", *_options(reader)]
    argv += ["-show_entries", "packet=stream_index,pts_time,dts_time,duration_time,size,flags"]
    found: dict[int, list[_Packet]] = {}
    hidden: Counter[int] = Counter()

    def take(line: str) -> None:
        index, pts, dts, duration, size, flags = (line.split(",") + [""] * 6)[:6]
        if not index.isdigit():
            return
        if "D" in flags:
            hidden[int(index)] += 1
            return
        time_s = _seconds(pts, _seconds(dts, -1e9))
        if time_s > -1e9:
            row = time_s, _seconds(duration, 0.0), int(_seconds(size, 0.0)), "K" in flags
            found.setdefault(int(index), []).append(row)

    argv += ["-of", "csv=p=0", str(path)]
    run(argv, _LOOK, cwd=path.parent, on_line=take, fence=_only(path, programs))
    return {index: _packets(rows, hidden[index]) for index, rows in found.items()}


def fields_of(path: Path, reader: str, programs: Programs, stream: int) -> str:
    """``tt``, ``bb`` or ``progressive`` by the first decoded frames: for files whose header is
    silent about it."""
    argv = [programs.ffprobe, "-v", "error", *_options(reader)]
    argv += ["-select_streams", str(stream), "-read_intervals", "%+#12", "-show_entries"]
    argv += ["frame=interlaced_frame,top_field_first", "-of", "csv=p=0", str(path)]
    said = run(argv, _LOOK, cwd=path.parent, fence=_only(path, programs)).stdout
    rows = [line.split(",")[:2] for line in said.decode("utf-8", "replace").split()]
    split = [row for row in rows if row[:1] == ["1"]]
    if not split or 2 * len(split) <= len(rows):
        return "progressive"
    return "tt" if 2 * sum(row[1:] == ["1"] for row in split) >= len(split) else "bb"


def _only(path: Path, programs: Programs) -> Fence:
    return programs.fence([path.resolve()])


def _options(reader: str) -> list[str]:
    return [text for name, value in reading(reader).items() for text in (f"-{name}", str(value))]


def _packets(rows: list[_Packet], hidden: int) -> Packets:
    rows.sort()
    times = [row[0] for row in rows]
    last_s = rows[-1][1] or (times[-1] - times[-2] if len(times) > 1 else 0.0)
    return Packets(
        times_s=times,
        end_s=max(times[-1] + last_s, *(row[0] + row[1] for row in rows[-64:])),
        keys_s=[row[0] for row in rows if row[3]],
        sizes=[row[2] for row in rows],
        hidden=hidden,
    )


def _seconds(text: str, otherwise: float) -> float:
    try:
        return float(text)
    except ValueError:
        return otherwise
