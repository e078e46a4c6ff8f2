"""People, their roles and API keys; only a key's hash is kept."""

import hashlib
import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, select, update

from schemas.newsroom import Person
from stores.ledger import journal
from stores.ledger.statements import rows_where
from stores.ledger.tables import audit, people


@dataclass(frozen=True)
class Caller:
    """Who calls: by their key, or signed in at the desk."""

    id: str
    name: str
    desk: str
    roles: tuple[str, ...]
    bound: Mapping[Any, tuple[str, ...]] = field(default_factory=dict)
    """Role → desks, see ``schemas.rights``."""


def key_hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def put(tx: Connection, person: Person, key: str | None, *, source: str = "file") -> None:
    """Insert or update a person; the key replaces the former one. Without a key no key of theirs
    opens anything."""
    values = {
        "name": person.name,
        "desk": person.desk,
        "roles": json.dumps(person.roles),
        "bound": json.dumps(person.bound, ensure_ascii=False),
        # a row has one in any case, so that no two are alike; this one is told to nobody
        "key_sha256": key_hash(key or secrets.token_urlsafe(32)),
        "active": True,
        "source": source,
    }
    known = tx.execute(select(people.c.id).where(people.c.id == person.id)).first()
    if known is None:
        tx.execute(people.insert().values(id=person.id, **values))
    else:
        tx.execute(update(people).where(people.c.id == person.id).values(**values))


def change(tx: Connection, person: Person) -> None:
    """Name, desk and roles of somebody who was added at the desk."""
    values = {
        "name": person.name,
        "desk": person.desk,
        "roles": json.dumps(person.roles),
        "bound": json.dumps(person.bound, ensure_ascii=False),
    }
    tx.execute(update(people).where(people.c.id == person.id).values(**values))


def keep_only(tx: Connection, ids: Collection[str]) -> int:
    """Who came from the file and is not in it any more is inactive from now on: neither key nor
    password opens anything. Returns how many that concerned; what they signed stays signed."""
    gone = people.c.id.not_in(ids), people.c.active, people.c.source == "file"
    return tx.execute(update(people).where(*gone).values(active=False)).rowcount


def by_key(tx: Connection, key: str) -> Caller | None:
    row = tx.execute(rows_where(people, "key_sha256"), {"key_sha256": key_hash(key)}).first()
    return caller_of(row)


def by_id(tx: Connection, person_id: str) -> Caller | None:
    """Somebody who may act at all, or None."""
    return caller_of(tx.execute(rows_where(people, "id"), {"id": person_id}).first())


def names(tx: Connection, ids: Collection[str]) -> dict[str, str]:
    """Id → name, of whoever is known."""
    rows = tx.execute(select(people.c.id, people.c.name).where(people.c.id.in_(ids)))
    return {row.id: row.name for row in rows}


def caller_of_file(person: Person) -> Caller:
    return Caller(person.id, person.name, person.desk, tuple(person.roles), person.bound)


def caller_of(row: Row[Any] | None) -> Caller | None:
    if row is None or not row.active or row.barred_at is not None:
        return None
    bound = {role: tuple(desks) for role, desks in json.loads(row.bound).items()}
    return Caller(row.id, row.name, row.desk, tuple(json.loads(row.roles)), bound)


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
