"""The ledger's side of publishing: claim, checkpoint, quota, finish; each one transaction."""

import json
from dataclasses import dataclass, replace
from typing import Any

import structlog
from pydantic import JsonValue
from sqlalchemy import Connection, Row

from consumers.protocol import Claimant, Next, Stop, asks_first, may_claim
from schemas.channel import ChannelSpec
from schemas.copy import CopyRef, copies_fingerprint
from schemas.errors import InvalidInput, UnknownOutcome
from schemas.review import missing_levels
from schemas.text import foreign
from stores.ledger import publications, quotas, restores, stories
from stores.ledger.ids import new_id
from stores.ledger.transaction import Ledger

log = structlog.get_logger("publish")

NOT_KEPT = "渠道的答复无法记录"


@dataclass(frozen=True)
class Claim:
    """A committed intent, or a read-only query that needs none (``attempt_id`` None)."""

    row: Row[Any]
    attempt_id: str | None
    number: int
    withdrawn_reason: str | None
    sent_before: int
    copy: bytes | None
    """The frozen copy as the ledger keeps it; whoever uses it checks the hash."""


def claim(ledger: Ledger, spec: ChannelSpec, found: Row[Any], owner: str) -> Claim | None:
    """Commit the intent to work on a row, or write why it must not go out and return None."""
    with ledger.transaction(found.story_id) as tx:
        now = ledger.now_ms()
        row = publications.get(tx, found.story_id, found.channel, found.release)
        if row is None or row.open_attempt is not None or row.state != found.state:
            return None
        if row.due_at is None or row.due_at > now:
            return None
        story = stories.get(tx, row.story_id)
        sent_before = now + round(spec.call_deadline_s * 1000)
        if row.state in publications.ASKING or row.handle is not None:
            copy = stories.copy_body(tx, row.copy_sha256, row.story_id, row.channel)
            return Claim(row, None, story.number, story.withdrawn_reason, sent_before, copy)
        stop = may_claim(_claimant(tx, row, story))
        if stop is not None:
            _stop(tx, row, _honest(row, stop), now)
            return None
        restored_at = restores.last(tx)
        if restored_at and asks_first(row.verb, row.state, story.created_at, restored_at):
            # what the lost ledger knew last is gone: it may have sent this
            publications.change_row(
                tx,
                row,
                at=now,
                state="unknown",
                reason=restores.ASKS,
                due_at=max(now, restored_at + round(spec.settle_s * 1000)),
            )
            return None
        clear_at = (row.sent_before or 0) + round(spec.settle_s * 1000)
        if row.sent_before is not None and now < clear_at:
            # a request whose answer was lost may still arrive, and must not do so after this one
            publications.change_row(tx, row, at=now, due_at=clear_at)
            return None
        copy = stories.copy_body(tx, row.copy_sha256, row.story_id, row.channel)
        attempt_id = str(new_id())
        publications.begin_attempt(tx, row, attempt_id=attempt_id, owner=owner, at=now)
        publications.change_row(
            tx,
            row,
            at=now,
            open_attempt=attempt_id,
            epoch=row.epoch + 1,
            sent_before=sent_before,
            requested_at=row.requested_at or now,
            **({"state": "intent"} if row.verb == "create" else {}),
        )
    return Claim(row, attempt_id, story.number, story.withdrawn_reason, sent_before, copy)


def _claimant(tx: Connection, row: Row[Any], story: Row[Any]) -> Claimant:
    version = stories.version_row(tx, row.story_id, row.version)
    copies = stories.copies_of(tx, row.story_id, row.version)
    signed = copies_fingerprint(
        [CopyRef(channel=c.channel, sha256=c.sha256, refused=c.refused) for c in copies.values()]
    )
    mine = copies.get(row.channel)
    return Claimant(
        verb=row.verb,
        state=row.state,
        version=row.version,
        approved_version=story.approved_version,
        withdrawn_reason=story.withdrawn_reason,
        held_reason=story.held_reason,
        gate=row.gate,
        missing_levels=missing_levels(
            stories.valid_signatures(tx, row.story_id, row.version), signed
        ),
        copy_is_signed=version.copies_sha256 == signed
        and mine is not None
        and mine.sha256 is not None
        and mine.sha256 == row.copy_sha256,
    )


def _honest(row: Row[Any], stop: Stop) -> Stop:
    """A stopped correction whose last answer was lost: what stands there is not known."""
    if stop.state != "live" or row.sent_before is None:
        return stop
    told = f"; 上次更正的答复丢失, 线上可能已是第{row.version}版 / it may be live already"
    return replace(stop, reason=stop.reason + told)


def _stop(tx: Connection, row: Row[Any], stop: Stop, now: int) -> None:
    if stop.alarm:
        log.error(
            "publish.not_approved",
            story_id=row.story_id,
            channel=row.channel,
            release=row.release,
            reason=stop.reason,
        )
    publications.change_row(
        tx,
        row,
        at=now,
        state=stop.state,
        reason=stop.reason,
        due_at=None,
    )
    stays = stop.state == "live" and row.live_version is not None
    version = row.live_version if stays else row.version
    publications.tell(tx, row, state=stop.state, reason=stop.reason, at=now, version=version)


def finish(ledger: Ledger, taken: Claim, outcome: Next) -> None:
    """Write what became of an attempt and tell it, in one transaction.

    An attempt that no longer owns its row changes nothing (it was fenced).
    """
    row = taken.row
    with ledger.transaction(row.story_id) as tx:
        now = ledger.now_ms()
        present = publications.get(tx, row.story_id, row.channel, row.release)
        if present is None or present.open_attempt != taken.attempt_id:
            log.error("publish.fenced", story_id=row.story_id, channel=row.channel)
            return
        if taken.attempt_id is None and (present.state, present.handle) != (row.state, row.handle):
            return  # the conductor moved it while we only asked
        if taken.attempt_id is not None:
            publications.end_attempt(
                tx, taken.attempt_id, outcome=outcome.state, reason=outcome.reason, at=now
            )
        due = None if outcome.due_in_s is None else now + round(outcome.due_in_s * 1000)
        changes: dict[str, Any] = {
            "state": outcome.state,
            "reason": outcome.reason,
            "due_at": due,
            "tries": outcome.tries,
            "open_attempt": None,
            "handle": None if outcome.handle is None else json.dumps(outcome.handle),
            **outcome.changes,
        }
        if outcome.receipt is not None:
            changes |= {
                "receipt": outcome.receipt.model_dump_json(),
                "received_at": present.received_at or now,
                "live_version": row.version,
            }
        if outcome.handle is None and not outcome.unanswered:
            changes["sent_before"] = None  # answered: nothing can still be on its way
        elif outcome.handle is not None and present.handle is None:
            changes["sent_before"] = now  # since when the outlet has it
        publications.change_row(tx, row, at=now, **changes)
        if outcome.told:
            publications.tell(
                tx,
                row,
                state=outcome.state,
                reason=outcome.reason,
                at=now,
                receipt=outcome.receipt,
            )


def adopt(ledger: Ledger, spec: ChannelSpec, after: Any) -> int:
    """At start: rows whose former owner, now surely dead, was in the middle of a call."""
    with ledger.transaction() as tx:
        now = ledger.now_ms()
        lost = publications.with_open_attempt(tx, spec.id)
        for row in lost:
            left_s = ((row.sent_before or now) - now) / 1000
            outcome: Next = after(row.verb, spec, left_s=left_s)
            publications.end_attempt(
                tx, row.open_attempt, outcome="lost", reason=outcome.reason, at=now
            )
            publications.change_row(
                tx,
                row,
                at=now,
                state=outcome.state,
                reason=outcome.reason,
                due_at=now + round((outcome.due_in_s or 0) * 1000),
                open_attempt=None,
            )
    return len(lost)


def not_kept(spec: ChannelSpec, error: Exception) -> Next:
    """What becomes of an answer that the ledger cannot hold: a person looks what stands there."""
    look = f", 请{spec.contact}到{spec.name}查看 / its answer cannot be kept: {error}"
    return Next("needs_person", foreign(NOT_KEPT + look)[:500])


def checkpoint(ledger: Ledger, taken: Claim, name: str, value: JsonValue) -> None:
    """Durable before it returns; raises UnknownOutcome when the attempt no longer owns the row, or
    for what no ledger would take: the call that it tells of was carried out."""
    row = taken.row
    try:
        with ledger.transaction(row.story_id) as tx:
            present = publications.get(tx, row.story_id, row.channel, row.release)
            if present is None or present.open_attempt != taken.attempt_id:
                raise UnknownOutcome("this attempt was taken over")
            kept = {**json.loads(present.checkpoints), name: value}
            publications.change_row(tx, row, at=ledger.now_ms(), checkpoints=kept)
    except InvalidInput as error:
        raise UnknownOutcome(f"checkpoint {name} cannot be kept: {error}") from error


def spend(ledger: Ledger, spec: ChannelSpec, taken: Claim, verb: str) -> None:
    """Count a call against today's quota; raises QuotaUsed when it is used up, or when what is
    left is kept for recalls and this is none."""
    limit = spec.quota.get(verb)
    if limit is None:
        return
    if taken.row.verb != "recall":
        limit -= spec.recall_reserve.get(verb, 0)
    with ledger.transaction() as tx:
        quotas.spend(tx, spec.id, verb, limit, ledger.now())
        # at once: a ledger that is lost while the call is open must know of it again
        quotas.note(tx, spec.id, ledger.now(), taken.row.story_id)
