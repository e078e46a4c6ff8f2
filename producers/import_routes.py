"""Ways in for documents: DOCX, HTML, ninjs, text, a picture with its caption."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from producers import filing, intake
from producers.filing import Desk
from producers.import_contract import Imported
from producers.importers import html
from producers.imports import import_document
from producers.plain_text import decode
from producers.reception import read_body, receive_files
from producers.rights import needs
from producers.signed_in import At, Signed
from producers.story_routes import Key
from schemas.errors import Fault, InvalidInput
from schemas.story import Plan, StoryIn

router = APIRouter(tags=["stories"])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("/imports", openapi_extra=_BODY)
async def import_story(
    request: Request,
    desk: At,
    who: Signed,
    file_name: Annotated[str, Query(alias="name", max_length=255)] = "document",
    format_id: Annotated[str | None, Query(alias="format", max_length=20)] = None,
    dry_run: bool = True,
    piece: bool = False,
    key: Key = None,
) -> JSONResponse:
    """导入: a document as the request's body. A dry run only tells what the story would be, and
    what was kept, changed and left out; ``piece`` takes pasted HTML as a part of a body."""
    needs(who, "story.file")  # before a byte of it is read
    fault = intake.file_name_fault(file_name, "name")
    if fault is not None:
        raise InvalidInput(fault)
    limit = desk.newsroom.uploads.image_bytes
    data = await read_body(request, limit if not piece else desk.newsroom.uploads.story_json_bytes)
    if piece:
        found = await asyncio.to_thread(lambda: html.paste(decode(data, "body")))
        return JSONResponse(_told(found))
    found = await asyncio.to_thread(import_document, data, file_name, format_id=format_id)
    if dry_run:
        return JSONResponse({**_told(found), "faults": _faults(found)})
    filed = await _file(request, desk, who, found, key)
    headers = {"ETag": f'"{filed.body["version"]}"'}
    if filed.replayed:
        headers["Idempotency-Replayed"] = "true"
    return JSONResponse(
        {**filed.body, "report": _told(found)["report"]}, filed.status, headers=headers
    )


async def _file(
    request: Request, desk: Desk, who: Signed, found: Imported, key: str | None
) -> filing.Filed:
    """Store the pictures inside, then file the story; a refusal leaves nothing behind."""
    story = found.story()
    intake.read_model(StoryIn, story, "story")
    used = {medium["file"] for medium in story["media"]}
    files = [(one.name, one.data) for one in found.enclosed if one.name in used]
    received = await receive_files(request, desk, files)
    try:
        return await asyncio.to_thread(
            filing.file_story, desk, who, story, Plan(), received, key=key
        )
    except Exception:  # not a cancellation: the thread may still commit
        await asyncio.to_thread(filing.discard, desk, received)
        raise


def _told(found: Imported) -> dict[str, Any]:
    return {
        "format": found.format,
        "story": found.story(),
        "files": [
            {"ref": one.ref, "name": one.name, "size_bytes": len(one.data)}
            for one in found.enclosed
        ],
        "wanted": list(found.wanted),
        "report": [{"fate": n.fate, "text": n.text, "count": n.count} for n in found.notes],
    }


def _faults(found: Imported) -> list[dict[str, str]]:
    """Why it could not be filed as it is: a headline or text that is missing."""
    try:
        intake.read_model(StoryIn, found.story(), "story")
    except InvalidInput as error:
        return [_row(fault) for fault in error.faults]
    return []


def _row(fault: Fault) -> dict[str, str]:
    return {
        "code": fault.code,
        "field": fault.field,
        "reason": fault.reason,
        "next_step": fault.next_step,
    }
