"""Ids and times of the ledger."""

from datetime import UTC, datetime
from uuid import UUID

import uuid_utils.compat


def new_id(known: str | None = None) -> UUID:
    """A UUIDv7, or the given id."""
    return UUID(known) if known else uuid_utils.compat.uuid7()


def when(ms: int) -> datetime:
    """UTC milliseconds to an aware time."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC)


def iso(ms: int | None) -> str | None:
    """RFC 3339 with zone, or None."""
    return None if ms is None else when(ms).isoformat(timespec="milliseconds")
