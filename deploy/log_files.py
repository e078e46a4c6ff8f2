"""Logs of the processes, kept from filling the disk.

A process holds its log open for appending all its life, so a log that has grown too large is
copied aside and cut to nothing in place; lines written in between the two are lost.
"""

import shutil
from pathlib import Path

LARGEST_BYTES = 20 * 1024 * 1024
KEPT = 3


def rotate(log: Path, *, largest_bytes: int = LARGEST_BYTES) -> bool:
    """Keep ``NAME.log.1`` (newest) to ``.3`` of a log past the limit; return whether it was.

    Never raises: where there is no room for the copy, the log itself is cut.
    """
    try:
        if log.stat().st_size <= largest_bytes:
            return False
    except OSError:
        return False
    try:
        for number in range(KEPT - 1, 0, -1):
            older = log.with_name(f"{log.name}.{number}")
            if older.exists():
                older.replace(log.with_name(f"{log.name}.{number + 1}"))
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
    except OSError:
        pass
    try:
        with log.open("r+b") as file:
            file.truncate(0)
    except OSError:
        return False
    return True
