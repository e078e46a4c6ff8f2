"""Small JSON files of an account (tokens, uploaded media): private, and whole after a crash."""

import json
import os
from pathlib import Path
from typing import Any


def read_kept(path: Path) -> dict[str, Any]:
    """What :func:`keep` wrote; empty where there is no such file or it cannot be read as JSON."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def keep(path: Path, value: dict[str, Any]) -> None:
    """Replace the file (mode 0600) at once; on the disk when this returns."""
    partial = path.with_name(f".{path.name}.part")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(json.dumps(value, ensure_ascii=False).encode())
        out.flush()
        os.fsync(out.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
