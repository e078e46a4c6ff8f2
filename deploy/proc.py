"""What Linux says of processes: who they are, since when, how large, whose children.

A process is named by its id and its start time together, since ids come round again.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
STACK_MARK = "SHOUFA_STACK"
"""Environment variable with the data folder: every process of a stack inherits it."""


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third on; empty where there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def start_ticks(pid: int) -> int | None:
    """Start time in clock ticks since boot; None where there is no such live process."""
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] not in "ZX" else None


def is_same(pid: int, ticks: int) -> bool:
    """Whether the process of that id is still the one that started at that time."""
    return start_ticks(pid) == ticks


def cpu_s(pid: int) -> float:
    """CPU seconds used by the process itself so far; 0 where it is gone."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S if fields else 0.0


def children(pid: int) -> list[int]:
    """Ids of its children."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - names only, every 2 s
            text = Path(f"/proc/{pid}/task/{thread}/children").read_text(encoding="ascii")
            found.extend(int(word) for word in text.split())
    except OSError:
        pass
    return found


def family(pid: int) -> list[int]:
    """The process and all its descendants."""
    members, i = [pid], 0
    while i < len(members):
        members.extend(children(members[i]))
        i += 1
    return members


def rss_bytes(pid: int) -> int:
    """Resident memory of the process with its descendants; 0 where it is gone."""
    total = 0
    for member in family(pid):
        try:
            text = Path(f"/proc/{member}/statm").read_text(encoding="ascii")
            total += int(text.split()[1]) * PAGE_BYTES
        except (OSError, IndexError):
            continue
    return total


def ancestors(pid: int) -> Iterator[int]:
    """The process and all above it."""
    while pid > 0:
        yield pid
        fields = _stat(pid)
        pid = int(fields[1]) if fields else 0


def of_stack(data: str) -> list[int]:
    """Live processes that carry the mark of that data folder, but for us and those above us."""
    mark = f"{STACK_MARK}={data}".encode()
    own = set(ancestors(os.getpid()))
    found = []
    for entry in os.listdir("/proc"):  # noqa: PTH208 - thousands of names
        if not entry.isdigit() or int(entry) in own:
            continue
        try:
            environment = Path(f"/proc/{entry}/environ").read_bytes()
        except OSError:
            continue
        if mark in environment.split(b"\0") and start_ticks(int(entry)) is not None:
            found.append(int(entry))
    return found


def wait_gone(pids: list[int], limit_s: float) -> list[int]:
    """Wait until none of them lives, at most so long; return those that still do."""
    deadline = time.monotonic() + limit_s
    while alive := [pid for pid in pids if start_ticks(pid) is not None]:
        if time.monotonic() > deadline:
            return alive
        time.sleep(0.02)
    return []
