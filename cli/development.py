"""Commands of the next developer: tests, checks, figures."""

import importlib
import inspect
import json
import os
import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.table import Table

import bench
from cli.tables import terminal
from deploy.stack.postgres import ensure_postgres
from schemas.settings import REPOSITORY

out = terminal()

QUICK = ["-m", "not slow", "-n", "3"]
"""Three workers keep two cores busy while one waits for a process or a clock."""
FAST = [*QUICK, "--hypothesis-profile=fast"]
SLOW = ["-m", "slow"]
MEMORY_DISK = Path("/dev/shm")  # noqa: S108  # pytest makes folders of its own there
MEMORY_DISK_FREE = 2 * 2**30


def run_tests(*, fast: bool, selection: list[str]) -> int:
    """pytest over the whole tree, first what needs no real part, on several workers and on a disk
    of memory where there is one, then what does, alone and on the real disk. ``fast`` leaves the
    second part out and plays fewer random examples. A selection is run as it is."""
    if not fast:
        ensure_postgres()
    if fast:
        return _pytest([*FAST, *selection], in_memory=True)
    if selection:
        return _pytest(selection, in_memory=False)
    quick = _pytest(QUICK, in_memory=True)
    slow = _pytest(SLOW, in_memory=False)
    return quick or slow


def _pytest(arguments: list[str], *, in_memory: bool) -> int:
    # each module compiled once, not by each worker and each process that a test starts
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    roomy = MEMORY_DISK.is_dir() and shutil.disk_usage(MEMORY_DISK).free > MEMORY_DISK_FREE
    if in_memory and roomy:
        env.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY_DISK))
    argv = [sys.executable, "-m", "pytest", *arguments]
    return subprocess.run(argv, cwd=REPOSITORY, check=False, env=env).returncode


def run_lint() -> int:
    """ruff, mypy strict, import-linter; all three run whatever the others say."""
    python = [sys.executable, "-m"]
    steps = {
        "ruff check": [*python, "ruff", "check", "."],
        "ruff format": [*python, "ruff", "format", "--check", "."],
        "mypy": [*python, "mypy", "."],
        "import-linter": [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as c; c()",
        ],
    }
    worst = 0
    for name, argv in steps.items():
        out.print(f"[bold]{name}[/]")
        status = subprocess.run(
            argv, cwd=REPOSITORY, check=False, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}
        ).returncode
        worst = max(worst, status)
    return worst


def run_bench(name: str | None, *, json_: bool, minutes: float | None = None) -> int:
    """One benchmark; rows of bench, figure, value, unit, floor, ratio. ``minutes`` for those whose
    length can be chosen."""
    known = sorted(m.name for m in pkgutil.iter_modules(bench.__path__) if m.name[0] != "_")
    known = [n for n in known if hasattr(importlib.import_module(f"bench.{n}"), "measure")]
    spoken = {n.replace("_", "-"): n for n in known}
    if name is None or name not in spoken:
        out.print("测哪一项 / which one: " + "  ".join(f"./run bench {n}" for n in spoken))
        return 0 if name is None else 2
    measure = importlib.import_module(f"bench.{spoken[name]}").measure
    chosen = {} if minutes is None else {"minutes": minutes}
    unknown = chosen.keys() - inspect.signature(measure).parameters.keys()
    if unknown:
        out.print(f"{name}: 不能选择时长 / has no length to choose")
        return 2
    rows: list[dict[str, Any]] = measure(**chosen)
    if json_:
        sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=2) + "\n")
        return 0
    table = Table("bench", "figure", "value", "unit", "floor", "ratio")
    for row in rows:
        cells = (row[key] for key in ("bench", "figure", "value", "unit", "floor", "ratio"))
        table.add_row(
            *("" if c is None else f"{c:.4g}" if isinstance(c, float) else str(c) for c in cells)
        )
    out.print(table)
    return 0
