"""By hand, over HTTP: settle what only a person can tell, resend what failed, dead letters."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request

from producers import intake, letters
from producers.letters import DiscardIn, ReplayIn
from producers.reception import read_json
from producers.resend import ResendIn, resend
from producers.settle import SettleIn, settle
from producers.signed_in import At, Signed

router = APIRouter()


async def _asked(request: Request, desk: At, _who: Signed) -> Any:
    """Read only once it is known who calls."""
    return await read_json(request, desk)


Asked = Annotated[Any, Depends(_asked)]
Release = Annotated[int, Path(ge=1, le=2**31 - 1)]


def _body(model: str) -> dict[str, Any]:
    schema = {"schema": {"$ref": f"#/components/schemas/{model}"}}
    return {"requestBody": {"required": True, "content": {"application/json": schema}}}


@router.post(
    "/deliveries/{story}/{channel}/{release}/settle",
    tags=["dispatch"],
    openapi_extra=_body("SettleIn"),
)
def settle_delivery(
    story: str, channel: str, release: Release, desk: At, who: Signed, asked: Asked
) -> dict[str, Any]:
    """人工登记: what a person found out about a delivery that waits for one. ``answer`` is ``live``
    (with ``url`` or ``item_id``), ``absent``, ``still_up`` or ``give_up`` (with ``note``); ``look``
    of a delivery says which are open. ``as_of`` is its ``updated_at``: 409 when it moved on."""
    wanted = intake.read_model(SettleIn, asked, "")
    return settle(desk, who, story, channel, release, wanted)


@router.post("/stories/{story}/resend", tags=["dispatch"], openapi_extra=_body("ResendIn"))
def resend_story(story: str, desk: At, who: Signed, asked: Asked) -> dict[str, Any]:
    """人工重发: failed deliveries again; the plan alone unless ``dry_run`` is false. Never a live
    one, never one of which nobody knows whether it is there."""
    return resend(desk, who, story, intake.read_model(ResendIn, asked, ""))


@router.get("/dead-letters", tags=["operate"])
def list_letters(
    desk: At,
    who: Signed,
    closed: bool = False,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """死信, newest first; ``closed=true`` shows those that were dealt with, too."""
    return letters.listing(desk, who, closed=closed, cursor=cursor, limit=limit)


@router.get("/dead-letters/{letter}", tags=["operate"])
def show_letter(letter: str, desk: At, who: Signed) -> dict[str, Any]:
    """One letter with its record, and what a replay would do. An id's beginning will do."""
    return letters.show(desk, who, letter)


@router.post("/dead-letters/replay", tags=["operate"], openapi_extra=_body("ReplayIn"))
def replay_letters(desk: At, who: Signed, asked: Asked) -> dict[str, Any]:
    """重放: the records go to their topics again, with their own event ids; the plan alone unless
    ``dry_run`` is false."""
    return letters.replay_letters(desk, who, intake.read_model(ReplayIn, asked, ""))


@router.post("/dead-letters/discard", tags=["operate"], openapi_extra=_body("DiscardIn"))
def discard_letters(desk: At, who: Signed, asked: Asked) -> dict[str, Any]:
    """弃置, with a reason; the plan alone unless ``dry_run`` is false."""
    return letters.discard_letters(desk, who, intake.read_model(DiscardIn, asked, ""))
