"""How promptly stories reach their outlets, read from the ledger alone.

The ledger is the truth, so a monitor that is restarted counts the same figures again: nothing
is counted in a process that could forget it. Times are UTC milliseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from schemas.gates import BY_HAND, FALLBACK, FIRST
from stores.ledger.tables import dead_letters, publications, stories, versions

LEFT_OUT = ("not_applicable", "cancelled", "superseded")
"""Nothing is owed for a publication in one of these."""
DONE = ("live", "recalled", "updating", "recalling", "removed_by_platform")
"""It was live once, or is down on purpose."""

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Arrival:
    """A delivery that reached its outlet for the first time."""

    channel: str
    kind: str
    """Of the story: news, video, answer, notice."""
    since_filed_s: float
    since_released_s: float
    """Since its own release: its wave was open and nothing was missing."""


@dataclass(frozen=True)
class Owed:
    """A released delivery that has not reached its outlet yet."""

    story_id: str
    number: int
    headline: str
    kind: str
    channel: str
    wave: int
    state: str
    reason: str
    since: int
    """From when on it is owed: its own release, or the story's while its media are made."""


def arrivals(tx: Connection, after: int, until: int) -> list[Arrival]:
    """First receipts with ``after < received_at <= until``."""
    filed = versions.alias("filed")
    rows = tx.execute(
        select(
            publications.c.channel,
            stories.c.kind,
            filed.c.created_at,
            publications.c.released_at,
            publications.c.received_at,
        )
        .join(stories, stories.c.id == publications.c.story_id)
        .join(
            filed,
            and_(
                filed.c.story_id == publications.c.story_id,
                filed.c.version == publications.c.version,
            ),
        )
        .where(
            publications.c.updated_at > after,  # indexed; a receipt never changes later than this
            publications.c.received_at > after,
            publications.c.received_at <= until,
            publications.c.released_at.is_not(None),
        )
    )
    return [
        Arrival(
            row.channel,
            row.kind,
            _seconds(row.received_at - row.created_at),
            _seconds(row.received_at - row.released_at),
        )
        for row in rows
    ]


def kept_and_missed(
    tx: Connection, limits_s: Mapping[str, float], after: int, until: int
) -> dict[str, tuple[int, int]]:
    """Channel → (in time, late), each delivery counted once, when its outcome became certain.

    In time: received within the limit, counted at its receipt. Late: counted when the limit
    passed without a receipt, whatever came later. ``limits_s``: seconds since its release.
    """
    p = publications.c
    counted = {}
    for channel, limit_s in limits_s.items():
        limit = round(limit_s * 1000)
        mine = and_(p.channel == channel, p.released_at > after - limit, p.state.not_in(LEFT_OUT))
        kept = select(func.count()).where(
            mine,
            p.received_at > after,
            p.received_at <= until,
            p.received_at - p.released_at <= limit,
        )
        missed = select(func.count()).where(
            mine,
            p.released_at <= until - limit,
            or_(p.received_at.is_(None), p.received_at - p.released_at > limit),
        )
        counted[channel] = (tx.execute(kept).scalar_one(), tx.execute(missed).scalar_one())
    return counted


def owed(tx: Connection, now_ms: int) -> list[Owed]:
    """Every delivery of a released story that is neither done nor left out, oldest first.

    A follower that still waits for its wave is not owed, nor what was refused over a day ago and
    left so: the board shows it, and nobody need be rung for it any more.
    """
    p = publications.c
    rows = tx.execute(
        select(
            publications,
            stories.c.number,
            stories.c.headline,
            stories.c.kind,
            stories.c.released_at.label("story_released_at"),
        )
        .join(stories, stories.c.id == p.story_id)
        .where(
            stories.c.withdrawn_at.is_(None),
            stories.c.released_at.is_not(None),
            p.received_at.is_(None),
            p.state.not_in((*LEFT_OUT, *DONE, "gated", "held")),
            or_(p.state != "refused", p.updated_at > now_ms - DAY_MS),
        )
        .order_by(p.released_at, stories.c.number)
    )
    return [_owed(row) for row in rows]


def _owed(row: Row[Any]) -> Owed:
    return Owed(
        row.story_id,
        row.number,
        row.headline,
        row.kind,
        row.channel,
        row.wave,
        row.state,
        row.reason,
        row.released_at or max(row.story_released_at, row.created_at),
    )


def order_breaches(tx: Connection, after: int, until: int) -> list[tuple[str, int]]:
    """(channel, story number) of followers asked to publish with ``after < requested_at <=
    until`` although nothing of an earlier wave was live, no fallback time had come and nobody
    had opened the wave by hand. There should never be one."""
    p, first = publications.c, publications.alias("first").c
    earlier = and_(first.story_id == p.story_id, first.wave < p.wave)
    before = select(func.min(first.received_at)).where(earlier).scalar_subquery()
    rows = tx.execute(
        select(p.channel, stories.c.number)
        .join(stories, stories.c.id == p.story_id)
        .where(
            p.updated_at > after,
            p.requested_at > after,
            p.requested_at <= until,
            p.gate.not_like(f"{FIRST}%"),
            p.gate.not_like(f"{FALLBACK}%"),
            p.gate.not_like(f"%{BY_HAND}%"),
            or_(before.is_(None), before > p.requested_at),
        )
    )
    return [(row.channel, row.number) for row in rows]


def by_state(tx: Connection) -> dict[tuple[str, str], int]:
    """(channel, state) → deliveries in it now."""
    p = publications.c
    rows = tx.execute(select(p.channel, p.state, func.count()).group_by(p.channel, p.state))
    return {(channel, state): int(count) for channel, state, count in rows}


def open_letters(tx: Connection) -> tuple[int, int]:
    """(dead letters ever, of these still open)."""
    ever, open_ = tx.execute(
        select(func.count(), func.count().filter(dead_letters.c.closed_at.is_(None))).select_from(
            dead_letters
        )
    ).one()
    return int(ever), int(open_)


def _seconds(ms: int) -> float:
    return max(0, ms) / 1000
