"""What the reviewers' pages read: stories that wait for a signature, and a version's copies."""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, select

from stores.ledger import board_view
from stores.ledger.board_view import StoryOnBoard
from stores.ledger.tables import copies, signatures, stories, versions

MOST = 300


@dataclass(frozen=True)
class Copy:
    """A channel's frozen copy, or why there is none."""

    channel: str
    sha256: str | None
    refused: str
    body: str | None


@dataclass(frozen=True)
class Waiting:
    """A story in the queue."""

    story: StoryOnBoard
    desk: str
    by: str
    since: int
    """When this version was filed (ms)."""
    level: int
    """The next one to be signed."""
    owed: bool
    """先发后补: it is out already."""
    signed_by: tuple[str, ...]
    """Persons who signed a level of these copies: they sign no second one."""


def waiting(tx: Connection) -> list[Waiting]:
    """Oldest first; what was sent back or is complete is not here."""
    newest = and_(versions.c.story_id == stories.c.id, versions.c.version == stories.c.version)
    urgent = (
        select(signatures.c.story_id)
        .where(signatures.c.urgent, signatures.c.voided_at.is_(None))
        .scalar_subquery()
    )
    rows = list(
        tx.execute(
            select(stories.c.id, stories.c.desk, stories.c.by, versions.c.created_at)
            .join(versions, newest)
            .where(
                stories.c.withdrawn_at.is_(None),
                (versions.c.state == "in_review")
                | and_(versions.c.state == "approved", stories.c.id.in_(urgent)),
            )
            .order_by(versions.c.created_at, stories.c.number)
            .limit(MOST)
        )
    )
    shown = {one.id: one for one in board_view.on_board(tx, [row.id for row in rows])}
    signed: dict[str, list[str]] = {}
    for one in tx.execute(
        select(signatures.c.story_id, signatures.c.person_id, signatures.c.version).where(
            signatures.c.story_id.in_(list(shown)), signatures.c.voided_at.is_(None)
        )
    ):
        if one.version == shown[one.story_id].version:
            signed.setdefault(one.story_id, []).append(one.person_id)
    found = []
    for row in rows:
        story = shown[row.id]
        owed = story.version_state == "approved"
        levels = story.owed_levels if owed else story.missing_levels
        if levels:
            persons = tuple(signed.get(row.id, ()))
            found.append(Waiting(story, row.desk, row.by, row.created_at, levels[0], owed, persons))
    return found


def copies_of(tx: Connection, story_id: str, version: int) -> list[Copy]:
    """In the order of their channels' names."""
    rows = tx.execute(
        select(copies)
        .where(copies.c.story_id == story_id, copies.c.version == version)
        .order_by(copies.c.channel)
    )
    return [Copy(row.channel, row.sha256, row.refused, row.body) for row in rows]


def last_read(tx: Connection, story_id: str, before: int) -> int | None:
    """The newest version before this one that anybody signed, sent back, or that went out."""
    signed = select(signatures.c.version).where(
        signatures.c.story_id == story_id, signatures.c.version < before
    )
    judged = select(versions.c.version).where(
        versions.c.story_id == story_id,
        versions.c.version < before,
        (versions.c.state.in_(["approved", "returned"])) | (versions.c.note != ""),
    )
    found = [*tx.execute(signed).scalars(), *tx.execute(judged).scalars()]
    return max(found, default=None)
