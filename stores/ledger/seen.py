"""Deduplication by (consumer, event id): every arrow out of Kafka is taken once."""

from sqlalchemy import Connection

from stores.ledger.statements import rows_where
from stores.ledger.tables import seen


def remember(tx: Connection, consumer: str, event_id: str, *, at: int) -> None:
    """This consumer has taken this event, which it did not know."""
    tx.execute(seen.insert(), {"consumer": consumer, "event_id": event_id, "at": at})


def is_known(tx: Connection, consumer: str, event_id: str) -> bool:
    """Whether this consumer has taken this event."""
    found = {"consumer": consumer, "event_id": event_id}
    return tx.execute(rows_where(seen, *found), found).first() is not None
