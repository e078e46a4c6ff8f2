"""死信: look at the records that nobody could process, send them again, or discard them."""

from typing import Any

from pydantic import Field
from sqlalchemy import Connection, Row

from bus.replay import plan, replay
from producers.filing import Desk
from producers.rights import needs
from schemas.body import Model
from schemas.text import Line, Text
from schemas.topics import topics
from stores.ledger import letters, people
from stores.ledger.people import Caller

MOST = 500
"""Letters in one call."""
_SAID = r"\S"


class ReplayIn(Model):
    """Which letters; the plan alone unless ``dry_run`` is false."""

    letters: tuple[Line, ...] = Field(default=(), max_length=MOST)
    """Ids, or enough of their beginning. Empty: the oldest 500 that are open."""
    note: Text = Field(default="", max_length=600)
    dry_run: bool = True


class DiscardIn(Model):
    """Which letters nobody needs, and why; the plan alone unless ``dry_run`` is false."""

    letters: tuple[Line, ...] = Field(min_length=1, max_length=MOST)
    reason: Text = Field(max_length=600, pattern=_SAID)
    dry_run: bool = True


def listing(
    desk: Desk, caller: Caller, *, closed: bool, cursor: str | None, limit: int
) -> dict[str, Any]:
    """Newest first; ``closed`` shows those that were dealt with, too."""
    needs(caller, "letters.look")
    with desk.ledger.snapshot() as view:
        rows, following = letters.listing(view, closed=closed, before=cursor, limit=limit)
    return {"letters": [letters.line(row) for row in rows], "next": following}


def show(desk: Desk, caller: Caller, letter: str) -> dict[str, Any]:
    """A letter with its record, and what a replay would do."""
    needs(caller, "letters.look")
    with desk.ledger.snapshot() as view:
        row = letters.find(view, letter)
        would = plan(view, row, _topics(desk))
    return {**letters.detail(row), "replay": {"sends": would.sends, "says": would.says}}


def replay_letters(desk: Desk, caller: Caller, asked: ReplayIn) -> dict[str, Any]:
    """Send records to their topics again. Raises Conflict when somebody closed one meanwhile."""
    needs(caller, "letters.act")
    with desk.ledger.transaction() as tx:
        now = desk.ledger.now_ms()
        told = []
        for row in _wanted(tx, asked.letters):
            would = plan(tx, row, _topics(desk))
            told.append({**letters.line(row), "sends": would.sends, "says": would.says})
            if asked.dry_run or not would.sends:
                continue
            replay(tx, row, by=caller.id, why=asked.note, at=now)
            people.record(tx, caller.id, "letter.replayed", at=now, detail=_told(row, asked.note))
    return {"done": not asked.dry_run, "plan": told}


def discard_letters(desk: Desk, caller: Caller, asked: DiscardIn) -> dict[str, Any]:
    """Close letters without sending them; they stay in the ledger, with the reason."""
    needs(caller, "letters.act")
    with desk.ledger.transaction() as tx:
        now = desk.ledger.now_ms()
        rows = _wanted(tx, asked.letters)
        if not asked.dry_run:
            for row in rows:
                letters.close(tx, row, how="discarded", by=caller.id, why=asked.reason, at=now)
                told = _told(row, asked.reason)
                people.record(tx, caller.id, "letter.discarded", at=now, detail=told)
    said = "弃置, 不再发送 / discarded: never sent"
    plans = [{**letters.line(row), "sends": False, "says": said} for row in rows]
    return {"done": not asked.dry_run, "plan": plans}


def _wanted(tx: Connection, keys: tuple[str, ...]) -> list[Row[Any]]:
    """Each letter once, oldest first."""
    if not keys:
        return letters.all_open(tx, MOST)
    found = {row.id: row for row in (letters.find(tx, key) for key in keys)}
    return sorted(found.values(), key=lambda row: (row.at, row.id))


def _topics(desk: Desk) -> frozenset[str]:
    return frozenset(topic.name for topic in topics(list(desk.specs)))


def _told(row: Row[Any], why: str) -> str:
    return f"{row.id} {row.topic}/{row.kafka_partition}/{row.kafka_offset}: {why}"
