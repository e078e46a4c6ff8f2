"""One run of ``./run demo`` as a user starts it, watched from outside."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deploy import proc
from schemas.settings import REPOSITORY, Settings
from tests.ports import free_block

PATIENCE_S = 540.0


@dataclass
class DemoRun:
    """A demo under way; ``settings`` say where its parts are."""

    process: subprocess.Popen[bytes]
    settings: Settings
    out: Path
    log: Path

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for_text(self, text: str, patience_s: float = PATIENCE_S) -> None:
        end = time.monotonic() + patience_s
        while text not in self.said():
            assert self.process.poll() is None, self.said()[-4000:]
            assert time.monotonic() < end, f"never said {text!r}:\n{self.said()[-4000:]}"
            time.sleep(0.2)

    def kill(self, name: str) -> int:
        """SIGKILL of one process of the stack; returns its pid."""
        rows = json.loads((self.settings.run_dir / "supervisor.json").read_text())["processes"]
        pid = next(int(row["pid"]) for row in rows if row["name"] == name and row["pid"])
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_end(self, patience_s: float = PATIENCE_S) -> int:
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the demo does not end:\n{self.said()[-4000:]}") from None

    def deliveries(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(self.out.read_text())["deliveries"]
        return rows

    def outside(self, url: str) -> Any:
        return httpx.get(url, timeout=10).json()


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[DemoRun]:
    """Start the demo in ``folder``; whatever happens, nothing of it is left afterwards."""
    settings = Settings(
        data=folder / "数据 data", port_base=free_block(range(31000, 60000, 40), range(30))
    )
    out, log = folder / "out.json", folder / "demo.log"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SHOUFA_")}
    if "SHOUFA_HOME" in os.environ:
        environment["SHOUFA_HOME"] = os.environ["SHOUFA_HOME"]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [
                str(REPOSITORY / "run"),
                "demo",
                "--data",
                str(settings.data),
                "--port-base",
                str(settings.port_base),
                "--json",
                str(out),
                *arguments,
            ],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        try:
            yield DemoRun(process, settings, out, log)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            for pid in proc.of_stack(str(settings.data)):
                os.kill(pid, signal.SIGKILL)
