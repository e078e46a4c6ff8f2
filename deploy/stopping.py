"""The end of a stack: everything stopped in reverse order, within bounded time, nothing left."""

import contextlib
import os
import signal
import subprocess
import time

from deploy import child as children
from deploy import proc
from deploy.child import Child

FOREGROUND_GRACE_S = 10.0
LAST_LIMIT_S = 10.0


def stop_all(members: list[Child], foreground: "subprocess.Popen[bytes] | None") -> list[int]:
    """Stop the foreground command, then layer after layer; return what could not be ended.

    SIGTERM, the process's own grace, SIGKILL to its group. At last every process that is still
    below us is killed: a grandchild that had left its parent's group too.
    """
    if foreground is not None:
        _stop_foreground(foreground)
    for layer in sorted({member.spec.layer for member in members}, reverse=True):
        _stop_layer([m for m in members if m.spec.layer == layer and m.pid])
    return _sweep()


def _stop_foreground(foreground: "subprocess.Popen[bytes]") -> None:
    alive = {foreground.pid}
    _signal(foreground.pid, signal.SIGTERM)
    _reap_until_gone(alive, time.monotonic() + FOREGROUND_GRACE_S)
    if alive:
        _signal(foreground.pid, signal.SIGKILL)
        _reap_until_gone(alive, time.monotonic() + LAST_LIMIT_S)


def _stop_layer(members: list[Child]) -> None:
    began = time.monotonic()
    alive = {member.pid for member in members}
    for member in members:
        # To it alone: a process ends its own children in its own way (a clip half transcoded).
        _signal(member.pid, signal.SIGTERM)
        _signal(member.pid, signal.SIGCONT)
    for member in sorted(members, key=lambda m: m.spec.grace_s):
        _reap_until_gone(alive, began + member.spec.grace_s, member.pid)
        if member.pid in alive:
            children.signal_group(member, signal.SIGKILL)
    _reap_until_gone(alive, time.monotonic() + LAST_LIMIT_S)
    for member in members:
        if member.pid not in alive:
            member.pid = member.ticks = 0
            member.enter("stopped")


def _reap_until_gone(alive: set[int], deadline: float, awaited: int = 0) -> None:
    """Reap until the awaited one (0: all of them) has gone, or the time is over."""
    while True:
        while (end := children.ended()) is not None:
            alive.discard(end[0])
        gone = awaited not in alive if awaited else not alive
        if gone or time.monotonic() > deadline:
            return
        time.sleep(0.02)


def _sweep() -> list[int]:
    deadline = time.monotonic() + LAST_LIMIT_S
    while True:
        while children.ended() is not None:
            pass
        below = [pid for pid in proc.family(os.getpid())[1:] if proc.start_ticks(pid) is not None]
        if not below or time.monotonic() > deadline:
            return below
        for pid in below:
            _signal(pid, signal.SIGKILL)
        time.sleep(0.02)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
