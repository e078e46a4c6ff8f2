"""A clip's renditions beside bare ffmpeg with the same outputs, in the same run.

``total`` is the upright clip, the web's sizes and the station's file, with looking, listening and
checking; ``first`` the time until the first clip of the new media is ready. The floor is one bare
ffmpeg that makes all of it at once and checks nothing. ``peer`` is the usual script: one ffmpeg a
size, one after the other, everything published at its end.
"""

import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench._stack import row
from deploy.demo.clips import write_clip
from schemas.errors import PermanentError
from schemas.rendition import RecipeName
from schemas.settings import REPOSITORY, Settings
from streams.inspect import inspect
from streams.programs import Programs, find_programs
from streams.transcode import make_group

_RECIPES: list[RecipeName] = ["vertical", "web_hls", "tv_xdcam_hd422"]
_X264 = "-c:v libx264 -preset veryfast -profile:v high -pix_fmt yuv420p"
_WEB = "-f hls -hls_segment_type fmp4 -hls_flags single_file -hls_time 6 -hls_playlist_type vod"
_CUTS = "-g 75 -sc_threshold 0 -force_key_frames expr:gte(t,n_forced*2)"
_AAC = "-c:a aac -b:a 128k -ar 48000 -ac 2"
_XDCAM = (
    "-c:v mpeg2video -profile:v 0 -level:v 2 -b:v 50M -minrate 50M -maxrate 50M -bufsize 36408320 "
    "-rc_init_occupancy 36408320 -g 12 -bf 2 -b_strategy 0 -sc_threshold 1000000000 "
    "-flags +ildct+ilme -intra_vlc 1 -non_linear_quant 1 -dc 10 -qmin 1 -qmax 12"
)
_SIZES = (("v360", "640:360", 900), ("v720", "1280:720", 3000), ("v1080", "1920:1080", 6000))
_UPRIGHT = (
    "split[b][f];[b]scale=134:240:force_original_aspect_ratio=increase,crop=134:240,gblur=4,"
    "eq=brightness=-0.12:saturation=0.85,scale=1080:1920[g];[f]scale=1080:608[h];[g][h]overlay=0:656"
)


def measure(minutes: float = 0.2) -> list[dict[str, Any]]:
    """Seconds, and ratios to the bare total; on the demo's 1080p mountains, ``minutes`` long."""
    programs = find_programs(Settings())
    with tempfile.TemporaryDirectory(prefix="shoufa-bench-") as folder:
        place = Path(folder)
        clip = _clip(place, programs, minutes * 60)
        before = _cpu_s()
        floor = _bare(place, programs, clip)
        bare_cpu, before = _cpu_s() - before, _cpu_s()
        peer = _peer(place, programs, clip)
        peer_cpu, before = _cpu_s() - before, _cpu_s()
        first, total, conforming = _ours(place / "ours", programs, clip)
        total_cpu = _cpu_s() - before
        copied = _conforming(place / "copied", programs, conforming)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return [
        row("video", "bare_total", floor, "s"),
        row("video", "total", total, "s", floor),
        row("video", "first", first, "s", floor),
        row("video", "passthrough", copied, "s", floor),
        row("video", "peer", peer, "s", floor),
        row("video", "bare_cpu", bare_cpu, "s"),
        row("video", "total_cpu", total_cpu, "s", bare_cpu),
        row("video", "peer_cpu", peer_cpu, "s", bare_cpu),
        row("video", "peak_memory_of_a_process", peak, "MiB"),
    ]


def _clip(place: Path, programs: Programs, seconds: float) -> Path:
    source = write_clip("mountains", _made(REPOSITORY / ".cache" / "demo"), programs.ffmpeg)
    path = place / "source.mp4"
    _run(programs, place, f"-stream_loop -1 -i {source} -t {seconds:.2f} -c copy {path}")
    return path


def _bare(place: Path, programs: Programs, clip: Path) -> float:
    split = "[0:v]split=5[s0][s1][s2][u][t];"
    sizes = "".join(f"[s{n}]scale={size}[v{n}];" for n, (_, size, _) in enumerate(_SIZES))
    graph = f"{split}{sizes}[u]{_UPRIGHT}[up];[t]format=yuv422p,setfield=tff[tv]"
    outputs = " ".join(
        f"-map [v{n}] {_X264} -crf 22 -maxrate {kbps}k -bufsize {2 * kbps}k {_CUTS} {_WEB} {name}.m3u8"
        for n, (name, _, kbps) in enumerate(_SIZES)
    )
    outputs += f" -map 0:a {_AAC} {_WEB} a.m3u8"
    outputs += f" -map [up] -map 0:a {_X264} -crf 21 -maxrate 8M -bufsize 16M {_AAC} up.mp4"
    outputs += f" -map [tv] -map 0:a {_XDCAM} -c:a pcm_s24le -ar 48000 tv.mxf"
    return _run(programs, _made(place / "bare"), f"-i {clip} -filter_complex {graph} {outputs}")


def _peer(place: Path, programs: Programs, clip: Path) -> float:
    folder, taken = _made(place / "peer"), 0.0
    for name, size, kbps in _SIZES:
        rate = f"-crf 22 -maxrate {kbps}k -bufsize {2 * kbps}k {_CUTS}"
        taken += _run(
            programs, folder, f"-i {clip} -vf scale={size} {_X264} {rate} {_AAC} {_WEB} {name}.m3u8"
        )
    upright = f"{_X264} -crf 21 -maxrate 8M -bufsize 16M {_AAC} up.mp4"
    taken += _run(programs, folder, f"-i {clip} -filter_complex [0:v]{_UPRIGHT} {upright}")
    station = f"-vf format=yuv422p,setfield=tff {_XDCAM} -c:a pcm_s24le -ar 48000 tv.mxf"
    return taken + _run(programs, folder, f"-i {clip} {station}")


def _ours(folder: Path, programs: Programs, clip: Path) -> tuple[float, float, Path]:
    """Until the first, until all, and the upright clip, which conforms to its own recipe."""
    began = time.perf_counter()
    ready: dict[str, float] = {}
    facts = inspect(clip, programs, listen=True)
    group = make_group(
        _RECIPES, clip, facts, _made(folder), programs,
        on_progress=lambda _: None, cancelled=lambda: False, nice=0,
    )  # fmt: skip
    files: dict[str, Path] = {}
    for name, made in group:
        if isinstance(made, PermanentError):
            raise made
        ready[name] = time.perf_counter() - began
        files[name] = made.files[0].path
    return min(ready.values()), max(ready.values()), files["vertical"]


def _conforming(folder: Path, programs: Programs, clip: Path) -> float:
    """A clip as our own recipe makes it, until it is ready for the web."""
    began = time.perf_counter()
    facts = inspect(clip, programs, listen=True)
    group = make_group(
        ["web_hls"], clip, facts, _made(folder), programs,
        on_progress=lambda _: None, cancelled=lambda: False, nice=0,
    )  # fmt: skip
    for _, made in group:
        if isinstance(made, PermanentError):
            raise made
        assert made.facts.get("copied"), "nothing was copied"
    return time.perf_counter() - began


def _cpu_s() -> float:
    """CPU seconds of all programs so far: steadier than the clock on a machine that is shared."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run(programs: Programs, folder: Path, arguments: str) -> float:
    argv = [programs.ffmpeg, "-v", "error", "-nostdin", "-y", *arguments.split(" ")]
    began = time.perf_counter()
    subprocess.run(argv, cwd=folder, check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - began
