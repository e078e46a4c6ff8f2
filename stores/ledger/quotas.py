"""Calls spent at a platform in one of its days (Beijing)."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from schemas.beijing import SHANGHAI
from schemas.errors import QuotaUsed
from stores.ledger import journal
from stores.ledger.tables import quotas


def note(tx: Connection, channel: str, now: datetime, story_id: str) -> None:
    """Tell what is spent today with the story that it was spent on."""
    day = now.astimezone(SHANGHAI).date().isoformat()
    found = select(quotas.c.verb).where(quotas.c.channel == channel, quotas.c.day == day)
    for verb in tx.execute(found).scalars():
        journal.note(tx, quotas, story=story_id, channel=channel, day=day, verb=verb)


def spend(tx: Connection, channel: str, verb: str, limit: int, now: datetime) -> int:
    """Count one call; returns how many are spent today.

    Raises QuotaUsed until the platform's day turns when the quota is used up.
    """
    local = now.astimezone(SHANGHAI)
    day = local.date().isoformat()
    where = (quotas.c.channel == channel, quotas.c.day == day, quotas.c.verb == verb)
    used = tx.execute(select(quotas.c.used).where(*where)).scalar()
    if (used or 0) >= limit:
        midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, second=5, microsecond=0)
        raise QuotaUsed(
            f"今天的 {verb} 额度 {limit} 次已用完, 次日继续 / today's quota is used up",
            retry_after_s=(midnight - local).total_seconds(),
        )
    if used is None:
        tx.execute(quotas.insert().values(channel=channel, day=day, verb=verb, used=1))
        return 1
    tx.execute(update(quotas).where(*where).values(used=used + 1))
    return int(used) + 1
