"""What the harness did and what it was answered: one line an act, ok, fail or unknown."""

import json
import threading
import time
from pathlib import Path
from typing import Any


def now_ms() -> int:
    """Wall time of this machine, milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class History:
    """Appends to ``history.jsonl`` from any thread; each line is whole or not there.

    An act has ``op``, ``begun``, ``ended`` (ms), ``outcome``: ``ok`` was answered so, ``fail`` was
    refused or told that nothing was taken, ``unknown`` had no answer that tells.
    """

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self.lines: list[dict[str, Any]] = []

    def note(self, op: str, **facts: Any) -> None:
        """Write one line down."""
        line = {"op": op, "begun": now_ms(), **facts}
        line.setdefault("ended", now_ms())
        with self._lock:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()
            self.lines.append(line)

    def of(self, op: str) -> list[dict[str, Any]]:
        """The lines of one kind so far."""
        with self._lock:
            return [line for line in self.lines if line["op"] == op]

    def close(self) -> None:
        self._file.close()
