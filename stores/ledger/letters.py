"""Dead letters as rows: look at them, close them."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, update

from schemas.errors import Conflict, Fault, InvalidInput
from stores.ledger.ids import iso
from stores.ledger.tables import dead_letters

REPLAY_OF = "shoufa_replayof"
"""Header of a replayed record, with the letter's id: should it die again, the new letter says whose
replay it was."""
LEAST_PREFIX = 6
"""Characters of an id that are enough where they name one letter alone."""


def listing(
    tx: Connection, *, closed: bool, before: str | None, limit: int
) -> tuple[list[Row[Any]], str | None]:
    """Newest first, open ones or (``closed``) all; and the id to pass as ``before`` for more.

    Raises InvalidInput when there is no letter ``before``.
    """
    query = select(dead_letters).order_by(dead_letters.c.at.desc(), dead_letters.c.id.desc())
    if not closed:
        query = query.where(dead_letters.c.closed_at.is_(None))
    if before is not None:
        last = find(tx, before)
        query = query.where(
            or_(
                dead_letters.c.at < last.at,
                and_(dead_letters.c.at == last.at, dead_letters.c.id < last.id),
            )
        )
    rows = list(tx.execute(query.limit(limit + 1)))
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


def all_open(tx: Connection, limit: int) -> list[Row[Any]]:
    """The oldest letters that nobody has closed."""
    return list(
        tx.execute(
            select(dead_letters)
            .where(dead_letters.c.closed_at.is_(None))
            .order_by(dead_letters.c.at, dead_letters.c.id)
            .limit(limit)
        )
    )


def find(tx: Connection, key: str) -> Row[Any]:
    """By id, or by its first characters; raises InvalidInput (404)."""
    rows: Sequence[Row[Any]] = []
    if len(key) >= LEAST_PREFIX and all(c in "0123456789abcdef-" for c in key):
        rows = tx.execute(
            select(dead_letters).where(dead_letters.c.id.startswith(key)).limit(2)
        ).all()
    if len(rows) != 1:
        told = "有几封 / several letters" if rows else "没有这封死信 / no such dead letter"
        step = "写出更多位 / give more of its id"
        raise InvalidInput(
            Fault("no_such_letter", "letters", f"{told}: {key[:40]}", step), status=404
        )
    return rows[0]


def close(tx: Connection, row: Row[Any], *, how: str, by: str, why: str, at: int) -> None:
    """``how``: replayed or discarded. Raises Conflict when somebody closed it before."""
    done = tx.execute(
        update(dead_letters)
        .where(dead_letters.c.id == row.id, dead_letters.c.closed_at.is_(None))
        .values(closed_at=at, closed_how=how, closed_by=by, closed_why=why)
    ).rowcount
    if not done:
        told = f"已由 {row.closed_by} 处理: {row.closed_how} / it was closed before"
        raise Conflict(Fault("closed", "letters", told, "重新读取 / read it again"))


def line(row: Row[Any]) -> dict[str, Any]:
    """A letter of a list; times RFC 3339 with zone."""
    headers = headers_of(row)
    return {
        "id": row.id,
        "topic": row.topic,
        "partition": row.kafka_partition,
        "offset": row.kafka_offset,
        "consumer": row.consumer,
        "cause": row.cause,
        "key": row.key,
        "type": headers.get("ce_type", ""),
        "event_id": headers.get("ce_id", ""),
        "times": row.times,
        "first_at": iso(row.at),
        "last_at": iso(row.last_at or row.at),
        "closed_at": iso(row.closed_at),
        "closed_how": row.closed_how,
        "closed_by": row.closed_by,
        "closed_why": row.closed_why,
    }


def detail(row: Row[Any]) -> dict[str, Any]:
    """All of a letter."""
    return {**line(row), "exact": row.exact, "headers": json.loads(row.headers), "value": row.value}


def headers_of(row: Row[Any]) -> dict[str, str]:
    return dict(json.loads(row.headers))
