"""The ledger from its own record: outbox rows are put back, then folded in the outbox's order.

Two steps, so that the whole log never has to lie in memory: :func:`put_back` takes records in any
order and keeps each as the sent outbox row that it was; :func:`fold` goes through them by sequence.
No side effect: nothing is sent, asked for or decided. Both do at most ``CHUNK`` rows in one
transaction, and doing either again changes nothing.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, select, update
from sqlalchemy.exc import IntegrityError, StatementError

from schemas.codec import decode
from schemas.errors import InvalidInput
from schemas.events import LedgerWritten, StoryFiled, StoryRevised
from schemas.topics import STORY_EVENTS
from stores.ledger.journal import KEPT
from stores.ledger.letters import REPLAY_OF
from stores.ledger.tables import outbox, versions
from stores.ledger.transaction import Ledger

CHUNK = 50

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Logged:
    """One record as it lay in the outbox, and on its topic where it has been sent."""

    seq: int
    event_id: str
    type: str
    topic: str
    key: str
    headers: str
    """JSON object, without the sequence."""
    value: str
    created_at: int
    sent_at: int | None = None
    kafka_partition: int | None = None
    kafka_offset: int | None = None


@dataclass
class Folded:
    """What a rebuild found."""

    records: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    """Table → rows written, repeats included."""
    known: int = 0
    """Records that were there already."""
    strange: list[str] = field(default_factory=list)
    """Records that are not the outbox's: topic/partition/offset and why. They are left out."""


def put_back(
    ledger: Ledger, records: Iterable[Logged], told: Folded, *, progress: Progress | None = None
) -> None:
    """Keep each record as the outbox row that it was, and where it lies. One that has another's
    number is not the outbox's own."""
    source = iter(records)
    while chunk := list(islice(source, CHUNK)):
        with ledger.transaction() as tx:
            for record in chunk:
                _put_back(tx, record, told)
        told.records += len(chunk)
        if progress is not None:
            progress(told.records)


def _put_back(tx: Connection, record: Logged, told: Folded) -> None:
    found = tx.execute(
        select(outbox.c.seq, outbox.c.event_id, outbox.c.kafka_offset).where(
            (outbox.c.event_id == record.event_id) | (outbox.c.seq == record.seq)
        )
    ).all()
    if not found:
        tx.execute(outbox.insert().values(vars(record)))
        return
    (row, *more) = found
    if more or (row.seq, row.event_id) != (record.seq, record.event_id):
        place = f"{record.topic}/{record.kafka_partition}/{record.kafka_offset}"
        told.strange.append(f"{place}: number {record.seq} or id {record.event_id} is another's")
        return
    told.known += 1
    if row.kafka_offset is None and record.kafka_offset is not None:
        place_of = ("sent_at", "kafka_partition", "kafka_offset")
        values = {name: getattr(record, name) for name in place_of}
        tx.execute(update(outbox).where(outbox.c.seq == row.seq).values(values))


def beyond(records: Iterable[Logged], ledger: Ledger, after: int, told: Folded) -> Iterator[Logged]:
    """Those that the ledger does not hold yet. One that claims a number up to ``after`` and is
    not in the ledger was not written by it."""
    for record in records:
        if record.seq > after:
            yield record
            continue
        with ledger.snapshot() as view:
            row = view.execute(
                select(outbox.c.event_id, outbox.c.kafka_offset).where(outbox.c.seq == record.seq)
            ).first()
        if row is None or row.event_id != record.event_id:
            place = f"{record.topic}/{record.kafka_partition}/{record.kafka_offset}"
            told.strange.append(
                f"{place}: number {record.seq} is not the ledger's {record.event_id}"
            )
        elif row.kafka_offset is None:
            yield record  # it was sent after the copy was made
        else:
            told.known += 1


def fold(ledger: Ledger, told: Folded, *, after: int = 0, progress: Progress | None = None) -> None:
    """Write the rows that the events beyond sequence ``after`` tell of, oldest first."""
    done = 0
    while True:
        with ledger.transaction() as tx:
            rows = tx.execute(
                select(outbox)
                .where(outbox.c.seq > after, outbox.c.topic == STORY_EVENTS)
                .order_by(outbox.c.seq)
                .limit(CHUNK)
            ).all()
            for row in rows:
                try:
                    with tx.begin_nested():
                        _fold(tx, row, told)
                except (InvalidInput, IntegrityError, StatementError, KeyError) as error:
                    told.strange.append(f"outbox {row.seq}: {type(error).__name__}: {error}"[:300])
        if not rows:
            return
        after = rows[-1].seq
        done += len(rows)
        if progress is not None:
            progress(done)


def _fold(tx: Connection, row: Any, told: Folded) -> None:
    headers = json.loads(row.headers)
    if REPLAY_OF in headers:
        return  # it told of its moment when it was sent first; rows have changed since
    _, event = decode(row.value.encode(), [(n, value.encode()) for n, value in headers.items()])
    if isinstance(event, StoryFiled | StoryRevised):
        image: dict[str, Any] = {
            "story_id": str(event.story_id),
            "version": event.story.version,
            "story": event.story.model_dump_json(),
            "by": event.by,
        }
        _upsert(tx, versions, image)
    elif isinstance(event, LedgerWritten):
        for name, images in event.rows.items():
            table = KEPT.get(name)
            for image in images if table is not None else ():
                _upsert(tx, table, image)  # type: ignore[arg-type]  # not None, as just seen
                told.rows[name] = told.rows.get(name, 0) + 1


def _upsert(tx: Connection, table: Table, image: dict[str, Any]) -> None:
    """Columns that are gone since are left out; new ones get their resting value."""
    values = {c.name: image[c.name] for c in table.columns if c.name in image}
    keys = [c for c in table.primary_key.columns if c.name in values]
    where = [c == values[c.name] for c in keys]
    rest = {k: v for k, v in values.items() if k not in {c.name for c in keys}}
    if tx.execute(select(*keys).where(*where)).first() is None:
        tx.execute(table.insert().values({**_resting(table), **values}))
    elif rest:
        tx.execute(update(table).where(*where).values(rest))


def _resting(table: Table) -> dict[str, Any]:
    """A neutral value for every column that must have one."""
    kinds: dict[type, Any] = {str: "", int: 0, bool: False}
    return {
        column.name: kinds[column.type.python_type]
        for column in table.columns
        if not column.nullable and not column.primary_key
    }


def last_seq(tx: Connection) -> int:
    """The highest number in the outbox; 0 when it is empty."""
    row = tx.execute(select(outbox.c.seq).order_by(outbox.c.seq.desc()).limit(1)).first()
    return 0 if row is None else int(row.seq)


def logged(tx: Connection, *, after: int, limit: int) -> Sequence[Logged]:
    """Outbox rows beyond ``after``, oldest first."""
    rows = tx.execute(
        select(outbox).where(outbox.c.seq > after).order_by(outbox.c.seq).limit(limit)
    )
    return [Logged(**row._mapping) for row in rows]  # noqa: SLF001 - public
