"""Who is signed in at the desk: a row for each browser; only its token's hash is kept."""

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from stores.ledger import people
from stores.ledger.people import Caller, key_hash
from stores.ledger.tables import accounts, sessions
from stores.ledger.transaction import Ledger

COOKIE = "shoufa"
CSRF_FIELD = "csrf"
CSRF_HEADER = "X-CSRF-Token"
SEEN_EVERY_MS = 60_000


@dataclass(frozen=True)
class Session:
    who: Caller
    csrf: str
    token_sha256: str
    must_change: bool
    """Nothing but a new password of their own is open to them."""
    seen_at: int
    ends_at: int


def begin(tx: Connection, person_id: str, *, at: int, longest_s: float, address: str) -> str:
    """A new session; returns its token, for the cookie."""
    token = secrets.token_urlsafe(32)
    tx.execute(delete(sessions).where(sessions.c.ends_at < at))
    tx.execute(
        sessions.insert().values(
            token_sha256=key_hash(token),
            person_id=person_id,
            csrf=secrets.token_urlsafe(24),
            began_at=at,
            seen_at=at,
            ends_at=at + round(longest_s * 1000),
            address=address[:64],
        )
    )
    return token


def find(tx: Connection, token: str, *, at: int, idle_s: float) -> Session | None:
    """The session of a cookie; None where there is none, it ended, or its person may not act."""
    row = tx.execute(
        select(sessions, accounts.c.must_change)
        .outerjoin(accounts, accounts.c.person_id == sessions.c.person_id)
        .where(sessions.c.token_sha256 == key_hash(token))
    ).first()
    if row is None or row.ends_at <= at or row.seen_at + idle_s * 1000 <= at:
        return None
    who = people.by_id(tx, row.person_id)
    if who is None:
        return None
    return Session(who, row.csrf, row.token_sha256, bool(row.must_change), row.seen_at, row.ends_at)


def seen(ledger: Ledger, session: Session, *, at: int) -> None:
    """They did something; written once a minute at most."""
    if at - session.seen_at < SEEN_EVERY_MS:
        return
    with ledger.transaction(locked=False) as tx:
        tx.execute(
            update(sessions)
            .where(sessions.c.token_sha256 == session.token_sha256)
            .values(seen_at=at)
        )


def end(tx: Connection, token: str) -> None:
    tx.execute(delete(sessions).where(sessions.c.token_sha256 == key_hash(token)))


def right_csrf(session: Session, given: str) -> bool:
    return secrets.compare_digest(session.csrf.encode(), given.encode())
