"""The book of alarms: what is wrong now, since when, and whether anybody was told."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, select

from schemas.alarm import Alarm
from stores.ledger.tables import alarms


def book(tx: Connection) -> dict[str, Alarm]:
    """Key → alarm, for those that are not over."""
    return {row["key"]: Alarm(**row) for row in tx.execute(select(alarms)).mappings()}


def keep(tx: Connection, before: Mapping[str, Alarm], after: Mapping[str, Alarm]) -> None:
    """Make the table say ``after``; ``before`` is what it says."""
    for key, alarm in after.items():
        if before.get(key) != alarm:
            tx.execute(delete(alarms).where(alarms.c.key == key))
            tx.execute(alarms.insert().values(**vars(alarm)))
    for key in before.keys() - after.keys():
        tx.execute(delete(alarms).where(alarms.c.key == key))
