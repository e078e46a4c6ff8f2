"""Replaying a dead letter: its record goes to its topic again, with the same event id.

Through the outbox, so that the closing of the letter and the record are one transaction. The
event id stays what it was, so that whoever took it before takes it once, and the row that the
ledger once wrote stands behind it; only the new row of the outbox has an id of its own.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection, Row

from bus import genuine
from bus.dead_letters import NAMESPACE
from schemas.codec import Record, decode
from schemas.errors import InvalidInput
from schemas.events import Event
from schemas.topics import STORY_EVENTS
from stores.ledger import letters
from stores.ledger.letters import REPLAY_OF
from stores.ledger.outbox import MOST_BYTES, append_record, size_of
from stores.ledger.seen import is_known

_MOST_KEY = 100
_MARK = 100
"""Bytes that the header which marks a replay may take."""


@dataclass(frozen=True)
class Plan:
    """What a replay of one letter would do."""

    sends: bool
    says: str


def plan(tx: Connection, row: Row[Any], topics: frozenset[str]) -> Plan:
    """Whether it can be sent again, and what will come of it. ``topics``: those of the centre."""
    if row.closed_at is not None:
        return Plan(False, f"已处理 / closed before: {row.closed_how}")
    if row.topic not in topics:
        return Plan(False, f"没有主题 {row.topic} 了 / there is no such topic any more")
    key, value = row.key, row.value.encode()
    size = size_of(value, letters.headers_of(row)) + _MARK
    if not row.exact or len(key) > _MOST_KEY or size > MOST_BYTES:
        return Plan(False, "不是文本或太长, 不能原样重发 / its bytes cannot be sent as they were")
    try:
        event_id, message = decode(value, _headers(row))
        # a forged record must not get a row of the outbox, which would stand behind it
        genuine.check(tx, row.topic, key.encode(), value, event_id, message.type())
    except InvalidInput as error:
        return Plan(False, f"会再成死信 / would die again: {error}")
    if row.topic == STORY_EVENTS and not isinstance(message, Event):
        return Plan(False, "不是事件, 会再成死信 / no event: it would die again")
    if row.topic == STORY_EVENTS and is_known(tx, row.consumer, event_id):
        return Plan(True, "已处理过, 重放不会再做一次 / was taken since: nothing happens twice")
    return Plan(True, f"发往 {row.topic}, 由 {row.consumer} 重新处理 / will be read again")


def replay(tx: Connection, row: Row[Any], *, by: str, why: str, at: int) -> None:
    """Append the record to the outbox and close its letter. Call only what :func:`plan` sends;
    raises Conflict when somebody closed it meanwhile."""
    letters.close(tx, row, how="replayed", by=by, why=why, at=at)
    headers = letters.headers_of(row)
    headers.pop("ce_outboxseq", None)  # the relay writes the new one
    record = Record(
        id=row_id(row.id),
        type=headers["ce_type"],
        key=row.key,
        value=row.value.encode(),
        headers={**headers, REPLAY_OF: row.id},
    )
    append_record(tx, row.topic, record, at=at)


def row_id(letter: str) -> str:
    """Id of the outbox row that a replay makes; raises ValueError for what is no letter's id."""
    return str(uuid5(NAMESPACE, f"replay {UUID(letter)}"))


def _headers(row: Row[Any]) -> list[tuple[str, bytes]]:
    return [(name, value.encode()) for name, value in letters.headers_of(row).items()]
