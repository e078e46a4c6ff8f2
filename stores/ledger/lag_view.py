"""What the lag monitor asks of the ledger: a few counts, in one short snapshot."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, and_, func, or_, select

from stores.ledger.tables import dead_letters, publications, renditions, stories

UNDER_WAY = (
    "ready",
    "intent",
    "accepted",
    "retry_wait",
    "unknown",
    "reconciling",
    "updating",
    "recalling",
)
"""Ordered, and no answer yet that lasts."""
DAY_MS = 86_400_000


@dataclass(slots=True)
class ChannelRow:
    """One channel's open work."""

    waiting: list[int] = field(default_factory=list)
    """When each delivery under way was ordered (ms)."""
    media: list[int] = field(default_factory=list)
    """When each delivery was released whose renditions are being made (ms)."""
    failed: int = 0
    """Need a person; refused or taken down by the outlet within a day; open dead letters."""
    moved_ms: int | None = None
    """Last begin or end of a call, of the last hour."""


@dataclass(frozen=True, slots=True)
class JobRow:
    """One transcode that is ordered or in hand."""

    source_sha256: str
    recipe: str
    working: bool
    cost_s: int
    progress: int
    updated_ms: int


def channels(tx: Connection, now_ms: int) -> dict[str, ChannelRow]:
    """Channel → its open work; a channel with none is left out."""
    found: dict[str, ChannelRow] = {}
    p = publications.c
    rows = tx.execute(
        select(
            p.channel,
            p.state,
            p.released_at,
            p.created_at,
            p.updated_at,
            stories.c.released_at.label("story_released_at"),
        )
        .join(stories, stories.c.id == p.story_id)
        .where(
            or_(
                p.state.in_([*UNDER_WAY, "needs_person"]),
                and_(p.state == "planned", p.reason.startswith("等待转码")),
                and_(
                    p.state.in_(["refused", "removed_by_platform"]),
                    p.updated_at > now_ms - DAY_MS,
                ),
            )
        )
    )
    for row in rows:
        channel = found.setdefault(row.channel, ChannelRow())
        if row.state in {"updating", "recalling"}:
            channel.waiting.append(row.updated_at)  # its release was long ago
        elif row.state in UNDER_WAY:
            channel.waiting.append(row.released_at or row.created_at)
        elif row.state == "planned":
            channel.media.append(row.released_at or max(row.story_released_at or 0, row.created_at))
        else:
            channel.failed += 1
    moved = tx.execute(
        select(p.channel, func.max(p.requested_at), func.max(p.received_at))
        .where(p.updated_at > now_ms - DAY_MS // 24)
        .group_by(p.channel)
    )
    for name, requested, received in moved:
        last = max(requested or 0, received or 0)
        found.setdefault(name, ChannelRow()).moved_ms = last or None
    return found


def open_letters(tx: Connection) -> dict[str, int]:
    """Topic → dead letters that nobody has closed."""
    rows = tx.execute(
        select(dead_letters.c.topic, func.count().label("letters"))
        .where(dead_letters.c.closed_at.is_(None))
        .group_by(dead_letters.c.topic)
    )
    return {row.topic: row.letters for row in rows}


def jobs(tx: Connection, since_ms: int) -> tuple[list[JobRow], list[tuple[str, str]]]:
    """Open transcodes, and (source, recipe) of those that ended well since."""
    r = renditions.c
    open_, done = [], []
    rows = tx.execute(
        select(r.source_sha256, r.recipe, r.state, r.cost_s, r.progress, r.updated_at).where(
            or_(
                r.state.in_(["ordered", "working"]),
                and_(r.state == "done", r.updated_at >= since_ms),
            )
        )
    )
    for row in rows:
        if row.state == "done":
            done.append((row.source_sha256, row.recipe))
            continue
        open_.append(
            JobRow(
                row.source_sha256,
                row.recipe,
                row.state == "working",
                row.cost_s,
                row.progress,
                row.updated_at,
            )
        )
    return open_, done
