"""The outbox: every arrow into Kafka is a row first, in the transaction that decided it."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Integer, Row, bindparam, func, select, update

from schemas.codec import Message, Record, encode
from schemas.errors import Fault, InvalidInput
from schemas.events import Event
from schemas.orders import AdaptOrder, ProbeOrder, ReleaseOrder, TranscodeOrder
from schemas.topics import ADAPT_ORDERS, STORY_EVENTS, TRANSCODE_ORDERS, release_orders
from stores.ledger.ids import new_id, when
from stores.ledger.statements import change_where, rows_where
from stores.ledger.tables import outbox

MOST_BYTES = 1_000_000
"""Of one record's value and headers; Kafka's own limit is 1 MiB with key and framing."""

FORGED = "forged"
"""How the cause of a dead letter begins whose record no row here stands behind."""

_UNSENT = (
    select(outbox)
    .where(outbox.c.sent_at.is_(None))
    .order_by(outbox.c.seq)
    .limit(bindparam("most", type_=Integer))
)
_MARK = change_where(outbox, ("seq",), ("sent_at", "kafka_partition", "kafka_offset"))


@dataclass(frozen=True)
class Unsent:
    """A row that the relay has to send."""

    seq: int
    topic: str
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


def append(tx: Connection, message: Message, *, at: int, event_id: str | None = None) -> str:
    """Write a message to the outbox; a repeated ``event_id`` is left as it is. Returns the id."""
    topic, key = _where(message)
    record = encode(message, id=new_id(event_id), at=when(at), key=key)
    return append_record(tx, topic, record, at=at, new=event_id is None)


def append_record(tx: Connection, topic: str, record: Record, *, at: int, new: bool = False) -> str:
    """Write a finished record (dead letters, replays) to the outbox. Raises InvalidInput (413)
    for one that Kafka would never take: it would hold up all that come after it. ``new``: its id
    was drawn just now, no row can have it."""
    if size_of(record.value, record.headers) > MOST_BYTES:
        told = f"超过 {MOST_BYTES} 字节 / longer than {MOST_BYTES} bytes as a record"
        raise InvalidInput(Fault("too_large", "story", told, "分成几篇 / split it"), status=413)
    if new or written(tx, record.id) is None:
        row = {
            "event_id": record.id,
            "type": record.type,
            "topic": topic,
            "key": record.key,
            "headers": json.dumps(record.headers, ensure_ascii=False),
            "value": record.value.decode(),
            "created_at": at,
        }
        tx.execute(outbox.insert(), row)
        tx.info.setdefault("outbox", set()).add(topic)
    return record.id


def size_of(value: bytes, headers: dict[str, str]) -> int:
    """Bytes that count against ``MOST_BYTES``."""
    return len(value) + sum(len(name) + len(text.encode()) for name, text in headers.items())


def written(tx: Connection, event_id: str) -> Row[Any] | None:
    """The row of the record with this id, as the ledger wrote it."""
    return tx.execute(rows_where(outbox, "event_id"), {"event_id": event_id}).first()


def unsent(tx: Connection, limit: int) -> list[Unsent]:
    """The oldest rows that are not on Kafka yet. By state, not by the last number sent: numbers
    of a sequence commit out of order on PostgreSQL."""
    rows = tx.execute(_UNSENT, {"most": limit})
    return [
        Unsent(
            seq=row.seq,
            topic=row.topic,
            key=row.key,
            value=row.value.encode(),
            headers=(
                *((k, v.encode()) for k, v in json.loads(row.headers).items()),
                ("ce_outboxseq", str(row.seq).encode()),
            ),
        )
        for row in rows
    ]


def mark_sent(tx: Connection, places: list[tuple[int, int, int]], *, at: int) -> None:
    """``places``: (seq, partition, offset) of rows that Kafka acknowledged."""
    if not places:
        return
    tx.execute(
        _MARK,
        [
            {"at_seq": seq, "sent_at": at, "kafka_partition": p, "kafka_offset": o}
            for seq, p, o in places
        ],
    )


def unsend_lost(tx: Connection, ends: dict[tuple[str, int], int]) -> int:
    """Mark rows at or past each log's end as unsent: Kafka lost them. Returns how many."""
    lost = 0
    for (topic, partition), end in ends.items():
        lost += tx.execute(
            update(outbox)
            .where(
                outbox.c.topic == topic,
                outbox.c.kafka_partition == partition,
                outbox.c.kafka_offset >= end,
                outbox.c.sent_at.is_not(None),
            )
            .values(sent_at=None)
        ).rowcount
    return lost


def places(tx: Connection) -> list[tuple[str, int]]:
    """Topic partitions on which rows lie."""
    rows = tx.execute(
        select(outbox.c.topic, outbox.c.kafka_partition)
        .where(outbox.c.kafka_partition.is_not(None))
        .distinct()
    )
    return [(row.topic, row.kafka_partition) for row in rows]


def topics_named(tx: Connection) -> set[str]:
    """Every topic that rows lie on or are for."""
    return set(tx.execute(select(outbox.c.topic).distinct()).scalars())


def backlog(tx: Connection) -> tuple[int, int | None]:
    """Rows not sent yet, and the age base (ms) of the oldest."""
    row = tx.execute(
        select(func.count(), func.min(outbox.c.created_at)).where(outbox.c.sent_at.is_(None))
    ).one()
    return row[0], row[1]


def _where(message: Message) -> tuple[str, str]:
    if isinstance(message, Event):
        return STORY_EVENTS, str(message.story_id)
    if isinstance(message, TranscodeOrder):
        return TRANSCODE_ORDERS, message.source_sha256
    if isinstance(message, AdaptOrder):
        return ADAPT_ORDERS, str(message.story_id)
    if isinstance(message, ReleaseOrder | ProbeOrder):
        return release_orders(message.channel), str(message.story_id)
    raise TypeError(type(message).__name__)
