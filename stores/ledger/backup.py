"""Copies of the running ledger, and what was written since; each file under its SHA-256.

A backup is a folder of its own: ``ledger.db.gz``, always an SQLite ledger whatever the engine;
``manifest.json``, written last, without which it does not count; then ``events-<n>.jsonl.gz``, the
outbox rows since, each segment naming the SHA-256 of what came before it (the manifest first).
"""

import gzip
import json
import re
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.errors import Fault, InvalidInput
from stores.backup_places import Place
from stores.ledger import fold
from stores.ledger.fold import Logged
from stores.ledger.migrate import revision_of, revisions
from stores.ledger.replacing import copy_rows, file_of
from stores.ledger.tables import metadata
from stores.ledger.transaction import Ledger, open_ledger
from stores.objects import sha256_of

FORMAT = 1
SNAPSHOT = "ledger.db.gz"
MANIFEST = "manifest.json"
SEGMENT = re.compile(r"events-(\d{6})\.jsonl\.gz")
UNREADABLE = (OSError, EOFError, zlib.error)
MOST_ROWS = 5000
"""In one segment."""


class File(BaseModel):
    model_config = ConfigDict(extra="ignore")
    sha256: str
    size_bytes: int


class Manifest(BaseModel):
    """``manifest.json``."""

    model_config = ConfigDict(extra="ignore")
    format: int
    product: str
    tables: str
    """Revision of the ledger's tables."""
    engine: str
    made_at: datetime
    last_seq: int
    files: dict[str, File]


@dataclass(frozen=True)
class Backup:
    """One that is whole."""

    name: str
    files: tuple[str, ...]

    @property
    def segments(self) -> list[str]:
        return [file for file in self.files if SEGMENT.fullmatch(file)]


def backups(place: Place) -> list[Backup]:
    """Oldest first."""
    found: dict[str, list[str]] = {}
    for name in place.names():
        folder, _, file = name.partition("/")
        found.setdefault(folder, []).append(file)
    return [Backup(n, tuple(sorted(f))) for n, f in sorted(found.items()) if MANIFEST in f]


def copy(ledger: Ledger, place: Place, *, product: str) -> Backup:
    """Make a backup while the ledger is being written; read back before it counts."""
    now = ledger.now().astimezone(UTC)
    name = f"{now:%Y%m%dT%H%M%S}{now.microsecond // 1000:03}Z"
    with scratch() as folder:
        plain = folder / "ledger.db"
        _copy_ledger(ledger, plain)
        last_seq, revision = _check(plain)
        packed = folder / SNAPSHOT
        with plain.open("rb") as source, gzip.open(packed, "wb", compresslevel=3) as out:
            shutil.copyfileobj(source, out, 1024**2)
        manifest = Manifest(
            format=FORMAT,
            product=product,
            tables=revision,
            engine=ledger.engine.dialect.name,
            made_at=now,
            last_seq=last_seq,
            files={SNAPSHOT: File(sha256=sha256_of(packed), size_bytes=packed.stat().st_size)},
        )
        place.put(f"{name}/{SNAPSHOT}", packed)
        back = folder / "back"
        place.get(f"{name}/{SNAPSHOT}", back)
        _compare(back, SNAPSHOT, manifest.files[SNAPSHOT].sha256)
        written = folder / MANIFEST
        written.write_text(manifest.model_dump_json(indent=2))
        place.put(f"{name}/{MANIFEST}", written)
    return Backup(name, (SNAPSHOT, MANIFEST))


def covers(place: Place, backup: Backup) -> int:
    """The last outbox number that a backup holds."""
    with scratch() as folder:
        last = backup.segments[-1] if backup.segments else MANIFEST
        place.get(f"{backup.name}/{last}", folder / "last")
        return _last_seq(folder / "last", last)


def add_events(ledger: Ledger, place: Place, backup: Backup) -> Backup:
    """Append what was written to the outbox since; nothing when there is nothing new."""
    with scratch() as folder:
        last = backup.segments[-1] if backup.segments else MANIFEST
        before = folder / "before"
        place.get(f"{backup.name}/{last}", before)
        after = _last_seq(before, last)
        with ledger.settled_snapshot() as view:
            rows = fold.logged(view, after=after, limit=MOST_ROWS)
        if not rows:
            return backup
        number = len(backup.segments) + 1
        name = f"events-{number:06}.jsonl.gz"
        head = {"segment": number, "previous": sha256_of(before), "last_seq": rows[-1].seq}
        lines = [head, *(vars(row) for row in rows)]
        made = folder / name
        with gzip.open(made, "wt", encoding="utf-8") as out:
            out.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        place.put(f"{backup.name}/{name}", made)
    return Backup(backup.name, tuple(sorted((*backup.files, name))))


def prune(place: Place, *, keep: int, days: int, now: datetime) -> list[str]:
    """Remove all but the newest ``keep`` and the last one of each of ``days`` days; and what a run
    that was cut off left. Returns the names."""
    found = backups(place)
    kept = {backup.name for backup in found[-keep:]}
    first_day = f"{now.astimezone(UTC) - timedelta(days=days):%Y%m%d}"
    by_day = {backup.name[:8]: backup.name for backup in found}
    kept |= {name for day, name in by_day.items() if day > first_day}
    oldest = min(kept, default="")
    whole = {backup.name for backup in found}
    gone = set()
    for name in place.names():
        folder = name.partition("/")[0]
        half = folder not in whole and folder < oldest
        if folder not in kept and (folder in whole or half):
            place.remove(name)
            gone.add(folder)
    return sorted(gone)


def fetch(place: Place, backup: Backup, target: Path) -> tuple[Manifest, Iterator[Logged]]:
    """Write the ledger to ``target``; returns the manifest, and the outbox rows since.

    Raises InvalidInput naming the file or field that is damaged or of a newer version.
    """
    with scratch() as folder:
        path = folder / MANIFEST
        place.get(f"{backup.name}/{MANIFEST}", path)
        manifest = read_manifest(path)
        packed = folder / SNAPSHOT
        place.get(f"{backup.name}/{SNAPSHOT}", packed)
        _compare(packed, SNAPSHOT, manifest.files[SNAPSHOT].sha256)
        with gzip.open(packed, "rb") as source, target.open("wb") as out:
            shutil.copyfileobj(source, out, 1024**2)
        _check(target)
        rows = list(_segments(place, backup, folder, sha256_of(path)))
    return manifest, iter(rows)


def read_manifest(path: Path) -> Manifest:
    """Raises InvalidInput naming the field."""
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "JSON"
        raise _damaged(f"{MANIFEST} {where}", error.errors()[0]["msg"]) from error
    if manifest.format > FORMAT:
        raise _newer(f"{MANIFEST} format", str(manifest.format), str(FORMAT), manifest.product)
    if manifest.tables not in revisions():
        raise _newer(f"{MANIFEST} tables", manifest.tables, revisions()[0], manifest.product)
    if SNAPSHOT not in manifest.files:
        raise _damaged(f"{MANIFEST} files", f"no {SNAPSHOT}")
    return manifest


def _segments(place: Place, backup: Backup, folder: Path, previous: str) -> Iterator[Logged]:
    for number, name in enumerate(backup.segments, start=1):
        path = folder / name
        place.get(f"{backup.name}/{name}", path)
        try:
            with gzip.open(path, "rt", encoding="utf-8") as file:
                lines = [json.loads(line) for line in file]
            head, rows = lines[0], [Logged(**line) for line in lines[1:]]
            told = (int(head["segment"]), head["previous"], int(head["last_seq"]))
        except (*UNREADABLE, ValueError, KeyError, TypeError, IndexError) as error:
            raise _damaged(name, f"{type(error).__name__}: {error}") from error
        if told != (number, previous, rows[-1].seq if rows else -1):
            raise _damaged(name, "not the one that follows: the chain of hashes is broken")
        previous = sha256_of(path)
        yield from rows


def _last_seq(path: Path, name: str) -> int:
    if name == MANIFEST:
        return read_manifest(path).last_seq
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return int(json.loads(file.readline())["last_seq"])


def _copy_ledger(ledger: Ledger, target: Path) -> None:
    source = file_of(str(ledger.engine.url.render_as_string(hide_password=False)))
    if source is not None:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")
        return
    made = open_ledger(f"sqlite:///{target}")
    try:
        metadata.create_all(made.engine)
        with ledger.settled_snapshot() as old_rows, made.engine.begin() as new_rows:
            copy_rows(old_rows, new_rows)
            revision = revision_of(old_rows)
            new_rows.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
            new_rows.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (revision,))
    finally:
        made.close()
    with closing(sqlite3.connect(target)) as last:
        last.execute("PRAGMA journal_mode=DELETE")


def _check(path: Path) -> tuple[int, str]:
    """The copy's last outbox number and revision; raises InvalidInput where it is damaged."""
    try:
        with closing(sqlite3.connect(path)) as found:
            told = found.execute("PRAGMA quick_check(1)").fetchone()[0]
            if told != "ok":
                raise _damaged(SNAPSHOT, str(told))
            seq = found.execute("SELECT COALESCE(MAX(seq), 0) FROM outbox").fetchone()[0]
            revision = found.execute("SELECT version_num FROM alembic_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise _damaged(SNAPSHOT, str(error)) from error
    return int(seq), str(revision)


def _compare(path: Path, name: str, sha256: str) -> None:
    if sha256_of(path) != sha256:
        raise _damaged(name, "its SHA-256 is not the manifest's")


def _damaged(what: str, why: str) -> InvalidInput:
    told = f"备份损坏: {what}: {why} / the backup is damaged"
    return InvalidInput(Fault("damaged", what, told, "换一份备份 / take another: --at NAME"))


def _newer(what: str, has: str, known: str, product: str) -> InvalidInput:
    told = (
        f"备份由更新的版本写成: {what} 是 {has}, 本程序只认到 {known} / "
        f"written by a newer build (shoufa {product})"
    )
    return InvalidInput(Fault("newer", what, told, "升级程序后再恢复 / upgrade the program first"))


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for files on their way."""
    with tempfile.TemporaryDirectory(prefix="shoufa-backup-") as folder:
        yield Path(folder)
