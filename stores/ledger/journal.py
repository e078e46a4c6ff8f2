"""What a transaction wrote, told on ``story-events``: the ledger can be made anew from it.

Every function that writes a row notes the row's key. Just before the commit the noted rows are read
as they have become, and one event ``ledger.written`` for each story goes into the outbox, in the
same transaction. So the topic holds the whole ledger in the outbox's order; ``stores.ledger.fold``
reads it back. Left out is what another event or S3 holds: a version's story (``story.filed``,
``story.revised``), a copy's bytes (``copies/<SHA-256>``).
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Select, Table, bindparam, select

from schemas.events import LedgerWritten
from stores.ledger import outbox, tables

KEPT = {
    table.name: table
    for table in (
        tables.stories,
        tables.versions,
        tables.assets,
        tables.copies,
        tables.signatures,
        tables.renditions,
        tables.story_renditions,
        tables.publications,
        tables.attempts,
        tables.quotas,
        tables.idempotency,
        tables.audit,
    )
}
LEFT_OUT = {"versions": frozenset({"story"}), "copies": frozenset({"body"})}
MOST_CHARACTERS = 250_000
"""Of rows in one event; more go into a second one, since Kafka takes no record above 1 MiB."""

Rows = dict[str, list[dict[str, Any]]]


def begin(tx: Connection) -> None:
    """Nothing is noted yet; called by ``Ledger.transaction`` alone."""
    tx.info["journal"] = {}


def note(tx: Connection, table: Table, *, story: UUID | str | None = None, **key: Any) -> None:
    """The row with this primary key was written. ``story`` where the row names none itself."""
    noted = tx.info.get("journal")
    if noted is not None:
        name = (table.name, tuple(str(v) if isinstance(v, UUID) else v for v in _key(table, key)))
        noted.setdefault(name, None if story is None else str(story))


def write(tx: Connection, *, at: int) -> None:
    """Put what was noted into the outbox; called by ``Ledger.transaction`` before the commit."""
    noted = tx.info.pop("journal", None)
    if not noted:
        return
    found: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for (name, key), story in noted.items():
        image = _image(tx, KEPT[name], key)
        if image is not None:
            of = story or image["id" if name == "stories" else "story_id"]
            found.setdefault(of, []).append((name, image))
    for story_id, images in found.items():
        for rows in _parts(images):
            outbox.append(tx, LedgerWritten(story_id=UUID(story_id), rows=rows), at=at)


def _image(tx: Connection, table: Table, key: tuple[Any, ...]) -> dict[str, Any] | None:
    names = [column.name for column in table.primary_key.columns]
    row = tx.execute(_read(table), dict(zip(names, key, strict=True))).first()
    return None if row is None else dict(row._mapping)  # noqa: SLF001 - public


@cache
def _read(table: Table) -> Select[Any]:
    left_out = LEFT_OUT.get(table.name, frozenset())
    key = (column == bindparam(column.name) for column in table.primary_key.columns)
    return select(*(c for c in table.columns if c.name not in left_out)).where(*key)


def _key(table: Table, key: dict[str, Any]) -> tuple[Any, ...]:
    columns: list[Column[Any]] = list(table.primary_key.columns)
    return tuple(key[column.name] for column in columns)


def _parts(images: list[tuple[str, dict[str, Any]]]) -> Iterator[Rows]:
    rows: Rows = {}
    size = 0
    for name, image in images:
        length = len(json.dumps(image, ensure_ascii=False))
        if rows and size + length > MOST_CHARACTERS:
            yield rows
            rows, size = {}, 0
        rows.setdefault(name, []).append(image)
        size += length
    yield rows
