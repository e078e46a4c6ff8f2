"""Uploads under way (断点续传): how far each has come, surely on disk, and what became of it.

Not told on ``story-events``: an upload that is done is an asset, and what is under way rests on a
spool file of one host.
"""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select, update

from stores.ledger.tables import uploads


@dataclass(frozen=True)
class NewUpload:
    """What a sender announces."""

    id: UUID
    person_id: str
    desk: str
    file_name: str
    metadata: str
    length: int
    remove_place: bool
    expires_at: int


def create(tx: Connection, new: NewUpload, *, at: int) -> int:
    """Returns the receipt number (回执号)."""
    made = tx.execute(
        uploads.insert().values(
            id=str(new.id),
            person_id=new.person_id,
            desk=new.desk,
            file_name=new.file_name,
            metadata=new.metadata,
            length=new.length,
            offset=0,
            remove_place=new.remove_place,
            state="open",
            created_at=at,
            updated_at=at,
            expires_at=new.expires_at,
        )
    )
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key.number)


def find(tx: Connection, upload_id: str, person_id: str) -> Row[Any] | None:
    """One person's own upload."""
    return tx.execute(
        select(uploads).where(uploads.c.id == upload_id, uploads.c.person_id == person_id)
    ).first()


def newest(tx: Connection, person_id: str, *, limit: int = 200) -> list[Row[Any]]:
    rows = select(uploads).where(uploads.c.person_id == person_id)
    return list(tx.execute(rows.order_by(uploads.c.number.desc()).limit(limit)))


def advance(tx: Connection, upload_id: str, offset: int, *, at: int, expires_at: int) -> None:
    """So many bytes are surely on disk; no step back is ever written here."""
    tx.execute(
        update(uploads)
        .where(uploads.c.id == upload_id, uploads.c.state == "open", uploads.c.offset <= offset)
        .values(offset=offset, updated_at=at, expires_at=expires_at)
    )


def started_at_s3(tx: Connection, upload_id: str, s3_upload: str) -> None:
    tx.execute(update(uploads).where(uploads.c.id == upload_id).values(s3_upload=s3_upload))


def end(tx: Connection, upload_id: str, state: str, answer: dict[str, Any], *, at: int) -> bool:
    """``done``, ``refused``, ``ended`` (by its sender) or ``expired``; False: it had ended before."""
    changed = tx.execute(
        update(uploads)
        .where(uploads.c.id == upload_id, uploads.c.state == "open")
        .values(state=state, answer=json.dumps(answer, ensure_ascii=False), updated_at=at)
    )
    return changed.rowcount == 1


def announced(tx: Connection, *, since: int, person_id: str = "", desk: str = "") -> int:
    """Bytes that a person or desk has announced since then, without what they ended themselves."""
    mine = uploads.c.person_id == person_id if person_id else uploads.c.desk == desk
    total = select(func.coalesce(func.sum(uploads.c.length), 0)).where(
        mine, uploads.c.created_at >= since, uploads.c.state.in_(("open", "done"))
    )
    return int(tx.execute(total).scalar_one())


def outstanding(tx: Connection) -> int:
    """Bytes announced by anybody that have not come yet."""
    left = func.coalesce(func.sum(uploads.c.length - uploads.c.offset), 0)
    return int(tx.execute(select(left).where(uploads.c.state == "open")).scalar_one())


def open_of(tx: Connection, person_id: str) -> int:
    mine = select(func.count()).select_from(uploads)
    return int(
        tx.execute(
            mine.where(uploads.c.person_id == person_id, uploads.c.state == "open")
        ).scalar_one()
    )


def expired(tx: Connection, *, now: int, limit: int = 100) -> list[Row[Any]]:
    rows = select(uploads).where(uploads.c.state == "open", uploads.c.expires_at < now)
    return list(tx.execute(rows.order_by(uploads.c.expires_at).limit(limit)))


def open_ids(tx: Connection) -> set[str]:
    return set(tx.execute(select(uploads.c.id).where(uploads.c.state == "open")).scalars())
