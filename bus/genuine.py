"""Genuine records: those that the ledger wrote. A record on a topic rings; it proves nothing.

Every record of ours was a row of the outbox before it was on a topic. Whoever can write to a
topic cannot write there: so a record without its row, or one that differs from it, was forged,
altered or moved. An exact repetition is neither: Kafka may bring any record twice.
"""

from sqlalchemy import Connection

from schemas.errors import Fault, InvalidInput
from stores.ledger import outbox


def check(
    view: Connection, topic: str, key: bytes | None, value: bytes, event_id: str, kind: str
) -> None:
    """Raises InvalidInput (field ``forged``) unless the ledger wrote exactly this record, of type
    ``kind``."""
    row = outbox.written(view, event_id)
    if row is None:
        raise _forged("the ledger never wrote a record with this id")
    if row.topic != topic:
        raise _forged(f"the ledger wrote it for {row.topic}, it lies on {topic}")
    if row.type != kind:
        raise _forged(f"the ledger wrote {row.type}, it says {kind}")
    if row.value.encode() != value or row.key.encode() != (key or b""):
        raise _forged("it is not what the ledger wrote under this id")


def _forged(told: str) -> InvalidInput:
    return InvalidInput(Fault("forged_record", outbox.FORGED, told))
