"""A supervisor over small scripts, for the tests of what it does with processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.proc import STACK_MARK
from deploy.process_spec import ProcessSpec, StackPlan, write_plan
from schemas.settings import REPOSITORY

SERVICE = """
import json, os, sys, time
from pathlib import Path
run, name = Path(sys.argv[1]), sys.argv[2]
lives = run / f"{name}.lives"
before = lives.read_text().split() if lives.exists() else []
alive = [pid for pid in before if os.path.exists(f"/proc/{pid}")]
with lives.open("a") as file:
    file.write(f"{os.getpid()} ")
if alive:
    (run / f"{name}.overlap").touch()
def ready():
    (run / f"{name}.ready").write_text(json.dumps({"pid": os.getpid()}))
def beat():
    os.utime(run / f"{name}.heartbeat")
"""
STEADY = SERVICE + "\nready()\nwhile True:\n    beat()\n    time.sleep(0.05)\n"


def spec(data: Path, name: str, code: str, **given: Any) -> ProcessSpec:
    """A process that runs that Python code with the run folder and its name as arguments."""
    settings: dict[str, Any] = {"ready": "file", "grace_s": 3.0, "silence_limit_s": 5.0} | given
    return ProcessSpec(
        name=name,
        title=name,
        argv=[sys.executable, "-S", "-c", code, str(data / "run"), name],
        cwd=str(data),
        env={"PATH": os.defpath, STACK_MARK: str(data)},
        **settings,
    )


@dataclass
class Supervised:
    """A running supervisor."""

    process: subprocess.Popen[str]
    data: Path

    def state(self) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads(
                (self.data / "run" / "supervisor.json").read_text()
            )
            return content
        except FileNotFoundError:
            return {"state": "", "processes": []}

    def row(self, name: str) -> dict[str, Any]:
        rows: list[dict[str, Any]] = self.state()["processes"]
        return next((row for row in rows if row["name"] == name), {"pid": None, "restarts": 0})

    def until(self, met: Callable[[], bool], limit_s: float = 8.0) -> None:
        """Wait until that holds; fails with the supervisor's log otherwise."""
        deadline = time.monotonic() + limit_s
        while not met():
            if time.monotonic() > deadline:
                log = self.data / "log" / "supervisor.log"
                raise AssertionError(log.read_text() if log.exists() else "no log")
            time.sleep(0.02)

    def until_ready(self) -> None:
        self.until(lambda: self.state()["state"] == "ready")

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Tell it to stop; its exit status and all it printed."""
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=10)
        return self.process.returncode, out

    def wait(self) -> tuple[int, str]:
        out, _ = self.process.communicate(timeout=10)
        return self.process.returncode, out


def supervise(data: Path, specs: list[ProcessSpec], **given: Any) -> Supervised:
    """Start a supervisor of its own process over these."""
    for folder in ("run", "log"):
        (data / folder).mkdir(parents=True, exist_ok=True)
    plan = StackPlan(data=str(data), port_base=9100, processes=specs, **given)
    path = data / "run" / "plan.json"
    write_plan(plan, path)
    process = subprocess.Popen(
        [sys.executable, "-S", "-m", "deploy.supervisor_loop", str(path)],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # as from a terminal, also where this run was started by nohup
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL) and None,  # noqa: PLW1509  # one thread here
    )
    return Supervised(process, data)


def alive(pid: int) -> bool:
    """Whether the process lives (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
