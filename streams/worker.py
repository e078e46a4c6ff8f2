"""The transcode pool: orders ring, the ledger ranks, one ffmpeg at a time in each worker."""

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row

from bus.orders import OrderLoop, OrderSource
from schemas import keys
from schemas.errors import (
    Fault,
    InvalidInput,
    PermanentError,
    PipelineError,
    StorageFull,
    Unavailable,
)
from schemas.events import RenditionFailed, RenditionReady
from schemas.orders import Order, TranscodeOrder
from schemas.rendition import RecipeName, Rendition, RenditionFile
from schemas.settings import Settings
from schemas.text import foreign
from schemas.topics import TRANSCODE_ORDERS
from stores import objects
from stores.ledger import assets, outbox, renditions
from stores.ledger.ids import new_id
from stores.ledger.transaction import Ledger
from streams.aigc import carried
from streams.ffmpeg_run import Cancelled
from streams.inspect import inspect
from streams.programs import Programs
from streams.renditions import recipe_key
from streams.transcode import Made, make_group

log = structlog.get_logger("work")

IDLE_S = 1.0
LONG_S, SHORT_S = 90, 60
"""Estimated seconds of work: while a worker is at something longer than the first, a second lane
makes first-wave work not longer than the second, so that a long clip holds no short one up."""
Rows = dict[str, Row[Any]]
"""Recipe → claimed row, all of one source."""

MOST_TRIES = 5
RETRY_S = 5.0


@dataclass
class Lane:
    """A place where one ffmpeg runs: its own folder, the source that lies there, its work."""

    name: str
    folder: Path
    source: tuple[str, Path] | None = None
    at_work_s: int = 0
    """Estimated seconds of what it is at; 0 when it is idle."""
    rows: Rows = field(default_factory=dict)
    """What it claimed last and has not made yet."""


class TranscodeWorker:
    """Takes rows by (wave, urgency, cost) and makes them; a dead worker's rows are given back."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        store: objects.Objects,
        programs: Programs,
        propagator: str = "",
    ) -> None:
        """``propagator`` is the centre's name in the label of generated content."""
        self.settings = settings
        self.ledger = ledger
        self.store = store
        self.programs = programs
        self.propagator = propagator
        self.owner = settings.process
        self.folder = settings.data / "work" / settings.process
        self._stop = threading.Event()
        self._rung = threading.Event()
        self._claiming = threading.Lock()
        """What a lane claims is in its ``rows`` before the other looks."""
        self.main = Lane("main", self.folder)
        self.express = Lane("express", self.folder / "express")
        source = OrderSource(
            topic=TRANSCODE_ORDERS,
            group="shoufa-transcode",
            instance_id=f"transcode-{settings.process}",
            place_of=_place,
            exists=lambda view, place: renditions.get(view, *place) is not None,
            lasting=renditions.lasting,
        )
        self.orders = OrderLoop(ledger, settings.kafka_bootstrap, source, self._rung.set)
        self._threads = [
            threading.Thread(
                target=self._run, args=(lane,), name=f"transcode-{lane.name}", daemon=True
            )
            for lane in (self.main, self.express)
        ]

    def start(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.express.folder.mkdir(parents=True)
        self._give_back(self.main)
        self.orders.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stops ffmpeg within 5 seconds; the row is given back."""
        self._stop.set()
        self._rung.set()
        self.orders.stop()
        for thread in self._threads:
            thread.join(timeout=12)

    @property
    def alive(self) -> bool:
        return all(thread.is_alive() for thread in self._threads) and self.orders.alive

    def _give_back(self, lane: Lane) -> None:
        """All that stands under this worker's name and that the other lane is not at: what a dead
        one left, what was claimed without an answer."""
        other = self.express if lane is self.main else self.main
        with self._claiming, self.ledger.transaction() as tx:
            kept = [(row.source_sha256, row.recipe) for row in list(other.rows.values())]
            given_back = renditions.release_owned(tx, self.owner, self.ledger.now_ms(), but=kept)
            lane.rows = {}
        if given_back:
            log.warning("work.given_back", renditions=given_back)

    def _run(self, lane: Lane) -> None:
        kept = False
        while not self._stop.is_set():
            try:
                if kept:  # what it had claimed when the ledger went away
                    self._give_back(lane)
                    kept = False
                worked = self._work_once(lane)
            except PipelineError as error:
                kept = True
                log.warning("work.waiting", error=str(error))
                self._stop.wait(1.0)
                continue
            if not worked:
                self._rung.wait(IDLE_S)
                self._rung.clear()

    def _work_once(self, lane: Lane | None = None) -> bool:
        lane = lane or self.main
        express = lane is self.express
        if express and self.main.at_work_s <= LONG_S:
            return False
        with self.ledger.snapshot() as view:
            if not renditions.any_due(view, self.ledger.now_ms()):
                return False
        with self._claiming:
            with self.ledger.transaction() as tx:
                rows = {
                    row.recipe: row
                    for row in renditions.take(
                        tx, self.owner, self.ledger.now_ms(), at_most_s=SHORT_S if express else None
                    )
                }
            lane.rows = rows
        if not rows:
            return False
        name = {"source": next(iter(rows.values())).source_sha256[:12]}
        lane.at_work_s = sum(row.cost_s for row in rows.values())
        self._rung.set()  # the other lane may have its turn
        try:
            self._make(rows, lane)
        except Cancelled:
            self._each(rows, self._cancel, "没有渠道再需要它 / nobody waits for it")
            log.info("work.cancelled", **name)
        except PermanentError as error:
            self._each(rows, self._give_up, "；".join(f.reason for f in error.faults))
            log.warning("work.failed", **name, error=str(error))
        except (Unavailable, StorageFull) as error:
            self._each(rows, self._later, str(error))
            log.warning("work.later", **name, error=str(error))
        except PipelineError as error:
            self._each(rows, self._again, str(error))
            log.warning("work.again", **name, error=str(error))
        except Exception as error:
            self._each(rows, self._again, f"{type(error).__name__}: {error}")
            log.exception("work.broken", **name)
        finally:
            lane.at_work_s, lane.rows = 0, {}
        return True

    def _each(self, rows: Rows, act: Callable[[Row[Any], str], None], reason: str) -> None:
        """What is left of a group; the ones that were made are not in ``rows`` any more."""
        for row in rows.values():
            act(row, reason)

    def _make(self, rows: Rows, lane: Lane) -> None:
        """Make a group of recipes of one source; each is committed, and leaves ``rows``, as soon
        as it is ready."""
        first = next(iter(rows.values()))
        source = self._fetch(first.source_sha256, lane)
        facts = inspect(source, self.programs, field="source", listen=True)
        label = carried(facts.aigc, self.propagator, first.source_sha256[:32])
        facts = facts.model_copy(update={"aigc": label})
        folder = lane.folder / f"{first.source_sha256[:16]}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        group = make_group(
            [cast("RecipeName", recipe) for recipe in rows],
            source,
            facts,
            folder,
            self.programs,
            on_progress=self._progress(rows),
            cancelled=partial(self._unwanted, rows),
            nice=5 if first.wave == 1 else 10,
        )
        try:
            for recipe, made in group:
                row = rows[recipe]
                if isinstance(made, PermanentError):
                    self._give_up(row, "；".join(f.reason for f in made.faults))
                    log.warning("work.failed", recipe=recipe, error=str(made))
                else:
                    self._commit(self._store(row, made))
                    log.info("work.made", recipe=recipe, source=row.source_sha256[:12])
                del rows[recipe]
        finally:
            group.close()
            shutil.rmtree(folder, ignore_errors=True)

    def _progress(self, rows: Rows) -> Callable[[float], None]:
        told = {"percent": 0}

        def on_progress(share: float) -> None:
            percent = max(0, min(99, round(share * 100)))
            if percent < told["percent"] + 5:
                return
            told["percent"] = percent
            with self.ledger.transaction() as tx:
                now = self.ledger.now_ms()
                for row in rows.values():
                    renditions.change(tx, row.source_sha256, row.recipe, at=now, progress=percent)

        return on_progress

    def _unwanted(self, rows: Rows) -> bool:
        """No story waits for any of what is left of the group."""
        if self._stop.is_set():
            return True
        with self.ledger.snapshot() as view:
            return all(
                renditions.all_withdrawn(view, row.source_sha256, row.recipe)
                for row in rows.values()
            )

    def _fetch(self, sha256: str, lane: Lane) -> Path:
        """The source on local disk; the last one is kept for its next recipe."""
        if lane.source is not None and lane.source[0] == sha256 and lane.source[1].exists():
            return lane.source[1]
        if lane.source is not None:
            lane.source[1].unlink(missing_ok=True)
        with self.ledger.snapshot() as view:
            key = assets.object_key(view, sha256)
        if key is None:
            raise PermanentError(Fault("no_source", "source", "素材不在账本里 / unknown source"))
        path = lane.folder / f"source-{sha256[:32]}"
        objects.get_file(self.store, key, sha256, path)
        lane.source = (sha256, path)
        return path

    def _store(self, row: Row[Any], result: Made) -> Rendition:
        # never the same key twice: bytes of a repeated job differ, and the first one counts
        key = f"{recipe_key(row.recipe, self.programs)}-{new_id().hex[-12:]}"
        files = []
        for made in result.files:
            object_key = keys.rendition(row.source_sha256, key, made.name)
            digest = objects.sha256_of(made.path)
            objects.put_file(self.store, object_key, made.path, made.content_type)
            files.append(
                RenditionFile(
                    name=made.name,
                    object_key=object_key,
                    sha256=digest,
                    size_bytes=made.path.stat().st_size,
                    content_type=made.content_type,
                )
            )
        return Rendition(
            source_sha256=row.source_sha256,
            recipe=row.recipe,
            recipe_key=key,
            files=tuple(files),
            width=result.width,
            height=result.height,
            duration_s=result.duration_s,
            facts=result.facts,
        )

    def _commit(self, made: Rendition) -> None:
        with self.ledger.transaction() as tx:
            now = self.ledger.now_ms()
            if renditions.commit(tx, made, at=now):
                for story_id in renditions.stories_of(tx, made.source_sha256, made.recipe):
                    event = RenditionReady(story_id=UUID(story_id), rendition=made)
                    outbox.append(tx, event, at=now)

    def _give_up(self, row: Row[Any], reason: str) -> None:
        if self._stop.is_set():
            self._again(row, "")
            return
        with self.ledger.transaction() as tx:
            _fail(tx, row, reason, self.ledger.now_ms())

    def _cancel(self, row: Row[Any], reason: str) -> None:
        """Unless another story came to need it meanwhile."""
        with self.ledger.transaction() as tx:
            now = self.ledger.now_ms()
            if not self._stop.is_set() and renditions.all_withdrawn(
                tx, row.source_sha256, row.recipe
            ):
                _fail(tx, row, reason, now)
            else:
                _order_again(tx, row, now)

    def _later(self, row: Row[Any], reason: str) -> None:
        """A part of ours is away: that says nothing about the source and counts as no try."""
        with self.ledger.transaction() as tx:
            now = self.ledger.now_ms()
            wait_s = 0.0 if self._stop.is_set() else RETRY_S
            _order_again(tx, row, now, reason=reason[:500], wait_s=wait_s)

    def _again(self, row: Row[Any], reason: str) -> None:
        with self.ledger.transaction() as tx:
            now = self.ledger.now_ms()
            tries = row.tries if self._stop.is_set() else row.tries + 1
            if tries >= MOST_TRIES:
                _fail(tx, row, f"试了 {tries} 次: {reason}", now)
                return
            wait_s = 0.0 if self._stop.is_set() else RETRY_S * tries
            _order_again(tx, row, now, reason=reason[:500], wait_s=wait_s, tries=tries)


def _order_again(
    tx: Connection, row: Row[Any], now: int, *, wait_s: float = 0.0, **changes: Any
) -> None:
    due = now + round(wait_s * 1000)
    where = (row.source_sha256, row.recipe)
    renditions.change(tx, *where, at=now, state="ordered", owner=None, due_at=due, **changes)


def _fail(tx: Connection, row: Row[Any], reason: str, now: int) -> None:
    reason = foreign(reason)[:500]
    renditions.change(
        tx,
        row.source_sha256,
        row.recipe,
        at=now,
        state="failed",
        owner=None,
        reason=reason,
    )
    for story_id in renditions.stories_of(tx, row.source_sha256, row.recipe):
        event = RenditionFailed(
            story_id=UUID(story_id),
            source_sha256=row.source_sha256,
            recipe=row.recipe,
            reason=reason,
        )
        outbox.append(tx, event, at=now)


def _place(order: Order) -> renditions.Place:
    if not isinstance(order, TranscodeOrder):
        raise InvalidInput(Fault("wrong_order", "ce_type", "not a transcode order"))
    return order.source_sha256, order.recipe
