"""Run ffmpeg or ffprobe confined: limits, progress, cancel, a bounded memory of what it said.

The program is started through :mod:`streams.confined` in a session of its own. Linux sends the
death signal when the *thread* that started the program ends, so a run must be waited for in the
thread that started it, which :func:`run` does.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from schemas.errors import PipelineError, StorageFull, TransientError
from streams.fence import Fence, rules, wrapped
from streams.pipes import Kept, Lines

_CONFINED = Path(__file__).with_name("confined.py")
_TICK_S = 0.2
_TERM_GRACE_S = 4.0
_STDERR_LINES = 200


class Cancelled(PipelineError):
    """The caller asked to stop; the program is gone, nothing of it counts."""


class ProgramFailed(PipelineError):
    """The program ended by itself and not well: the source or the command is to blame."""

    def __init__(self, program: str, status: int, lines: list[str]) -> None:
        super().__init__(f"{program} ended with {status}: {lines[-1] if lines else 'no message'}")
        self.status = status
        self.lines = lines


@dataclass(frozen=True)
class Limits:
    """What one run may use. ``wall_s`` and ``cpu_s`` must never rest on a declared duration."""

    wall_s: float
    cpu_s: float
    file_bytes: int = 64 * 1024 * 1024
    memory_bytes: int = 6 * 1024**3
    open_files: int = 256
    nice: int = 0


@dataclass
class Output:
    """What a finished run said."""

    stdout: bytearray = field(default_factory=bytearray)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_STDERR_LINES))
    """Last lines of stderr."""
    line_count: int = 0


def never() -> bool:
    """For a run that nobody cancels."""
    return False


def run(
    argv: Sequence[str],
    limits: Limits,
    *,
    cwd: Path,
    cancelled: Callable[[], bool] = never,
    on_line: Callable[[str], None] | None = None,
    keep_bytes: int = 16 * 1024 * 1024,
    fence: Fence | None = None,
) -> Output:
    """Run to the end and return what was said. Without a ``fence`` it may read the whole disk,
    which is for programs that read nothing of strangers.

    ``on_line`` gets each line of stdout, which is then not kept; otherwise ``keep_bytes`` of it
    are. Raises Cancelled, ProgramFailed, StorageFull, or TransientError (too slow by the clock,
    or killed from outside). Whatever is raised, no process of the run is left.
    """
    output = Output()
    process = subprocess.Popen(
        _confined(list(argv), limits, fence, cwd),
        cwd=cwd,
        env=_environment(cwd),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        with process:
            ending = _watch(process, output, limits, cancelled, on_line, keep_bytes)
    finally:
        _kill(process)
    name = Path(argv[0]).name
    if ending == "cancelled":
        raise Cancelled(f"{name} was cancelled")
    if ending == "late":
        raise TransientError(f"{name} was still running after {limits.wall_s:.0f} s")
    if ending == "heavy":
        raise ProgramFailed(name, -signal.SIGXCPU, [f"used over {limits.cpu_s:.0f} s of CPU time"])
    _judge(name, process.returncode, output)
    return output


def _confined(argv: list[str], limits: Limits, fence: Fence | None, cwd: Path) -> list[str]:
    way = fence.sandbox if fence is not None else "none"
    wanted = {
        "parent": os.getpid(),
        "nice": limits.nice,
        "memory_bytes": limits.memory_bytes,
        "cpu_s": max(1, round(limits.cpu_s)),
        "file_bytes": limits.file_bytes,
        "open_files": limits.open_files,
        "network": way == "bwrap",
        "paths": rules(argv[0], fence) if fence is not None and way == "landlock" else None,
    }
    if fence is not None and way == "bwrap":
        argv = wrapped(argv, fence, cwd)
    return [sys.executable, "-I", "-S", str(_CONFINED), json.dumps(wanted), "--", *argv]


def _environment(cwd: Path) -> dict[str, str]:
    """No secret of ours reaches a program that reads hostile files. Few memory arenas, since each
    thread's own counts against the limit of address space on a machine with many cores."""
    return {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": str(cwd),
        "TMPDIR": str(cwd),
        "MALLOC_ARENA_MAX": "4",
    }


def _watch(
    process: subprocess.Popen[bytes],
    output: Output,
    limits: Limits,
    cancelled: Callable[[], bool],
    on_line: Callable[[str], None] | None,
    keep_bytes: int,
) -> str:
    """Drain both pipes until they close; ``ended``, ``cancelled``, ``late`` or ``heavy``."""
    assert process.stdout is not None
    assert process.stderr is not None
    stdout = Lines(on_line) if on_line else Kept(output.stdout, keep_bytes)
    sinks: dict[IO[bytes], Lines | Kept] = {
        process.stdout: stdout,
        process.stderr: Lines(lambda line: _remember(output, line)),
    }
    end = time.monotonic() + limits.wall_s
    next_question = time.monotonic() + _TICK_S
    with selectors.DefaultSelector() as selector:
        for pipe, sink in sinks.items():
            selector.register(pipe, selectors.EVENT_READ, sink)
        while selector.get_map():
            for key, _ in selector.select(timeout=_TICK_S):
                chunk = os.read(key.fd, 65536)
                if not chunk:
                    selector.unregister(key.fileobj)
                key.data.feed(chunk)
            now = time.monotonic()
            if now >= next_question:
                next_question = now + _TICK_S
                if cancelled():
                    _stop(process)
                    return "cancelled"
                if _cpu_s(process.pid) > limits.cpu_s:
                    _stop(process)
                    return "heavy"
            if now > end:
                _stop(process)
                return "late"
    try:
        process.wait(timeout=max(1.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        return "late"
    return "ended"


def _cpu_s(pid: int) -> float:
    """CPU seconds so far, those of its children too, since a sandbox is a process of its own;
    ffmpeg takes SIGXCPU for a polite request, so the limit alone is mute."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    except (OSError, UnicodeDecodeError):
        return 0.0
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(_cpu_s(int(child)) for child in children)


def _remember(output: Output, line: str) -> None:
    output.lines.append(line)
    output.line_count += 1


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the whole group, SIGKILL four seconds later: gone within five in all."""
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()  # a program that writes to a full pipe would never see the signal
    _signal(process, signal.SIGTERM)
    try:
        process.wait(timeout=_TERM_GRACE_S)
    except subprocess.TimeoutExpired:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _judge(name: str, status: int, output: Output) -> None:
    """Raise what an exit status and the last words mean; return when all is well."""
    if status == 0:
        return
    lines = list(output.lines)
    if any("No space left on device" in line for line in lines):
        raise StorageFull(f"{name}: no space left on device")
    killed = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
    if status in {255, *(-one for one in killed), *(128 + one for one in killed)}:
        # 255 is how ffmpeg ends after SIGTERM, 128 and more how a sandbox tells of a signal;
        # nobody of us sent one.
        raise TransientError(f"{name} was killed from outside (status {status})")
    raise ProgramFailed(name, status, lines)
