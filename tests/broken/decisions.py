"""Breaks of what may go out: approval, version, withdrawal, hold, wave."""

from dataclasses import replace
from typing import Any

import streams.decide
from bus import genuine
from consumers import claims, protocol
from schemas.codec import decode
from schemas.events import StoryApproved
from stores.ledger import stories
from streams import waves
from streams.conductor import Conductor
from tests.broken import Break, Patch


def _claimant(patch: Patch, **instead: Any) -> None:
    real = protocol.may_claim
    patch(claims, "may_claim", lambda c: real(replace(c, **instead)))


def approval_not_compared(patch: Patch) -> None:
    """The signatures are not compared with the bytes that go out."""
    _claimant(patch, missing_levels=(), copy_is_signed=True)


def approval_by_record(patch: Patch) -> None:
    """A record on a topic approves a story."""
    _claimant(patch, missing_levels=(), copy_is_signed=True)
    patch(genuine, "check", lambda *_: None)
    real = Conductor.take

    def take(self: Any, origin: Any, key: Any, value: Any, headers: Any) -> None:
        try:
            _, event = decode(value, headers)
        except Exception:  # noqa: BLE001  # poison is the real one's business
            event = None
        if isinstance(event, StoryApproved):
            with self.ledger.transaction() as tx:
                stories.change(
                    tx, event.story_id, at=self.ledger.now_ms(), approved_version=event.version
                )
        real(self, origin, key, value, headers)

    patch(Conductor, "take", take)


def withdrawal_not_read_again(patch: Patch) -> None:
    """The claim trusts that the conductor has stopped what was withdrawn."""
    _claimant(patch, withdrawn_reason=None)


def hold_not_read_again(patch: Patch) -> None:
    """The same for a hold."""
    _claimant(patch, held_reason=None)


def version_not_compared(patch: Patch) -> None:
    """The claim sends what was ordered, though a newer version is approved."""
    real = protocol.may_claim

    def may_claim(c: Any) -> Any:
        return real(replace(c, approved_version=min(c.approved_version or c.version, c.version)))

    patch(claims, "may_claim", may_claim)


def gate_ignores_failure(patch: Patch) -> None:
    """A wave opens when the one before was tried, whatever came of it."""
    real = waves.gate

    def gate(wave: int, members: Any, **more: Any) -> Any:
        tried = [
            replace(m, was_live=m.was_live or m.state not in {"planned", "held", "gated", "ready"})
            for m in members
        ]
        return real(wave, tried, **more)

    patch(streams.decide, "gate", gate)


def recall_loses_to_update(patch: Patch) -> None:
    """A withdrawal leaves alone what was corrected last."""
    board = streams.decide._Board
    real = board._withdraw

    def withdraw(self: Any, row: Any, reason: str) -> Any:
        return [] if row.verb == "update" else real(self, row, reason)

    patch(board, "_withdraw", withdraw)


BREAKS: dict[str, Break] = {
    "approval-not-compared": approval_not_compared,
    "approval-by-record": approval_by_record,
    "withdrawal-not-read-again": withdrawal_not_read_again,
    "hold-not-read-again": hold_not_read_again,
    "version-not-compared": version_not_compared,
    "gate-ignores-failure": gate_ignores_failure,
    "recall-loses-to-update": recall_loses_to_update,
}
