"""Ways in over HTTP: file, revise, upload."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse

from producers import filing, intake
from producers.filing import Desk, Received
from producers.reception import receive
from producers.rights import needs
from producers.signed_in import At, Signed
from schemas.errors import Fault, InvalidInput
from schemas.story import Plan

router = APIRouter(tags=["stories"])

Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]
_STORY_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Filing"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["story"],
                    "properties": {
                        "story": {"$ref": "#/components/schemas/StoryIn"},
                        "plan": {"$ref": "#/components/schemas/Plan"},
                        "file": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                        },
                    },
                }
            },
        },
    }
}


@router.post("/stories", status_code=201, openapi_extra=_STORY_BODY)
async def file_story(request: Request, desk: At, who: Signed, key: Key = None) -> JSONResponse:
    """提交稿件: a story with its media in one request, or by reference to uploaded media."""

    needs(who, "story.file")  # before a byte of it is read

    def file(raw: Any, plan: Any, received: list[Received]) -> filing.Filed:
        read = intake.read_model(Plan, plan, "plan") if plan is not None else Plan()
        return filing.file_story(desk, who, raw, read, received, key=key)

    return await _take(request, desk, file)


@router.put("/stories/{story}", openapi_extra=_STORY_BODY)
async def revise_story(
    request: Request,
    story: str,
    desk: At,
    who: Signed,
    if_match: Annotated[str, Header(alias="If-Match", max_length=20)],
    key: Key = None,
) -> JSONResponse:
    """修改或更正: files a newer version; ``If-Match`` is the version that was edited."""
    needs(who, "story.revise")
    expected = version_of(if_match)

    def file(raw: Any, plan: Any, received: list[Received]) -> filing.Filed:
        if plan is not None:
            raise InvalidInput(
                Fault("unexpected", "plan", "修改时不能换发布方案 / the plan cannot change here")
            )
        return filing.revise_story(desk, who, story, raw, received, expected=expected, key=key)

    return await _take(request, desk, file)


@router.post("/assets", status_code=201)
async def upload(
    request: Request,
    desk: At,
    who: Signed,
    file_name: Annotated[str, Query(alias="name", max_length=255)] = "upload",
) -> JSONResponse:
    """上传素材: the bytes of one picture or clip as the request's body."""
    needs(who, "story.file")
    received = await receive(request, desk, raw_file_name=file_name)
    one = received.files[0]
    try:
        told = await asyncio.to_thread(filing.keep_asset, desk, who, one)
    except Exception:
        await asyncio.to_thread(filing.discard, desk, [one])
        raise
    return JSONResponse(told, 201)


async def _take(
    request: Request, desk: Desk, file: Callable[[Any, Any, list[Received]], filing.Filed]
) -> JSONResponse:
    """Receive a filing in either form and carry it out; a refusal leaves no object behind."""
    received = await receive(request, desk)
    try:
        filed = await asyncio.to_thread(file, received.story, received.plan, received.files)
    except Exception:  # not a cancellation: the thread may still commit
        await asyncio.to_thread(filing.discard, desk, received.files)
        raise
    headers = {"ETag": f'"{filed.body["version"]}"'}
    if filed.replayed:
        headers["Idempotency-Replayed"] = "true"
    return JSONResponse(filed.body, filed.status, headers=headers)


def version_of(if_match: str) -> int:
    """Of an ``If-Match``; raises InvalidInput."""
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit()):
        raise InvalidInput(
            Fault("bad_version", "If-Match", "应为版本号 / must be a version number, like 1")
        )
    return int(text)
