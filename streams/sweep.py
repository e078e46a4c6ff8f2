"""The sweep: finds what waited too long and leads it out. Every state has an owner and a way on.

What can be led on is led on: a delivery without a due time is due, a rendition of a worker that
is gone is ordered again, copies that never came are ordered again, a story that the conductor
forgot is rung again, a delivery of a channel that left the channels file goes to a person. What
only its owner can do (an outlet's publisher, the relay, the transcode pool) is told once, and
once more when it is over.
"""

from typing import Any
from uuid import UUID, uuid5

import structlog
from sqlalchemy import Connection, Row

from schemas.codec import Message
from schemas.events import WakeupDue
from schemas.orders import AdaptOrder
from schemas.text import foreign
from stores.ledger import outbox, overdue, publications
from streams.conductor import Conductor
from streams.decide import DUTY, applying
from streams.story_state import UNSENT

log = structlog.get_logger("sweep")

ASKED = ("intent", "accepted", "unknown", "reconciling", "updating", "recalling")
"""Something may stand at the outlet."""
MOVING = [*UNSENT, *ASKED, "retry_wait"]


class Sweep:
    """Reads and mends through the one way to write; raises as the ledger does."""

    def __init__(self, conductor: Conductor) -> None:
        self.ledger = conductor.ledger
        self.conductor = conductor
        self._late: dict[str, int] = {}

    def once(self) -> None:
        """One pass; asks for the write lock only when there is something to mend."""
        with self.ledger.snapshot() as view:
            now = self.ledger.now_ms()
            late = overdue.counts(view, now)
            orphans = overdue.of_other_channels(view, list(self.conductor.rules), MOVING)
            wanted = bool(
                orphans
                or overdue.without_due_time(view)
                or overdue.any_silent_rendition(view, now)
                or self._forgotten(view, now)
            )
        self._tell(late)
        if not wanted:
            return
        with self.ledger.transaction() as tx:
            now = self.ledger.now_ms()
            forgotten = self._forgotten(tx, now)
            for identity, message in forgotten.items():
                outbox.append(tx, message, at=now, event_id=identity)
            mended = {
                "orphans": self._leave_to_a_person(tx, now),
                "due": self._make_due(tx, now),
                "renditions": overdue.order_silent_renditions(tx, now),
                "rung": len(forgotten),
            }
        log.warning("sweep.mended", **{k: v for k, v in mended.items() if v})

    def _tell(self, late: dict[str, int]) -> None:
        """One line when a kind becomes late and one when it is over."""
        for kind in sorted({*late, *self._late}):
            if kind in late and kind not in self._late:
                log.error("sweep.late", what=kind, number=late[kind])
            elif kind not in late:
                log.info("sweep.in_time_again", what=kind)
        self._late = late

    def _make_due(self, tx: Connection, now: int) -> int:
        found = overdue.without_due_time(tx)
        for row in found:
            publications.change_row(tx, row, at=now, due_at=now)
        return len(found)

    def _leave_to_a_person(self, tx: Connection, now: int) -> int:
        """Deliveries of channels that left the channels file: nobody works on them any more."""
        found = overdue.of_other_channels(tx, list(self.conductor.rules), MOVING)
        for row in found:
            state, reason = _without_channel(row)
            reason = foreign(reason)
            publications.change_row(
                tx,
                row,
                at=now,
                state=state,
                reason=reason,
                due_at=None,
                open_attempt=None,
            )
            if row.open_attempt is not None:
                publications.end_attempt(
                    tx, row.open_attempt, outcome="lost", reason=reason, at=now
                )
            publications.tell(tx, row, state=state, reason=reason, at=now)
        return len(found)

    def _forgotten(self, view: Connection, now: int) -> dict[str, Message]:
        """Event id → what is to be said again: orders of copies that never came, and rings for
        stories with deliveries that wait. Each at most once for each of ``SLOTS_S``."""
        found: dict[str, Message] = {}
        for row in overdue.without_copies(view, now):
            story_id = UUID(row.story_id)
            state = self.conductor.load(view, story_id)
            found[_slot_id(story_id, f"copies/{row.version}", now - row.created_at)] = AdaptOrder(
                story_id=story_id,
                version=row.version,
                channels=applying(state, self.conductor.rules),
            )
        waiting = overdue.undecided(view, now) | overdue.not_taken_down(view, now)
        for story, since in waiting.items():
            ring = WakeupDue(story_id=UUID(story), kind="release", key="sweep")
            found[_slot_id(ring.story_id, f"ring/{since}", now - since)] = ring
        return {i: m for i, m in found.items() if outbox.written(view, i) is None}


def _slot_id(story_id: UUID, what: str, age_ms: int) -> str:
    """The same id for all passes of one slot: told at most once for each of ``SLOTS_S``."""
    slot = max(s for s in overdue.SLOTS_S if s * 1000 <= max(age_ms, overdue.SLOTS_S[0] * 1000))
    return str(uuid5(story_id, f"sweep/{what}/{slot}"))


def _without_channel(row: Row[Any]) -> tuple[str, str]:
    gone = f"渠道 {row.channel} 已不在渠道文件中 / the channel is not in the channels file any more"
    if row.state in UNSENT and row.open_attempt is None:
        return "not_applicable", gone
    if row.state == "retry_wait" and row.open_attempt is None:
        return "cancelled", gone
    where = publications.address(row) or row.channel
    told = f"; 请{DUTY}查看 {where} / look what stands there"
    return "needs_person", gone + told + (f" ({row.reason})" if row.reason else "")
