"""The transcode pool's claims: cancelled only where nobody waits, kept while a part is away."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from schemas.errors import Unavailable
from schemas.settings import Settings
from stores.ledger import publications, renditions, tables
from stores.ledger.tables import metadata
from stores.ledger.transaction import Ledger, open_ledger
from streams.ffmpeg_run import Cancelled
from streams.worker import LONG_S, MOST_TRIES, SHORT_S, TranscodeWorker

SOURCE = "a" * 64
GONE, STAYS = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    metadata.create_all(made.engine)
    yield made
    made.close()


@pytest.fixture
def worker(ledger: Ledger, tmp_path: Path) -> TranscodeWorker:
    for story, recipe, state in (
        (GONE, "vertical", "cancelled"),
        (GONE, "web_hls", "cancelled"),
        (STAYS, "web_hls", "planned"),
    ):
        with ledger.transaction() as tx:
            renditions.need(tx, story, SOURCE, recipe, wave=1, urgency=5, cost_s=1, at=0)
            if publications.get(tx, story, "web", 1) is None:
                more: dict[str, Any] = {"wave": 1, "urgency": 5, "verb": "create", "version": 1}
                publications.put(tx, story, at=0, channel="web", release=1, state=state, **more)
    nothing = cast("Any", None)
    return TranscodeWorker(Settings(data=tmp_path, process="work"), ledger, nothing, nothing)


def states(ledger: Ledger) -> dict[str, str]:
    with ledger.snapshot() as view:
        found = {r: renditions.get(view, SOURCE, r) for r in ("vertical", "web_hls")}
    return {recipe: row.state for recipe, row in found.items() if row is not None}


def test_a_withdrawal_cancels_nothing_that_another_story_waits_for(
    worker: TranscodeWorker, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelled(rows: dict[str, Any], _lane: object) -> None:
        assert not worker._unwanted(rows)
        assert worker._unwanted({"vertical": rows["vertical"]})
        raise Cancelled

    monkeypatch.setattr(worker, "_make", cancelled)
    worker._work_once()
    assert states(ledger) == {"vertical": "failed", "web_hls": "ordered"}


def test_an_outage_of_our_own_uses_up_no_try(
    worker: TranscodeWorker, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_rows: dict[str, Any], _lane: object) -> None:
        raise Unavailable("s3", "away")

    monkeypatch.setattr(worker, "_make", away)
    for _ in range(MOST_TRIES + 2):
        worker._work_once()
        with ledger.transaction() as tx:
            for recipe in ("vertical", "web_hls"):
                renditions.change(tx, SOURCE, recipe, at=0, due_at=0)
    assert states(ledger) == {"vertical": "ordered", "web_hls": "ordered"}


def test_what_was_claimed_when_the_ledger_went_away_is_taken_up_again(
    worker: TranscodeWorker, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ledger.transaction() as tx:
        renditions.take(tx, worker.owner, 10)
    turns: list[dict[str, str]] = []

    def work_once(_lane: object) -> bool:
        turns.append(states(ledger))
        if len(turns) == 1:
            raise Unavailable("ledger", "away")
        worker._stop.set()
        return True

    monkeypatch.setattr(worker, "_work_once", work_once)
    worker._run(worker.main)
    assert set(turns[0].values()) == {"working"}
    assert set(turns[1].values()) == {"ordered"}


def test_a_short_clip_passes_a_long_one(
    worker: TranscodeWorker, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the worker is at a long clip, first-wave work that is short has a lane of its own."""
    with ledger.transaction() as tx:
        for recipe, cost_s in (("vertical", 20), ("web_hls", SHORT_S + 1)):
            tx.execute(
                tables.renditions.update()
                .where(tables.renditions.c.recipe == recipe)
                .values(cost_s=cost_s)
            )
    taken: list[str] = []

    def make(rows: dict[str, Any], _lane: object) -> None:
        taken.extend(rows)
        rows.clear()

    monkeypatch.setattr(worker, "_make", make)
    assert not worker._work_once(worker.express)  # the worker is idle: it can take all itself
    worker.main.at_work_s = LONG_S + 1
    assert worker._work_once(worker.express)
    assert taken == ["vertical"]
    assert not worker._work_once(worker.express)  # what is left is long
    assert worker.express.at_work_s == 0


@pytest.mark.parametrize("mine", ["main", "express"])
def test_a_lane_gives_back_nothing_that_the_other_is_at(
    worker: TranscodeWorker, ledger: Ledger, mine: str
) -> None:
    with ledger.transaction() as tx:
        rows = {row.recipe: row for row in renditions.take(tx, worker.owner, 10)}
    lane, other = worker.main, worker.express
    if mine == "express":
        lane, other = other, lane
    other.rows = {"web_hls": rows["web_hls"]}
    worker._give_back(lane)  # also what was claimed when the ledger's answer was lost
    assert states(ledger) == {"vertical": "ordered", "web_hls": "working"}
    assert list(other.rows) == ["web_hls"]
