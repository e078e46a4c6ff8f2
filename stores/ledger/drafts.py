"""Drafts (草稿): what somebody is writing, saved as they go, before it is a story or its newer
version. One draft for a story, held by one person at a time; who takes over is told to the other.

Not told on ``story-events``: a draft that is lost was never acknowledged as a story.
"""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, or_, select, update

from stores.ledger.tables import drafts


def create(
    tx: Connection,
    draft_id: UUID,
    content: dict[str, Any],
    *,
    by: str,
    story_id: str | None = None,
    base_version: int | None = None,
    at: int,
) -> None:
    """``base_version``: of the story that it began from."""
    tx.execute(
        drafts.insert().values(
            id=str(draft_id),
            story_id=story_id,
            base_version=base_version,
            by=by,
            holder=by,
            held_at=at,
            content=json.dumps(content, ensure_ascii=False),
            version=1,
            created_at=at,
            updated_at=at,
        )
    )


def find(tx: Connection, draft_id: str) -> Row[Any] | None:
    return tx.execute(select(drafts).where(drafts.c.id == draft_id)).first()


def of_story(tx: Connection, story_id: str) -> Row[Any] | None:
    return tx.execute(select(drafts).where(drafts.c.story_id == story_id)).first()


def of_person(tx: Connection, person_id: str, *, limit: int = 100) -> list[Row[Any]]:
    """Begun or held by them, last touched first."""
    mine = or_(drafts.c.by == person_id, drafts.c.holder == person_id)
    rows = select(drafts).where(mine).order_by(drafts.c.updated_at.desc()).limit(limit)
    return list(tx.execute(rows))


def save(
    tx: Connection, draft_id: str, content: dict[str, Any], *, holder: str, expected: int, at: int
) -> bool:
    """False: somebody else holds it, or it was saved elsewhere meanwhile."""
    changed = tx.execute(
        update(drafts)
        .where(drafts.c.id == draft_id, drafts.c.holder == holder, drafts.c.version == expected)
        .values(
            content=json.dumps(content, ensure_ascii=False),
            version=expected + 1,
            held_at=at,
            updated_at=at,
        )
    )
    return changed.rowcount == 1


def hold(tx: Connection, draft_id: str, holder: str, *, at: int) -> None:
    """From now on this person's saves count, and the former holder's do not."""
    tx.execute(update(drafts).where(drafts.c.id == draft_id).values(holder=holder, held_at=at))


def rebase(tx: Connection, draft_id: str, base_version: int) -> None:
    tx.execute(update(drafts).where(drafts.c.id == draft_id).values(base_version=base_version))


def drop(tx: Connection, draft_id: str) -> None:
    tx.execute(delete(drafts).where(drafts.c.id == draft_id))
