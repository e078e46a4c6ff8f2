"""Records on topics: CloudEvents 1.0, binary mode (Kafka protocol binding)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from pydantic import ValidationError

from schemas.errors import Fault, InvalidInput
from schemas.events import EVENTS, Event
from schemas.hashing import canonical
from schemas.orders import ORDERS, Order
from schemas.trace import HEADER, traceparent

Message = Event | Order


SOURCE = "/shoufa"
SPEC_VERSION = "1.0"


@dataclass(frozen=True)
class Record:
    """One record as it lies on a topic."""

    id: str
    type: str
    key: str
    value: bytes
    headers: dict[str, str]


def encode(message: Event | Order, *, id: UUID, at: datetime, key: str) -> Record:  # noqa: A002
    """A record in CloudEvents' binary mode. ``key`` is also ``ce_partitionkey``."""
    headers = {
        "ce_specversion": SPEC_VERSION,
        "ce_id": str(id),
        "ce_type": message.type(),
        "ce_source": SOURCE,
        "ce_subject": key,
        "ce_partitionkey": key,
        "ce_time": at.isoformat(),
        "content-type": "application/json",
        HEADER: traceparent(message.story_id, id),
    }
    return Record(str(id), message.type(), key, canonical(message), headers)


def decode(value: bytes | None, headers: Iterable[tuple[str, bytes]] | None) -> tuple[str, Message]:
    """Event id and message of a record; raises ``InvalidInput`` for whatever is not one of ours.

    Tolerates unknown fields of the same major version; an unknown type is refused.
    """
    event_id, kind = identify(headers)
    model = EVENTS.get(kind) or ORDERS[kind]
    try:
        message = model.model_validate_json(value or b"")
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InvalidInput(Fault("bad_data", where, error.errors()[0]["msg"])) from error
    return event_id, message


def identify(headers: Iterable[tuple[str, bytes]] | None) -> tuple[str, str]:
    """Event id and type that a record says it has; raises ``InvalidInput`` for an unknown type or
    an id that is none."""
    given: dict[str, str] = {}
    for name, raw in headers or ():
        given[name] = (raw or b"").decode("utf-8", "replace")
    kind = given.get("ce_type", "")
    if kind not in EVENTS and kind not in ORDERS:
        raise InvalidInput(Fault("unknown_type", "ce_type", f"unknown type {kind[:100]!r}"))
    try:
        return str(UUID(given.get("ce_id", ""))), kind
    except ValueError as error:
        raise InvalidInput(Fault("bad_id", "ce_id", "not a UUID")) from error


def derived_id(cause: str, index: int) -> UUID:
    """Id of the ``index``-th consequence of an event: the same however often it is decided."""
    return uuid5(UUID(cause), str(index))
