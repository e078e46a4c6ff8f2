"""The audit trail as it is searched: newest first, by person, act, story and time."""

from typing import Any

from sqlalchemy import Connection, Row, select

from stores.ledger.tables import audit, stories


def search(
    tx: Connection,
    *,
    person_id: str = "",
    act: str = "",
    story_id: str | None = None,
    since: int | None = None,
    until: int | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[Row[Any]]:
    """Lines with number and headline of their story. ``act`` may be the beginning of one;
    ``since`` counts, ``until`` does not (ms); ``before`` is a line's ``seq``."""
    query = (
        select(audit, stories.c.number, stories.c.headline)
        .outerjoin(stories, stories.c.id == audit.c.story_id)
        .order_by(audit.c.seq.desc())
        .limit(limit)
    )
    if person_id:
        query = query.where(audit.c.person_id == person_id)
    if act:
        query = query.where(audit.c.act.startswith(act, autoescape=True))
    if story_id is not None:
        query = query.where(audit.c.story_id == story_id)
    if since is not None:
        query = query.where(audit.c.at >= since)
    if until is not None:
        query = query.where(audit.c.at < until)
    if before is not None:
        query = query.where(audit.c.seq < before)
    return list(tx.execute(query))
