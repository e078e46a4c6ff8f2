"""What people do to a story over HTTP: sign, send back, withdraw, hold, resume, open a wave."""

from typing import Annotated, Any

from fastapi import APIRouter, Body

from producers import acts, intake
from producers.acts import OpenWaveIn, ReasonIn, SignatureIn
from producers.signed_in import At, Signed

router = APIRouter()

Asked = Annotated[dict[str, Any], Body()]


@router.post("/stories/{story}/signatures", status_code=201, tags=["review"])
def sign(story: str, desk: At, who: Signed, asked: Asked) -> dict[str, Any]:
    """签字或退回: one level of 三审 over exactly these copies."""
    return acts.sign(desk, who, story, intake.read_model(SignatureIn, asked, ""))


@router.post("/stories/{story}/withdraw", tags=["dispatch"])
def withdraw(story: str, desk: At, who: Signed, asked: Asked) -> dict[str, Any]:
    """撤稿: everywhere, with a reason."""
    return acts.withdraw(desk, who, story, intake.read_model(ReasonIn, asked, ""))


@router.post("/stories/{story}/hold", tags=["dispatch"])
def hold(story: str, desk: At, who: Signed, asked: Asked) -> dict[str, Any]:
    """暂缓."""
    return acts.hold(desk, who, story, intake.read_model(ReasonIn, asked, ""))


@router.post("/stories/{story}/resume", tags=["dispatch"])
def resume(story: str, desk: At, who: Signed) -> dict[str, Any]:
    """恢复."""
    return acts.resume(desk, who, story)


@router.post("/stories/{story}/waves", tags=["dispatch"])
def open_wave(story: str, desk: At, who: Signed, asked: Asked) -> dict[str, Any]:
    """越权开闸."""
    return acts.open_wave(desk, who, story, intake.read_model(OpenWaveIn, asked, ""))
