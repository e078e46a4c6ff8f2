"""What people do to a story: sign, send back, withdraw, hold, resume, open a wave.

Each act is one transaction over the ledger, final when it answers; the event follows by the
outbox.
"""

from typing import Any, Literal
from uuid import UUID

import structlog
from pydantic import Field
from sqlalchemy import Connection, Row

from producers.filing import Desk
from producers.rights import needs
from schemas.body import Model
from schemas.checks import blocking
from schemas.errors import (
    Conflict,
    Fault,
    InvalidInput,
    NotApproved,
    StorageFull,
    Unavailable,
)
from schemas.events import (
    StoryApproved,
    StoryHeld,
    StoryResumed,
    StoryReturned,
    StorySigned,
    StoryWithdrawn,
    WaveOpened,
)
from schemas.review import Signature, may_sign, missing_levels
from schemas.rights import Act
from schemas.story import Story
from schemas.text import Sha256, Text
from stores.ledger import outbox, people, stories, views
from stores.ledger.people import Caller

log = structlog.get_logger("acts")

LEVEL_ACTS: dict[int, Act] = {1: "story.sign.1", 2: "story.sign.2", 3: "story.sign.3"}

_SAID = r"\S"
"""More than blanks: who reads the record must learn why."""


class SignatureIn(Model):
    """签字: one level of 三审 over exactly these copies."""

    version: int = Field(ge=1, le=2**31 - 1)
    level: int
    copies_sha256: Sha256
    decision: Literal["sign", "return"] = "sign"
    note: Text = Field(default="", max_length=1000)
    """Required for a return and for an urgent release."""
    urgent: bool = False
    """先发后补: this 终审 alone releases; the other levels are signed afterwards."""


class ReasonIn(Model):
    reason: Text = Field(max_length=600, pattern=_SAID)


class OpenWaveIn(Model):
    wave: int = Field(ge=1, le=9)
    reason: Text = Field(max_length=600, pattern=_SAID)


def sign(desk: Desk, caller: Caller, story_key: str, asked: SignatureIn) -> dict[str, Any]:
    """Record a sign-off or a return. Raises NotApproved (403), Conflict (409), InvalidInput."""
    with desk.ledger.transaction() as tx:
        now = desk.ledger.now_ms()
        row = stories.find(tx, story_key)
        _standing(row)
        version = stories.version_row(tx, row.id, asked.version)
        _reviewable(row, version, asked)
        signed = stories.valid_signatures(tx, row.id, asked.version)
        fault = may_sign(
            signed,
            level=asked.level,
            person_id=caller.id,
            roles=caller.roles,
            current_copies=version.copies_sha256,
            signed_copies=asked.copies_sha256,
            urgent=asked.urgent,
        )
        if fault is not None and not (asked.decision == "return" and fault.code == "level_order"):
            raise _refusal(fault)
        if asked.decision == "sign":
            _nothing_forbidden(desk, stories.story_of(tx, row.id, asked.version))
        if (asked.decision == "return" or asked.urgent) and not asked.note.strip():
            raise InvalidInput(
                Fault("note_missing", "note", "退回和先发后补要写明理由 / give the reason")
            )
        if asked.level in LEVEL_ACTS:
            needs(caller, LEVEL_ACTS[asked.level], row)
        story_id = UUID(row.id)
        if asked.decision == "return":
            _send_back(tx, caller, story_id, asked, now)
        else:
            _sign(tx, caller, story_id, asked, version.state, now)
        stories.touch(tx, row.id, at=now)
    return _shown(desk, row)


def _sign(
    tx: Connection,
    caller: Caller,
    story_id: UUID,
    asked: SignatureIn,
    state: str,
    now: int,
) -> None:
    mine = Signature(asked.level, caller.id, caller.name, asked.copies_sha256, asked.urgent)
    stories.sign(tx, story_id, asked.version, mine, note=asked.note, at=now)
    outbox.append(
        tx,
        StorySigned(
            story_id=story_id,
            version=asked.version,
            level=asked.level,
            person=caller.id,
            copies_sha256=asked.copies_sha256,
            urgent=asked.urgent,
            note=asked.note,
        ),
        at=now,
    )
    people.record(
        tx,
        caller.id,
        f"story.signed.{asked.level}" + (".urgent" if asked.urgent else ""),
        at=now,
        story_id=str(story_id),
        detail=asked.note,
    )
    signed = stories.valid_signatures(tx, story_id, asked.version)
    if state == "approved" or missing_levels(signed, asked.copies_sha256):
        return
    row = stories.get(tx, story_id)
    if row.approved_version is not None:
        stories.set_version(tx, story_id, row.approved_version, state="superseded")
    stories.set_version(tx, story_id, asked.version, state="approved")
    stories.change(tx, story_id, at=now, approved_version=asked.version)
    outbox.append(
        tx,
        StoryApproved(
            story_id=story_id,
            version=asked.version,
            copies_sha256=asked.copies_sha256,
            urgent=asked.urgent,
        ),
        at=now,
    )


def _send_back(
    tx: Connection, caller: Caller, story_id: UUID, asked: SignatureIn, now: int
) -> None:
    stories.void_signatures(tx, story_id, why=f"退回: {asked.note}", at=now)
    stories.set_version(tx, story_id, asked.version, state="returned", note=asked.note)
    outbox.append(
        tx,
        StoryReturned(
            story_id=story_id,
            version=asked.version,
            level=asked.level,
            person=caller.id,
            note=asked.note,
        ),
        at=now,
    )
    people.record(
        tx, caller.id, "story.returned", at=now, story_id=str(story_id), detail=asked.note
    )


def withdraw(desk: Desk, caller: Caller, story_key: str, asked: ReasonIn) -> dict[str, Any]:
    """撤稿: final when it answers; repeating it changes nothing."""
    needs(caller, "story.withdraw")
    with desk.ledger.transaction() as tx:
        now = desk.ledger.now_ms()
        row = stories.find(tx, story_key)
        needs(caller, "story.withdraw", row)
        if row.withdrawn_at is None:
            stories.change(tx, row.id, at=now, withdrawn_at=now, withdrawn_reason=asked.reason)
            event = StoryWithdrawn(story_id=UUID(row.id), by=caller.id, reason=asked.reason)
            outbox.append(tx, event, at=now)
            people.record(
                tx, caller.id, "story.withdrawn", at=now, story_id=row.id, detail=asked.reason
            )
    return _shown(desk, row)


def hold(desk: Desk, caller: Caller, story_key: str, asked: ReasonIn) -> dict[str, Any]:
    """暂缓: nothing further goes out until it is resumed."""
    needs(caller, "story.hold")
    with desk.ledger.transaction() as tx:
        now = desk.ledger.now_ms()
        row = stories.find(tx, story_key)
        needs(caller, "story.hold", row)
        _standing(row)
        stories.change(tx, row.id, at=now, held_reason=asked.reason)
        event = StoryHeld(story_id=UUID(row.id), by=caller.id, reason=asked.reason)
        outbox.append(tx, event, at=now)
        people.record(tx, caller.id, "story.held", at=now, story_id=row.id, detail=asked.reason)
    return _shown(desk, row)


def resume(desk: Desk, caller: Caller, story_key: str) -> dict[str, Any]:
    needs(caller, "story.resume")
    with desk.ledger.transaction() as tx:
        now = desk.ledger.now_ms()
        row = stories.find(tx, story_key)
        needs(caller, "story.resume", row)
        _standing(row)
        stories.change(tx, row.id, at=now, held_reason=None)
        outbox.append(tx, StoryResumed(story_id=UUID(row.id), by=caller.id), at=now)
        people.record(tx, caller.id, "story.resumed", at=now, story_id=row.id)
    return _shown(desk, row)


def open_wave(desk: Desk, caller: Caller, story_key: str, asked: OpenWaveIn) -> dict[str, Any]:
    """越权开闸: a wave goes out before the one before it is live; by name and reason."""
    needs(caller, "wave.open")
    with desk.ledger.transaction() as tx:
        now = desk.ledger.now_ms()
        row = stories.find(tx, story_key)
        needs(caller, "wave.open", row)
        _standing(row)
        event = WaveOpened(
            story_id=UUID(row.id), wave=asked.wave, by=caller.name, reason=asked.reason
        )
        outbox.append(tx, event, at=now)
        detail = f"wave {asked.wave}: {asked.reason}"
        people.record(tx, caller.id, "wave.opened", at=now, story_id=row.id, detail=detail)
    return _shown(desk, row)


def _shown(desk: Desk, row: Row[Any]) -> dict[str, Any]:
    """The story as it is now; read after the commit, so that nobody waits for the reading.

    What was done stays done when the reading fails: the answer says so, and that there is nothing
    to show yet, since "unavailable" would mean that nothing was changed.
    """
    try:
        with desk.ledger.snapshot() as view:
            return views.story_detail(view, row.id)
    except (Unavailable, StorageFull) as error:
        log.warning("act.done_but_not_shown", story_id=row.id, error=str(error))
        told = "已办妥, 账本暂时读不出, 请稍后再看 / done; the ledger cannot be read just now, look again"
        return {
            "story_id": row.id,
            "number": row.number,
            "headline": row.headline,
            "versions": [],
            "deliveries": [],
            "unread": told,
        }


def _standing(row: Any) -> None:
    if row.withdrawn_at is not None:
        raise Conflict(
            Fault(
                "withdrawn",
                "story",
                "稿件已撤 / the story is withdrawn",
                "另发新稿 / file a new story",
            )
        )


def _reviewable(row: Any, version: Any, asked: SignatureIn) -> None:
    if asked.version != row.version:
        raise Conflict(
            Fault(
                "old_version",
                "version",
                f"第 {asked.version} 版已不是最新, 现在是第 {row.version} 版 / "
                f"the newest version is {row.version}",
                "重新读取后再签 / read it again, then sign",
            )
        )
    if version.state == "approved" and asked.decision == "return":
        raise Conflict(
            Fault(
                "approved",
                "decision",
                "这一版已签发, 不能退回 / this version is approved already",
                "更正或撤稿 / correct it or withdraw it",
            )
        )
    if version.state == "returned":
        raise Conflict(Fault("returned", "version", "这一版已退回 / this version was sent back"))


def _nothing_forbidden(desk: Desk, story: Story) -> None:
    """What the newsroom's rules block is signed by nobody (``[checks]`` of newsroom.toml)."""
    found = blocking(story, desk.newsroom.checks)
    if found:
        raise Conflict(
            *(
                Fault(
                    "check_blocks",
                    one.place,
                    f"机审不放行: {one.told} (the machine check blocks it): {one.evidence}",
                    "改稿或退回 / have it changed, or send it back",
                )
                for one in found[:20]
            )
        )


def _refusal(fault: Fault) -> Conflict | NotApproved | InvalidInput:
    if fault.code in {"copies_changed", "copies_not_ready", "already_signed", "level_order"}:
        return Conflict(fault)
    if fault.code in {"same_person", "role_missing"}:
        return NotApproved(fault)
    return InvalidInput(fault)
