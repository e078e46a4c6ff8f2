"""Filing a story: media kept, story in the ledger, event in the outbox, one transaction."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection, select

from producers import intake
from producers.rights import needs
from schemas.channel import ChannelSpec
from schemas.errors import Conflict, Fault, PipelineError
from schemas.events import StoryFiled, StoryRevised
from schemas.hashing import fingerprint
from schemas.newsroom import Newsroom
from schemas.settings import Settings
from schemas.story import Asset, MediaKind, Plan, Story, StoryIn
from stores import objects
from stores.ledger import assets, journal, outbox, people, stories
from stores.ledger.ids import new_id, when
from stores.ledger.people import Caller
from stores.ledger.tables import idempotency
from stores.ledger.transaction import Ledger


class Facts(Protocol):
    """What a look into a file told."""

    @property
    def kind(self) -> MediaKind: ...
    @property
    def content_type(self) -> str: ...
    @property
    def width(self) -> int | None: ...
    @property
    def height(self) -> int | None: ...
    @property
    def duration_s(self) -> float | None: ...
    @property
    def told(self) -> tuple[str, ...]: ...
    @property
    def problems(self) -> tuple[str, ...]: ...


Inspect = Callable[[Path, str, str], Facts]
"""(file, field for faults, file name) → facts; raises InvalidInput."""


@dataclass(frozen=True)
class Desk:
    """All that the ways in work with."""

    settings: Settings
    ledger: Ledger
    store: objects.Objects
    newsroom: Newsroom
    specs: Mapping[str, ChannelSpec]
    refusals: intake.Refusals
    inspect: Inspect


@dataclass(frozen=True)
class Received:
    """A file that has been stored and looked into; not in the ledger yet."""

    asset_id: UUID
    object_key: str
    sha256: str
    size_bytes: int
    file_name: str
    facts: Facts

    def asset(self, ref: str) -> Asset:
        return Asset(
            ref=ref,
            id=self.asset_id,
            kind=self.facts.kind,
            sha256=self.sha256,
            size_bytes=self.size_bytes,
            content_type=self.facts.content_type,
            file_name=self.file_name,
            width=self.facts.width,
            height=self.facts.height,
            duration_s=self.facts.duration_s,
        )


@dataclass(frozen=True)
class Filed:
    """Answer to a filing."""

    status: int
    body: dict[str, Any]
    replayed: bool = False


def file_story(
    desk: Desk,
    caller: Caller,
    raw_story: Any,
    plan: Plan,
    received: list[Received],
    *,
    key: str | None,
) -> Filed:
    """Take a new story. The same key with the same content answers as before; with another
    content it is a Conflict. Raises InvalidInput, Conflict, Unavailable, StorageFull; then
    nothing was changed."""
    needs(caller, "story.file")
    request = _request_hash("file", raw_story, plan, received)
    with desk.ledger.transaction() as tx:
        answer = _before(tx, caller, key, request)
        linked = [r.object_key for r in received]
        if answer is None:
            answer, linked = _file(desk, tx, caller, raw_story, plan, received)
            _remember(tx, caller, key, request, answer, desk.ledger.now_ms())
    _drop(desk, linked)
    return answer


def _file(
    desk: Desk,
    tx: Connection,
    caller: Caller,
    raw_story: Any,
    plan: Plan,
    received: list[Received],
) -> tuple[Filed, list[str]]:
    now = desk.ledger.now_ms()
    filed = intake.read_model(StoryIn, raw_story, "story")
    resolved = intake.resolve_plan(plan, desk.specs, filed, when(now))
    story = _assemble(
        desk, tx, filed, received, new_id(), stories.next_number(tx), 1, when(now), when(now)
    )
    warnings = intake.check_channels(story, resolved, desk.specs, desk.refusals)
    linked = _keep(tx, received, story, caller, now)
    stories.insert(tx, story, resolved, by=caller.id, at=now, desk=caller.desk)
    outbox.append(
        tx,
        StoryFiled(story_id=story.id, story=story, plan=resolved, by=caller.id),
        at=now,
    )
    people.record(tx, caller.id, "story.filed", at=now, story_id=str(story.id))
    return Filed(201, _told(story, warnings, received)), linked


def revise_story(
    desk: Desk,
    caller: Caller,
    story_key: str,
    raw_story: Any,
    received: list[Received],
    *,
    expected: int,
    key: str | None,
) -> Filed:
    """File a newer version: an edit, or a correction of a live story. Voids open sign-offs."""
    needs(caller, "story.revise")
    request = _request_hash(f"revise {story_key} {expected}", raw_story, Plan(), received)
    with desk.ledger.transaction() as tx:
        answer = _before(tx, caller, key, request)
        linked = [r.object_key for r in received]
        if answer is None:
            row = stories.find(tx, story_key)
            needs(caller, "story.revise", row)
            answer, linked = _revise(desk, tx, caller, row, raw_story, received, expected)
            _remember(tx, caller, key, request, answer, desk.ledger.now_ms())
    _drop(desk, linked)
    return answer


def _revise(
    desk: Desk,
    tx: Connection,
    caller: Caller,
    row: Any,
    raw_story: Any,
    received: list[Received],
    expected: int,
) -> tuple[Filed, list[str]]:
    _may_edit(row)
    if row.version != expected:
        raise Conflict(
            Fault(
                "version_moved",
                "If-Match",
                f"稿件现在是第 {row.version} 版 / the story is at version {row.version}",
                "重新读取后再改 / read it again, then edit",
            )
        )
    now = desk.ledger.now_ms()
    previous = stories.story_of(tx, row.id, row.version)
    filed = intake.read_model(StoryIn, intake.inherit_media(raw_story, previous), "story")
    plan = _present_plan(desk, row)
    kept = filed.embargoed_until == previous.embargoed_until
    timeless = filed.model_copy(update={"embargoed_until": None}) if kept else filed
    undated = plan.model_copy(update={"release_at": None})
    intake.resolve_plan(undated, desk.specs, timeless, when(now))
    story = _assemble(
        desk,
        tx,
        filed,
        received,
        UUID(row.id),
        row.number,
        row.version + 1,
        when(row.created_at),
        when(now),
    )
    warnings = intake.check_channels(story, plan, desk.specs, desk.refusals)
    linked = _keep(tx, received, story, caller, now)
    stories.void_signatures(tx, row.id, why="稿件已修改 / edited", at=now)
    stories.revise(tx, story, expected=expected, by=caller.id, at=now)
    outbox.append(tx, StoryRevised(story_id=story.id, story=story, by=caller.id), at=now)
    people.record(tx, caller.id, "story.revised", at=now, story_id=row.id)
    return Filed(200, _told(story, warnings, received)), linked


def _present_plan(desk: Desk, row: Any) -> Plan:
    """The story's plan without channels that have left the channels file since."""
    plan = Plan.model_validate_json(row.plan)
    channels = tuple(c for c in plan.channels or () if c in desk.specs)
    waves = {c: wave for c, wave in plan.waves.items() if c in desk.specs}
    return plan.model_copy(update={"channels": channels, "waves": waves})


def keep_asset(
    desk: Desk,
    caller: Caller,
    received: Received,
    *,
    also: Callable[[Connection, dict[str, Any]], None] = lambda _tx, _told: None,
) -> dict[str, Any]:
    """Media uploaded before its story: ``POST /v1/assets``. ``also`` joins the transaction and may
    add to what is told."""
    needs(caller, "story.file")
    asset = received.asset("asset")
    intake.check_limits(asset, desk.newsroom.uploads)
    with desk.ledger.transaction() as tx:
        known = assets.with_sha256(tx, asset.sha256)
        key = known.object_key if known is not None else received.object_key
        assets.put(
            tx, asset, object_key=key, facts=_facts(received), by=caller.id, at=desk.ledger.now_ms()
        )
        told = asset.model_dump(mode="json", exclude={"ref"})
        told |= {"linked": known is not None, **_facts(received)}
        also(tx, told)
    if known is not None:
        _drop(desk, [received.object_key])
    return told


def discard(desk: Desk, received: list[Received]) -> None:
    """The filing was refused: its objects go. What the ledger names stays (the answer to a commit
    may have been lost), and so does all while it cannot be asked: an orphan is swept later."""
    if not received:
        return
    try:
        with desk.ledger.snapshot() as view:
            gone = [r for r in received if not assets.known(view, r.asset_id)]
    except PipelineError:
        return
    _drop(desk, [r.object_key for r in gone])


def _assemble(
    desk: Desk,
    tx: Connection,
    filed: StoryIn,
    received: list[Received],
    identity: UUID,
    number: int,
    version: int,
    created_at: datetime,
    now: datetime,
) -> Story:
    placed = intake.match_files(filed.media, [r.file_name for r in received])
    found: dict[str, Asset] = {}
    for medium in filed.media:
        if medium.ref in placed:
            found[medium.ref] = received[placed[medium.ref]].asset(medium.ref)
        elif medium.asset_id is not None:
            found[medium.ref] = assets.get(tx, medium.asset_id, ref=medium.ref)
    for asset in found.values():
        intake.check_limits(asset, desk.newsroom.uploads)
    story = intake.make_story(
        filed,
        found,
        identity=identity,
        number=number,
        version=version,
        created_at=created_at,
        now=now,
    )
    intake.check_kinds(story)
    return story


def _keep(
    tx: Connection, received: list[Received], story: Story, caller: Caller, now: int
) -> list[str]:
    """Asset rows; returns object keys that are not needed, their bytes being there already."""
    linked = []
    for asset in {a.id: a for a in story.assets}.values():  # two references may share one file
        assets.note(tx, asset.id, story.id)
        mine = next((r for r in received if r.asset_id == asset.id), None)
        if mine is None:
            continue
        known = assets.with_sha256(tx, asset.sha256)
        if known is not None:
            linked.append(mine.object_key)
        key = mine.object_key if known is None else known.object_key
        assets.put(tx, asset, object_key=key, facts=_facts(mine), by=caller.id, at=now)
    return linked


def _drop(desk: Desk, object_keys: list[str]) -> None:
    for key in object_keys:
        try:
            objects.delete(desk.store, key)
        except PipelineError:
            return  # an orphan; swept later


def _facts(received: Received) -> dict[str, Any]:
    return {"told": list(received.facts.told), "problems": list(received.facts.problems)}


def _may_edit(row: Any) -> None:
    if row.withdrawn_at is not None:
        raise Conflict(
            Fault(
                "withdrawn",
                "story",
                "稿件已撤, 不能再改 / the story is withdrawn",
                "另发新稿 / file a new story",
            )
        )


def _told(story: Story, warnings: dict[str, str], received: list[Received]) -> dict[str, Any]:
    return {
        "story_id": str(story.id),
        "number": story.number,
        "version": story.version,
        "headline": story.headline,
        "warnings": [{"channel": c, "reason": reason} for c, reason in warnings.items()],
        "media": [{"file": one.file_name, **_facts(one)} for one in received],
    }


def _request_hash(what: str, raw: Any, plan: Plan, received: list[Received]) -> str:
    files = sorted((r.file_name, r.sha256) for r in received)
    return fingerprint(
        {
            "what": what,
            "story": json.loads(raw) if isinstance(raw, bytes) else raw,
            "plan": plan.model_dump(mode="json"),
            "files": [list(file) for file in files],
        }
    )


def _before(tx: Connection, caller: Caller, key: str | None, request: str) -> Filed | None:
    if key is None:
        return None
    row = tx.execute(
        select(idempotency).where(idempotency.c.person_id == caller.id, idempotency.c.key == key)
    ).first()
    if row is None:
        return None
    if row.request_sha256 != request:
        raise Conflict(
            Fault(
                "key_reused",
                "Idempotency-Key",
                "同一个键已用于另一份内容 / this key came with another content before",
                "换一个新的键 / use a new key",
            )
        )
    return Filed(row.status, json.loads(row.answer), replayed=True)


def _remember(
    tx: Connection, caller: Caller, key: str | None, request: str, answer: Filed, now: int
) -> None:
    if key is not None:
        told = answer.body["story_id"]
        journal.note(tx, idempotency, story=told, person_id=caller.id, key=key)
        tx.execute(
            idempotency.insert().values(
                person_id=caller.id,
                key=key,
                request_sha256=request,
                status=answer.status,
                answer=json.dumps(answer.body, ensure_ascii=False),
                at=now,
            )
        )
