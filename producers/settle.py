"""人工登记: a person says what nobody else could tell of a delivery.

One transaction, final when it answers, compare-and-set on what the person saw. The row leaves it
in a state from which the conductor goes on; the event says who answered what.
"""

from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, Field
from sqlalchemy import Connection, Row

from producers.filing import Desk
from producers.rights import needs
from schemas.beijing import clock
from schemas.body import Model
from schemas.channel import ChannelSpec
from schemas.errors import Conflict, Fault, InvalidInput
from schemas.events import DeliverySettled
from schemas.receipt import NOT_HASHED, Receipt
from schemas.settling import (
    ANSWERS,
    Answer,
    Question,
    address_fault,
    answers_of,
    becomes,
    question_of,
    with_looks,
)
from schemas.text import Line, Text
from stores.ledger import outbox, people, publications, stories, views
from stores.ledger.ids import iso, when
from stores.ledger.people import Caller


class SettleIn(Model):
    """What a person found out about one delivery."""

    answer: Answer
    url: Line = Field(default="", max_length=1000)
    """For ``live``: the item's own address at that outlet."""
    item_id: Line = Field(default="", max_length=300)
    """For ``live``: the outlet's own id, where it is known or there are no addresses."""
    note: Text = Field(default="", max_length=600)
    """Required for ``give_up``."""
    as_of: AwareDatetime
    """``updated_at`` of the delivery as the person saw it: 409 when it changed since."""


def settle(
    desk: Desk, caller: Caller, story_key: str, channel: str, release: int, asked: SettleIn
) -> dict[str, Any]:
    """Record an answer; returns the delivery. Raises InvalidInput, Conflict (409: somebody
    answered before, or the row moved on), NotApproved (403)."""
    needs(caller, "delivery.hand_off")
    with desk.ledger.transaction() as tx:
        now = desk.ledger.now_ms()
        story = stories.find(tx, story_key)
        needs(caller, "delivery.hand_off", story)
        row = _row(tx, story.id, channel, release)
        question = question_of(
            row.state,
            row.verb,
            publications.loads(row.settled),
            was_live=row.received_at is not None,
        )
        handed_off = question == "handed_off"
        needs(caller, "delivery.hand_off" if handed_off else "delivery.settle", story)
        if question is None or round(asked.as_of.timestamp() * 1000) != row.updated_at:
            raise _moved_on(row)
        withdrawn = story.withdrawn_at is not None
        spec = desk.specs.get(channel)
        _check(asked, question, withdrawn=withdrawn)
        if withdrawn and question == "published" and asked.answer == "absent":
            _not_too_early(_under_way_until(tx, row, spec, now), spec)
        receipt = None
        if asked.answer == "live":
            _check_address(tx, row, spec, asked)
            receipt = _typed(row, caller, asked, now)
        state = becomes(question, asked.answer, withdrawn=withdrawn)
        settled = {
            "question": question,
            "answer": asked.answer,
            "by": caller.id,
            "by_name": caller.name,
            "at": iso(now),
            "note": asked.note,
            "version": story.approved_version or row.version,
        }
        changes = _changes(row, state, receipt, now) | {"settled": settled}
        if state == "planned":
            changes |= {"verb": "create", "sent_before": _under_way_until(tx, row, spec, now)}
        reason = _reason(question, caller, asked)
        publications.change(tx, row.story_id, channel, release, at=now, reason=reason, **changes)
        stands = state == "live" and receipt is None
        event = DeliverySettled(
            story_id=UUID(row.story_id),
            channel=channel,
            release=release,
            version=(row.live_version or row.version) if stands else row.version,
            state=state,
            reason=reason,
            receipt=receipt,
            at=when(now),
            question=question,
            answer=asked.answer,
            by=caller.id,
            by_name=caller.name,
            note=asked.note,
        )
        outbox.append(tx, event, at=now)
        _record(tx, caller, event, asked, now)
        stories.touch(tx, row.story_id, at=now)
    with desk.ledger.snapshot() as view:
        shown = with_looks(views.deliveries(view, story_id=story.id), desk.specs)
    return next(d for d in shown if (d["channel"], d["release"]) == (channel, release))


def _row(tx: Connection, story_id: str, channel: str, release: int) -> Row[Any]:
    row = publications.get(tx, story_id, channel, release)
    if row is None:
        told = f"没有这次发布 / no release {release} at {channel!r}"
        raise InvalidInput(Fault("no_such_delivery", "channel", told), status=404)
    return row


def _moved_on(row: Row[Any]) -> Conflict:
    """What it is now, and who made it so where a person did."""
    settled = publications.loads(row.settled)
    who = ""
    if settled:
        means = ANSWERS[settled["question"]][settled["answer"]].partition(" / ")[0]
        who = f", {settled['by_name']}于 {settled['at']} 登记: {means}"
    told = f"现在是 {row.state} ({row.reason}){who} / it is {row.state} now"
    return Conflict(
        Fault("moved_on", "as_of", told, "重新读取后再登记 / read it again, then answer")
    )


def _check(asked: SettleIn, question: Question, *, withdrawn: bool) -> None:
    known = answers_of(question, withdrawn=withdrawn)
    if asked.answer not in known:
        told = f"这里不能这样回答 / {asked.answer} is no answer to {question}"
        raise InvalidInput(
            Fault("no_such_answer", "answer", told, f"可以 / may be: {', '.join(known)}")
        )
    if asked.answer == "give_up" and not asked.note.strip():
        raise InvalidInput(Fault("note_missing", "note", "放弃要写明理由 / say why you give up"))
    if asked.answer == "live" and not (asked.url or asked.item_id):
        told = "要写明地址或编号 / give its address or its id"
        raise InvalidInput(Fault("receipt_missing", "url", told))


def _check_address(
    tx: Connection, row: Row[Any], spec: ChannelSpec | None, asked: SettleIn
) -> None:
    fault = address_fault(spec, asked.url) if asked.url else None
    if fault is not None:
        raise InvalidInput(fault)
    for field, named in (("url", asked.url), ("item_id", asked.item_id)):
        place = (row.story_id, row.channel, row.release)
        other = (
            publications.with_receipt_of(tx, row.channel, named, other_than=place)
            if named
            else None
        )
        if other is not None:
            number = stories.get(tx, other.story_id).number
            told = (
                f"这是稿 {number} 第 {other.release} 次发布的回执 / the receipt of another delivery"
            )
            raise InvalidInput(Fault("receipt_taken", field, told, "核对后再填 / look again"))


def _typed(row: Row[Any], caller: Caller, asked: SettleIn, now: int) -> Receipt:
    """The receipt as a person typed it in; of the item that stood there before, its data too."""
    old = Receipt.model_validate_json(row.receipt) if row.receipt else None
    same = old is not None and (
        asked.item_id == old.item_id or (not asked.item_id and asked.url == old.url)
    )
    package = publications.loads(row.handle).get("package")
    return Receipt(
        item_id=asked.item_id or (old.item_id if old and same else asked.url[:300]),
        url=asked.url or (old.url if old and same else ""),
        at=when(now),
        payload_sha256=row.copy_sha256 or NOT_HASHED,
        text_sha256=NOT_HASHED,
        data=old.data if old and same else ({"package": package} if package else {}),
        by=caller.id,
        by_name=caller.name,
    )


def _under_way_until(
    tx: Connection, row: Row[Any], spec: ChannelSpec | None, now: int
) -> int | None:
    """Until when (ms) a request of the last attempt may still have left; the claim waits for it
    and for the settle time. None when that is over."""
    began = publications.last_attempt_at(tx, row.story_id, row.channel, row.release)
    if began is None or spec is None:
        return None
    until = max(began + round(spec.call_deadline_s * 1000), row.sent_before or 0)
    return until if until + round(spec.settle_s * 1000) > now else None


def _not_too_early(until: int | None, spec: ChannelSpec | None) -> None:
    """Of what was withdrawn "not there" is final, so nothing may still be on its way then."""
    if until is None:
        return
    settle_ms = round((spec.settle_s if spec else 0.0) * 1000)
    told = (
        f"最后一次请求可能还在路上, {clock(until + settle_ms)} 以后再看 / "
        "the last request may still arrive: look again then"
    )
    raise InvalidInput(Fault("too_early", "answer", told, "到时再登记 / answer it then"))


def _changes(row: Row[Any], state: str, receipt: Receipt | None, now: int) -> dict[str, Any]:
    changes: dict[str, Any] = {"state": state, "due_at": None, "tries": 0, "handle": None}
    if receipt is not None:
        changes |= {
            "receipt": receipt.model_dump_json(),
            "received_at": row.received_at or now,
            "live_version": row.version,
        }
    return changes


def _record(
    tx: Connection, caller: Caller, event: DeliverySettled, asked: SettleIn, now: int
) -> None:
    """The line of the audit trail."""
    said = " ".join(filter(None, [asked.url, asked.item_id, asked.note]))
    people.record(
        tx,
        caller.id,
        f"delivery.settled.{event.answer}",
        at=now,
        story_id=str(event.story_id),
        detail=f"{event.channel}#{event.release} {event.question} → {event.state}: {said}",
    )


def _reason(question: Question, caller: Caller, asked: SettleIn) -> str:
    means = ANSWERS[question][asked.answer].partition(" / ")[0].partition(",")[0]
    told = f"{caller.name}登记: {means}" + (f": {asked.note}" if asked.note else "")
    if question == "published" and asked.answer == "give_up":
        told += "; 是否已发布没有查明 / nobody knows whether it is there"
    return told
