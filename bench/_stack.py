"""A stack of its own for one benchmark: started, waited for, and ended."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from schemas.settings import REPOSITORY, Settings

PATIENCE_S = 240.0


@dataclass(frozen=True)
class Stack:
    """A running stack and how long its start took."""

    settings: Settings
    pid: int
    ready_s: float

    def key(self, person: str) -> str:
        return (self.settings.secrets_dir / "keys" / f"{person}.key").read_text().strip()

    def client(self, person: str) -> httpx.Client:
        return httpx.Client(
            base_url=f"{self.settings.api_url}/v1",
            headers={"Authorization": f"Bearer {self.key(person)}"},
            timeout=httpx.Timeout(600, connect=5),
        )


@contextmanager
def running(**environment: str) -> Iterator[Stack]:
    """Start ``up`` in a fresh folder on free ports; ends it with Ctrl-C's signal."""
    with tempfile.TemporaryDirectory(prefix="shoufa-bench-", ignore_cleanup_errors=True) as folder:
        settings = Settings(data=Path(folder) / "data", port_base=free_block())
        log = (Path(folder) / "up.log").open("w")
        began = time.monotonic()
        process = subprocess.Popen(
            [
                sys.executable,
                str(REPOSITORY / "shoufa.py"),
                "up",
                "--data",
                str(settings.data),
                "--port-base",
                str(settings.port_base),
            ],
            cwd=REPOSITORY,
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
        )
        try:
            _wait_ready(settings, process, Path(log.name))
            yield Stack(settings, process.pid, time.monotonic() - began)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.close()


def _wait_ready(settings: Settings, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + PATIENCE_S
    state = settings.run_dir / "supervisor.json"
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the stack ended at once:\n{log.read_text()[-2000:]}")
        if state.exists():
            try:
                rows = json.loads(state.read_text())["processes"]
            except (ValueError, KeyError):
                rows = []
            if rows and all(row["state"] in {"ready", "done"} for row in rows):
                return
        time.sleep(0.05)
    raise RuntimeError(f"the stack was not ready in {PATIENCE_S} s:\n{log.read_text()[-2000:]}")


def free_block() -> int:
    """First port of 30 that are free now."""
    for base in range(21000, 60000, 40):
        try:
            for port in range(base, base + 30):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return base
    raise RuntimeError("no free block of ports")


def rss_bytes(pid: int) -> int:
    """Resident bytes of one process; 0 when it has ended."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return 0
    return 0


def quantile(values: list[float], share: float) -> float:
    """Nearest-rank quantile."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, round(share * (len(ranked) - 1)))]


def row(
    bench: str, figure: str, value: float, unit: str, floor: float | None = None
) -> dict[str, object]:
    """One result row; ``ratio`` is value over floor."""
    return {
        "bench": bench,
        "figure": figure,
        "value": value,
        "unit": unit,
        "floor": floor,
        "ratio": None if not floor else value / floor,
    }


def processes(stack: Stack) -> dict[str, dict[str, Any]]:
    """Name → what the supervisor says of each process (``pid``, ``state``, ``restarts``)."""
    told = json.loads((stack.settings.run_dir / "supervisor.json").read_text())
    return {row["name"]: row for row in told["processes"]}


def resident(stack: Stack) -> dict[str, float]:
    """Resident MiB by process, the supervisor included."""
    found = {n: rss_bytes(p["pid"]) / 2**20 for n, p in processes(stack).items() if p["pid"]}
    found["supervisor"] = rss_bytes(stack.pid) / 2**20
    return {name: value for name, value in found.items() if value}
