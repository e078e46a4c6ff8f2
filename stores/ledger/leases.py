"""Leases: who owns what there may be only one of, where several hosts share the ledger.

Times are the ledger's own clock, so that no two hosts' clocks are compared. An ``owner`` is one
slot below one supervisor, which ends a predecessor before it starts a successor: the same owner
may take its lease again at once.
"""

import time
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from stores.ledger.tables import leases


def ledger_ms(tx: Connection) -> int:
    """The ledger's clock (Unix ms), moving within a transaction; on SQLite this host's."""
    if tx.dialect.name == "sqlite":
        return round(time.time() * 1000)
    seconds = tx.execute(select(func.extract("epoch", func.clock_timestamp()))).scalar_one()
    return round(float(seconds) * 1000)


def take(tx: Connection, name: str, owner: str, *, lasts_ms: int, wait_ms: int) -> int | None:
    """The new epoch, or None while somebody else owns it or may not be surely dead yet: until
    ``wait_ms`` past the end of their lease. The transaction must be alone on the whole ledger."""
    now = ledger_ms(tx)
    row = tx.execute(select(leases).where(leases.c.name == name)).first()
    if row is None:
        tx.execute(leases.insert().values(name=name, owner=owner, epoch=1, ends_at=now + lasts_ms))
        return 1
    if not _is_free(row, owner, wait_ms, now):
        return None
    epoch = int(row.epoch) + 1
    changed = tx.execute(
        update(leases)
        .where(leases.c.name == name, leases.c.ends_at == row.ends_at)  # not renewed meanwhile
        .values(owner=owner, epoch=epoch, ends_at=now + lasts_ms)
    ).rowcount
    return epoch if changed == 1 else None


def is_free(tx: Connection, name: str, owner: str, *, wait_ms: int) -> bool:
    """Whether :func:`take` is worth asking for the lock."""
    row = tx.execute(select(leases).where(leases.c.name == name)).first()
    return row is None or _is_free(row, owner, wait_ms, ledger_ms(tx))


def _is_free(row: Row[Any], owner: str, wait_ms: int, now: int) -> bool:
    return row.owner == owner or bool(row.ends_at + wait_ms <= now)


def renew(tx: Connection, name: str, epoch: int, *, lasts_ms: int) -> bool:
    """False when another epoch began."""
    changed = tx.execute(
        update(leases)
        .where(leases.c.name == name, leases.c.epoch == epoch)
        .values(ends_at=ledger_ms(tx) + lasts_ms)
    ).rowcount
    return changed == 1


def give_up(tx: Connection, name: str, epoch: int) -> None:
    """Its owner has ended all its work: the next one need not wait."""
    tx.execute(
        update(leases).where(leases.c.name == name, leases.c.epoch == epoch).values(ends_at=0)
    )


def living(tx: Connection, names: set[str], *, wait_ms: int) -> set[str]:
    """Of these leases those whose owner may still be alive: not ended, or not long enough ago."""
    now = ledger_ms(tx)
    rows = tx.execute(select(leases.c.name, leases.c.ends_at).where(leases.c.name.in_(names)))
    return {row.name for row in rows if row.ends_at + wait_ms > now}


def is_held(tx: Connection, name: str, epoch: int) -> bool:
    """Whether this epoch is the present one and its lease has not run out."""
    row = tx.execute(select(leases.c.epoch, leases.c.ends_at).where(leases.c.name == name)).first()
    return row is not None and row.epoch == epoch and row.ends_at > ledger_ms(tx)
