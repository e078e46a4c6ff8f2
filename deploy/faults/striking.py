"""What every strike works with, and how the processes of the stack are found."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy import proc
from deploy.faults.history import History
from deploy.faults.newsroom import Newsroom
from deploy.faults.places import Places
from deploy.faults.proxy import Network
from deploy.faults.schedule import Fault
from deploy.stack import s3
from schemas.settings import REPOSITORY

START_PATIENCE_S = 180.0


@dataclass
class Field:
    """Where faults strike: one stack, its network and its people."""

    places: Places
    network: Network
    newsroom: Newsroom
    history: History
    stopped: threading.Event
    """Set when the run heals: strikes under way take back what they did at once."""
    struck: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    stack: "subprocess.Popen[bytes] | None" = None
    module: str = "deploy.faults.stack"
    """What is run as the stack."""
    environment: dict[str, str] = field(default_factory=dict)
    """What the stack is told besides."""

    def start_stack(self, *, under_fire: bool = False) -> None:
        """Start the stack and wait until all of it is ready; raises RuntimeError with its log.

        ``under_fire``: other faults may kill parts of it, or all of it, meanwhile; nothing is
        raised and the wait is short.
        """
        log = self.places.folder / "stack.log"
        command = [sys.executable, "-m", self.module]
        command += [str(self.places.folder), str(self.places.port_base), str(self.places.nodes)]
        with log.open("ab") as out:
            self.stack = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env={**os.environ, **self.environment},
            )
        end = time.monotonic() + (40.0 if under_fire else START_PATIENCE_S)
        while time.monotonic() < end and not self.stopped.wait(0.2):
            if self.stack.poll() is not None and under_fire:
                return
            if self.stack.poll() is not None:
                raise RuntimeError(f"the stack ended:\n{_tail(log)}")
            rows = processes(self.places)
            if rows and all(row["state"] in {"ready", "done"} for row in rows.values()):
                return
        if not self.stopped.is_set() and not under_fire:
            raise RuntimeError(
                f"the stack was not ready in {START_PATIENCE_S:.0f} s:\n{_tail(log)}"
            )

    def kill_stack(self) -> None:
        """SIGKILL of the supervisor; its children die with it."""
        if self.stack is not None and self.stack.poll() is None:
            self.stack.kill()
            self.stack.wait()
        self._sweep()

    def stop_stack(self) -> None:
        """End it as Ctrl-C would; whatever happens nothing of it is left."""
        if self.stack is not None and self.stack.poll() is None:
            self.stack.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.stack.wait(40)
        self.kill_stack()
        for path in s3.socket_paths(self.places.settings):
            path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        left = proc.of_stack(str(self.places.data.resolve()))
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        proc.wait_gone(left, 10)


def processes(places: Places) -> dict[str, dict[str, Any]]:
    """The supervisor's own list by name; empty where it cannot be read."""
    try:
        text = (places.data / "run" / "supervisor.json").read_text(encoding="utf-8")
        state = json.loads(text)
        if not proc.is_same(int(state["pid"]), int(state["start_ticks"])):
            return {}
        return {row["name"]: row for row in state["processes"]}
    except (OSError, ValueError, KeyError):
        return {}


def pid_of(places: Places, name: str) -> int | None:
    """Id of a process that lives now."""
    row = processes(places).get(name)
    if not row or not row["pid"] or not proc.is_same(row["pid"], row["start_ticks"]):
        return None
    return int(row["pid"])


def broker(places: Places, fault: Fault) -> str:
    """Which broker a fault of ``kafka`` strikes: the only one, or one by its number."""
    return places.kafkas[fault.id % len(places.kafkas)]


def own_fault(fault: Fault) -> dict[str, Any]:
    """A fault for the history."""
    return {"id": fault.id, "kind": fault.kind, "target": fault.target, **fault.detail}


def _tail(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")[-3000:]
