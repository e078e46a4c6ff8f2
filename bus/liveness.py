"""Signs of life of a process, read by the supervisor: a ready file and a heartbeat file.

Standard library only: the supervisor imports this and must stay small.
"""

import gc
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.settings import Settings


def ready_path(run_dir: Path, process: str) -> Path:
    """File that exists while the process of that name is ready for work."""
    return run_dir / f"{process}.ready"


def heartbeat_path(run_dir: Path, process: str) -> Path:
    """File whose modification time is the last sign of life."""
    return run_dir / f"{process}.heartbeat"


def announce_ready(settings: "Settings") -> None:
    """Say once that this process (``settings.process``) does its work now.

    Writes ``{"pid", "at"}`` (at: Unix seconds) in one step; the supervisor removes the file of an
    earlier life before it starts a process.
    """
    if not gc.get_freeze_count():
        # what was loaded until now stays: the collector need not look at it again
        gc.collect()
        gc.freeze()
    path = ready_path(settings.run_dir, settings.process)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"pid": os.getpid(), "at": time.time()}), encoding="utf-8")
    draft.replace(path)
    beat(settings)


def beat(settings: "Settings") -> None:
    """Give a sign of life; to be called about once a second from the loop that does the work.

    Needs no room on the disk (the supervisor makes the file), so a full disk kills nobody.
    A process of which nothing is heard for 30 s is killed and started again.
    """
    path = heartbeat_path(settings.run_dir, settings.process)
    try:
        os.utime(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def ready_pid(run_dir: Path, process: str) -> int | None:
    """Process id in the ready file; None where there is none (or it is being written)."""
    try:
        content = json.loads(ready_path(run_dir, process).read_text(encoding="utf-8"))
        return int(content["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
