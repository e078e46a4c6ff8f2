"""Breaks around the one request: intent, answer, receipt."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import consumers.publish
from consumers import claims, protocol
from consumers.publish import Publisher
from schemas.channel import Accepted, Live
from schemas.errors import TransientError, UnknownOutcome
from schemas.receipt import Receipt
from stores.ledger import publications
from tests.broken import Break, Patch


def _without_intent(patch: Patch) -> None:
    real_change = publications.change

    def change(tx: Any, *where: Any, **values: Any) -> None:
        if not values.get("open_attempt"):
            real_change(tx, *where, **values)

    patch(publications, "begin_attempt", lambda *_, **__: None)
    patch(publications, "change", change)


def no_intent(patch: Patch) -> None:
    """The call is made without anything written before it."""
    _without_intent(patch)
    real = claims.finish
    patch(
        claims,
        "finish",
        lambda ledger, taken, out: real(ledger, replace(taken, attempt_id=None), out),
    )


def intent_after_call(patch: Patch) -> None:
    """The intent is written when the answer is there."""
    begin, change = publications.begin_attempt, publications.change
    _without_intent(patch)
    real = claims.finish

    def finish(ledger: Any, taken: Any, outcome: Any) -> None:
        if taken.attempt_id is not None:
            row = taken.row
            with ledger.transaction() as tx:
                now = ledger.now_ms()
                begin(tx, row, attempt_id=taken.attempt_id, owner="late", at=now)
                change(
                    tx, row.story_id, row.channel, row.release, at=now,
                    open_attempt=taken.attempt_id, epoch=row.epoch + 1,
                )  # fmt: skip
        real(ledger, taken, outcome)

    patch(claims, "finish", finish)


def receipt_before_call(patch: Patch) -> None:
    """It is told to be live before the outlet has answered."""
    real = Publisher._carry_out

    def carry_out(self: Any, taken: Any, media: Any, began: float) -> Any:
        row = taken.row
        if taken.attempt_id is not None and row.verb == "create":
            receipt = Receipt(
                item_id="soon",
                at=datetime.now(UTC),
                payload_sha256=row.copy_sha256,
                text_sha256="0" * 64,
            )
            with self.ledger.transaction() as tx:
                publications.change(
                    tx, row.story_id, row.channel, row.release, at=self.ledger.now_ms(),
                    receipt=receipt.model_dump_json(), live_version=row.version,
                )  # fmt: skip
        return real(self, taken, media, began)

    patch(Publisher, "_carry_out", carry_out)


def retry_after_unknown(patch: Patch) -> None:
    """A lost answer is taken for a request that never arrived."""
    real = protocol.after_call

    def after_call(verb: Any, answer: Any, *more: Any, **named: Any) -> Any:
        if isinstance(answer, UnknownOutcome):
            answer = TransientError(answer.reason)
        return real(verb, answer, *more, **named)

    patch(consumers.publish, "after_call", after_call)


def accepted_is_live(patch: Patch) -> None:
    """What the outlet still reviews counts as live."""
    real = protocol.after_call

    def after_call(verb: Any, answer: Any, *more: Any, **named: Any) -> Any:
        if isinstance(answer, Accepted) and verb == "create":
            receipt = Receipt(
                item_id=str(answer.handle["item"]),
                at=datetime.now(UTC),
                payload_sha256="0" * 64,
                text_sha256="0" * 64,
            )
            answer = Live(receipt)
        return real(verb, answer, *more, **named)

    patch(consumers.publish, "after_call", after_call)


def absent_believed(patch: Patch) -> None:
    """An outlet whose list is not conclusive says "not there", and it is believed."""
    real = protocol.after_find

    def after_find(answer: Any, spec: Any, can: Any, **named: Any) -> Any:
        return real(answer, spec, replace(can, absent_is_sure=True), **named)

    patch(consumers.publish, "after_find", after_find)


def quota_not_counted(patch: Patch) -> None:
    """Calls are made as if the day had no limit."""
    patch(claims, "spend", lambda *_: None)


BREAKS: dict[str, Break] = {
    "no-intent": no_intent,
    "intent-after-call": intent_after_call,
    "receipt-before-call": receipt_before_call,
    "retry-after-unknown": retry_after_unknown,
    "accepted-is-live": accepted_is_live,
    "absent-believed": absent_believed,
    "quota-not-counted": quota_not_counted,
}
