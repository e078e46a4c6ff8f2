"""Deduplication by (consumer, event id): every arrow out of Kafka is taken once."""

from sqlalchemy import Connection, select

from stores.ledger.tables import seen


def first_time(tx: Connection, consumer: str, event_id: str, *, at: int) -> bool:
    """True and remembered when this consumer has not taken this event before."""
    if is_known(tx, consumer, event_id):
        return False
    tx.execute(seen.insert().values(consumer=consumer, event_id=event_id, at=at))
    return True


def is_known(tx: Connection, consumer: str, event_id: str) -> bool:
    """Whether this consumer has taken this event."""
    return (
        tx.execute(
            select(seen.c.at).where(seen.c.consumer == consumer, seen.c.event_id == event_id)
        ).first()
        is not None
    )
