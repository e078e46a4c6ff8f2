"""Start of the whole stack with packages cached, and what it costs in memory when settled."""

import json
import time
from pathlib import Path
from typing import Any

from bench._stack import Stack, row, rss_bytes, running

SETTLE_S = 30.0


def measure() -> list[dict[str, Any]]:
    """Rows ``ready`` (seconds) and ``resident`` (MiB, all processes together, settled)."""
    with running() as stack:
        time.sleep(SETTLE_S)
        each = resident(stack)
    rows = [
        row("stack", "ready", stack.ready_s, "s", 15.0),
        row("stack", "resident", sum(each.values()), "MiB", 1024.0),
    ]
    return rows + [row("stack", f"resident.{name}", value, "MiB") for name, value in each.items()]


def resident(stack: Stack) -> dict[str, float]:
    """Resident MiB by process, the supervisor included."""
    told = json.loads((stack.settings.run_dir / "supervisor.json").read_text())
    found = {p["name"]: rss_bytes(p["pid"]) / 2**20 for p in told["processes"] if p["pid"]}
    found["supervisor"] = rss_bytes(stack.pid) / 2**20
    return {name: value for name, value in found.items() if value and Path("/proc").exists()}
