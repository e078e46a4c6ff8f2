"""One kind of waiting: a row that comes due."""

import json
from dataclasses import dataclass

from pydantic import JsonValue
from sqlalchemy import Connection, delete, func, select

from stores.ledger.ids import new_id
from stores.ledger.tables import wakeups


@dataclass(frozen=True)
class Wakeup:
    """``target`` is the consumer, ``key`` what it is about, ``data`` what rings."""

    id: str
    due_at: int
    target: str
    key: str
    type: str
    data: JsonValue


def schedule(
    tx: Connection, *, due_at: int, target: str, key: str, kind: str, data: JsonValue
) -> None:
    """Set or move the one wakeup of (target, key, kind)."""
    cancel(tx, target=target, key=key, kind=kind)
    tx.execute(
        wakeups.insert().values(
            id=str(new_id()),
            due_at=due_at,
            target=target,
            key=key,
            type=kind,
            data=json.dumps(data),
        )
    )


def cancel(tx: Connection, *, target: str, key: str, kind: str) -> None:
    tx.execute(
        delete(wakeups).where(
            wakeups.c.target == target, wakeups.c.key == key, wakeups.c.type == kind
        )
    )


def take_due(tx: Connection, now: int, limit: int = 50) -> list[Wakeup]:
    """Remove and return what is due; the caller rings in the same transaction."""
    rows = tx.execute(
        select(wakeups).where(wakeups.c.due_at <= now).order_by(wakeups.c.due_at).limit(limit)
    ).all()
    if rows:
        tx.execute(delete(wakeups).where(wakeups.c.id.in_([row.id for row in rows])))
    return [Wakeup(r.id, r.due_at, r.target, r.key, r.type, json.loads(r.data)) for r in rows]


def next_due(tx: Connection) -> int | None:
    return tx.execute(select(func.min(wakeups.c.due_at))).scalar()
