"""Putting a new ledger in the place of the present one, which is kept aside and never deleted."""

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, select, text
from sqlalchemy.engine import make_url

from schemas.errors import Unavailable
from stores.ledger.tables import metadata
from stores.ledger.transaction import Ledger, open_ledger

SIDE_FILES = ("", "-wal", "-shm")
CHUNK = 500


def file_of(url: str) -> Path | None:
    """The file of an SQLite ledger; None for another engine."""
    found = make_url(url)
    if found.get_backend_name() != "sqlite":
        return None
    return Path(found.database or "")


def is_missing(url: str) -> bool:
    """Whether there is no ledger at an SQLite address: no file, or one without a table, as whoever
    only looked leaves behind. A damaged one is there."""
    file = file_of(url)
    if file is None:
        return False
    if not file.exists():
        return True
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as found:
            return not found.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.DatabaseError:
        return False


def remove(path: Path) -> None:
    """A file that was being made, with what SQLite keeps beside it."""
    for end in SIDE_FILES:
        path.with_name(path.name + end).unlink(missing_ok=True)


def finish(ledger: Ledger, path: Path) -> None:
    """Close an SQLite ledger, with all of it in its one file, on disk."""
    ledger.close()
    with closing(sqlite3.connect(path)) as last:
        last.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def install(made: Path, url: str, *, now: datetime) -> str:
    """Put the finished SQLite file ``made`` in the place of the ledger at ``url``; nothing may run
    on it. Returns where the old ledger is kept, empty where there was none.

    A run that is cut off between any two steps leaves a ledger in its place, the old or the new.
    """
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    target = file_of(url)
    if target is None:
        return _copy_into(made, url, f"kept_{stamp.lower()}")
    kept = target.parent / "kept" / f"{stamp}-{target.name}"
    was_there = target.exists()
    if was_there:
        kept.parent.mkdir(exist_ok=True)
        _keep_aside(target, kept)
        _to_disk(kept.parent)
    made.replace(target)
    _to_disk(target.parent)
    return str(kept) if was_there else ""


def _keep_aside(target: Path, kept: Path) -> None:
    """The old ledger under a second name; its place stays taken. What SQLite had not written into
    the file yet is written first, since the new file must not find the old one's log beside it;
    where the file is too damaged for that, the log goes along as it is."""
    log, kept_log = (path.with_name(f"{path.name}-wal") for path in (target, kept))
    with suppress(FileNotFoundError):
        shutil.copy(log, kept_log)
    kept.unlink(missing_ok=True)
    os.link(target, kept)
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(target)) as old:
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        kept_log.unlink(missing_ok=True)
    for end in SIDE_FILES[1:]:
        target.with_name(target.name + end).unlink(missing_ok=True)


def copy_rows(source: Connection, target: Connection) -> dict[str, int]:
    """Every row of every table; returns how many of each."""
    told = {}
    for table in metadata.sorted_tables:
        count = 0
        rows = source.execution_options(yield_per=CHUNK).execute(select(table))
        for part in rows.partitions():
            target.execute(table.insert(), [dict(row._mapping) for row in part])  # noqa: SLF001
            count += len(part)
        told[table.name] = count
    return told


def _copy_into(made: Path, url: str, schema: str) -> str:
    """PostgreSQL: the old tables move to a schema of their own, in the same transaction."""
    source, target = open_ledger(f"sqlite:///{made}"), open_ledger(url)
    names = [*(table.name for table in metadata.sorted_tables), "alembic_version"]
    try:
        with source.snapshot() as old, target.engine.begin() as new:
            there = set(new.dialect.get_table_names(new))
            if there & set(names):
                new.execute(text(f'CREATE SCHEMA "{schema}"'))
            for name in there & set(names):
                new.execute(text(f'ALTER TABLE "{name}" SET SCHEMA "{schema}"'))
            metadata.create_all(new)
            copy_rows(old, new)
            revision = old.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
            new.execute(text("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)"))
            new.execute(text("INSERT INTO alembic_version VALUES (:r)"), {"r": revision})
            for table, column in (("outbox", "seq"), ("audit", "seq")):
                place = f"pg_get_serial_sequence('{table}', '{column}')"
                highest = f'(SELECT COALESCE(MAX("{column}"), 1) FROM "{table}")'  # noqa: S608
                new.execute(text(f"SELECT setval({place}, {highest})"))
    except OSError as error:
        raise Unavailable("ledger", str(error)) from error
    finally:
        source.close()
        target.close()
    made.unlink()
    return schema if there & set(names) else ""


def _to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
