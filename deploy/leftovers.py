"""What a supervisor that was killed left behind, and who holds the data folder."""

import contextlib
import fcntl
import json
import os
import signal
from pathlib import Path
from typing import Any

from deploy import proc


def take_lock(run_dir: Path) -> int | None:
    """Lock the data folder for this process; return the descriptor, or None: another has it."""
    descriptor = os.open(run_dir / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def read_state(run_dir: Path) -> dict[str, Any] | None:
    """What the supervisor last wrote; None where there is nothing readable."""
    try:
        content = json.loads((run_dir / "supervisor.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def find_leftovers(data: Path) -> list[int]:
    """Live processes of an earlier supervisor of this data folder.

    By the ids and start times it wrote down, and by the mark in their environment, which
    their own children (ffmpeg) carry too.
    """
    state = read_state(data / "run") or {}
    rows = [*state.get("processes", []), state]
    written = [
        int(row["pid"])
        for row in rows
        if row.get("pid") and proc.is_same(int(row["pid"]), int(row.get("start_ticks") or 0))
    ]
    own = set(proc.ancestors(os.getpid()))
    return sorted({*written, *proc.of_stack(str(data))} - own)


def kill_leftovers(data: Path, limit_s: float = 10.0) -> int:
    """Kill them all and wait until they are gone; return how many.

    Call with the lock held, so that what is found has no supervisor. Raises RuntimeError where one
    cannot be killed: then nothing may be started, its owner of an account might still be at work.
    """
    killed: set[int] = set()
    while pids := find_leftovers(data):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if left := proc.wait_gone(pids, limit_s):
            raise RuntimeError(f"processes of an earlier run cannot be killed: {left}")
        killed.update(pids)  # and look again: one may have started another meanwhile
    return len(killed)
