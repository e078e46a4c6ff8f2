"""Stories, their versions, copies and sign-offs."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, select, update

from schemas.copy import CopyRef
from schemas.errors import Conflict, Fault, InvalidInput
from schemas.review import Signature
from schemas.story import Plan, Story
from stores.ledger import journal
from stores.ledger.ids import new_id
from stores.ledger.statements import change_where, rows_where
from stores.ledger.tables import copies, signatures, stories, versions

_COPIES = select(copies.c.channel, copies.c.sha256, copies.c.refused, copies.c.needs).where(
    copies.c.story_id == bindparam("story_id"), copies.c.version == bindparam("version")
)
_BODY = select(copies.c.body).where(
    copies.c.story_id == bindparam("story_id"),
    copies.c.channel == bindparam("channel"),
    copies.c.sha256 == bindparam("sha256"),
)
_VALID = rows_where(signatures, "story_id", "version").where(signatures.c.voided_at.is_(None))


@dataclass(frozen=True)
class Seen:
    """Whose stories somebody may look at: of these desks, and those that they filed themselves."""

    desks: frozenset[str]
    person_id: str

    @property
    def stories(self) -> ColumnElement[bool]:
        return stories.c.desk.in_(sorted(self.desks)) | (stories.c.by == self.person_id)


@dataclass(frozen=True)
class CopyRow:
    """A channel's frozen copy of one version, or why there is none."""

    channel: str
    sha256: str | None
    refused: str
    needs: tuple[str, ...]


def next_number(tx: Connection) -> int:
    """The next short number; inside the transaction that files the story."""
    return (tx.execute(select(func.max(stories.c.number))).scalar() or 0) + 1


def insert(tx: Connection, story: Story, plan: Plan, *, by: str, at: int, desk: str = "") -> None:
    tx.execute(
        stories.insert().values(
            id=str(story.id),
            number=story.number,
            headline=story.headline,
            kind=story.kind,
            version=story.version,
            plan=plan.model_dump_json(),
            opened_waves="{}",
            by=by,
            desk=desk,
            created_at=at,
            updated_at=at,
        )
    )
    journal.note(tx, stories, id=story.id)
    _insert_version(tx, story, by=by, at=at)


def revise(tx: Connection, story: Story, *, expected: int, by: str, at: int) -> None:
    """File a newer version. Raises Conflict when the newest is not ``expected``."""
    changed = tx.execute(
        update(stories)
        .where(stories.c.id == str(story.id), stories.c.version == expected)
        .values(
            version=story.version,
            headline=story.headline,
            kind=story.kind,
            updated_at=at,
        )
    ).rowcount
    if changed != 1:
        row = get(tx, story.id)
        raise Conflict(
            Fault(
                "version_moved",
                "If-Match",
                f"稿件现在是第 {row.version} 版 / the story is at version {row.version}",
                "重新读取后再改 / read it again, then edit",
            )
        )
    journal.note(tx, stories, id=story.id)
    _insert_version(tx, story, by=by, at=at)


def _insert_version(tx: Connection, story: Story, *, by: str, at: int) -> None:
    open_ones = select(versions.c.version).where(
        versions.c.story_id == str(story.id),
        versions.c.version < story.version,
        versions.c.state.in_(["in_review", "returned"]),
    )
    for number in list(tx.execute(open_ones).scalars()):
        set_version(tx, story.id, number, state="superseded")
    journal.note(tx, versions, story_id=story.id, version=story.version)
    tx.execute(
        versions.insert().values(
            story_id=str(story.id),
            version=story.version,
            state="in_review",
            story=story.model_dump_json(),
            note="",
            by=by,
            created_at=at,
        )
    )


def get(tx: Connection, story_id: UUID | str) -> Row[Any]:
    """The story's row; raises InvalidInput (404) when there is none."""
    row = tx.execute(rows_where(stories, "id"), {"id": str(story_id)}).first()
    if row is None:
        raise InvalidInput(
            Fault("no_such_story", "story_id", f"没有这篇稿件 / no such story: {story_id}"),
            status=404,
        )
    return row


def find(tx: Connection, key: str) -> Row[Any]:
    """By id or by short number; raises InvalidInput (404)."""
    if key.isascii() and key.isdigit() and len(key) < 10:
        row = tx.execute(rows_where(stories, "number"), {"number": int(key)}).first()
        if row is not None:
            return row
    return get(tx, key)


def change(tx: Connection, story_id: UUID | str, *, at: int, **values: Any) -> None:
    """Set columns of a story; dicts are written as JSON."""
    plain = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in values.items()}
    plain["updated_at"] = at
    tx.execute(change_where(stories, ("id",), tuple(plain)), plain | {"at_id": str(story_id)})
    if values:
        journal.note(tx, stories, id=story_id)


def touch(tx: Connection, story_id: UUID | str, *, at: int) -> None:
    """Mark as changed, for whoever watches."""
    change(tx, story_id, at=at)


def version_row(tx: Connection, story_id: UUID | str, version: int) -> Row[Any]:
    """Raises InvalidInput (404)."""
    found = {"story_id": str(story_id), "version": version}
    row = tx.execute(rows_where(versions, *found), found).first()
    if row is None:
        raise InvalidInput(
            Fault("no_such_version", "version", f"没有第 {version} 版 / no version {version}"),
            status=404,
        )
    return row


def story_of(tx: Connection, story_id: UUID | str, version: int) -> Story:
    return Story.model_validate_json(version_row(tx, story_id, version).story)


def set_version(tx: Connection, story_id: UUID | str, version: int, **values: Any) -> None:
    found = {"at_story_id": str(story_id), "at_version": version}
    statement = change_where(versions, ("story_id", "version"), tuple(values))
    tx.execute(statement, values | found)
    journal.note(tx, versions, story_id=story_id, version=version)


def put_copies(
    tx: Connection,
    story_id: UUID | str,
    version: int,
    made: list[CopyRef],
    needs: dict[str, tuple[str, ...]],
    copies_sha256: str,
    bodies: dict[str, bytes],
) -> bool:
    """Freeze the copies of a version; False when they were frozen before (the first ones win)."""
    if version_row(tx, story_id, version).copies_sha256 is not None:
        return False
    rows = [
        {
            "story_id": str(story_id),
            "version": version,
            "channel": ref.channel,
            "sha256": ref.sha256,
            "refused": ref.refused,
            "needs": json.dumps(needs.get(ref.channel, ())),
            "body": bodies[ref.sha256].decode() if ref.sha256 in bodies else None,
        }
        for ref in made
    ]
    if rows:  # every channel may have been switched off meanwhile
        tx.execute(copies.insert(), rows)
    for ref in made:
        journal.note(tx, copies, story_id=story_id, version=version, channel=ref.channel)
    set_version(tx, story_id, version, copies_sha256=copies_sha256)
    return True


def copies_of(tx: Connection, story_id: UUID | str, version: int) -> dict[str, CopyRow]:
    rows = tx.execute(_COPIES, {"story_id": str(story_id), "version": version})
    return {
        r.channel: CopyRow(r.channel, r.sha256, r.refused, tuple(json.loads(r.needs))) for r in rows
    }


def copy_body(tx: Connection, sha256: str, story_id: UUID | str, channel: str) -> bytes | None:
    """A frozen copy's bytes as the ledger keeps them; the caller checks the hash."""
    found = {"story_id": str(story_id), "channel": channel, "sha256": sha256}
    body = tx.execute(_BODY, found).scalar()
    return None if body is None else body.encode()


def sign(
    tx: Connection, story_id: UUID, version: int, signature: Signature, *, note: str, at: int
) -> str:
    """Record a sign-off that ``schemas.review.may_sign`` allowed."""
    identity = str(new_id())
    row = {
        "id": identity,
        "story_id": str(story_id),
        "version": version,
        "level": signature.level,
        "person_id": signature.person_id,
        "person_name": signature.person_name,
        "copies_sha256": signature.copies_sha256,
        "urgent": signature.urgent,
        "note": note,
        "at": at,
        "voided_why": "",
    }
    tx.execute(signatures.insert(), row)
    journal.note(tx, signatures, id=identity)
    return identity


def signature_rows(tx: Connection, story_id: UUID | str) -> list[Row[Any]]:
    return list(
        tx.execute(
            select(signatures)
            .where(signatures.c.story_id == str(story_id))
            .order_by(signatures.c.at)
        )
    )


def valid_signatures(tx: Connection, story_id: UUID | str, version: int) -> list[Signature]:
    """Sign-offs of a version that still hold; read from the ledger alone."""
    rows = tx.execute(_VALID, {"story_id": str(story_id), "version": version})
    return [Signature(r.level, r.person_id, r.person_name, r.copies_sha256, r.urgent) for r in rows]


def void_signatures(tx: Connection, story_id: UUID | str, *, why: str, at: int) -> int:
    """An edit or a return voids every standing sign-off of versions not yet approved."""
    open_versions = select(versions.c.version).where(
        versions.c.story_id == str(story_id), versions.c.state != "approved"
    )
    standing = select(signatures.c.id).where(
        signatures.c.story_id == str(story_id),
        signatures.c.voided_at.is_(None),
        signatures.c.version.in_(open_versions),
    )
    voided = list(tx.execute(standing).scalars())
    for identity in voided:
        journal.note(tx, signatures, id=identity)
    tx.execute(
        update(signatures).where(signatures.c.id.in_(voided)).values(voided_at=at, voided_why=why)
    )
    return len(voided)
