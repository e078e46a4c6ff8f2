"""What other monitors test, and what is reported of them, put to the whole fold: who, the case,
their answer, ours, and the reason where the two differ."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from consumers import lag_metrics
from consumers.lag_fold import fold, hold, to_read
from consumers.lag_look import First, GroupSeen, Look, Place
from consumers.lag_math import Job
from consumers.lag_outlets import NewsroomSeen, backlog
from consumers.lag_partition import Memory
from consumers.lag_status import Rules
from schemas.lag import NOTHING, GroupLag, LagSnapshot

WALL_S = 1_700_000_000.0
A, B, C, D = ("a", 0), ("a", 1), ("a", 2), ("b", 0)
Commits = Mapping[Place, int]


def look(
    at: float,
    commits: Commits,
    ends: Mapping[Place, int],
    starts: Mapping[Place, int] | None = None,
    **described: Any,
) -> Look:
    found = Look(at=at, wall_ms=round((WALL_S + at) * 1000))
    options: dict[str, Any] = {
        "state": "Stable", "kind": "consumer", "members": 1, "owned": frozenset(ends),
    } | described  # fmt: skip
    found.groups["g"] = GroupSeen(commits=dict(commits), **options)
    for topic, number in ends:
        found.partitions.setdefault(topic, []).append(number)
        found.topics[topic] = "id"
    found.leaders = dict.fromkeys(ends, 1)
    found.ends, found.starts = dict(ends), {p: (starts or {}).get(p, 0) for p in ends}
    return found


def after(*looks: Look, written: Mapping[int, float] | None = None) -> GroupLag:
    """The group after these looks; ``written``: offset → when its record was written (seconds of
    the looks' clock), others carry no time."""
    memory = Memory()
    for this in looks:
        firsts = {}
        for spot in to_read(memory, this):
            at = (written or {}).get(spot[1])
            stamp = None if at is None else round((WALL_S + at) * 1000)
            firsts[spot] = First(spot[1], stamp)
        hold(memory, this, firsts)
        groups = {g.group: g for g in fold(memory, this, lambda _g, _t: RULES, {})}
    return groups["g"]


RULES = Rules(deadline_s=60.0, window_s=300.0)


@dataclass(frozen=True)
class Case:
    """One case of theirs; ``figure`` reads ours off the group."""

    whose: str
    looks: tuple[Look, ...]
    figure: Callable[[GroupLag], Any]
    theirs: Any
    ours: Any
    why: str = ""
    written: Mapping[int, float] | None = None


def lag_s(group: GroupLag) -> float | None:
    return None if group.lag_s is None else round(group.lag_s, 2)


def first(name: str) -> Callable[[GroupLag], Any]:
    return lambda group: getattr(group.partitions[0], name)


HOURS = 3600.0
CASES = [
    # kafka-lag-exporter, ConsumerGroupCollectorSpec
    Case("k-l-e: offset lag of one partition", (look(200, {A: 180}, {A: 200}),),
         lambda g: g.lag, 20, 20),
    Case("k-l-e: its time lag, from the table of ends",
         (look(100, {A: 100}, {A: 100}), look(200, {A: 180}, {A: 200})), lag_s, 20.0, 20.0),
    Case("k-l-e: largest offset lag of three partitions",
         (look(200, {A: 180, B: 100, C: 180}, {A: 200, B: 200, C: 200}),),
         lambda g: max(p.lag or 0 for p in g.partitions), 100, 100),
    Case("k-l-e: sum over two topics",
         (look(200, {A: 10, B: 20, C: 30, D: 40}, {A: 100, B: 100, C: 100, D: 100}),),
         lambda g: g.lag, 300, 300),
    Case("k-l-e: no group offsets", (look(200, {}, {A: 200}),), lambda g: (g.lag, g.lag_s),
         "NaN, NaN", (None, None), "an absent figure breaks no sum and rings no rule"),
    Case("k-l-e: extrapolates past its table (OffsetsSpec)",
         (look(0, {A: 300}, {A: 100}), look(1, {A: 300}, {A: 200})), lag_s, 1.0, None,
         "a commit past the end belongs to another log"),
    Case("k-l-e #353: 0.2 s of truth seen between two looks of 30 s",
         (look(0, {A: 0}, {A: 0}), look(30, {A: 0}, {A: 1})), lag_s, 30.0, 0.2,
         "the record's own time, not when we looked", {0: 29.8}),
    Case("k-l-e #111: a quiet topic, everything consumed",
         (look(0, {A: 5}, {A: 5}), look(9000, {A: 5}, {A: 5})), lag_s, "NaN", 0.0,
         "nothing waits: that is known, however quiet it is"),
    Case("k-l-e #496: a new group reads a year of log from its start",
         (look(0, {A: 1}, {A: 9}), look(30, {A: 2}, {A: 9})), lag_s, "years by extrapolation",
         12.0, "the record that it stands at was written twelve seconds ago", {1: 5.0, 2: 18.0}),
    Case("k-l-e #197: old figures after a topic is made again",
         (look(0, {A: 90}, {A: 100}), look(5, {A: 90}, {A: 3})), lambda g: g.lag,
         "10, for ever", None, "no figure until the consumer has its place in the new log"),
    # klag, KafkaOffsetTimestampInterpolatorTest and LagMsCalculatorTest
    Case("klag: two hours behind is told as such",
         (look(2 * HOURS + 60, {A: 100}, {A: 10_000}),), lag_s, "> 1800", 2 * HOURS - 12,
         "its straight line through the log says 7188; the record says what it says", {100: 72.0}),
    Case("klag: in the middle of a log that was written in bursts",
         (look(20, {A: 500}, {A: 1000}),), lag_s, "14: a line from 1 to 11", 1.0,
         "half of the records came in the last second: no line is right there", {500: 19.0}),
    Case("klag: commit at the end of the log", (look(8100, {A: 10_000}, {A: 10_000}),), lag_s,
         0, 0.0),
    Case("klag: at the end, its interpolator alone",
         (look(8005, {A: 10_000}, {A: 10_000}),), lag_s, 5.0, 0.0, "nothing waits"),
    Case("klag: no timestamps, commit before the oldest sample",
         (look(0, {A: 100}, {A: 9000}), look(15, {A: 100}, {A: 9500})), lag_s, None, None),
    Case("klag: no timestamps, between two samples",
         (look(0, {A: 1000}, {A: 1000}), look(60, {A: 1500}, {A: 2000}),
          look(90, {A: 1500}, {A: 2000})), lag_s, 60.0, 60.0),
    Case("klag: commit before the start of the log",
         (look(0, {A: 50}, {A: 10_000}, {A: 100}),), lambda g: (g.lag, g.lost), "skipped",
         (9900, 50), "what is left can be told, and what is gone is counted"),
    Case("klag: commit after the end of the log", (look(0, {A: 10_001}, {A: 10_000}),),
         first("why"), "skipped", "beyond_end", "skipped too, with the reason"),
    # klag, CommitFreshnessTrackerTest
    Case("klag: staleness grows while the commit stands",
         (look(0, {A: 100}, {A: 200}), look(60, {A: 100}, {A: 200})), first("unmoved_s"), 60, 60.0),
    Case("klag: an advance resets it",
         (look(0, {A: 100}, {A: 200}), look(60, {A: 150}, {A: 200})), first("unmoved_s"), 0, 0.0),
    Case("klag: a rewind counts as activity",
         (look(0, {A: 100}, {A: 200}), look(60, {A: 50}, {A: 200})), first("unmoved_s"), 0, 0.0),
    Case("klag: stale although nothing waits",
         (look(0, {A: 100}, {A: 100}), look(60, {A: 100}, {A: 100})), first("unmoved_s"), 60, None,
         "a consumer with nothing to do is not stale"),
    # KEDA, getLagForPartition and its issues
    Case("KEDA: no commit, policy latest", (look(0, {}, {A: 9}),), lambda g: g.lag, "1, or 0",
         None, "a made-up number scales nothing here; that it is uncommitted is told"),
    Case("KEDA #2908: one lagging partition of 64 that no member has",
         tuple(look(float(at), {("a", n): 5 for n in range(64)},
                    {("a", n): 5 if n else 90 for n in range(64)},
                    owned=frozenset(("a", n) for n in range(1, 64)), members=63)
               for at in (0, 5)), lambda g: (g.status, g.lag), "85, never scaled to 64",
         ("STOP", 85), "it says that nobody has it"),
    Case("KEDA excludePersistentLag: a commit that does not move since the last poll",
         (look(0, {A: 5}, {A: 9}), look(30, {A: 5}, {A: 9})), lambda g: (g.lag, g.status),
         "0 when scaling out", (4, "OK"), "four records wait, whoever asks; within its deadline"),
    Case("KEDA #7414: a partition is missing from the answer",
         (look(0, {A: 1, B: 1}, {A: 4}, owned=frozenset({A, B})),), lambda g: g.lag, "error, all of it", 3,
         "the other partitions are still known"),
    # kafka_exporter, braedon, redpanda
    Case("kafka_exporter #76: end read before the commit", (look(0, {A: 12}, {A: 10}),),
         lambda g: g.lag, -2, None, "ends are read last; if it is past them all the same, the log "
         "was cut"),
    Case("redpanda #30624: commit older than the start", (look(0, {A: 5}, {A: 20}, {A: 20}),),
         lambda g: (g.lag, g.lost, g.status), "15 for ever", (0, 15, "OK"),
         "nothing is left to consume; fifteen were lost"),
    # faust, kafkatop
    Case("faust: a caught-up partition by its last read offset", (look(0, {A: 10}, {A: 10}),),
         lambda g: g.lag, 1, 0, "the next offset, not the last one read"),
    Case("kafkatop: takes 1/s, gets 2/s",
         tuple(look(10.0 * n, {A: 10 * n}, {A: 100 + 20 * n}) for n in range(6)),
         lambda g: (g.eta_s, g.partitions[0].trend), "150 s", (None, "growing"),
         "it never catches up at that rate"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.whose)
def test_their_case(case: Case) -> None:
    assert case.figure(after(*case.looks, written=case.written)) == case.ours
    assert case.theirs == case.ours or case.why


def exposed(group: GroupLag) -> str:
    snapshot: LagSnapshot = NOTHING.__class__(
        **{name: getattr(NOTHING, name) for name in NOTHING.__dataclass_fields__}
        | {"groups": (group,), "stale": False, "at_ms": 1}
    )

    class Once(Collector):
        def collect(self) -> Any:
            return lag_metrics.families(snapshot)

    registry = CollectorRegistry()
    registry.register(Once())
    return generate_latest(registry).decode()


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.whose)
def test_no_case_makes_a_number_that_is_none(case: Case) -> None:
    """kafka_exporter's -1, kafka-lag-exporter's NaN and infinity: in no series of ours."""
    text = exposed(after(*case.looks, written=case.written))
    values = [line.rsplit(" ", 1)[1] for line in text.splitlines() if not line.startswith("#")]
    assert not {"NaN", "+Inf", "-Inf"} & set(values)
    lags = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
            if line.startswith(("kafka_consumergroup_lag", "kafka_consumergroup_group_"))]  # fmt: skip
    assert all(value >= 0 for value in lags)


def test_series_of_what_is_gone_go_too() -> None:
    """kafka-lag-exporter tests that the series of a member, group or partition that left are
    removed; ours are made anew each cycle, and no member is a label."""
    memory = Memory()
    fold(memory, look(0, {A: 1, B: 1}, {A: 4, B: 4}), lambda _g, _t: RULES, {})
    later = look(5, {A: 1}, {A: 4})
    (group,) = fold(memory, later, lambda _g, _t: RULES, {})
    text = exposed(group)
    assert 'topic="a",partition="0"' in text or 'partition="0",topic="a"' in text
    assert 'partition="1"' not in text
    assert "member" not in text.replace("kafka_consumergroup_members", "")


def test_a_name_may_hold_anything() -> None:
    """Amazon MSK tells nothing of a group whose name is not ASCII or has a colon."""
    odd = '编辑\'部: "夜班" \\ \n {x}'
    this = look(0, {}, {A: 4})
    this.groups = {odd: GroupSeen("Stable", "consumer", 1, frozenset({A}), {A: 1})}
    (group,) = fold(Memory(), this, lambda _g, _t: RULES, {})
    assert group.lag == 3
    text = exposed(group)
    escaped = odd.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    assert f'kafka_consumergroup_lag_sum{{consumergroup="{escaped}"}} 3.0' in text


def test_three_clips_are_not_three() -> None:
    """Everyone counts records; thirty seconds and two hours of film are one record each."""
    short = NewsroomSeen(1, (), {(str(n), "mp4"): Job(False, 30.0, 0, 0.0) for n in range(3)})
    long = NewsroomSeen(1, (), {(str(n), "mp4"): Job(False, 7200.0, 0, 0.0) for n in range(3)})
    found = [backlog(seen, 1.0, 0.0) for seen in (short, long)]
    assert [work and work.eta_s for work in found] == [90.0, 21_600.0]


def test_an_empty_partition_without_a_commit_rings_nobody() -> None:
    """A small newsroom leaves partitions empty for weeks: nothing is to be committed there."""
    empty = exposed(after(look(0, {}, {A: 0})))
    assert 'shoufa_partitions_uncommitted{consumergroup="g"} 0.0' in empty
    holds = exposed(after(look(0, {}, {A: 3, B: 0})))
    assert 'shoufa_partitions_uncommitted{consumergroup="g"} 1.0' in holds
