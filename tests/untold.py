"""Finds rows that were written without having been noted: a rebuild would not know of them.

Triggers of each SQLite connection write down which rows of the kept tables a transaction changed;
before its commit they are compared with what ``stores.ledger.journal`` was told. Left out is what
docs/operate.md says is not rebuilt, and rows that a test writes by itself.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table

from schemas.settings import REPOSITORY
from stores.ledger import journal

UNTOLD_COLUMNS = {
    "renditions": {"state", "reason", "owner", "progress", "due_at", "updated_at"},
    "stories": {"updated_at"},
    "copies": {"body"},
}
"""Changed alone they need not be told; a rendition's state once it has ended."""
NOT_TOLD_AT_ONCE = {"quotas", "assets"}
"""Told with the answer of the call that was counted, and with the story that uses the upload."""


def watch(tx: Connection) -> None:
    """From here on this connection remembers which rows of the kept tables it wrote."""
    if tx.dialect.name != "sqlite":
        return
    driver: Any = tx.connection.dbapi_connection
    there = {row[0] for row in driver.execute("SELECT name FROM main.sqlite_master")}
    if not set(journal.KEPT) <= there:
        return
    known = {row[0] for row in driver.execute("SELECT name FROM temp.sqlite_master")}
    if "written" not in known:
        driver.execute("CREATE TEMP TABLE written (name TEXT, key TEXT)")
        for table in journal.KEPT.values():
            if table.name not in NOT_TOLD_AT_ONCE:
                for statement in _triggers(table):
                    driver.execute(statement)
    driver.execute("DELETE FROM temp.written")


def untold(tx: Connection) -> list[str]:
    """Rows that this transaction wrote and did not note, as ``table [key]``."""
    if tx.dialect.name != "sqlite":
        return []
    driver: Any = tx.connection.dbapi_connection
    known = {row[0] for row in driver.execute("SELECT name FROM temp.sqlite_master")}
    if "written" not in known:
        return []
    noted = {(name, _text(key)) for name, key in tx.info.get("journal", {})}
    rows = driver.execute("SELECT DISTINCT name, key FROM temp.written").fetchall()
    return [f"{name} [{key}]" for name, key in rows if (name, key) not in noted]


@contextmanager
def watching() -> Iterator[list[str]]:
    """Every transaction of the product is watched; yields what it left untold so far."""
    found: list[str] = []
    begin, write = journal.begin, journal.write

    def begin_watched(tx: Connection) -> None:
        begin(tx)
        watch(tx)

    def write_watched(tx: Connection, *, at: int) -> None:
        if not _own_or_folding():
            found.extend(untold(tx))
        write(tx, at=at)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "begin", begin_watched)
        patch.setattr(journal, "write", write_watched)
        yield found


def _triggers(table: Table) -> Iterator[str]:
    key = " || ' ' || ".join(f'NEW."{c.name}"' for c in table.primary_key.columns)
    then = f"BEGIN INSERT INTO written VALUES ('{table.name}', {key}); END"
    quiet = UNTOLD_COLUMNS.get(table.name, set())
    told = [c.name for c in table.columns if c.name not in quiet]
    changed = " OR ".join(f'NEW."{name}" IS NOT OLD."{name}"' for name in told)
    of_a_story = "1"
    if table.name == "audit":
        of_a_story = "NEW.story_id IS NOT NULL"
    if table.name == "renditions":
        changed += " OR (NEW.state IS NOT OLD.state AND NEW.state IN ('done', 'failed'))"
        of_a_story = (
            "EXISTS (SELECT 1 FROM main.story_renditions s"
            " WHERE s.source_sha256 = NEW.source_sha256 AND s.recipe = NEW.recipe)"
        )
    name = f"untold_{table.name}"
    yield (
        f"CREATE TEMP TRIGGER {name}_new AFTER INSERT ON main.{table.name} WHEN {of_a_story} {then}"
    )
    yield (
        f"CREATE TEMP TRIGGER {name}_changed AFTER UPDATE ON main.{table.name}"
        f" WHEN {of_a_story} AND ({changed}) {then}"
    )


def _text(key: tuple[Any, ...]) -> str:
    return " ".join(str(part) for part in key)


def _own_or_folding() -> bool:
    """A transaction of a test itself, or one that writes what the record tells."""
    frame: Any = sys._getframe(4)
    file = Path(frame.f_code.co_filename)
    in_tests = file.is_relative_to(REPOSITORY / "tests")
    return in_tests or file == REPOSITORY / "stores" / "ledger" / "fold.py"
