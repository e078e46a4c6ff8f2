"""Probes: sent every few minutes, taken by each channel's publisher; only the newest is kept."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection, delete, func, select, update

from schemas.events import ProbeSent
from stores.ledger import outbox
from stores.ledger.ids import new_id, when
from stores.ledger.tables import probes


def is_due(tx: Connection, *, every_s: float, at: int) -> bool:
    """Whether none was sent within ``every_s``; one from the future (a clock set back) is none."""
    newest = tx.execute(select(func.max(probes.c.sent_at))).scalar()
    return newest is None or not at - every_s * 1000 < newest <= at


def send_if_due(tx: Connection, channels: Collection[str], *, every_s: float, at: int) -> bool:
    """Send one unless one was sent within ``every_s``; channels that are gone are forgotten."""
    if not is_due(tx, every_s=every_s, at=at):
        return False
    tx.execute(delete(probes).where(probes.c.channel.not_in(channels)))
    known = set(tx.execute(select(probes.c.channel)).scalars())
    tx.execute(update(probes).values(sent_at=at))
    for channel in sorted(set(channels) - known):
        tx.execute(probes.insert().values(channel=channel, sent_at=at))
    outbox.append(tx, ProbeSent(story_id=UUID(str(new_id())), at=when(at)), at=at)
    return True


def came(tx: Connection, channel: str, sent_at: int, *, at: int) -> None:
    """The channel's publisher has taken the probe that was sent at ``sent_at``."""
    tx.execute(
        update(probes)
        .where(probes.c.channel == channel)
        .values(came_at=at, took_ms=max(0, at - sent_at))
    )


def last(tx: Connection) -> dict[str, tuple[float, float]]:
    """Channel → (seconds that its last probe took, Unix time at which it came)."""
    rows = tx.execute(select(probes).where(probes.c.came_at.is_not(None)))
    return {row.channel: (row.took_ms / 1000, row.came_at / 1000) for row in rows}
