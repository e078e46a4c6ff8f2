"""What the supervisor is told: the processes of a stack, in a form that can be written down.

Standard library only: the supervisor is a small process of its own that reads this as JSON.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

Readiness = Literal["exit", "file", "kafka", "http"]
"""How a process shows that it is ready.

``exit``: it is a step that ends with status 0. ``file``: it writes ``run/NAME.ready`` and beats
(see bus.liveness). ``kafka``, ``http``: it answers on ``port``; asked again all the time.
"""


@dataclass(frozen=True)
class ProcessSpec:
    """One process of the stack."""

    name: str
    title: str
    """What it is, Chinese first, for the operator."""
    argv: list[str]
    cwd: str
    env: dict[str, str]
    """The whole environment."""
    ready: Readiness
    port: int = 0
    after: list[str] = field(default_factory=list)
    """Names that must be ready (steps: done) before this one is started for the first time."""
    layer: int = 1
    """Stopped from the highest to 0; those of one layer together."""
    grace_s: float = 10.0
    """Seconds from SIGTERM to SIGKILL."""
    silence_limit_s: float = 30.0
    """Without a sign of life for so long it is killed and started again."""
    tells_stacks: bool = False
    """On SIGUSR1 it writes every thread's stack to its log."""
    start_limit_s: float = 90.0
    """Not ready so long after its start, it is killed and started again."""


@dataclass(frozen=True)
class StackPlan:
    """All that the supervisor must know."""

    data: str
    port_base: int
    processes: list[ProcessSpec]
    lock_fd: int = -1
    """Descriptor that holds the lock of the data folder."""
    places: list[tuple[str, str]] = field(default_factory=list)
    """What is where, shown when all is ready."""
    foreground: list[str] | None = None
    """Command run on the terminal once all is ready."""
    foreground_cwd: str = "."
    stop_when_done: bool = False
    quiet: bool = False
    leave_nothing: list[str] = field(default_factory=list)
    """Files to remove at the end."""

    @property
    def run_dir(self) -> Path:
        return Path(self.data) / "run"

    @property
    def log_dir(self) -> Path:
        return Path(self.data) / "log"

    @property
    def state_path(self) -> Path:
        return self.run_dir / "supervisor.json"


def write_plan(plan: StackPlan, path: Path) -> None:
    """Write the plan, readable by the owner alone (environments are in it)."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(plan), ensure_ascii=False), encoding="utf-8")


def read_plan(path: Path) -> StackPlan:
    """The plan that write_plan wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    content["processes"] = [ProcessSpec(**row) for row in content["processes"]]
    content["places"] = [(name, place) for name, place in content["places"]]
    return StackPlan(**content)
