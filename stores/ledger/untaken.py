"""Sent, but never read: what lies below an offset that outlived its log.

Kafka keeps records and offsets apart. After a power cut a log may end earlier than a group has
read, and grow again past that offset before the group looks: what lies in between is read by
nobody. Who took what is in the ledger, so it can be told, and sent once more.
"""

from sqlalchemy import Connection, exists, func, select, update

from schemas.events import FOR_OTHERS
from schemas.topics import STORY_EVENTS
from stores.ledger.tables import dead_letters, outbox, seen

CONSUMER = "conductor"
NEWEST_ROWS = 20_000
"""How far back rows are looked at."""


def unsend(tx: Connection, *, before: int) -> int:
    """Mark events as unsent that were sent before then (ms) and that the conductor has not taken;
    dead letters are left alone. Returns how many. What is only late is read twice, which is
    harmless. (Orders have their rows, and the sweep looks after those.)"""
    newest = tx.execute(select(func.max(outbox.c.seq))).scalar() or 0
    taken = exists().where(seen.c.consumer == CONSUMER, seen.c.event_id == outbox.c.event_id)
    buried = exists().where(
        dead_letters.c.topic == outbox.c.topic, dead_letters.c.value == outbox.c.value
    )
    return tx.execute(
        update(outbox)
        .where(
            outbox.c.seq > newest - NEWEST_ROWS,
            outbox.c.sent_at < before,
            outbox.c.topic == STORY_EVENTS,
            outbox.c.type.not_in(FOR_OTHERS),  # nobody here takes them
            ~taken,
            ~buried,
        )
        .values(sent_at=None)
    ).rowcount
