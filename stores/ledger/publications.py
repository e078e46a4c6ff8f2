"""Publications: one row for each (story, channel, release), and its append-only attempts."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, and_, case, func, or_, select, update

from stores.ledger.tables import attempts, publications, stories

OPEN = ("ready", "retry_wait", "updating", "recalling", "accepted", "unknown", "reconciling")
"""States in which the publisher has something to do once the row is due."""
ASKING = frozenset({"unknown", "reconciling"})
"""An answer was lost: the outlet is asked, and nothing is sent."""
CREATING = ("ready", "retry_wait", "intent", "accepted", "unknown", "reconciling")

Place = tuple[str, str, int]
"""(story id, channel, release)."""


def _at(story_id: UUID | str, channel: str, release: int) -> Any:
    return and_(
        publications.c.story_id == str(story_id),
        publications.c.channel == channel,
        publications.c.release == release,
    )


def put(tx: Connection, story_id: UUID | str, *, at: int, **values: Any) -> None:
    """Insert a row; what is not given has its resting value."""
    tx.execute(
        publications.insert().values(
            {
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
        )
    )


def change(
    tx: Connection, story_id: UUID | str, channel: str, release: int, *, at: int, **values: Any
) -> None:
    """Set columns of one row; dicts are written as JSON."""
    plain = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in values.items()}
    tx.execute(
        update(publications).where(_at(story_id, channel, release)).values(**plain, updated_at=at)
    )


def get(tx: Connection, story_id: UUID | str, channel: str, release: int) -> Row[Any] | None:
    return tx.execute(select(publications).where(_at(story_id, channel, release))).first()


def of_story(tx: Connection, story_id: UUID | str) -> list[Row[Any]]:
    return list(
        tx.execute(
            select(publications)
            .where(publications.c.story_id == str(story_id))
            .order_by(publications.c.wave, publications.c.channel, publications.c.release)
        )
    )


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
    alone = (publications.c.verb == "recall",) if recalls_alone else ()
    last = () if after is None else (case((_at(*after), 1), else_=0),)
    return tx.execute(
        select(publications)
        .where(
            publications.c.channel == channel,
            publications.c.state.in_(OPEN),
            publications.c.due_at <= now,
            publications.c.open_attempt.is_(None),
            *alone,
        )
        .order_by(
            *last,
            case((publications.c.verb == "recall", 0), else_=1),
            publications.c.urgency,
            publications.c.wave,
            publications.c.due_at,
        )
        .limit(1)
    ).first()


def soonest(tx: Connection, channel: str, *, recalls_alone: bool = False) -> int | None:
    """When the next open row of a channel comes due (ms)."""
    alone = (publications.c.verb == "recall",) if recalls_alone else ()
    return tx.execute(
        select(func.min(publications.c.due_at)).where(
            publications.c.channel == channel,
            publications.c.state.in_(OPEN),
            publications.c.open_attempt.is_(None),
            *alone,
        )
    ).scalar()


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
    tx.execute(
        attempts.insert().values(
            id=attempt_id,
            story_id=row.story_id,
            channel=row.channel,
            release=row.release,
            version=row.version,
            epoch=row.epoch + 1,
            verb=row.verb,
            owner=owner,
            started_at=at,
            outcome="open",
            reason="",
        )
    )


def end_attempt(tx: Connection, attempt_id: str, *, outcome: str, reason: str, at: int) -> None:
    tx.execute(
        update(attempts)
        .where(attempts.c.id == attempt_id)
        .values(ended_at=at, outcome=outcome, reason=reason[:2000])
    )


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
    return {place for place in places if _lasts(get(tx, *place))}


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
    tx: Connection, *, story_id: str | None = None, since: int = 0, limit: int = 2000
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
