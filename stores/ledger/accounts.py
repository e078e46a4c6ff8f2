"""How people sign in at the desk: passwords, links that sign in once, waits after wrong ones.

Nothing of it is told on a topic. After a rebuild from the events the accounts are made anew.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from stores.ledger import passwords, people
from stores.ledger.people import Caller, key_hash
from stores.ledger.tables import accounts, sessions, tickets, wrong_passwords
from stores.ledger.tables import people as people_table
from stores.ledger.transaction import Ledger

WINDOW_MS = 15 * 60_000
"""Wrong passwords older than this count no more; no wait is longer."""
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Account:
    person_id: str
    password: str | None
    must_change: bool


def new_password() -> str:
    """One that can be read out: four groups of four, 79 bits."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
    return "-".join(groups)


def get(tx: Connection, person_id: str) -> Account | None:
    row = tx.execute(select(accounts).where(accounts.c.person_id == person_id)).first()
    return None if row is None else Account(row.person_id, row.password, row.must_change)


def everybody(tx: Connection) -> list[Row[Any]]:
    """People with what is known of their account, by desk and name."""
    query = (
        select(people_table, accounts.c.password, accounts.c.must_change, accounts.c.changed_at)
        .outerjoin(accounts, accounts.c.person_id == people_table.c.id)
        .order_by(people_table.c.desk, people_table.c.name, people_table.c.id)
    )
    return list(tx.execute(query))


def administers(row: Row[Any]) -> bool:
    """Whether somebody of :func:`everybody` can sign in and let others in."""
    able = row.active and row.barred_at is None and row.password is not None
    return able and "administrator" in json.loads(row.roles)


def set_password(
    tx: Connection, person_id: str, hashed: str, *, must_change: bool, at: int
) -> None:
    """Also ends their sessions and links: whoever had the old one is out."""
    values = {"password": hashed, "must_change": must_change, "changed_at": at}
    if get(tx, person_id) is None:
        tx.execute(accounts.insert().values(person_id=person_id, **values))
    else:
        tx.execute(update(accounts).where(accounts.c.person_id == person_id).values(**values))
    sign_out_everywhere(tx, person_id)


def sign_out_everywhere(tx: Connection, person_id: str) -> None:
    tx.execute(delete(sessions).where(sessions.c.person_id == person_id))
    tx.execute(delete(tickets).where(tickets.c.person_id == person_id))


def bar(tx: Connection, person_id: str, *, at: int | None) -> None:
    """Shut somebody out by hand, or let them in again (``at`` None)."""
    tx.execute(update(people_table).where(people_table.c.id == person_id).values(barred_at=at))
    sign_out_everywhere(tx, person_id)


# -- links that sign in once ---------------------------------------------------------------------


def ticket(tx: Connection, person_id: str, *, at: int, lasts_s: int) -> str:
    """A token for a link; its hash is kept."""
    token = secrets.token_urlsafe(32)
    tx.execute(delete(tickets).where(tickets.c.ends_at < at))
    ends = at + lasts_s * 1000
    tx.execute(
        tickets.insert().values(token_sha256=key_hash(token), person_id=person_id, ends_at=ends)
    )
    return token


def ticket_of(tx: Connection, token: str, *, at: int) -> Caller | None:
    """Whom it would sign in."""
    row = tx.execute(select(tickets).where(tickets.c.token_sha256 == key_hash(token))).first()
    return None if row is None or row.ends_at < at else people.by_id(tx, row.person_id)


def spend(tx: Connection, token: str, *, at: int) -> Caller | None:
    """Whom it signs in; it is worth nothing afterwards."""
    found = ticket_of(tx, token, at=at)
    tx.execute(delete(tickets).where(tickets.c.token_sha256 == key_hash(token)))
    return found


# -- wrong passwords -----------------------------------------------------------------------------


def try_password(
    ledger: Ledger, account: str, password: str, *, address: str, tries: int, wait_s: int
) -> Caller | int | None:
    """The person; or until when (ms) nobody may try; or None where it is wrong.

    The try is counted before the password is looked at, so that many at once are many.
    """
    keys = ((f"account:{key_hash(account)[:32]}", tries), (f"address:{address}"[:80], tries * 4))
    now = ledger.now_ms()
    with ledger.transaction() as tx:
        until = _waits(tx, [key for key, _ in keys], now)
        if until:
            return until
        for key, most in keys:
            _count(tx, key, most, wait_s, now)
        known = get(tx, account)
        who = people.by_id(tx, account)
    right = passwords.fits(known.password if known else None, password)
    if not right or who is None:
        return None
    with ledger.transaction() as tx:
        tx.execute(delete(wrong_passwords).where(wrong_passwords.c.key == keys[0][0]))
        tx.execute(
            update(wrong_passwords)
            .where(wrong_passwords.c.key == keys[1][0])
            .values(tries=wrong_passwords.c.tries - 1, wait_until=0)
        )
    return who


def forget_tries(tx: Connection, account: str) -> None:
    """A reset password waits for nobody."""
    key = f"account:{key_hash(account)[:32]}"
    tx.execute(delete(wrong_passwords).where(wrong_passwords.c.key == key))


def _waits(tx: Connection, keys: Sequence[str], now: int) -> int:
    tx.execute(delete(wrong_passwords).where(wrong_passwords.c.last_at < now - 2 * WINDOW_MS))
    rows = tx.execute(select(wrong_passwords).where(wrong_passwords.c.key.in_(keys)))
    return max((row.wait_until for row in rows if row.wait_until > now), default=0)


def _count(tx: Connection, key: str, most: int, wait_s: int, now: int) -> None:
    row = tx.execute(select(wrong_passwords).where(wrong_passwords.c.key == key)).first()
    if row is None or row.last_at < now - WINDOW_MS:
        tx.execute(delete(wrong_passwords).where(wrong_passwords.c.key == key))
        tx.execute(wrong_passwords.insert().values(key=key, tries=1, last_at=now, wait_until=0))
        return
    made = row.tries + 1
    over = made - most
    wait = min(wait_s * 1000 * 2 ** min(over, 20), WINDOW_MS) if over >= 0 else 0
    tx.execute(
        update(wrong_passwords)
        .where(wrong_passwords.c.key == key)
        .values(tries=made, last_at=now, wait_until=now + wait if wait else 0)
    )
