"""What the board shows now: rows read from the ledger and drawn, again only where they changed."""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import Connection

from desk import pages
from desk.board import BoardRow, WaveColumns, row_of, waves_of
from desk.words import FOR_PERSON, MOVING, REFUSED
from schemas.channel import ChannelSpec
from schemas.errors import PipelineError
from schemas.newsroom import Newsroom
from stores.ledger import accounts, board_view, views
from stores.ledger.transaction import Ledger

log = structlog.get_logger("board")

SWEEP_S = 5.0
"""All rows are read again this often: what no story's or publication's time tells (renditions,
dead letters, the outbox), and commits that arrive out of the order of their times."""
COUNT_S = 1.0
"""The strip counts the whole ledger, so not more often than this."""
OVERLAP_MS = 2_000
ROWS = 100
OLDER_ROWS = 50
"""Older stories kept on the board because somebody has to act."""


@dataclass(frozen=True)
class Drawn:
    """A row as HTML, and at which change it came out so."""

    row: BoardRow
    html: str
    seq: int


@dataclass(frozen=True)
class View:
    """What the board shows; replaced as a whole, never changed."""

    seq: int = 0
    order: tuple[int, ...] = ()
    """Story numbers, newest first."""
    drawn: Mapping[int, Drawn] = field(default_factory=dict)
    waves: tuple[WaveColumns, ...] = ()
    layout: str = ""
    """Changes with columns, templates and styles: an open page must be loaded anew."""
    counts: Mapping[str, int] = field(default_factory=dict)
    more: bool = False
    """There are older stories than those shown."""
    reachable: bool = True
    """False: the ledger cannot be read; this is how things stood before."""


class Screen:
    """Reads the ledger in short snapshots and keeps the newest :class:`View`. Thread safe."""

    def __init__(
        self, ledger: Ledger, specs: Sequence[ChannelSpec], newsroom: Newsroom, rows: int = ROWS
    ) -> None:
        self.specs = tuple(specs)
        self.newsroom = newsroom
        self.names = {person.id: person.name for person in newsroom.people}
        self.ledger = ledger
        self.rows = rows
        self.view = View(waves=waves_of(self.specs, (), newsroom.plan))
        self._reading = threading.Lock()
        self._change = -1
        self._sweep_at = 0.0
        self._count_at = 0.0
        self._older: dict[int, str] = {}
        self._resting: dict[str, str] = {}

    def read(self) -> View:
        """Look at the ledger and draw what changed; in a thread. Never raises for a ledger that
        is away: the view then says so."""
        with self._reading:
            try:
                fresh = self._look()
            except PipelineError as error:
                if self.view.reachable:
                    log.warning("board.ledger_away", error=str(error))
                self._sweep_at = 0.0
                fresh = {"reachable": False}
            if fresh:
                self.view = self._with(fresh)
            return self.view

    def columns(self, found: Iterable[board_view.StoryOnBoard]) -> tuple[WaveColumns, ...]:
        """Those that these stories need."""
        used = {d.channel for story in found for d in story.deliveries}
        return waves_of(self.specs, used, self.newsroom.plan)

    def older(self, before: int) -> tuple[list[str], tuple[WaveColumns, ...], int | None]:
        """Rows of stories before a number, their columns, and the number to go on from."""
        with self.ledger.snapshot() as tx:
            found = board_view.newest(tx, before=before, limit=self.rows)
            stories = board_view.on_board(tx, found.values())
        waves = self.columns(stories)
        drawn = [self._draw(row_of(story, waves, self.names)) for story in stories]
        return drawn, waves, min(found) if len(found) == self.rows else None

    def _look(self) -> dict[str, Any]:
        """What of the view is different now."""
        now = time.monotonic()
        with self.ledger.snapshot() as tx:
            change = views.last_change(tx)
            sweep = now >= self._sweep_at
            if change == self._change and not sweep:
                return {}
            window = board_view.newest(tx, limit=self.rows + 1)
            more = len(window) > self.rows
            window = dict(list(window.items())[: self.rows])
            if sweep:
                self.names |= {row.id: row.name for row in accounts.everybody(tx)}
                self._older = self._unsettled(tx, min(window, default=0))
            window |= {n: i for n, i in self._older.items() if n not in window}
            wanted = set(window.values())
            if not sweep:
                kept = {self.view.drawn[n].row.id for n in window if n in self.view.drawn}
                touched = board_view.changed_since(tx, self._change - OVERLAP_MS)
                wanted = (wanted - kept) | (wanted & touched)
            stories = board_view.on_board(tx, wanted)
            counts = self.view.counts
            if sweep or now >= self._count_at:
                status = views.status(tx)
                counts, self._resting = _counts(status), status["resting"]
                self._count_at = now + COUNT_S
        self._change = change
        if sweep:
            self._sweep_at = now + SWEEP_S
        return self._drawn(stories, tuple(window)) | {
            "counts": counts,
            "more": more,
            "reachable": True,
        }

    def _unsettled(self, tx: Connection, before: int) -> dict[int, str]:
        return board_view.older_in_state(
            tx,
            ("needs_person", "unknown", "reconciling"),
            [spec.id for spec in self.specs],
            before=before,
            limit=OLDER_ROWS,
        )

    def _drawn(
        self, stories: list[board_view.StoryOnBoard], order: tuple[int, ...]
    ) -> dict[str, Any]:
        old = self.view
        used = {d.channel for story in stories for d in story.deliveries}
        used |= {
            cell.column.id
            for number in order
            if number in old.drawn
            for cell in old.drawn[number].row.cells
            if cell.state != "none"
        }
        waves = waves_of(self.specs, used, self.newsroom.plan, self._resting)
        if waves != old.waves:
            # rare: a channel left or joined the board; every row is drawn with the new columns
            self._sweep_at = 0.0
        rows = [row_of(story, waves, self.names) for story in stories]
        drawn = {n: old.drawn[n] for n in order if n in old.drawn}
        for row in rows:
            known = drawn.get(row.number)
            if known is None or known.row != row:
                drawn[row.number] = Drawn(row, self._draw(row), old.seq + 1)
        heads = [column for wave in waves for column in wave.columns]
        names = ",".join(column.id + ("!" if column.resting else "") for column in heads)
        return {
            "drawn": drawn,
            "order": tuple(number for number in order if number in drawn),
            "waves": waves,
            "layout": f"{pages.look()}:{names}",
        }

    def _draw(self, row: BoardRow) -> str:
        return pages.render("row.html", row=row)

    def _with(self, fresh: dict[str, Any]) -> View:
        old = self.view
        values = {name: getattr(old, name) for name in old.__dataclass_fields__} | fresh
        made = View(**values)
        return old if made == old else View(**{**values, "seq": old.seq + 1})


def _counts(status: Mapping[str, Any]) -> dict[str, int]:
    """The strip's figures, over the whole ledger."""
    by_state: Mapping[str, int] = status["deliveries"]

    def total(states: frozenset[str]) -> int:
        return sum(n for state, n in by_state.items() if state in states)

    return {
        "live": by_state.get("live", 0),
        "moving": total(MOVING),
        "person": total(FOR_PERSON),
        "refused": total(REFUSED),
        "letters": status["dead_letters"],
        "busy": status["open_intents"]
        + status["unfinished"]
        + status["outbox_rows"]
        + status["renditions_open"],
    }
