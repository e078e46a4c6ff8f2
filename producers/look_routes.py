"""Looking over HTTP: stories, channel copies, deliveries, and whether the system is quiet."""

import dataclasses
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import TypeAdapter

from producers.rights import needs, seen_by
from producers.signed_in import At, Signed
from schemas import keys
from schemas.lag import LagSnapshot
from schemas.settling import with_looks
from schemas.trace import trace_id
from stores import objects
from stores.ledger import overdue, spans, stories, views
from stores.ledger.explain import explain

router = APIRouter()

_SNAPSHOT = TypeAdapter(LagSnapshot)
_MOST = 2**31 - 1
"""Of a whole number in the ledger."""


@router.get("/stories", tags=["stories"])
def list_stories(
    desk: At,
    who: Signed,
    cursor: Annotated[int | None, Query(ge=0, le=_MOST)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """Newest first; pass ``next`` as ``cursor`` for the following page."""
    with desk.ledger.snapshot() as view:
        rows = views.story_lines(view, before=cursor, limit=limit, seen=seen_by(who))
    return {"stories": rows, "next": rows[-1]["number"] if len(rows) == limit else None}


@router.get("/stories/{story}", tags=["stories"])
def show_story(story: str, desk: At, who: Signed) -> dict[str, Any]:
    """By id or short number: versions, sign-offs, renditions, deliveries, text."""
    with desk.ledger.snapshot() as view:
        needs(who, "story.look", stories.find(view, story))
        told = views.story_detail(view, story)
    return {**told, "deliveries": with_looks(told["deliveries"], desk.specs)}


@router.get("/stories/{story}/explain", tags=["look"])
def explain_story(story: str, request: Request, desk: At, who: Signed) -> dict[str, Any]:
    """Why it is not there yet: the hop that each delivery is at, what waits there, how long, and
    who can move it on."""
    snapshot: LagSnapshot = request.app.state.latest_lag()
    contacts = {spec.id: spec.contact for spec in desk.specs.values()}
    with desk.ledger.snapshot() as view:
        needs(who, "story.look", stories.find(view, story))
        return explain(view, story, snapshot, contacts)


@router.get("/stories/{story}/trace", tags=["look"])
def trace_story(story: str, desk: At, who: Signed) -> dict[str, Any]:
    """Its whole way as spans, from the upload to each receipt; the ids are those of OTLP."""
    with desk.ledger.snapshot() as view:
        needs(who, "story.look", stories.find(view, story))
        story_id, found = spans.of_story(view, story)
    return {"trace_id": trace_id(story_id), "spans": [dataclasses.asdict(span) for span in found]}


@router.get("/stories/{story}/copies", tags=["review"])
def show_copies(
    story: str,
    desk: At,
    who: Signed,
    version: Annotated[int | None, Query(ge=1, le=_MOST)] = None,
) -> dict[str, Any]:
    """渠道稿: what each outlet will be sent, and the hash that a sign-off is bound to."""
    with desk.ledger.snapshot() as view:
        row = stories.find(view, story)
        needs(who, "story.look", row)
        wanted = version or row.version
        frozen = stories.version_row(view, row.id, wanted).copies_sha256
        found = stories.copies_of(view, row.id, wanted)
    copies = []
    for copy in found.values():
        body = None
        if copy.sha256 is not None:
            body = json.loads(objects.get(desk.store, keys.copy(copy.sha256), copy.sha256))
        copies.append(
            {
                "channel": copy.channel,
                "sha256": copy.sha256,
                "refused": copy.refused,
                "copy": body,
            }
        )
    return {"version": wanted, "copies_sha256": frozen, "copies": copies}


@router.get("/deliveries", tags=["look"])
def list_deliveries(
    desk: At,
    who: Signed,
    story: str | None = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 2000,
) -> dict[str, Any]:
    """What is live where, with evidence; newest stories first, in wave order. ``look`` of one that
    waits for a person says what to look at, and which answers there are."""
    with desk.ledger.snapshot() as view:
        seen = seen_by(who)
        story_id = None
        if story is not None:
            row = stories.find(view, story)
            needs(who, "story.look", row)
            story_id = row.id
        found = views.deliveries(view, story_id=story_id, limit=limit, seen=seen)
    return {"deliveries": with_looks(found, desk.specs)}


@router.get("/status", tags=["look"])
def status(request: Request, desk: At, who: Signed) -> dict[str, Any]:
    """Whether the system is quiet: nothing moves by itself any more."""
    needs(who, "house.look")
    with desk.ledger.snapshot() as view:
        told = views.status(view)
        told["overdue"] = overdue.counts(view, desk.ledger.now_ms())
    told["lag"] = request.app.state.lag()
    behind = [n for n in told["lag"].values() if n != 0]
    counted = told["open_intents"] + told["unfinished"] + told["outbox_rows"]
    told["quiet"] = counted + told["renditions_open"] == 0 and not behind
    return told


@router.get("/lag", tags=["look"], response_model=LagSnapshot)
def lag(request: Request, who: Signed, group: str | None = None) -> Response:
    """积压: the last snapshot of the lag monitor; ``age_s`` says how old, ``stale`` that it is too
    old for its figures to stand. Never waits for Kafka. ``group``: that consumer group alone."""
    needs(who, "house.look")
    told: LagSnapshot = request.app.state.latest_lag()
    if group is not None:
        kept = tuple(g for g in told.groups if g.group == group)
        told = dataclasses.replace(told, groups=kept)
    return Response(_SNAPSHOT.dump_json(told), media_type="application/json")
