"""Drafts (草稿): begin, save as one writes, take over, check against every outlet, file."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from producers import filing, intake
from producers.filing import Desk, Filed
from producers.rights import needs
from schemas.beijing import at as beijing
from schemas.body import media_of
from schemas.errors import Conflict, Fault, InvalidInput, PermanentError
from schemas.story import Asset, Plan, Story, StoryIn
from stores.ledger import assets, drafts, people, stories
from stores.ledger.ids import new_id, when
from stores.ledger.people import Caller

MOST_BYTES = 2 * 1024**2
_NOT_FILED = {"id", "number", "version", "created_at", "updated_at", "assets"}


def begin(desk: Desk, who: Caller, story_key: str | None) -> dict[str, Any]:
    """An empty draft, or the one of a story: made from its newest version where there is none."""
    needs(who, "story.file" if story_key is None else "story.revise")
    now = desk.ledger.now_ms()
    with desk.ledger.transaction() as tx:
        if story_key is None:
            identity = str(new_id())
            drafts.create(tx, UUID(identity), {"headline": "", "body": []}, by=who.id, at=now)
        else:
            story = stories.find(tx, story_key)
            needs(who, "story.revise", story)
            known = drafts.of_story(tx, story.id)
            identity = known.id if known is not None else str(new_id())
            if known is None:
                whole = stories.story_of(tx, story.id, story.version)
                drafts.create(tx, UUID(identity), _content(whole), by=who.id, story_id=story.id,
                              base_version=story.version, at=now)  # fmt: skip
        return _told(tx, who, _found(tx, who, identity))


def look(desk: Desk, who: Caller, draft_id: str) -> dict[str, Any]:
    with desk.ledger.snapshot() as view:
        return _told(view, who, _found(view, who, draft_id))


def mine(desk: Desk, who: Caller) -> list[dict[str, Any]]:
    needs(who, "story.file")
    with desk.ledger.snapshot() as view:
        rows = drafts.of_person(view, who.id)
    return [
        {
            "id": row.id,
            "story_id": row.story_id,
            "headline": str(json.loads(row.content).get("headline", ""))[:200],
            "updated_at": beijing(row.updated_at).isoformat(),
            "yours": row.holder == who.id,
        }
        for row in rows
    ]


def save(desk: Desk, who: Caller, draft_id: str, content: Any, expected: int) -> dict[str, Any]:
    """Whatever somebody wrote so far, right or wrong. Raises Conflict where somebody took over, or
    it was saved from another page meanwhile: then nothing was changed."""
    if not isinstance(content, dict):
        raise InvalidInput(Fault("not_an_object", "body", "应为对象 / must be an object"))
    now = desk.ledger.now_ms()
    with desk.ledger.transaction() as tx:
        row = _found(tx, who, draft_id)
        if not drafts.save(tx, draft_id, content, holder=who.id, expected=expected, at=now):
            raise _moved(tx, who, row)
    return {"id": draft_id, "version": expected + 1, "saved_at": beijing(now).isoformat()}


def take_over(desk: Desk, who: Caller, draft_id: str) -> dict[str, Any]:
    """接手: the other's next save is refused and tells who has it now."""
    with desk.ledger.transaction() as tx:
        row = _found(tx, who, draft_id)
        drafts.hold(tx, draft_id, who.id, at=desk.ledger.now_ms())
        if row.holder != who.id:
            people.record(
                tx, who.id, "draft.taken_over", at=desk.ledger.now_ms(), detail=row.holder
            )
        return _told(tx, who, _found(tx, who, draft_id))


def drop(desk: Desk, who: Caller, draft_id: str) -> None:
    with desk.ledger.transaction() as tx:
        row = _found(tx, who, draft_id)
        if row.holder != who.id:
            raise _moved(tx, who, row)
        drafts.drop(tx, draft_id)


def check(desk: Desk, who: Caller, draft_id: str, content: Any) -> dict[str, Any]:
    """What is missing, and of each outlet whether it carries the story and why not; changes nothing.
    The renders are those that will make the copies."""
    with desk.ledger.snapshot() as view:
        row = _found(view, who, draft_id)
        number = stories.find(view, row.story_id).number if row.story_id else 1
        try:
            story = _story(view, content, number, when(desk.ledger.now_ms()))
        except PermanentError as error:
            return {"faults": [asdict(fault) for fault in error.faults], "outlets": []}
    active = [c for c, spec in desk.specs.items() if spec.active]
    refused = desk.refusals(story, active)
    video = any(asset.kind == "video" for asset in story.assets)
    outlets = []
    for channel in active:
        spec = desk.specs[channel]
        fits = spec.applies_to == "all" or video
        reason = refused.get(channel, "") if fits else "没有视频, 不适用 / no clip"
        outlets.append({"channel": channel, "name": spec.name, "applies": fits, "refused": reason,
                        "headline": len(story.headline_for(channel)),
                        "headline_most": _headline_most(spec)})  # fmt: skip
    return {"faults": [], "outlets": outlets, "characters": _characters(story)}


def story_of(desk: Desk, who: Caller, draft_id: str, content: Any) -> Story:
    """The draft as the story it would be, for previews. Raises InvalidInput."""
    with desk.ledger.snapshot() as view:
        row = _found(view, who, draft_id)
        number = stories.find(view, row.story_id).number if row.story_id else 1
        return _story(view, content, number, when(desk.ledger.now_ms()))


def file(desk: Desk, who: Caller, draft_id: str, key: str | None, plan: Plan) -> Filed:
    """提交: the draft as it was saved last becomes a story or its newer version, and is gone."""
    with desk.ledger.snapshot() as view:
        row = _found(view, who, draft_id)
        if row.holder != who.id:
            raise _moved(view, who, row)
    content = json.loads(row.content)
    if row.story_id is None:
        filed = filing.file_story(desk, who, content, plan, [], key=key or f"draft-{draft_id}")
    else:
        filed = filing.revise_story(
            desk, who, row.story_id, content, [], expected=row.base_version,
            key=key or f"draft-{draft_id}-{row.version}",
        )  # fmt: skip
    with desk.ledger.transaction() as tx:
        drafts.drop(tx, draft_id)
    return filed


def _found(tx: Connection, who: Caller, draft_id: str) -> Row[Any]:
    """Raises InvalidInput (404), NotApproved (403). One's own, or of a story that one may revise."""
    needs(who, "story.file")
    row = drafts.find(tx, draft_id)
    if row is not None and row.story_id is not None:
        needs(who, "story.revise", stories.find(tx, row.story_id))
    elif row is None or who.id not in {row.by, row.holder}:
        told = "没有这份草稿, 或已提交 / no such draft, or it was filed"
        raise InvalidInput(Fault("no_such_draft", "draft", told), status=404)
    return row


def _told(tx: Connection, who: Caller, row: Row[Any]) -> dict[str, Any]:
    names = people.names(tx, {row.holder, row.by})
    number = stories.find(tx, row.story_id).number if row.story_id else None
    newest = stories.find(tx, row.story_id).version if row.story_id else None
    return {
        "id": row.id,
        "story_id": row.story_id,
        "number": number,
        "base_version": row.base_version,
        "newest_version": newest,
        "content": json.loads(row.content),
        "version": row.version,
        "holder": row.holder,
        "holder_name": names.get(row.holder, row.holder),
        "yours": row.holder == who.id,
        "held_at": beijing(row.held_at).isoformat(),
        "updated_at": beijing(row.updated_at).isoformat(),
    }


def _moved(tx: Connection, who: Caller, row: Row[Any]) -> Conflict:
    if row.holder != who.id:
        name = people.names(tx, {row.holder}).get(row.holder, row.holder)
        told = f"{name} 接手了这份草稿 / {name} took this draft over"
        return Conflict(Fault("taken_over", "draft", told, "要改请再接手 / take it over again"))
    told = "另一个页面存过了 / it was saved from another page meanwhile"
    return Conflict(Fault("version_moved", "If-Match", told, "重新打开后再改 / open it again"))


def _content(story: Story) -> dict[str, Any]:
    """A filed version as it would be sent again."""
    told = story.model_dump(mode="json", exclude=_NOT_FILED, exclude_none=True)
    told["media"] = [{"ref": a.ref, "asset_id": str(a.id)} for a in story.assets]
    return told


def _story(tx: Connection, content: Any, number: int, now: datetime) -> Story:
    filed = intake.read_model(StoryIn, content, "story")
    found: dict[str, Asset] = {}
    for medium in filed.media:
        if medium.asset_id is not None:
            found[medium.ref] = assets.get(tx, medium.asset_id, ref=medium.ref)
    missing = [ref for ref in media_of(filed.body) if ref not in found]
    if missing:
        told = f"素材还没有上传 / not uploaded yet: {'、'.join(missing)}"
        raise InvalidInput(Fault("file_missing", "story.media", told))
    story = intake.make_story(filed, found, identity=new_id(), number=number, version=1,
                              created_at=now, now=now)  # fmt: skip
    intake.check_kinds(story)
    return story


def _headline_most(spec: Any) -> int | None:
    """The outlet's limit on a headline, where its entry states one."""
    limits = getattr(spec, "limits", None)
    for holder, name in ((limits, "title"), (spec, "headline_max"), (spec, "title_max")):
        value = getattr(holder, name, None)
        if isinstance(value, int):
            return value
    return None


def _characters(story: Story) -> int:
    counted = 0
    for block in story.body:
        told: Mapping[str, Any] = block.model_dump()
        counted += sum(len(span["text"]) for span in told.get("spans", ()))
        counted += len(told.get("text", ""))
    return counted
