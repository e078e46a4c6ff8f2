"""Channels that rest, since their outlet is away: written by their publisher, shown to everybody."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from stores.ledger.tables import rests


@dataclass(frozen=True)
class Rest:
    """A channel that rests; times in ms."""

    channel: str
    rests: int
    since: int
    until: int
    reason: str


def put(tx: Connection, rest: Rest) -> None:
    end(tx, rest.channel)
    tx.execute(
        rests.insert().values(
            channel=rest.channel,
            rests=rest.rests,
            since=rest.since,
            until=rest.until,
            reason=rest.reason[:500],
        )
    )


def end(tx: Connection, channel: str) -> None:
    tx.execute(delete(rests).where(rests.c.channel == channel))


def all_of(tx: Connection) -> dict[str, Rest]:
    """Channel → its rest, for those that rest now."""
    rows = tx.execute(select(rests).order_by(rests.c.channel))
    return {r.channel: Rest(r.channel, r.rests, r.since, r.until, r.reason) for r in rows}
