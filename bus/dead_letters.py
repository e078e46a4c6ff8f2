"""Dead letters (死信): a record that cannot be processed is kept with its cause, never lost."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid5

import structlog
from sqlalchemy import Connection, func, select, update

from schemas.codec import SOURCE, SPEC_VERSION, Record
from schemas.hashing import sha256
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
MOST_HEADERS = 20_000
"""Characters of all headers that are kept: a record has a few short ones."""

Headers = Iterable[tuple[str, bytes | None]] | None


@dataclass(frozen=True)
class Origin:
    """Where a record lay and who read it."""

    topic: str
    partition: int
    offset: int
    consumer: str


def bury(
    tx: Connection,
    origin: Origin,
    key: bytes | None,
    value: bytes,
    cause: str,
    *,
    at: int,
    headers: Headers = None,
) -> None:
    """Keep a record in the ledger and on the dead-letter topic, and raise the alarm; the same one
    only once, after that it is counted."""
    # with the bytes: after a power cut another record may lie at the same offset
    place = f"{origin.topic}/{origin.partition}/{origin.offset}/{origin.consumer}/{sha256(value)}"
    identity = str(uuid5(NAMESPACE, place))
    if tx.execute(select(dead_letters.c.id).where(dead_letters.c.id == identity)).first():
        tx.execute(
            update(dead_letters)
            .where(dead_letters.c.id == identity)
            .values(times=dead_letters.c.times + 1, last_at=at)
        )
        return
    log.error(
        "dead_letter.buried",
        topic=origin.topic,
        partition=origin.partition,
        offset=origin.offset,
        consumer=origin.consumer,
        cause=cause[:500],
    )
    kept = _Kept(key, value, headers)
    cause = _text(cause.encode("utf-8", "backslashreplace"))[0]
    tx.execute(
        dead_letters.insert().values(
            id=identity,
            topic=origin.topic,
            kafka_partition=origin.partition,
            kafka_offset=origin.offset,
            consumer=origin.consumer,
            cause=cause[:2000],
            key=kept.key,
            headers=json.dumps(kept.headers, ensure_ascii=False),
            value=kept.value,
            exact=kept.exact,
            at=at,
            times=1,
            last_at=at,
            closed_why="",
        )
    )
    told = {"value": kept.value[:MOST_TOLD], "key": kept.key[:1000], "headers": kept.headers}
    record = Record(
        id=identity,
        type="cn.shoufa.dead.letter.v1",
        key=kept.key[:100],
        value=json.dumps(told, ensure_ascii=False).encode(),
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


def bury_alone(
    ledger: Ledger,
    origin: Origin,
    key: bytes | None,
    value: bytes,
    cause: str,
    *,
    headers: Headers = None,
) -> None:
    """:func:`bury` in a transaction of its own."""
    with ledger.transaction() as tx:
        bury(tx, origin, key, value, cause, at=ledger.now_ms(), headers=headers)


def open_count(tx: Connection) -> int:
    return tx.execute(
        select(func.count()).select_from(dead_letters).where(dead_letters.c.closed_at.is_(None))
    ).scalar_one()


class _Kept:
    """A record as text; ``exact`` where the text gives its bytes back."""

    def __init__(self, key: bytes | None, value: bytes, headers: Headers) -> None:
        self.value, whole = _text(value)
        self.key, named = _text(key or b"")
        self.headers: list[list[str]] = []
        self.exact = whole and named
        left = MOST_HEADERS
        for name, raw in _pairs(headers):
            told, same = _text(raw or b"")
            left -= len(name) + len(told)
            self.exact = self.exact and same and left >= 0
            if left >= 0:
                self.headers.append([_text(name.encode("utf-8", "backslashreplace"))[0], told])


def _pairs(headers: Any) -> list[tuple[str, bytes | None]]:
    return list(headers.items() if isinstance(headers, dict) else headers or ())


def _text(raw: bytes) -> tuple[str, bool]:
    """``raw`` as text that every ledger can hold, and whether nothing was replaced."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "backslashreplace").replace("\x00", "\\x00"), False
    return text.replace("\x00", "\\x00"), "\x00" not in text
