"""Start of the whole stack with packages cached, and what it costs in memory.

``resident`` is the stack settled; ``after-demo`` the same once a day of the demo has gone through
it (every kind of story, ffmpeg, all outlets) and no ffmpeg runs any more.
"""

import os
import subprocess
import sys
import time
from typing import Any

from bench._stack import Stack, resident, row, running
from schemas.settings import REPOSITORY

SETTLE_S = 30.0


def measure() -> list[dict[str, Any]]:
    """Rows ``ready`` (seconds), ``resident`` and ``after-demo`` (MiB, all processes together)."""
    with running() as stack:
        time.sleep(SETTLE_S)
        settled = resident(stack)
        _play(stack)
        time.sleep(SETTLE_S)
        after = resident(stack)
    rows = [
        row("stack", "ready", stack.ready_s, "s", 15.0),
        row("stack", "resident", sum(settled.values()), "MiB", 1024.0),
        row("stack", "after-demo", sum(after.values()), "MiB", 1.2 * 1024.0),
    ]
    for figure, each in (("resident", settled), ("after-demo", after)):
        rows += [row("stack", f"{figure}.{name}", mib, "MiB") for name, mib in each.items()]
    return rows


def _play(stack: Stack) -> None:
    """The demo's day through this stack."""
    told = subprocess.run(
        [sys.executable, str(REPOSITORY / "shoufa.py"), "guide"],
        cwd=REPOSITORY,
        check=False,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "SHOUFA_DATA": str(stack.settings.data),
            "SHOUFA_PORT_BASE": str(stack.settings.port_base),
        },
    )
    if told.returncode:
        raise RuntimeError(f"the demo failed:\n{told.stdout[-1000:]}{told.stderr[-2000:]}")
