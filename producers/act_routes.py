"""What people do to a story over HTTP: sign, send back, withdraw, hold, resume, open a wave."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from producers import acts, intake
from producers.acts import OpenWaveIn, ReasonIn, SignatureIn
from producers.reception import read_json
from producers.signed_in import At, Signed

router = APIRouter()


async def _asked(request: Request, desk: At, _who: Signed) -> Any:
    """Read only once it is known who calls."""
    return await read_json(request, desk)


Asked = Annotated[Any, Depends(_asked)]


def _body(model: str) -> dict[str, Any]:
    schema = {"schema": {"$ref": f"#/components/schemas/{model}"}}
    return {"requestBody": {"required": True, "content": {"application/json": schema}}}


@router.post(
    "/stories/{story}/signatures",
    status_code=201,
    tags=["review"],
    openapi_extra=_body("SignatureIn"),
)
def sign(story: str, desk: At, who: Signed, asked: Asked) -> dict[str, Any]:
    """签字或退回: one level of 三审 over exactly these copies."""
    return acts.sign(desk, who, story, intake.read_model(SignatureIn, asked, ""))


@router.post("/stories/{story}/withdraw", tags=["dispatch"], openapi_extra=_body("ReasonIn"))
def withdraw(story: str, desk: At, who: Signed, asked: Asked) -> dict[str, Any]:
    """撤稿: everywhere, with a reason."""
    return acts.withdraw(desk, who, story, intake.read_model(ReasonIn, asked, ""))


@router.post("/stories/{story}/hold", tags=["dispatch"], openapi_extra=_body("ReasonIn"))
def hold(story: str, desk: At, who: Signed, asked: Asked) -> dict[str, Any]:
    """暂缓."""
    return acts.hold(desk, who, story, intake.read_model(ReasonIn, asked, ""))


@router.post("/stories/{story}/resume", tags=["dispatch"])
def resume(story: str, desk: At, who: Signed) -> dict[str, Any]:
    """恢复."""
    return acts.resume(desk, who, story)


@router.post("/stories/{story}/waves", tags=["dispatch"], openapi_extra=_body("OpenWaveIn"))
def open_wave(story: str, desk: At, who: Signed, asked: Asked) -> dict[str, Any]:
    """越权开闸."""
    return acts.open_wave(desk, who, story, intake.read_model(OpenWaveIn, asked, ""))
