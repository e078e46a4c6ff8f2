"""Read models: the rows that the API, the command line and the board all show."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select

from schemas.beijing import clock
from schemas.channel import marker
from schemas.review import LEVEL_NAMES, missing_levels
from schemas.settling import question_of
from schemas.story import Plan
from stores.ledger import publications, renditions, rests, stories
from stores.ledger.ids import iso
from stores.ledger.outbox import FORGED, backlog
from stores.ledger.stories import Seen
from stores.ledger.tables import dead_letters
from stores.ledger.tables import publications as publication_table
from stores.ledger.tables import stories as story_table


def delivery(row: Row[Any]) -> dict[str, Any]:
    """One publication as everybody sees it; times RFC 3339 with zone."""
    receipt = json.loads(row.receipt) if row.receipt else {}
    handle = json.loads(row.handle) if row.handle else {}
    settled = json.loads(row.settled) if row.settled else {}
    return {
        "story_id": row.story_id,
        "number": row.number,
        "headline": row.headline,
        "channel": row.channel,
        "wave": row.wave,
        "release": row.release,
        "version": row.version,
        "live_version": row.live_version,
        "state": row.state,
        "gate": row.gate,
        "reason": row.reason,
        "released_at": iso(row.released_at),
        "requested_at": iso(row.requested_at),
        "received_at": iso(row.received_at),
        "updated_at": iso(row.updated_at),
        "due_at": iso(row.due_at),
        "tries": row.tries,
        "attempts": row.epoch,
        "receipt_id": receipt.get("item_id"),
        "url": receipt.get("url") or None,
        "package": handle.get("package"),
        "payload_sha256": receipt.get("payload_sha256") or row.copy_sha256,
        "text_sha256": None if receipt.get("by") else receipt.get("text_sha256"),
        "media": receipt.get("media", []),
        "marker": marker(UUID(row.story_id), row.channel, row.release),
        "typed_by": receipt.get("by_name") or None,
        "settled": settled or None,
        "asks": question_of(row.state, row.verb, settled, was_live=row.received_at is not None),
        "withdrawn": row.withdrawn_at is not None,
    }


def deliveries(
    tx: Connection, *, story_id: str | None = None, limit: int = 2000, seen: Seen | None = None
) -> list[dict[str, Any]]:
    rows = publications.listing(tx, story_id=story_id, limit=limit, seen=seen)
    return [delivery(row) for row in rows]


def story_line(row: Row[Any]) -> dict[str, Any]:
    """One story of a list."""
    return {
        "story_id": row.id,
        "number": row.number,
        "headline": row.headline,
        "kind": row.kind,
        "version": row.version,
        "approved_version": row.approved_version,
        "released_at": iso(row.released_at),
        "withdrawn_at": iso(row.withdrawn_at),
        "withdrawn_reason": row.withdrawn_reason,
        "held_reason": row.held_reason,
        "by": row.by,
        "desk": row.desk,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
    }


def story_lines(
    tx: Connection, *, before: int | None, limit: int, seen: Seen | None = None
) -> list[dict[str, Any]]:
    """Newest first; ``before`` is a story number (cursor)."""
    query = select(story_table).order_by(story_table.c.number.desc()).limit(limit)
    if seen is not None:
        query = query.where(seen.stories)
    if before is not None:
        query = query.where(story_table.c.number < before)
    return [story_line(row) for row in tx.execute(query)]


def story_detail(tx: Connection, key: str) -> dict[str, Any]:
    """A story with its versions, sign-offs, renditions and deliveries; raises InvalidInput."""
    row = stories.find(tx, key)
    versions = []
    for number in range(row.version, 0, -1):
        version = stories.version_row(tx, row.id, number)
        signed = stories.valid_signatures(tx, row.id, number)
        missing = missing_levels(signed, version.copies_sha256 or "")
        versions.append(
            {
                "version": number,
                "state": version.state,
                "note": version.note,
                "copies_sha256": version.copies_sha256,
                "missing_levels": list(missing),
                "waits_for": [LEVEL_NAMES[level] for level in missing],
                "by": version.by,
                "created_at": iso(version.created_at),
            }
        )
    newest = stories.version_row(tx, row.id, row.version)
    return {
        **story_line(row),
        "plan": Plan.model_validate_json(row.plan).model_dump(mode="json"),
        "opened_waves": json.loads(row.opened_waves),
        "versions": versions,
        "signatures": [signature(s) for s in stories.signature_rows(tx, row.id)],
        "renditions": [
            {
                "placeholder": name,
                "recipe": r.recipe,
                "state": r.state,
                "progress": r.progress,
                "reason": r.reason,
            }
            for name, r in renditions.of_story(tx, row.id).items()
        ],
        "deliveries": deliveries(tx, story_id=row.id),
        "story": json.loads(newest.story),
    }


def signature(row: Row[Any]) -> dict[str, Any]:
    return {
        "version": row.version,
        "level": row.level,
        "level_name": LEVEL_NAMES[row.level],
        "person_id": row.person_id,
        "person_name": row.person_name,
        "copies_sha256": row.copies_sha256,
        "urgent": row.urgent,
        "note": row.note,
        "at": iso(row.at),
        "voided_at": iso(row.voided_at),
        "voided_why": row.voided_why,
    }


def status(tx: Connection) -> dict[str, Any]:
    """Whether anything still moves by itself, as far as the ledger knows."""
    unsent, oldest = backlog(tx)
    by_state = {
        row.state: row.rows
        for row in tx.execute(
            select(publication_table.c.state, func.count().label("rows")).group_by(
                publication_table.c.state
            )
        )
    }
    open_letters = (
        select(func.count()).select_from(dead_letters).where(dead_letters.c.closed_at.is_(None))
    )
    forged = open_letters.where(dead_letters.c.cause.startswith(f"{FORGED}:"))
    return {
        "stories": tx.execute(select(func.count()).select_from(story_table)).scalar_one(),
        "deliveries": by_state,
        "open_intents": publications.open_intents(tx),
        "unfinished": publications.unfinished(tx),
        "renditions_open": renditions.open_count(tx),
        "outbox_rows": unsent,
        "outbox_oldest": iso(oldest),
        "dead_letters": tx.execute(open_letters).scalar_one(),
        "forged_records": tx.execute(forged).scalar_one(),
        "resting": {channel: resting(rest) for channel, rest in rests.all_of(tx).items()},
        "needs_person": by_state.get("needs_person", 0) + by_state.get("awaiting_person", 0),
    }


def resting(rest: rests.Rest) -> str:
    """One sentence on a channel that rests."""
    again = clock(rest.until)
    return f"停歇中, {again} 再试 / resting, tries again then: {rest.reason}"


def last_change(tx: Connection) -> int:
    """A number that grows whenever a story or a publication changed (ms)."""
    a = tx.execute(select(func.max(publication_table.c.updated_at))).scalar() or 0
    b = tx.execute(select(func.max(story_table.c.updated_at))).scalar() or 0
    return int(max(a, b))
