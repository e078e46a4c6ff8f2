"""Dead letters (死信): a record that cannot be processed is kept with its cause, never lost."""

import json
from dataclasses import dataclass
from uuid import uuid5

import structlog
from sqlalchemy import Connection, func, select

from schemas.codec import SOURCE, SPEC_VERSION, Record
from schemas.topics import DEAD_LETTERS
from stores.ledger.ids import iso, new_id
from stores.ledger.outbox import append_record
from stores.ledger.tables import dead_letters
from stores.ledger.transaction import Ledger

log = structlog.get_logger("dead_letters")

NAMESPACE = new_id("6f1f0b0e-54f0-5c9a-9d6e-0f3b6f0c7a11")


MOST_TOLD = 100_000
"""Characters of a buried value on the topic, so that the letter fits into a record whatever it
holds; the ledger keeps all."""


@dataclass(frozen=True)
class Origin:
    """Where a record lay and who read it."""

    topic: str
    partition: int
    offset: int
    consumer: str


def bury(
    tx: Connection, origin: Origin, key: bytes | None, value: bytes, cause: str, *, at: int
) -> None:
    """Keep a record in the ledger and on the dead-letter topic, and raise the alarm; the same one
    only once."""
    place = f"{origin.topic}/{origin.partition}/{origin.offset}/{origin.consumer}"
    identity = str(uuid5(NAMESPACE, place))
    if tx.execute(select(dead_letters.c.id).where(dead_letters.c.id == identity)).first():
        return
    log.error(
        "dead_letter.buried",
        topic=origin.topic,
        partition=origin.partition,
        offset=origin.offset,
        consumer=origin.consumer,
        cause=cause[:500],
    )
    text = value.decode("utf-8", "backslashreplace")
    tx.execute(
        dead_letters.insert().values(
            id=identity,
            topic=origin.topic,
            kafka_partition=origin.partition,
            kafka_offset=origin.offset,
            consumer=origin.consumer,
            cause=cause[:2000],
            value=text,
            at=at,
            closed_why="",
        )
    )
    told = (key or b"").decode("utf-8", "backslashreplace")[:100]
    record = Record(
        id=identity,
        type="cn.shoufa.dead.letter.v1",
        key=told,
        value=json.dumps({"value": text[:MOST_TOLD]}, ensure_ascii=False).encode(),
        headers={
            "ce_specversion": SPEC_VERSION,
            "ce_id": identity,
            "ce_type": "cn.shoufa.dead.letter.v1",
            "ce_source": SOURCE,
            "ce_time": iso(at) or "",
            "content-type": "application/json",
            "shoufa_topic": origin.topic,
            "shoufa_partition": str(origin.partition),
            "shoufa_offset": str(origin.offset),
            "shoufa_consumer": origin.consumer,
            "shoufa_cause": cause[:500],
        },
    )
    append_record(tx, DEAD_LETTERS, record, at=at)


def bury_alone(ledger: Ledger, origin: Origin, key: bytes | None, value: bytes, cause: str) -> None:
    """:func:`bury` in a transaction of its own."""
    with ledger.transaction() as tx:
        bury(tx, origin, key, value, cause, at=ledger.now_ms())


def open_count(tx: Connection) -> int:
    return tx.execute(
        select(func.count()).select_from(dead_letters).where(dead_letters.c.closed_at.is_(None))
    ).scalar_one()
