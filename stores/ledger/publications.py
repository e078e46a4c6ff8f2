"""Publications: one row for each (story, channel, release), and its append-only attempts."""

import json
from collections.abc import Collection
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
)

from schemas.events import DeliveryChanged
from schemas.receipt import Receipt
from stores.ledger import journal, outbox
from stores.ledger.ids import when
from stores.ledger.statements import change_where, rows_where
from stores.ledger.stories import Seen
from stores.ledger.tables import attempts, publications, stories

OPEN = ("ready", "retry_wait", "updating", "recalling", "accepted", "unknown", "reconciling")
"""States in which the publisher has something to do once the row is due."""
ASKING = frozenset({"unknown", "reconciling"})
"""An answer was lost: the outlet is asked, and nothing is sent."""
CREATING = ("ready", "retry_wait", "intent", "accepted", "unknown", "reconciling")

Place = tuple[str, str, int]
"""(story id, channel, release)."""


_KEY = ("story_id", "channel", "release")
_OF_STORY = rows_where(publications, "story_id").order_by(
    publications.c.wave, publications.c.channel, publications.c.release
)
_OF_STORIES = select(
    *(publications.c[name] for name in (*_KEY, "state", "open_attempt", "handle", "tries"))
).where(
    publications.c.story_id.in_(bindparam("stories", expanding=True)),
    publications.c.channel.in_(bindparam("channels", expanding=True)),
)


def _waiting(*, recalls_alone: bool) -> tuple[ColumnElement[bool], ...]:
    found = (
        publications.c.channel == bindparam("channel"),
        publications.c.state.in_(OPEN),
        publications.c.open_attempt.is_(None),
    )
    return (*found, publications.c.verb == "recall") if recalls_alone else found


@cache
def _next_due(*, recalls_alone: bool, after: bool) -> Select[Any]:
    last = and_(*(publications.c[name] == bindparam(f"at_{name}") for name in _KEY))
    return (
        select(publications)
        .where(*_waiting(recalls_alone=recalls_alone), publications.c.due_at <= bindparam("now"))
        .order_by(
            *((case((last, 1), else_=0),) if after else ()),
            case((publications.c.verb == "recall", 0), else_=1),
            publications.c.urgency,
            publications.c.wave,
            publications.c.due_at,
        )
        .limit(1)
    )


@cache
def _soonest(*, recalls_alone: bool) -> Select[Any]:
    return select(func.min(publications.c.due_at)).where(*_waiting(recalls_alone=recalls_alone))


def put(tx: Connection, story_id: UUID | str, *, at: int, **values: Any) -> None:
    """Insert a row; what is not given has its resting value."""
    row = {
        "story_id": str(story_id),
        "gate": "",
        "reason": "",
        "tries": 0,
        "epoch": 0,
        "checkpoints": "{}",
        "created_at": at,
        "updated_at": at,
        **values,
    }
    tx.execute(publications.insert(), row)
    _note(tx, story_id, values["channel"], values["release"])


def _note(tx: Connection, story_id: UUID | str, channel: str, release: int) -> None:
    journal.note(tx, publications, story_id=story_id, channel=channel, release=release)


def change(
    tx: Connection, story_id: UUID | str, channel: str, release: int, *, at: int, **values: Any
) -> None:
    """Set columns of one row; dicts are written as JSON."""
    plain = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in values.items()}
    plain["updated_at"] = at
    found = {"at_story_id": str(story_id), "at_channel": channel, "at_release": release}
    tx.execute(change_where(publications, _KEY, tuple(plain)), plain | found)
    _note(tx, story_id, channel, release)


def change_row(tx: Connection, row: Row[Any], *, at: int, **values: Any) -> None:
    """:func:`change` for a row at hand."""
    change(tx, row.story_id, row.channel, row.release, at=at, **values)


def tell(
    tx: Connection,
    row: Row[Any],
    *,
    state: str,
    reason: str,
    at: int,
    version: int | None = None,
    receipt: Receipt | None = None,
) -> None:
    """Put the event into the outbox that this row has become ``state``; ``version`` where it is
    not the row's own."""
    event = DeliveryChanged(
        story_id=UUID(row.story_id),
        channel=row.channel,
        release=row.release,
        version=row.version if version is None else version,
        state=state,
        reason=reason,
        receipt=receipt,
        at=when(at),
    )
    outbox.append(tx, event, at=at)


def get(tx: Connection, story_id: UUID | str, channel: str, release: int) -> Row[Any] | None:
    found = {"story_id": str(story_id), "channel": channel, "release": release}
    return tx.execute(rows_where(publications, *_KEY), found).first()


def of_story(tx: Connection, story_id: UUID | str) -> list[Row[Any]]:
    return list(tx.execute(_OF_STORY, {"story_id": str(story_id)}))


def next_due(
    tx: Connection,
    channel: str,
    now: int,
    *,
    recalls_alone: bool = False,
    after: Place | None = None,
) -> Row[Any] | None:
    """The row to work on next: recalls first, then by urgency, wave and due time; the one of
    ``after`` only when there is no other."""
    given: dict[str, Any] = {"channel": channel, "now": now}
    if after is not None:
        given |= {f"at_{name}": value for name, value in zip(_KEY, after, strict=True)}
    statement = _next_due(recalls_alone=recalls_alone, after=after is not None)
    return tx.execute(statement, given).first()


def soonest(tx: Connection, channel: str, *, recalls_alone: bool = False) -> int | None:
    """When the next open row of a channel comes due (ms)."""
    statement = _soonest(recalls_alone=recalls_alone)
    return tx.execute(statement, {"channel": channel}).scalar()


def with_open_attempt(tx: Connection, channel: str) -> list[Row[Any]]:
    """Rows whose owner died in the middle of a call."""
    return list(
        tx.execute(
            select(publications).where(
                publications.c.channel == channel, publications.c.open_attempt.is_not(None)
            )
        )
    )


def begin_attempt(tx: Connection, row: Row[Any], *, attempt_id: str, owner: str, at: int) -> None:
    begun = {
        "id": attempt_id,
        "story_id": row.story_id,
        "channel": row.channel,
        "release": row.release,
        "version": row.version,
        "epoch": row.epoch + 1,
        "verb": row.verb,
        "owner": owner,
        "started_at": at,
        "outcome": "open",
        "reason": "",
    }
    tx.execute(attempts.insert(), begun)
    journal.note(tx, attempts, id=attempt_id)


def end_attempt(tx: Connection, attempt_id: str, *, outcome: str, reason: str, at: int) -> None:
    ended = {"ended_at": at, "outcome": outcome, "reason": reason[:2000]}
    statement = change_where(attempts, ("id",), tuple(ended))
    tx.execute(statement, {**ended, "at_id": attempt_id})
    journal.note(tx, attempts, id=attempt_id)


def attempts_of(tx: Connection, story_id: UUID | str) -> list[Row[Any]]:
    return list(
        tx.execute(
            select(attempts)
            .where(attempts.c.story_id == str(story_id))
            .order_by(attempts.c.started_at)
        )
    )


def lasting(tx: Connection, places: list[Place]) -> set[Place]:
    """Which of these rows a restart would find again without their record: done, refused, or
    waiting on a wakeup or a person. A row that nobody has tried yet, or that is in the middle of
    a call, is not."""
    found: dict[Place, Row[Any]] = {}
    channels = sorted({channel for _, channel, _ in places})
    for first in range(0, len(places), 100):
        of = {story_id for story_id, _, _ in places[first : first + 100]}
        rows = tx.execute(_OF_STORIES, {"stories": sorted(of), "channels": channels})
        found |= {(row.story_id, row.channel, row.release): row for row in rows}
    return {place for place in places if _lasts(found.get(place))}


def _lasts(row: Row[Any] | None) -> bool:
    if row is None:
        return True
    if row.state in {"ready", "intent"} or row.open_attempt is not None:
        return False
    untried = row.handle is None and row.tries == 0
    return not (row.state in {"updating", "recalling"} and untried)


def open_intents(tx: Connection) -> int:
    return tx.execute(
        select(func.count()).where(publications.c.open_attempt.is_not(None))
    ).scalar_one()


def unfinished(tx: Connection) -> int:
    """Rows that the system itself still works on: with these at zero nothing moves by itself,
    waits for a wakeup of an embargo or for a person aside."""
    return tx.execute(
        select(func.count()).where(
            or_(
                publications.c.state.in_(
                    [
                        "ready",
                        "intent",
                        "accepted",
                        "unknown",
                        "reconciling",
                        "retry_wait",
                        "updating",
                        "recalling",
                    ]
                ),
                publications.c.open_attempt.is_not(None),
            )
        )
    ).scalar_one()


def listing(
    tx: Connection,
    *,
    story_id: str | None = None,
    since: int = 0,
    limit: int = 2000,
    seen: Seen | None = None,
) -> list[Row[Any]]:
    """Rows with number and headline of their story, newest stories first, in wave order."""
    query = (
        select(publications, stories.c.number, stories.c.headline, stories.c.withdrawn_at)
        .join(stories, stories.c.id == publications.c.story_id)
        .where(publications.c.updated_at >= since)
        .order_by(
            stories.c.number.desc(),
            publications.c.wave,
            publications.c.channel,
            publications.c.release,
        )
        .limit(limit)
    )
    if story_id is not None:
        query = query.where(publications.c.story_id == story_id)
    if seen is not None:
        query = query.where(seen.stories)
    return list(tx.execute(query))


def in_states(tx: Connection, states: Collection[str], limit: int = 500) -> list[Row[Any]]:
    """The newest release of a story at a channel, where it is in one of these states; as
    :func:`listing` gives them, the longest in its state first."""
    later = publications.alias("later")
    newer = exists().where(
        later.c.story_id == publications.c.story_id,
        later.c.channel == publications.c.channel,
        later.c.release > publications.c.release,
    )
    query = (
        select(publications, stories.c.number, stories.c.headline, stories.c.withdrawn_at)
        .join(stories, stories.c.id == publications.c.story_id)
        .where(publications.c.state.in_(sorted(states)), ~newer)
        .order_by(publications.c.updated_at, stories.c.number)
        .limit(limit)
    )
    return list(tx.execute(query))


def address(row: Row[Any]) -> str:
    """Where the item of a row is to be found, or its id at the outlet; empty without a receipt."""
    receipt = loads(row.receipt)
    return str(receipt.get("url") or receipt.get("item_id") or "")


def with_receipt_of(
    tx: Connection, channel: str, named: str, *, other_than: Place
) -> Row[Any] | None:
    """Another delivery of a channel whose receipt holds this address or item id as a value."""
    rows = tx.execute(
        select(publications).where(
            publications.c.channel == channel,
            publications.c.receipt.contains(json.dumps(named, ensure_ascii=False), autoescape=True),
        )
    )
    for row in rows:
        receipt = json.loads(row.receipt)
        same = named in {receipt.get("url"), receipt.get("item_id")}
        if same and (row.story_id, row.channel, row.release) != other_than:
            return row
    return None


def last_attempt_at(tx: Connection, story_id: UUID | str, channel: str, release: int) -> int | None:
    """When the newest attempt of a release began (ms)."""
    return tx.execute(
        select(func.max(attempts.c.started_at)).where(
            attempts.c.story_id == str(story_id),
            attempts.c.channel == channel,
            attempts.c.release == release,
        )
    ).scalar()


def loads(text: str | None) -> dict[str, Any]:
    """A JSON column as a dict; empty for NULL."""
    return dict(json.loads(text)) if text else {}
