"""The monitor's own life: ages, outages, clocks, the ledger away. Brokers that do as told."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kafka.errors import KafkaConnectionError

from consumers.lag import LagMonitor, behind
from consumers.lag_look import GroupSeen, Look
from consumers.lag_math import Job
from consumers.lag_outlets import NewsroomSeen, OutletSeen
from schemas.errors import Unavailable
from schemas.lag import LagSnapshot

A = ("a", 0)


class Clock:
    """Both clocks of the process."""

    def __init__(self) -> None:
        self.mono, self.wall = 1000.0, 1_700_000_000.0

    def pass_(self, seconds: float) -> None:
        self.mono += seconds
        self.wall += seconds


class FakeBrokers:
    """Answers by ``then``; counts the looks."""

    bootstrap = "kafka:9092"

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.end, self.committed = 9, 4
        self.fails: Exception | None = None
        self.failed = ""
        self.looks = 0
        self.closed = False

    def look(self, wanted: Any = None, topics: Any = ()) -> Look:
        self.looks += 1
        if self.fails is not None:
            raise self.fails
        found = Look(at=self.clock.mono, wall_ms=round(self.clock.wall * 1000), requests=5)
        found.failed = self.failed
        if not self.failed and (wanted is None or "g" in set(wanted)):
            found.groups["g"] = GroupSeen(
                "Stable", "consumer", 1, frozenset({A}), {A: self.committed}
            )
        found.topics, found.partitions, found.leaders = {"a": "id"}, {"a": [0]}, {A: 1}
        found.ends, found.starts = {A: self.end}, {A: 0}
        return found

    def run(self, _coroutine: Any, *_arguments: Any) -> dict[Any, Any]:
        return {}

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    made = Clock()
    monkeypatch.setattr("consumers.lag.time.monotonic", lambda: made.mono)
    monkeypatch.setattr("consumers.lag.time.time", lambda: made.wall)
    yield made
    monkeypatch.undo()


@pytest.fixture
def brokers(clock: Clock) -> FakeBrokers:
    return FakeBrokers(clock)


def watch(brokers: FakeBrokers, **options: Any) -> LagMonitor:
    return LagMonitor(brokers, cycle_s=5.0, **options)  # type: ignore[arg-type]


def lag_of(snapshot: LagSnapshot) -> int | None:
    return snapshot.groups[0].lag


def test_before_the_first_look_nothing_is_known(brokers: FakeBrokers) -> None:
    told = watch(brokers).latest()
    assert (told.at_ms, told.stale, told.status, told.groups) == (None, True, "UNKNOWN", ())
    assert brokers.looks == 0


def test_whoever_asks_never_waits_and_sees_the_age(brokers: FakeBrokers, clock: Clock) -> None:
    monitor = watch(brokers)
    monitor.once()
    clock.pass_(7.0)
    for _ in range(3):
        told = monitor.latest()
        assert (lag_of(told), told.age_s, told.stale, told.cycle) == (5, 7.0, False, 1)
    assert brokers.looks == 1


def test_brokers_away_first_age_then_no_figure_then_back(
    brokers: FakeBrokers, clock: Clock
) -> None:
    monitor = watch(brokers)
    monitor.once()
    brokers.fails = KafkaConnectionError("gone")
    clock.pass_(5.0)
    told = monitor.once()
    assert lag_of(told) == 5
    assert told.errors == (
        "读不到消息总线 / kafka kafka:9092: KafkaConnectionError: KafkaConnectionError: gone",
    )
    clock.pass_(11.0)
    told = monitor.once()
    assert (told.stale, lag_of(told), told.groups[0].status) == (True, None, "UNKNOWN")
    assert told.age_s == 16.0
    brokers.fails = None
    told = monitor.once()
    assert (told.stale, lag_of(told), told.errors) == (False, 5, ())


def test_a_fault_of_the_library_is_an_outage_and_not_the_end(brokers: FakeBrokers) -> None:
    monitor = watch(brokers)
    brokers.fails = RuntimeError("NetworkSelector closed!")
    assert "RuntimeError" in monitor.once().errors[0]
    brokers.fails = None
    assert lag_of(monitor.once()) == 5


@pytest.mark.parametrize("step_s", [-7200.0, 3600.0])
def test_a_step_of_the_wall_clock_is_named_and_moves_no_figure(
    brokers: FakeBrokers, clock: Clock, step_s: float
) -> None:
    monitor = watch(brokers)
    monitor.once()
    for _ in range(3):
        clock.pass_(5.0)
        monitor.once()
    before = monitor.latest().groups[0].partitions[0].unmoved_s
    clock.wall += step_s
    clock.pass_(5.0)
    told = monitor.once()
    part = told.groups[0].partitions[0]
    assert before is not None
    assert (part.unmoved_s, told.age_s) == (before + 5.0, 0.0)
    assert told.errors == (
        f"时钟跳了 {step_s:+.1f} 秒 / clock: wall time stepped by {step_s:+.1f} s",
    )
    clock.pass_(5.0)
    assert monitor.once().errors == ()


def test_expected_groups_that_are_missing_are_not_found(brokers: FakeBrokers) -> None:
    monitor = watch(brokers, expected=frozenset({"g", "not-there"}))
    told = {g.group: g.status for g in monitor.once().groups}
    assert told == {"g": "OK", "not-there": "NOTFOUND"}


def test_a_broker_that_does_not_list_its_groups_hides_none(brokers: FakeBrokers) -> None:
    monitor = watch(brokers, expected=frozenset({"other"}))
    monitor.once()
    brokers.failed = "broker 2: NotCoordinatorError"
    told = {g.group: g.status for g in monitor.once().groups}
    assert told == {"g": "UNKNOWN", "other": "UNKNOWN"}


def newsroom(seen: Callable[[], NewsroomSeen]) -> Callable[[int], NewsroomSeen]:
    return lambda _before: seen()


WEB = OutletSeen("web", "网站", 1, "g", 600.0, waiting=(1_699_999_999_000,))


def test_outlets_and_transcodes_are_in_the_snapshot(brokers: FakeBrokers, clock: Clock) -> None:
    percent = [10]

    def seen() -> NewsroomSeen:
        jobs = {("s", "mp4"): Job(True, 100.0, percent[0], 1.0)}
        return NewsroomSeen(round(clock.wall * 1000), (WEB,), jobs)

    monitor = watch(brokers, newsroom=newsroom(seen))
    told = monitor.once()
    assert [(o.channel, o.word, o.waiting) for o in told.outlets] == [("web", "排队中", 1)]
    for _ in range(2):
        clock.pass_(5.0)
        percent[0] += 5
        told = monitor.once()
    assert told.work is not None
    assert told.work.work_s == 80.0
    assert told.work.speed == pytest.approx(1.0)
    assert told.work.eta_s == pytest.approx(80.0)


def test_a_ledger_that_is_away_leaves_the_groups(brokers: FakeBrokers, clock: Clock) -> None:
    away = [False]

    def seen() -> NewsroomSeen:
        if away[0]:
            raise Unavailable("ledger", "locked")
        return NewsroomSeen(round(clock.wall * 1000), (WEB,), {})

    monitor = watch(brokers, newsroom=newsroom(seen))
    monitor.once()
    away[0] = True
    told = monitor.once()
    assert (lag_of(told), told.work) == (5, None)
    assert [o.word for o in told.outlets] == ["未知"]
    assert told.errors == ("读不到账本 / ledger: locked",)
    away[0] = False
    assert [o.word for o in monitor.once().outlets] == ["排队中"]


def test_each_new_snapshot_is_handed_on(brokers: FakeBrokers) -> None:
    got: list[LagSnapshot] = []
    monitor = watch(brokers, after=got.append)
    monitor.once()
    brokers.fails = KafkaConnectionError()
    monitor.once()
    assert [s.cycle for s in got] == [1]


def test_it_runs_in_a_thread_of_its_own_and_ends(brokers: FakeBrokers) -> None:
    monitor = LagMonitor(brokers, cycle_s=0.01)  # type: ignore[arg-type]
    monitor.start()
    end = time.perf_counter() + 10
    while brokers.looks < 2 and time.perf_counter() < end:
        time.sleep(0.005)
    monitor.stop()
    assert brokers.looks >= 2
    assert brokers.closed


def test_what_is_behind_now(brokers: FakeBrokers) -> None:
    asked: Any = brokers
    assert behind(asked, {"a": "g"}) == {"a": 5}
    assert behind(asked, {"a": "never"}) == {"a": 9}
    assert behind(asked, {"unknown": "g"}) == {"unknown": None}
    brokers.failed = "broker 2: gone"
    assert behind(asked, {"a": "g"}) == {"a": None}
    brokers.fails = KafkaConnectionError()
    assert behind(asked, {"a": "g"}) == {"a": None}
