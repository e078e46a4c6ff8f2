"""``run/supervisor.json``: what the supervisor knows, for ``./run ps`` and for the next start."""

import contextlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy import proc
from deploy.child import Child
from deploy.process_spec import StackPlan

EVERY_S = 2.0


@dataclass
class StateFile:
    """Written in one step at each change and every two seconds; removed at an orderly end."""

    plan: StackPlan
    members: list[Child]
    began: float
    """Unix seconds."""
    written: float = 0.0
    last: list[tuple[str, int, int]] = field(default_factory=list)
    last_state: str = ""

    def write(self, now: float, state: str) -> None:
        """Write if something changed or it is time (monotonic seconds).

        A full disk stops the reporting, not the work.
        """
        states: list[tuple[str, int, int]] = [(m.state, m.pid, m.restarts) for m in self.members]
        changed = states != self.last or state != self.last_state
        if not changed and now - self.written < EVERY_S:
            return
        self.written, self.last, self.last_state = now, states, state
        draft = self.plan.state_path.with_name(".supervisor.json")
        with contextlib.suppress(OSError):
            draft.write_text(json.dumps(self._content(state), ensure_ascii=False), "utf-8")
            draft.replace(self.plan.state_path)

    def remove(self) -> None:
        """Say that nothing runs."""
        with contextlib.suppress(OSError):
            self.plan.state_path.unlink(missing_ok=True)

    def _content(self, state: str) -> dict[str, Any]:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return {
            "pid": os.getpid(),
            "start_ticks": proc.start_ticks(os.getpid()),
            "state": state,
            "since": self.began,
            "data": self.plan.data,
            "port_base": self.plan.port_base,
            "rss_bytes": int(pages) * proc.PAGE_BYTES,
            "processes": [member.row() for member in self.members],
        }
