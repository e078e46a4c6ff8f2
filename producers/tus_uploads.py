"""Resumable uploads as the newsroom has them: who may begin one, how it goes on, what it becomes."""

import asyncio
import json
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from PIL import Image as Pictures
from sqlalchemy import Connection, Row

from producers import filing, intake
from producers.filing import Desk, Received
from producers.import_contract import Notes
from producers.importers import picture
from producers.place import without_place
from producers.tus import Announced
from producers.tus_writer import Writer, drop, spool_path
from producers.uploads import check_room
from schemas import keys
from schemas.beijing import at as beijing
from schemas.errors import Fault, InvalidInput, PermanentError
from stores import objects
from stores.ledger import assets, uploads
from stores.ledger.ids import new_id
from stores.ledger.people import Caller

TAKE_OVER_S = 15.0
"""So long a sender that came back waits for its own former connection to let go."""


@dataclass
class Uploads:
    """The uploads that this process has open."""

    desk: Desk
    pool: Any
    writers: dict[str, Writer] = field(default_factory=dict)

    def close(self) -> None:
        """At the end of the process; each goes on in the next one."""
        for writer in self.writers.values():
            writer.let_go()
        self.writers.clear()


def begin(desk: Desk, who: Caller, announced: Announced) -> tuple[str, int]:
    """Id and receipt number of a new upload. Raises InvalidInput (429 over a quota), StorageFull."""
    fault = intake.file_name_fault(announced.file_name, "Upload-Metadata")
    if fault is not None:
        raise InvalidInput(fault)
    limits = desk.newsroom.uploads
    now = desk.ledger.now_ms()
    midnight = beijing(now).replace(hour=0, minute=0, second=0, microsecond=0)
    since = round(midnight.timestamp() * 1000)
    upload_id = new_id()
    with desk.ledger.transaction() as tx:
        check_room(desk.settings, announced.length + uploads.outstanding(tx))
        mine = uploads.announced(tx, since=since, person_id=who.id)
        if mine + announced.length > limits.person_bytes_day:
            raise _over("您今天", limits.person_bytes_day, midnight)
        ours = uploads.announced(tx, since=since, desk=who.desk) if who.desk else 0
        if ours + announced.length > limits.desk_bytes_day:
            raise _over(f"{who.desk}今天", limits.desk_bytes_day, midnight)
        if uploads.open_of(tx, who.id) >= limits.open_uploads:
            told = f"未传完的已有 {limits.open_uploads} 个 / so many are open already"
            step = "传完或取消一些 / finish or end some"
            raise InvalidInput(Fault("too_many", "upload", told, step), status=429)
        new = uploads.NewUpload(
            id=upload_id,
            person_id=who.id,
            desk=who.desk,
            file_name=announced.file_name,
            metadata=announced.metadata,
            length=announced.length,
            remove_place=announced.remove_place,
            expires_at=_expiry(desk, now),
        )
        number = uploads.create(tx, new, at=now)
    return str(upload_id), number


def look(desk: Desk, who: Caller, upload_id: str) -> Row[Any]:
    """One's own upload, whatever became of it. Raises InvalidInput (404)."""
    with desk.ledger.snapshot() as view:
        row = uploads.find(view, upload_id, who.id)
    if row is None:
        told = "没有这个上传 / there is no such upload"
        raise InvalidInput(Fault("no_such_upload", "upload", told), status=404)
    return row


def look_open(desk: Desk, who: Caller, upload_id: str) -> Row[Any]:
    """Raises InvalidInput: 410 where it ended without an asset, or was refused."""
    row = look(desk, who, upload_id)
    if row.state in {"open", "done"}:
        return row
    told = {"ended": "已取消 / was ended", "expired": "超时没传完 / expired"}.get(row.state)
    if told is None:
        fault = Fault(**json.loads(row.answer)["faults"][0])
        raise InvalidInput(fault, status=410)
    raise InvalidInput(Fault("gone", "upload", told, "重新上传 / begin anew"), status=410)


async def writer_of(held: Uploads, row: Row[Any]) -> Writer:
    """The upload as this process has it open; after a restart it is opened anew."""
    known = held.writers.get(row.id)
    if known is not None:
        return known
    desk = held.desk
    made = Writer(
        desk.store,
        held.pool,
        spool_path(desk.settings.spool_dir, row.id),
        upload_id=row.id,
        length=row.length,
        durable=partial(_advance, desk, row.id),
        begun_at_s3=partial(_begun, desk, row.id),
    )
    held.writers[row.id] = made
    async with made.lock:
        try:
            await made.open(row.offset, row.s3_upload)
        except BaseException:
            held.writers.pop(row.id, None)
            made.let_go()
            raise
    return made


async def take_over(writer: Writer) -> None:
    """Hold the upload's lock; a connection that still has it is told to let go. Raises
    InvalidInput (423) when it does not."""
    if writer.writing is not None:
        writer.writing.cancel()
    try:
        await asyncio.wait_for(writer.lock.acquire(), TAKE_OVER_S)
    except TimeoutError as error:
        told = "另一个连接还在传这个文件 / another connection still sends it"
        raise InvalidInput(
            Fault("locked", "upload", told, "稍后再续传 / go on shortly"), status=423
        ) from error


async def finish(held: Uploads, who: Caller, row: Row[Any], writer: Writer) -> dict[str, Any]:
    """All bytes are here: look into them, store them or link what is stored already, keep the
    facts. Doing it again answers as before. Raises InvalidInput with the reasons of a refusal;
    Unavailable and StorageFull leave it as it is, to be finished later."""
    desk = held.desk
    try:
        told = await _kept(held, who, row, writer)
    except PermanentError as error:
        answer = {"state": "refused", "faults": [asdict(fault) for fault in error.faults]}
        await asyncio.to_thread(_end, desk, row.id, "refused", answer)
        await writer.forget()
        held.writers.pop(row.id, None)
        raise
    await writer.forget()
    held.writers.pop(row.id, None)
    return told


async def _kept(held: Uploads, who: Caller, row: Row[Any], writer: Writer) -> dict[str, Any]:
    desk, path = held.desk, writer.path
    facts = await asyncio.to_thread(desk.inspect, path, f"file.{row.file_name}", row.file_name)
    notes = Notes()
    found = await asyncio.to_thread(_written, path, facts.kind, notes)
    digest, size, changed = writer.sha256(), row.length, False
    if row.remove_place and found is not None and found.gps:
        changed = await asyncio.to_thread(without_place, path)
        if changed:
            digest = await asyncio.to_thread(objects.sha256_of, path)
            size = path.stat().st_size
    received = Received(UUID(row.id), writer.key, digest, size, row.file_name, facts)
    intake.check_limits(received.asset("asset"), desk.newsroom.uploads)
    with desk.ledger.snapshot() as view:
        linked = assets.with_sha256(view, digest) is not None
    if not linked and changed:
        await asyncio.to_thread(objects.put_file, desk.store, writer.key, path, facts.content_type)
    elif not linked:
        await writer.store()
    more = {"upload_id": row.id, "receipt": receipt(row.number), "state": "done"}
    if found is not None:
        more["picture"] = {**found.texts, "keywords": list(found.keywords),
                           "place": found.gps and not changed, "place_removed": changed}  # fmt: skip

    def also(tx: Connection, told: dict[str, Any]) -> None:
        told.update(more)
        uploads.end(tx, row.id, "done", told, at=desk.ledger.now_ms())

    return await asyncio.to_thread(filing.keep_asset, desk, who, received, also=also)


def _written(path: Path, kind: str, notes: Notes) -> picture.Written | None:
    if kind != "image":
        return None
    try:
        return picture.written(path, notes)
    except (OSError, SyntaxError, ValueError, Pictures.DecompressionBombError):
        return None


def end(desk: Desk, who: Caller, upload_id: str) -> None:
    """The sender wants it no more. What is done stays. Raises InvalidInput (404, 410)."""
    row = look_open(desk, who, upload_id)
    _end(desk, row.id, "ended", {"state": "ended"})


def sweep(held: Uploads) -> int:
    """End what expired, and drop spool files of nobody; returns how many uploads expired."""
    desk = held.desk
    now = desk.ledger.now_ms()
    with desk.ledger.snapshot() as view:
        rows = uploads.expired(view, now=now)
    gone = 0
    for row in rows:
        writer = held.writers.get(row.id)
        if writer is not None and writer.lock.locked():
            continue  # bytes are coming right now
        if held.writers.pop(row.id, None) is not None and writer is not None:
            writer.let_go()
        if _end(desk, row.id, "expired", {"state": "expired"}):
            path = spool_path(desk.settings.spool_dir, row.id)
            drop(desk.store, path, keys.original(UUID(row.id)), row.s3_upload)
            gone += 1
    folder = desk.settings.spool_dir / "tus"
    if folder.exists():
        with desk.ledger.snapshot() as view:
            open_now = uploads.open_ids(view)
        for path in folder.glob("*.part"):
            if path.stem not in open_now and path.stem not in held.writers:
                path.unlink(missing_ok=True)
    return gone


def receipt(number: int) -> str:
    """What people say on the phone."""
    return f"S{number:06d}"


def _advance(desk: Desk, upload_id: str, offset: int) -> None:
    now = desk.ledger.now_ms()
    with desk.ledger.transaction() as tx:
        uploads.advance(tx, upload_id, offset, at=now, expires_at=_expiry(desk, now))


def _begun(desk: Desk, upload_id: str, s3_upload: str) -> None:
    with desk.ledger.transaction() as tx:
        uploads.started_at_s3(tx, upload_id, s3_upload)


def _end(desk: Desk, upload_id: str, state: str, answer: dict[str, Any]) -> bool:
    with desk.ledger.transaction() as tx:
        return uploads.end(tx, upload_id, state, answer, at=desk.ledger.now_ms())


def _expiry(desk: Desk, now: int) -> int:
    return now + round(desk.newsroom.uploads.resume_h * 3_600_000)


def _over(whose: str, most: int, midnight: Any) -> InvalidInput:
    told = f"{whose}的上传量已满 {most / 1024**3:.0f} GiB / the day's quota is used up"
    until = (midnight + timedelta(days=1)).strftime("%m-%d %H:%M")
    return InvalidInput(
        Fault("quota", "upload", told, f"{until} 后再传, 或找管理员 / after that time"), status=429
    )
