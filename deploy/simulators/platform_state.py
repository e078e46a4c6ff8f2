"""What every simulated platform keeps: a SQLite file, media files, a clock, its switches.

An outside platform does not forget what it answered. Each commit is fsynced (WAL,
``synchronous=FULL``) and each media file is fsynced before its row is written, so a SIGKILL of
the simulator loses nothing that it acknowledged.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

from starlette.responses import Response

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")

Clock = Callable[[], int]
"""Wall time in milliseconds since 1970."""

COMMON_TABLES = """
CREATE TABLE IF NOT EXISTS requests(
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, done_at INTEGER, method TEXT NOT NULL,
    path TEXT NOT NULL, status INTEGER, outcome TEXT NOT NULL, ids TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS control(key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS rules(
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, path TEXT NOT NULL, times_left INTEGER NOT NULL,
    detail TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls(
    day TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY(day, name));
"""


@dataclass(frozen=True)
class Platform:
    """One simulated platform, alive for as long as its process."""

    folder: Path
    db: sqlite3.Connection
    clock: Clock
    refusal: Callable[[int], Response]
    """The platform's own answer for an error code."""


@dataclass(frozen=True)
class Rule:
    """One provoked fault that still has times left."""

    kind: str
    detail: dict[str, Any]


def open_platform(
    state_dir: Path, tables: str, clock: Clock, refusal: Callable[[int], Response]
) -> Platform:
    """Open or make the state below ``state_dir``. The same folder may be opened again after a crash."""
    (state_dir / "media").mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(state_dir / "state.db", isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.executescript(COMMON_TABLES + tables)
    return Platform(state_dir, db, clock, refusal)


@contextmanager
def transaction(platform: Platform) -> Iterator[sqlite3.Connection]:
    """All or nothing; on the disk when the block is left without an exception."""
    platform.db.execute("BEGIN IMMEDIATE")
    try:
        yield platform.db
    except BaseException:
        platform.db.execute("ROLLBACK")
        raise
    platform.db.execute("COMMIT")


def keep_file(platform: Platform, name: str, chunks: Iterable[bytes]) -> Path:
    """Write ``media/<name>`` whole or not at all, fsynced."""
    target = platform.folder / "media" / name
    partial = target.with_name(f".{uuid4().hex}.part")
    try:
        with partial.open("xb") as out:
            for chunk in chunks:
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    fsync_folder(target.parent)
    return target


def fsync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def beijing_time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, BEIJING)


def beijing_day(at_ms: int) -> str:
    """The quota day: both platforms count from midnight to midnight in Beijing."""
    return beijing_time(at_ms).date().isoformat()


def count_call(platform: Platform, name: str, limit: int) -> bool:
    """Count one call of today; False (and not counted) when ``limit`` calls were made already."""
    day = beijing_day(platform.clock())
    with transaction(platform) as db:
        row = db.execute("SELECT n FROM calls WHERE day=? AND name=?", (day, name)).fetchone()
        if (row["n"] if row else 0) >= limit:
            return False
        db.execute(
            "INSERT INTO calls VALUES(?,?,1) ON CONFLICT(day, name) DO UPDATE SET n=n+1",
            (day, name),
        )
    return True


def control(platform: Platform, key: str, default: Any) -> Any:
    """A switch's value as set by ``POST /_sim/control``."""
    row = platform.db.execute("SELECT value FROM control WHERE key=?", (key,)).fetchone()
    return default if row is None else json.loads(row["value"])


def set_control(platform: Platform, key: str, value: Any) -> None:
    with transaction(platform) as db:
        if value is None:
            db.execute("DELETE FROM control WHERE key=?", (key,))
        else:
            db.execute("INSERT OR REPLACE INTO control VALUES(?,?)", (key, json.dumps(value)))


def take_control(platform: Platform, key: str, default: Any) -> Any:
    """A switch's value, which is used up by reading it."""
    value = control(platform, key, default)
    if value != default:
        set_control(platform, key, None)
    return value


def add_rule(platform: Platform, kind: str, path: str, times: int, detail: dict[str, Any]) -> None:
    with transaction(platform) as db:
        db.execute(
            "INSERT INTO rules(kind, path, times_left, detail) VALUES(?,?,?,?)",
            (kind, path, times, json.dumps(detail)),
        )


def take_rule(platform: Platform, kind: str, path: str) -> Rule | None:
    """The oldest rule of this kind whose path is a part of ``path``; one of its times is used up."""
    rows = platform.db.execute(
        "SELECT * FROM rules WHERE kind=? AND times_left>0 ORDER BY id", (kind,)
    )
    for row in rows.fetchall():
        if row["path"] in path:
            with transaction(platform) as db:
                db.execute("UPDATE rules SET times_left=times_left-1 WHERE id=?", (row["id"],))
            return Rule(kind, json.loads(row["detail"]))
    return None
