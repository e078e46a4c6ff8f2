"""What has waited too long in a passing state: who owns it, what leads out, and when it is late.

``DELIVERIES`` names every state that a delivery can have. A limit counts from the row's own due
time (``due_at``), of a call under way from when no request can leave any more (``sent_before``).
States without a limit wait for a person, for their time, or for nothing.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select, update

from stores.ledger.publications import OPEN
from stores.ledger.tables import outbox, publications, renditions, rests, stories, versions, wakeups


@dataclass(frozen=True)
class Limit:
    """``late_s`` None: no limit."""

    owner: str
    late_s: int | None = None


DELIVERIES: dict[str, Limit] = {
    "planned": Limit("conductor"),
    "held": Limit("conductor"),
    "gated": Limit("conductor"),
    "ready": Limit("publisher", 60),
    "intent": Limit("publisher", 60),
    "accepted": Limit("publisher", 60),
    "live": Limit("nobody"),
    "retry_wait": Limit("publisher", 60),
    "unknown": Limit("publisher", 60),
    "reconciling": Limit("publisher", 60),
    "needs_person": Limit("a person"),
    "awaiting_person": Limit("a person"),
    "refused": Limit("an editor"),
    "updating": Limit("publisher", 60),
    "recalling": Limit("publisher", 60),
    "recalled": Limit("nobody"),
    "superseded": Limit("nobody"),
    "cancelled": Limit("nobody"),
    "removed_by_platform": Limit("an editor"),
    "not_applicable": Limit("conductor"),
}
COPIES_LATE_S = 60
"""A version without its copies."""
RENDITION_SILENT_S = 3600
"""A rendition in work whose progress does not move: its worker is gone for good."""
RENDITION_LATE_S = 600
"""A rendition that is due and that no worker takes."""
OUTBOX_LATE_S = 60
"""A record that is not on Kafka yet."""
DECISION_LATE_S = 60
"""A delivery that the conductor should have moved; ``SLOTS_S`` says when it is rung again."""
SLOTS_S = (60, 600, 3600, 21_600)


def deliveries(tx: Connection, now: int) -> list[Row[Any]]:
    """Deliveries that their publisher should have worked on long ago; a channel that rests is
    told of elsewhere."""
    late = [
        and_(
            publications.c.state == state,
            publications.c.open_attempt.is_(None),
            publications.c.due_at < now - limit.late_s * 1000,
            publications.c.channel.not_in(select(rests.c.channel)),
        )
        for state, limit in DELIVERIES.items()
        if limit.late_s is not None
    ]
    calling = and_(
        publications.c.open_attempt.is_not(None),
        publications.c.sent_before < now - 1000 * (DELIVERIES["intent"].late_s or 0),
    )
    return list(tx.execute(select(publications).where(or_(calling, *late))))


def without_due_time(tx: Connection) -> list[Row[Any]]:
    """Deliveries with work to do that nobody would ever look at."""
    return list(
        tx.execute(
            select(publications).where(
                publications.c.state.in_(OPEN),
                publications.c.open_attempt.is_(None),
                publications.c.due_at.is_(None),
            )
        )
    )


def of_other_channels(tx: Connection, channels: list[str], states: list[str]) -> list[Row[Any]]:
    """Deliveries in one of the states whose channel is none of these."""
    return list(
        tx.execute(
            select(publications).where(
                publications.c.channel.not_in(channels),
                or_(publications.c.state.in_(states), publications.c.open_attempt.is_not(None)),
            )
        )
    )


def undecided(tx: Connection, now: int) -> dict[str, int]:
    """Story id → since when (ms) a delivery waits of an approved story that nothing holds and no
    wakeup is set for. Some wait with good reason (a rendition): ringing them changes nothing."""
    set_for = exists().where(wakeups.c.key == stories.c.id)
    return _since(
        tx,
        now,
        stories.c.withdrawn_at.is_(None),
        stories.c.approved_version.is_not(None),
        stories.c.held_reason.is_(None),
        ~set_for,
        or_(
            publications.c.state.in_(["planned", "held", "gated"]),
            and_(
                publications.c.state == "live",
                publications.c.reason == "",
                publications.c.live_version < stories.c.approved_version,
            ),
        ),
    )


def not_taken_down(tx: Connection, now: int) -> dict[str, int]:
    """Story id → since when (ms) a delivery of a withdrawn story stands as if nothing were."""
    return _since(
        tx,
        now,
        stories.c.withdrawn_at < now - DECISION_LATE_S * 1000,
        publications.c.state.in_(["planned", "held", "gated", "live", "awaiting_person"]),
    )


def _since(tx: Connection, now: int, *where: Any) -> dict[str, int]:
    rows = tx.execute(
        select(publications.c.story_id, func.min(publications.c.updated_at))
        .join(stories, stories.c.id == publications.c.story_id)
        .where(publications.c.updated_at < now - DECISION_LATE_S * 1000, *where)
        .group_by(publications.c.story_id)
    )
    return {row[0]: row[1] for row in rows}


def without_copies(tx: Connection, now: int) -> list[Row[Any]]:
    """Newest versions whose copies never came: story id, version, created_at."""
    return list(
        tx.execute(
            select(versions.c.story_id, versions.c.version, versions.c.created_at)
            .join(
                stories,
                and_(stories.c.id == versions.c.story_id, stories.c.version == versions.c.version),
            )
            .where(
                versions.c.copies_sha256.is_(None),
                versions.c.created_at < now - COPIES_LATE_S * 1000,
                stories.c.withdrawn_at.is_(None),
            )
        )
    )


def any_silent_rendition(tx: Connection, now: int) -> bool:
    """A look before the write lock is asked for."""
    query = select(renditions.c.recipe).where(_silent(now)).limit(1)
    return tx.execute(query).first() is not None


def _silent(now: int) -> ColumnElement[bool]:
    return and_(
        renditions.c.state == "working",
        renditions.c.updated_at < now - RENDITION_SILENT_S * 1000,
    )


def order_silent_renditions(tx: Connection, now: int) -> int:
    """Give back what a worker had claimed that is gone for good; returns how many."""
    return tx.execute(
        update(renditions)
        .where(_silent(now))
        .values(state="ordered", owner=None, due_at=now, updated_at=now)
    ).rowcount


def counts(tx: Connection, now: int) -> dict[str, int]:
    """Kind → how many are late now; kinds with none are left out."""
    untaken = select(func.count()).where(
        renditions.c.state == "ordered", renditions.c.due_at < now - RENDITION_LATE_S * 1000
    )
    unsent = select(func.count()).where(
        outbox.c.sent_at.is_(None), outbox.c.created_at < now - OUTBOX_LATE_S * 1000
    )
    found = {
        "deliveries": len(deliveries(tx, now)),
        "withdrawals": len(not_taken_down(tx, now)),
        "copies": len(without_copies(tx, now)),
        "renditions": tx.execute(untaken).scalar_one(),
        "outbox": tx.execute(unsent).scalar_one(),
    }
    return {kind: number for kind, number in found.items() if number}
