"""People and their API keys; only a key's hash is kept."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from schemas.newsroom import Person
from stores.ledger import journal
from stores.ledger.statements import rows_where
from stores.ledger.tables import audit, people


@dataclass(frozen=True)
class Caller:
    """Who calls, by their key."""

    id: str
    name: str
    desk: str
    roles: tuple[str, ...]


def key_hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def put(tx: Connection, person: Person, key: str) -> None:
    """Insert or update a person; the key replaces the former one."""
    values = {
        "name": person.name,
        "desk": person.desk,
        "roles": json.dumps(person.roles),
        "key_sha256": key_hash(key),
        "active": True,
    }
    known = tx.execute(select(people.c.id).where(people.c.id == person.id)).first()
    if known is None:
        tx.execute(people.insert().values(id=person.id, **values))
    else:
        tx.execute(update(people).where(people.c.id == person.id).values(**values))


def keep_only(tx: Connection, ids: Collection[str]) -> int:
    """Whoever is not among these is inactive from now on: their key opens nothing. Returns how
    many that concerned; what they signed before stays signed."""
    return tx.execute(
        update(people).where(people.c.id.not_in(ids), people.c.active).values(active=False)
    ).rowcount


def by_key(tx: Connection, key: str) -> Caller | None:
    row = tx.execute(rows_where(people, "key_sha256"), {"key_sha256": key_hash(key)}).first()
    if row is None or not row.active:
        return None
    return Caller(row.id, row.name, row.desk, tuple(json.loads(row.roles)))


def record(
    tx: Connection,
    person_id: str,
    act: str,
    *,
    at: int,
    story_id: str | None = None,
    detail: str = "",
) -> None:
    """One line of the audit trail."""
    row = {"at": at, "person_id": person_id, "act": act, "story_id": story_id, "detail": detail}
    made = tx.execute(audit.insert(), row)
    if story_id is not None and made.inserted_primary_key is not None:
        journal.note(tx, audit, seq=made.inserted_primary_key.seq)
