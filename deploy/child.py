"""One process of the stack as the supervisor holds it: start, watch, kill, bury."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bus.liveness import heartbeat_path, ready_path
from deploy import proc
from deploy.process_spec import ProcessSpec, StackPlan

STACKS_S = 0.3
"""Writing the stacks of a dozen threads takes a few milliseconds."""
State = Literal["waiting", "starting", "ready", "killing", "restarting", "done", "stopped"]

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
_LIBC = ctypes.CDLL(None, use_errno=True)
PROBE_PAUSE_S = 5.0


@dataclass
class Child:
    """State of one process; times are monotonic seconds but for ``since`` (Unix)."""

    spec: ProcessSpec
    state: State = "waiting"
    since: float = 0.0
    pid: int = 0
    ticks: int = 0
    started: float = 0.0
    last_sign: float = 0.0
    last_beat_ns: int = 0
    next_probe: float = 0.0
    next_start: float = 0.0
    restarts: int = 0
    quick_deaths: int = 0
    was_ready: bool = False

    def enter(self, state: State) -> None:
        """Change the state and note when."""
        self.state, self.since = state, time.time()

    @property
    def settled(self) -> bool:
        """Nothing more is awaited of it before the stack counts as ready."""
        return self.was_ready or self.state == "done"

    def row(self) -> dict[str, Any]:
        """What is written down of it."""
        return {
            "name": self.spec.name,
            "title": self.spec.title,
            "pid": self.pid or None,
            "start_ticks": self.ticks or None,
            "state": self.state,
            "since": self.since,
            "restarts": self.restarts,
            "rss_bytes": proc.rss_bytes(self.pid) if self.pid else 0,
        }


def die_with_parent(parent: int) -> None:
    """In a new child, before exec: be killed when the supervisor ends, however it ends."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(1)


def adopt_orphans() -> None:
    """Let grandchildren whose parent died become our children, so that they can be reaped."""
    _LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(child: Child, plan: StackPlan, now: float) -> None:
    """Start the process in a session of its own, its output appended to ``log/NAME.log``.

    Raises OSError where the program cannot be run.
    """
    spec, me = child.spec, os.getpid()
    ready_path(plan.run_dir, spec.name).unlink(missing_ok=True)
    if spec.ready == "file":
        heartbeat_path(plan.run_dir, spec.name).touch()
    with log_path(plan, spec.name).open("ab") as log:
        running = subprocess.Popen(
            spec.argv,
            cwd=spec.cwd,
            env=spec.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(me),  # noqa: PLW1509 - this process has one thread
        )
    child.pid, child.ticks = running.pid, proc.start_ticks(running.pid) or 0
    running.returncode = 0  # reaped by the supervisor's own loop, never by this object
    child.started = child.last_sign = now
    child.last_beat_ns = child.next_probe = 0
    child.enter("starting")


def log_path(plan: StackPlan, name: str) -> Path:
    """Where the output of that process goes."""
    return plan.log_dir / f"{name}.log"


def heard(child: Child, plan: StackPlan, now: float) -> None:
    """Note a heartbeat if there is a new one. Its own time counts for nothing, that it moved does:
    wall clocks are set."""
    try:
        beat_ns = heartbeat_path(plan.run_dir, child.spec.name).stat().st_mtime_ns
    except OSError:
        return
    if beat_ns != child.last_beat_ns:
        child.last_beat_ns, child.last_sign = beat_ns, now


def signal_group(child: Child, number: signal.Signals) -> None:
    """Send a signal to the process and all in its group."""
    if child.pid:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)


def ask_for_stacks(child: Child) -> None:
    """Have a silent process say where it hangs, and give it a moment to. One that is stopped or
    waits in the kernel says nothing."""
    if child.pid:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(child.pid, signal.SIGUSR1)
            time.sleep(STACKS_S)


def ended() -> tuple[int, int] | None:
    """One child that has ended, as (id, status), its group killed before it is reaped.

    The dead leader still holds its id while its group is killed, so nobody else can be hit.
    Status: exit status, or minus the signal's number. None where none has ended.
    """
    try:
        seen = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if seen is None:
        return None
    pid = seen.si_pid
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if pid != os.getpgrp():
            os.killpg(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return pid, os.waitstatus_to_exitcode(status)


def tail(path: Path, lines: int = 12) -> list[str]:
    """Last lines of a log, for the operator."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8192))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:]
    except OSError:
        return []
