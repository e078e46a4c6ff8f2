"""``/v1/uploads``: tus 1.0.0 (creation, checksum, expiration, termination), and what became of an
upload as JSON."""

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import Row
from starlette.requests import ClientDisconnect

from producers import tus, tus_uploads
from producers.rights import needs
from producers.signed_in import At, Signed
from producers.tus_uploads import Uploads
from schemas.beijing import at as beijing
from schemas.errors import Fault, InvalidInput
from stores.ledger import uploads
from stores.ledger.people import Caller


def _filer(who: Signed) -> Caller:
    """Whoever may file may upload; asked before a byte is read."""
    needs(who, "story.file")
    return who


Filer = Annotated[Caller, Depends(_filer)]
router = APIRouter(tags=["uploads"])
_TUS = {"Tus-Resumable": tus.VERSION, "Cache-Control": "no-store"}


@router.options("/uploads", include_in_schema=False)
@router.options("/uploads/{upload}", include_in_schema=False)
def abilities(desk: At) -> Response:
    """What a tus client asks first; tells nothing that is not in the manual."""
    limits = desk.newsroom.uploads
    most = max(limits.image_bytes, limits.video_bytes)
    told = {"Tus-Version": tus.VERSION, "Tus-Extension": tus.EXTENSIONS,
            "Tus-Max-Size": str(most), "Tus-Checksum-Algorithm": ",".join(tus.ALGORITHMS)}  # fmt: skip
    return Response(status_code=204, headers={**_TUS, **told})


@router.post("/uploads", status_code=201)
async def create(request: Request, desk: At, who: Filer) -> Response:
    """开始上传: announces length and name; refused here before a byte is sent, where possible."""
    tus.check_version(request.headers)
    announced = tus.read_creation(request.headers, desk.newsroom.uploads)
    upload_id, number = await asyncio.to_thread(tus_uploads.begin, desk, who, announced)
    row = tus_uploads.look(desk, who, upload_id)
    headers = {"Location": f"{request.url.path}/{upload_id}", "Upload-Offset": "0",
               "Upload-Receipt": tus_uploads.receipt(number)}  # fmt: skip
    return Response(status_code=201, headers={**_headers(row), **headers})


@router.get("/uploads")
def mine(desk: At, who: Filer) -> dict[str, Any]:
    """我的上传: one's own, newest first."""
    with desk.ledger.snapshot() as view:
        rows = uploads.newest(view, who.id)
    return {"uploads": [_told(row) for row in rows]}


@router.get("/uploads/{upload}")
async def look(request: Request, upload: str, desk: At, who: Filer) -> dict[str, Any]:
    """How far it has come; once all bytes are here, what they are and where they went."""
    row = tus_uploads.look(desk, who, upload)
    if row.state == "open" and row.offset == row.length:
        row = await _finished(request, who, row)
    return _told(row)


@router.head("/uploads/{upload}")
async def offset(request: Request, upload: str, desk: At, who: Filer) -> Response:
    """续传: from where to go on."""
    tus.check_version(request.headers)
    row = tus_uploads.look_open(desk, who, upload)
    if row.state == "open":
        writer = await tus_uploads.writer_of(_held(request), row)
        await tus_uploads.take_over(writer)
        writer.lock.release()
        row = tus_uploads.look_open(desk, who, upload)
        if row.state == "open" and row.offset == row.length:
            row = await _finished(request, who, row)
    told = {"Upload-Offset": str(row.offset), "Upload-Length": str(row.length)}
    if row.metadata:
        told["Upload-Metadata"] = row.metadata
    return Response(status_code=200, headers={**_headers(row), **told})


@router.patch("/uploads/{upload}")
async def patch(request: Request, upload: str, desk: At, who: Filer) -> Response:
    """上传一段: bytes from ``Upload-Offset`` on. Those that came before a break are kept."""
    tus.check_version(request.headers)
    at, checksum = tus.read_offset(request.headers), tus.read_checksum(request.headers)
    row = tus_uploads.look_open(desk, who, upload)
    if row.state == "done":
        raise _moved(row.offset)
    held = _held(request)
    writer = await tus_uploads.writer_of(held, row)
    await tus_uploads.take_over(writer)
    try:
        if at != writer.offset:
            raise _moved(writer.offset)
        writer.writing = asyncio.ensure_future(writer.write(request.stream(), checksum))
        try:
            await asyncio.wait({writer.writing})
        finally:
            writer.writing.cancel()  # nothing where it is done; this server is ending where not
        if writer.writing.cancelled() or isinstance(writer.writing.exception(), ClientDisconnect):
            return Response(status_code=499)  # nobody reads it: the sender left, or came back
        writer.writing.result()
        row = tus_uploads.look_open(desk, who, upload)
        if row.state == "open" and writer.offset == row.length:
            await tus_uploads.finish(held, who, row, writer)
    finally:
        writer.writing = None
        writer.lock.release()
    row = tus_uploads.look(desk, who, upload)
    return Response(status_code=204, headers={**_headers(row), "Upload-Offset": str(writer.offset)})


@router.delete("/uploads/{upload}", status_code=204)
async def end(request: Request, upload: str, desk: At, who: Filer) -> Response:
    """取消上传: what came is thrown away; an upload that is done stays an asset."""
    tus.check_version(request.headers)
    row = tus_uploads.look_open(desk, who, upload)
    if row.state == "open":
        held = _held(request)
        writer = await tus_uploads.writer_of(held, row)
        await tus_uploads.take_over(writer)
        try:
            await asyncio.to_thread(tus_uploads.end, desk, who, upload)
            await writer.forget()
            held.writers.pop(upload, None)
        finally:
            writer.lock.release()
    return Response(status_code=204, headers=_TUS)


@router.post("/uploads/{upload}", include_in_schema=False)
async def overridden(request: Request, upload: str, desk: At, who: Filer) -> Response:
    """PATCH and DELETE for senders behind proxies that know neither (X-HTTP-Method-Override)."""
    match request.headers.get("x-http-method-override", "").upper():
        case "PATCH":
            return await patch(request, upload, desk, who)
        case "DELETE":
            return await end(request, upload, desk, who)
    told = "应为 PATCH 或 DELETE / must be PATCH or DELETE"
    raise InvalidInput(Fault("method", "X-HTTP-Method-Override", told), status=405)


async def _finished(request: Request, who: Caller, row: Row[Any]) -> Row[Any]:
    """An upload whose last step was cut short is finished by whoever asks for it."""
    held = _held(request)
    writer = await tus_uploads.writer_of(held, row)
    await tus_uploads.take_over(writer)
    try:
        now = tus_uploads.look(held.desk, who, row.id)
        if now.state == "open":
            await tus_uploads.finish(held, who, now, writer)
    finally:
        writer.lock.release()
    return tus_uploads.look(held.desk, who, row.id)


def _held(request: Request) -> Uploads:
    held: Uploads = request.app.state.uploads
    return held


def _headers(row: Row[Any]) -> dict[str, str]:
    expires = {} if row.state != "open" else {"Upload-Expires": tus.http_date(row.expires_at)}
    return {**_TUS, **expires}


def _moved(offset: int) -> InvalidInput:
    told = f"已收到 {offset} 字节 / so much is here already"
    step = "从那里续传 (HEAD) / ask by HEAD, go on from there"
    return InvalidInput(Fault("offset", "Upload-Offset", told, step), status=409)


def _told(row: Row[Any]) -> dict[str, Any]:
    told = json.loads(row.answer) if row.answer else {"state": row.state}
    return {
        **told,
        "upload_id": row.id,
        "receipt": tus_uploads.receipt(row.number),
        "file_name": row.file_name,
        "length": row.length,
        "offset": row.offset,
        "created_at": beijing(row.created_at).isoformat(),
        "expires_at": beijing(row.expires_at).isoformat() if row.state == "open" else None,
    }
