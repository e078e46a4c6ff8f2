"""What the live board reads: stories with their newest version, open levels and publications.

Everything comes in a handful of queries over a list of story ids, so that a board of a hundred
stories is one short snapshot. Times are UTC milliseconds, as in the tables.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from schemas.review import REQUIRED, Signature, missing_levels
from stores.ledger import publications as publication_rows
from stores.ledger.stories import Seen
from stores.ledger.tables import publications, signatures, stories, versions


@dataclass(frozen=True)
class Delivery:
    """The newest release of a story at one channel."""

    channel: str
    wave: int
    release: int
    state: str
    version: int
    live_version: int | None
    gate: str
    reason: str
    due_at: int | None
    released_at: int | None
    requested_at: int | None
    received_at: int | None
    updated_at: int
    url: str
    item_id: str


@dataclass(frozen=True)
class StoryOnBoard:
    """One story as a row of the board."""

    id: str
    number: int
    headline: str
    kind: str
    version: int
    version_state: str
    has_copies: bool
    missing_levels: tuple[int, ...]
    owed_levels: tuple[int, ...]
    """先发后补: levels to be signed afterwards."""
    approved_version: int | None
    released_at: int | None
    withdrawn_at: int | None
    withdrawn_reason: str | None
    held_reason: str | None
    by: str
    desk: str
    created_at: int
    deliveries: tuple[Delivery, ...]


def newest(
    tx: Connection, *, before: int | None = None, limit: int, seen: Seen | None = None
) -> dict[int, str]:
    """Number → id of the newest stories, newest first; ``before`` is a story number."""
    query = select(stories.c.number, stories.c.id).order_by(stories.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(stories.c.number < before)
    if seen is not None:
        query = query.where(seen.stories)
    return {row.number: row.id for row in tx.execute(query)}


def older_in_state(
    tx: Connection, states: Collection[str], channels: Collection[str], *, before: int, limit: int
) -> dict[int, str]:
    """Number → id of stories older than ``before`` with a publication in one of the states.

    ``channels`` are named because the index begins with the channel.
    """
    rows = tx.execute(
        select(stories.c.number, stories.c.id)
        .join(publications, publications.c.story_id == stories.c.id)
        .where(
            publications.c.channel.in_(channels),
            publications.c.state.in_(states),
            stories.c.number < before,
        )
        .distinct()
        .order_by(stories.c.number.desc())
        .limit(limit)
    )
    return {row.number: row.id for row in rows}


def changed_since(tx: Connection, since: int) -> set[str]:
    """Ids of stories whose row or publications changed at or after ``since`` (ms)."""
    rows = select(stories.c.id).where(stories.c.updated_at >= since)
    sent = select(publications.c.story_id).where(publications.c.updated_at >= since)
    return {*tx.execute(rows).scalars(), *tx.execute(sent).scalars()}


def on_board(tx: Connection, ids: Iterable[str]) -> list[StoryOnBoard]:
    """The stories with these ids, newest first."""
    wanted = list(ids)
    if not wanted:
        return []
    signed = _signatures(tx, wanted)
    sent = _deliveries(tx, wanted)
    rows = tx.execute(
        select(
            stories,
            versions.c.state.label("version_state"),
            versions.c.copies_sha256,
        )
        .join(
            versions,
            and_(versions.c.story_id == stories.c.id, versions.c.version == stories.c.version),
        )
        .where(stories.c.id.in_(wanted))
        .order_by(stories.c.number.desc())
    )
    return [_story(row, signed[row.id], sent[row.id]) for row in rows]


def _story(row: Row[Any], signed: list[Row[Any]], sent: dict[str, Delivery]) -> StoryOnBoard:
    valid = [
        Signature(s.level, s.person_id, s.person_name, s.copies_sha256, s.urgent)
        for s in signed
        if s.version == row.version
    ]
    return StoryOnBoard(
        id=row.id,
        number=row.number,
        headline=row.headline,
        kind=row.kind,
        version=row.version,
        version_state=row.version_state,
        has_copies=row.copies_sha256 is not None,
        missing_levels=missing_levels(valid, row.copies_sha256 or ""),
        owed_levels=_owed(valid),
        approved_version=row.approved_version,
        released_at=row.released_at,
        withdrawn_at=row.withdrawn_at,
        withdrawn_reason=row.withdrawn_reason,
        held_reason=row.held_reason,
        by=row.by,
        desk=row.desk,
        created_at=row.created_at,
        deliveries=tuple(sent.values()),
    )


def _owed(valid: list[Signature]) -> tuple[int, ...]:
    if not any(s.urgent for s in valid):
        return ()
    return tuple(level for level in REQUIRED if level not in {s.level for s in valid})


def _signatures(tx: Connection, ids: list[str]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in tx.execute(
        select(signatures).where(signatures.c.story_id.in_(ids), signatures.c.voided_at.is_(None))
    ):
        found[row.story_id].append(row)
    return found


def _deliveries(tx: Connection, ids: list[str]) -> dict[str, dict[str, Delivery]]:
    """Story id → channel → its newest release."""
    found: dict[str, dict[str, Delivery]] = defaultdict(dict)
    for row in tx.execute(
        select(publications)
        .where(publications.c.story_id.in_(ids))
        .order_by(publications.c.story_id, publications.c.wave, publications.c.release)
    ):
        known = found[row.story_id].get(row.channel)
        if known is None or known.release < row.release:
            found[row.story_id][row.channel] = _delivery(row)
    return found


def _delivery(row: Row[Any]) -> Delivery:
    receipt = json.loads(row.receipt) if row.receipt else {}
    return Delivery(
        channel=row.channel,
        wave=row.wave,
        release=row.release,
        state=row.state,
        version=row.version,
        live_version=row.live_version,
        gate=row.gate,
        reason=row.reason,
        due_at=row.due_at,
        released_at=row.released_at,
        requested_at=row.requested_at,
        received_at=row.received_at,
        updated_at=row.updated_at,
        url=receipt.get("url") or "",
        item_id=receipt.get("item_id") or "",
    )


@dataclass(frozen=True)
class AttemptMade:
    """One call at an outlet, from its claim to its answer."""

    channel: str
    release: int
    version: int
    epoch: int
    verb: str
    started_at: int
    ended_at: int | None
    outcome: str
    reason: str


def attempts_made(tx: Connection, story_id: str) -> list[AttemptMade]:
    """All attempts of a story, oldest first; without who made them."""
    return [
        AttemptMade(
            channel=row.channel,
            release=row.release,
            version=row.version,
            epoch=row.epoch,
            verb=row.verb,
            started_at=row.started_at,
            ended_at=row.ended_at,
            outcome=row.outcome,
            reason=row.reason,
        )
        for row in publication_rows.attempts_of(tx, story_id)
    ]
