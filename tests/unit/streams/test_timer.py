"""The one timer: what is due rings once, as an event of its story; what is not due waits."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.codec import decode
from schemas.errors import Unavailable
from schemas.events import WakeupDue
from stores.ledger import outbox, wakeups
from stores.ledger.tables import metadata
from stores.ledger.transaction import Ledger, open_ledger
from streams.timer import Timer
from tests.fakes import STORY_ID

START = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    metadata.create_all(made.engine)
    made.now = lambda: START
    yield made
    made.close()


def schedule(ledger: Ledger, in_s: float, key: str = "2") -> None:
    event = WakeupDue(story_id=STORY_ID, kind="fallback", key=key)
    with ledger.transaction() as tx:
        wakeups.schedule(
            tx,
            due_at=ledger.now_ms() + round(in_s * 1000),
            target="conductor",
            key=str(STORY_ID),
            kind=f"fallback:{key}",
            data=event.model_dump(mode="json"),
        )


def rung(ledger: Ledger) -> list[WakeupDue]:
    with ledger.snapshot() as view:
        found = [decode(row.value, row.headers)[1] for row in outbox.unsent(view, 1000)]
    assert all(isinstance(event, WakeupDue) for event in found)
    return [event for event in found if isinstance(event, WakeupDue)]


def test_it_sleeps_until_the_next_one_and_never_longer_than_a_second(ledger: Ledger) -> None:
    timer = Timer(ledger)
    assert timer.ring_due() == 1.0
    schedule(ledger, 0.3)
    assert timer.ring_due() == pytest.approx(0.3)
    schedule(ledger, 500, "3")
    assert timer.ring_due() == pytest.approx(0.3)
    assert rung(ledger) == []


def test_what_is_due_rings_once(ledger: Ledger) -> None:
    timer = Timer(ledger)
    schedule(ledger, 5)
    ledger.now = lambda: START + timedelta(seconds=5)
    assert timer.ring_due() == 0.0
    assert timer.ring_due() == 1.0
    assert rung(ledger) == [WakeupDue(story_id=STORY_ID, kind="fallback", key="2")]


def test_setting_it_again_moves_it(ledger: Ledger) -> None:
    schedule(ledger, 5)
    schedule(ledger, 60)
    ledger.now = lambda: START + timedelta(seconds=6)
    assert Timer(ledger).ring_due() == 1.0
    assert rung(ledger) == []


def test_more_than_a_batch_is_rung_to_the_last(ledger: Ledger) -> None:
    for number in range(120):
        schedule(ledger, 1, str(number))
    ledger.now = lambda: START + timedelta(hours=1)
    timer = Timer(ledger)
    while timer.ring_due() == 0.0:
        pass
    assert {event.key for event in rung(ledger)} == {str(n) for n in range(120)}


def test_it_waits_while_the_ledger_is_away_and_rings_afterwards(ledger: Ledger) -> None:
    schedule(ledger, 0)
    timer = Timer(ledger)
    whole = ledger.snapshot
    away = [True]

    def snapshot() -> object:
        if away:
            away.pop()
            raise Unavailable("ledger", "locked")
        return whole()

    ledger.snapshot = snapshot  # type: ignore[method-assign, assignment]
    timer._stop.wait = lambda timeout=None: timer._stop.is_set()  # type: ignore[method-assign]
    timer.start()
    for _ in range(200):
        timer._thread.join(0.01)
        with whole() as view:
            if outbox.backlog(view)[0]:
                break
    timer.stop()
    assert not timer.alive
    assert len(rung(ledger)) == 1


def test_a_sweep_that_fails_does_not_end_the_core(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.timer.SWEEP_S", -1.0)
    swept = threading.Event()

    def sweep() -> None:
        if len(rung(ledger)) == 1:
            swept.set()
        else:
            schedule(ledger, 0)
        raise ValueError("a row that nobody can read")

    timer = Timer(ledger, sweep)
    timer.start()
    assert swept.wait(20), "what is due rings after a sweep that failed"
    assert timer.alive
    timer.stop()
