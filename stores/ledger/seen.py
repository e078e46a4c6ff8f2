"""Deduplication by (consumer, event id): every arrow out of Kafka is taken once."""

from sqlalchemy import Connection

from stores.ledger.statements import rows_where
from stores.ledger.tables import seen


def first_time(tx: Connection, consumer: str, event_id: str, *, at: int) -> bool:
    """True and remembered when this consumer has not taken this event before."""
    if is_known(tx, consumer, event_id):
        return False
    tx.execute(seen.insert(), {"consumer": consumer, "event_id": event_id, "at": at})
    return True


def is_known(tx: Connection, consumer: str, event_id: str) -> bool:
    """Whether this consumer has taken this event."""
    found = {"consumer": consumer, "event_id": event_id}
    return tx.execute(rows_where(seen, *found), found).first() is not None
