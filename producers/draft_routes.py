"""Drafts over HTTP: what the compose page saves as somebody writes."""

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, Response

from producers import drafting, intake
from producers.act_routes import Asked
from producers.signed_in import At, Signed
from producers.story_routes import Key, version_of
from schemas.errors import Fault, InvalidInput
from schemas.story import Plan

router = APIRouter(tags=["drafts"])
_JSON = {"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}}


@router.post("/drafts", status_code=201)
def begin(
    desk: At, who: Signed, story: Annotated[str | None, Query(max_length=40)] = None
) -> dict[str, Any]:
    """新草稿: empty, or of a story; two people who open one story get one draft."""
    return drafting.begin(desk, who, story)


@router.get("/drafts")
def mine(desk: At, who: Signed) -> dict[str, Any]:
    """我的草稿."""
    return {"drafts": drafting.mine(desk, who)}


@router.get("/drafts/{draft}")
def look(draft: str, desk: At, who: Signed) -> dict[str, Any]:
    """看草稿: with who holds it."""
    return drafting.look(desk, who, draft)


@router.put("/drafts/{draft}", openapi_extra=_JSON)
def save(
    draft: str,
    desk: At,
    who: Signed,
    asked: Asked,
    if_match: Annotated[str, Header(alias="If-Match", max_length=20)],
) -> dict[str, Any]:
    """自动保存: ``If-Match`` is the version of the draft that was changed."""
    return drafting.save(desk, who, draft, asked, version_of(if_match))


@router.delete("/drafts/{draft}", status_code=204)
def drop(draft: str, desk: At, who: Signed) -> Response:
    """扔掉草稿: the story, where there is one, stays as it is."""
    drafting.drop(desk, who, draft)
    return Response(status_code=204)


@router.post("/drafts/{draft}/hold")
def take_over(draft: str, desk: At, who: Signed) -> dict[str, Any]:
    """接手."""
    return drafting.take_over(desk, who, draft)


@router.post("/drafts/{draft}/check", openapi_extra=_JSON)
def check(draft: str, desk: At, who: Signed, asked: Asked) -> dict[str, Any]:
    """检查: what is missing, and which outlets carry it."""
    return drafting.check(desk, who, draft, asked)


@router.post("/drafts/{draft}/file", status_code=201)
async def file(
    request: Request, draft: str, desk: At, who: Signed, key: Key = None
) -> JSONResponse:
    """提交: the draft becomes a story, or its newer version. The body may hold a plan."""
    body = await request.body()
    if len(body) > 100_000:
        told = "发布方案太长 / the plan is too long"
        raise InvalidInput(Fault("too_large", "plan", told), status=413)
    try:
        raw = json.loads(body) if body.strip() else {}
    except ValueError as error:
        told = "不是合法的 JSON / not valid JSON"
        raise InvalidInput(Fault("json_invalid", "plan", told)) from error
    plan = intake.read_model(Plan, raw, "plan")
    filed = await asyncio.to_thread(drafting.file, desk, who, draft, key, plan)
    return JSONResponse(filed.body, filed.status, headers={"ETag": f'"{filed.body["version"]}"'})
