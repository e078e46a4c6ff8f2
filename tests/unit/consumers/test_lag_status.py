"""The rules of status: Burrow's own cases with its answer and ours, and each deviation."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.lag_math import offset_lag
from consumers.lag_status import (
    Rules,
    Seen,
    Track,
    Verdict,
    forget,
    group_verdict,
    judge,
    observe,
    patience_s,
    unmoved_s,
    worst,
)
from schemas.lag import SEVERITY, Status
from tests.unit.consumers.lag_upstream import Commit, burrow

RULES = Rules(deadline_s=60.0, window_s=100.0)


def seen(at: float, committed: int | None, end: int, **changes: Any) -> Seen:
    """One member, which has the partition; the log begins at 0."""
    start = int(changes.pop("start", 0))
    lag, why = offset_lag(start, end, committed)
    found = Seen(at, start, end, committed, lag, why, True, 1, True, False)
    return replace(found, **changes)


def after(*looks: Seen, rules: Rules = RULES, **options: Any) -> Verdict:
    """The verdict after these looks."""
    track = Track()
    for look in looks:
        observe(track, look)
    return judge(looks[-1], track, rules, **options)


@dataclass(frozen=True)
class Case:
    """One case of Burrow's evaluator test: commits (seconds, offset, lag), ends newest first."""

    name: str
    commits: list[Commit]
    ends: list[int]
    lag: int
    now: float
    theirs: Status
    ours: Status
    why: str = ""


GROWING = [
    (100.0, 1000, 50),
    (200.0, 2000, 100),
    (300.0, 3000, 150),
    (400.0, 4000, 200),
    (500.0, 5000, 250),
]
FROM_ZERO = [(at, offset, lag - 50) for at, offset, lag in GROWING]
STANDING = [(at, 1000, lag + 50) for at, _, lag in GROWING]
STANDING_FROM_ZERO = [(at, 1000, lag - 50) for at, _, lag in GROWING]
STEADY = [(float(18 + n), 792748079 + n, 0) for n in range(15)]
SILENT = "it has a member: how long one may take is its deadline (60 s) or twice its usual 100 s"

BURROW = [
    Case("0 zero lag somewhere", FROM_ZERO, [5200], 200, 600.0, "OK", "OK"),
    Case("1 silent as long as the window", FROM_ZERO, [5200], 200, 900.0, "OK", "STALL", SILENT),
    Case("2 silent for longer, lag was zero", FROM_ZERO, [5200], 200, 1000.0, "STOP", "STALL",
         "STOP is kept for a partition that nobody has; with a member it is STALL"),
    Case("3 silent for longer, never zero", GROWING, [5250], 250, 1000.0, "STOP", "STALL",
         "as 2"),
    Case("4 stands, lag was zero", STANDING_FROM_ZERO, [1200], 200, 600.0, "OK", "STALL",
         "records wait since 200 s and nothing moved: Burrow needs another commit to say so"),
    Case("5 stands, lag grows", STANDING, [1300], 300, 600.0, "STALL", "STALL"),
    Case("6 stands, lag stays", [(at, 1000, 100) for at, *_ in GROWING], [1100], 100, 600.0,
         "STALL", "STALL"),
    Case("7 went back, then past its old place",
         [(100.0, 1000, 100), (200.0, 2000, 150), (300.0, 3000, 200), (400.0, 2000, 1250),
          (500.0, 4000, 300)], [4300], 300, 600.0, "OK", "WARN",
         "at its old place again, with three times the lag; older versions: REWIND"),
    Case("7b went back and is still behind",
         [(100.0, 1000, 100), (200.0, 2000, 150), (300.0, 3000, 200), (400.0, 2000, 1250),
          (500.0, 2500, 900)], [3400], 900, 600.0, "REWIND", "REWIND"),
    Case("8 no lag now", GROWING, [5000], 0, 1000.0, "OK", "OK"),
    Case("9 always caught up, then silent", STEADY, [792749024, 792749000, 792748800], 931, 100.0,
         "STOP", "STALL", "as 2"),
    Case("9b the same after 18 s", STEADY, [792749024, 792749000, 792748800], 931, 50.0,
         "STOP", "OK", "18 s are within the deadline; Burrow goes by how often it commits (#303)"),
    Case("10 one record just came", STEADY, [792748094, 792748093], 1, 50.0, "OK", "OK"),
    Case("WARN never decreasing", GROWING, [5250], 250, 510.0, "WARN", "WARN"),
    Case("#738 a chance dip in steady growth",
         [(100.0, 1000, 50), (200.0, 2000, 100), (300.0, 3000, 99), (400.0, 4000, 200),
          (500.0, 5000, 250)], [5250], 250, 510.0, "OK", "WARN", "the slope does not mind a dip"),
    Case("#223 low lag that clears", [(100.0, 10, 2), (200.0, 20, 2), (300.0, 30, 2)], [32], 2,
         310.0, "WARN", "OK", "an even lag is no growth"),
    Case("rising and falling", [(100.0, 10, 9), (200.0, 20, 2), (300.0, 30, 8)], [32], 2, 310.0,
         "OK", "OK"),
]  # fmt: skip


def looks_of(case: Case) -> list[Seen]:
    """Our monitor looked when they committed, once as the end moved on, and now."""
    found = [seen(at, offset, offset + lag) for at, offset, lag in case.commits]
    last_at, last, _ = case.commits[-1]
    if case.ends[0] > found[-1].end:  # type: ignore[operator]  # the end moved since
        found.append(seen(case.now if len(case.ends) == 2 else last_at + 5, last, case.ends[0]))
    if case.now > found[-1].at:
        found.append(seen(case.now, last, last + case.lag))
    return found


@pytest.mark.parametrize("case", BURROW, ids=lambda c: c.name)
def test_burrows_cases(case: Case) -> None:
    assert burrow(case.commits, case.ends, case.lag, case.now) == case.theirs
    rules = Rules(deadline_s=60.0, window_s=500.0)
    assert after(*looks_of(case), rules=rules).status == case.ours
    assert (case.theirs == case.ours) or case.why


def test_a_slow_worker_is_no_stall_and_a_dead_one_is() -> None:
    """#237: who commits record by record, 30 s each, was STOP in Burrow every time."""
    looks = [seen(30.0 * n, n, 20) for n in range(6)]
    quiet = [seen(150.0 + s, 5, 20) for s in (20.0, 59.0)]
    assert after(*looks, *quiet).status == "OK"
    assert after(*looks, *quiet, seen(215.0, 5, 20)).status == "STALL"


def test_patience_grows_with_the_usual_pace_but_not_without_end() -> None:
    track = Track()
    for look in (seen(0.0, 0, 50), seen(50.0, 1, 50), seen(90.0, 2, 50)):
        observe(track, look)
    assert patience_s(track, RULES) == 100.0
    observe(track, seen(5000.0, 3, 50))
    assert patience_s(track, RULES) == 600.0


def test_quiet_hours_are_no_pace() -> None:
    looks = [seen(0.0, 10, 10), seen(7200.0, 10, 10), seen(7205.0, 10, 11), seen(7210.0, 11, 11)]
    track = Track()
    for look in looks:
        observe(track, look)
    assert track.gaps == [5.0]
    assert after(*looks).status == "OK"


def gone(at: float, committed: int | None, end: int, **changes: Any) -> Seen:
    """Nobody is in the group."""
    return seen(at, committed, end, **{"owned": False, "members": 0, "topic_read": False} | changes)


def test_a_consumer_that_left_is_seen_at_once_and_stopped_at_the_second_look() -> None:
    assert after(seen(0.0, 4, 10), gone(5.0, 6, 10)).status == "EMPTY"
    verdict = after(seen(0.0, 4, 10), gone(5.0, 6, 10), gone(10.0, 6, 10))
    assert (verdict.status, "积压已 5 秒" in verdict.reason) == ("STOP", True)
    assert after(seen(0.0, 4, 10), gone(5.0, 10, 10)).status == "EMPTY"


def test_a_simple_consumer_has_no_members_and_is_judged_by_its_pace() -> None:
    simple = {"owned": None, "members": 0}
    moving = [seen(10.0 * n, n, 50, **simple) for n in range(4)]
    assert after(*moving).status == "OK"
    assert after(*moving, seen(85.0, 3, 50, **simple)).status == "OK"
    assert after(*moving, seen(95.0, 3, 50, **simple)).status == "STOP"


def test_members_that_cannot_be_told_are_not_taken_for_none() -> None:
    unknown = {"owned": None, "members": None}
    assert after(seen(0.0, 3, 9, **unknown), seen(50.0, 3, 9, **unknown)).status == "OK"
    assert after(seen(0.0, 3, 9, **unknown), seen(61.0, 3, 9, **unknown)).status == "STALL"


def test_a_partition_that_no_member_got_is_stopped_and_a_dropped_topic_is_not() -> None:
    orphan = [seen(at, 3, 9, owned=False, members=2) for at in (0.0, 5.0)]
    assert after(*orphan).status == "STOP"
    dropped = [replace(look, topic_read=False) for look in orphan]
    assert after(*dropped).status == "WARN"


def test_a_rebalance_is_one_until_it_lasts() -> None:
    moving = [seen(at, 3, 9, owned=None, rebalancing=True) for at in (0.0, 30.0, 59.0)]
    assert after(*moving).status == "REBALANCING"
    endless = seen(61.0, 3, 9, owned=None, rebalancing=True)
    verdict = after(*moving, endless)
    assert (verdict.status, "rebalancing" in verdict.reason) == ("STALL", True)


def test_never_committed() -> None:
    """kafka_exporter shows -1, KEDA scales to one replica; we say that there is no figure, and
    whether records wait."""
    quiet = seen(0.0, None, 0)
    assert after(quiet).status == "OK"
    waits = [seen(at, None, 3) for at in (0.0, 30.0)]
    assert after(*waits).status == "OK"
    late = seen(61.0, None, 3)
    assert after(*waits, late).status == "WARN"  # it may begin at the end
    assert after(*waits, seen(61.0, None, 4)).status == "STALL"  # that one came while it watched
    ours = Rules(reset="earliest")
    assert after(*waits, late, rules=ours).status == "STALL"
    assert after(*waits, late, rules=ours, progressing=True).status == "OK"
    assert after(gone(0.0, None, 3), gone(99.0, None, 3)).status == "EMPTY"


def test_the_first_commit_is_a_move() -> None:
    looks = [seen(0.0, None, 9), seen(55.0, None, 9), seen(65.0, 1, 9), seen(70.0, 1, 9)]
    assert after(*looks).status == "OK"


def test_long_work_that_reports_is_no_stall() -> None:
    looks = [seen(at, 3, 9) for at in (0.0, 600.0, 1200.0)]
    assert after(*looks, progressing=True).status == "OK"
    assert after(*looks).status == "STALL"


def test_too_short_a_look_at_an_old_record_is_a_warning() -> None:
    short = [seen(at, 3, 9) for at in (0.0, 1.0, 2.0)]
    assert after(*short, age_s=1000.0).status == "WARN"
    assert after(*short, age_s=1000.0, progressing=True).status == "OK"
    assert after(*short, age_s=10.0).status == "OK"
    moving = [seen(at, 3 + int(at), 9) for at in (0.0, 1.0, 2.0)]
    assert after(*moving, age_s=1000.0).status == "OK"


def test_growth_counts_only_while_it_never_caught_up() -> None:
    burst = [seen(float(n), n, 10 * n) for n in range(1, 6)]
    assert after(*burst).status == "WARN"
    assert after(seen(0.0, 0, 0), *burst).status == "OK"


@pytest.mark.parametrize(
    ("why", "status"),
    [("no_end", "UNKNOWN"), ("no_start", "UNKNOWN"), ("group_error", "UNKNOWN"),
     ("no_topic", "NOTFOUND"), ("stale", "UNKNOWN"), ("beyond_end", "WARN")],
)  # fmt: skip
def test_no_figure_is_never_fine(why: Any, status: Status) -> None:
    assert after(seen(0.0, 5, 9, lag=None, why=why)).status == status


def test_a_look_without_figures_changes_nothing() -> None:
    track = Track()
    observe(track, seen(0.0, 3, 9))
    observe(track, replace(seen(5.0, 0, 0), end=None, lag=None, why="no_end"))
    observe(track, seen(10.0, 3, 9))
    assert (track.looks, unmoved_s(track, 10.0), track.rewound_from) == (2, 10.0, None)


def test_a_topic_made_again_has_no_past() -> None:
    track = Track()
    for look in (seen(0.0, 90, 100), seen(70.0, 90, 100)):
        observe(track, look)
    track.lost = 7
    forget(track)
    observe(track, seen(75.0, 0, 3))
    assert judge(seen(75.0, 0, 3), track, RULES).status == "OK"
    assert (track.lost, track.remade, track.rewound_from) == (7, 1, None)


@given(
    st.lists(
        st.tuples(st.integers(1, 50), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=40
    )
)
def test_whatever_happens_the_verdict_is_in_keeping(moves: list[tuple[int, int, int]]) -> None:
    """Caught up is OK; a commit that moves in this look is never STALL or STOP; unmoved time only
    grows while nothing moves."""
    track, at, end, committed = Track(), 0.0, 0, 0
    before: float | None = None
    for wait, more, taken in moves:
        at, end = at + wait, end + more
        moved = min(taken, end - committed)
        committed += moved
        look = seen(at, committed, end)
        observe(track, look)
        verdict = judge(look, track, RULES)
        still = unmoved_s(track, at)
        if committed == end:
            assert (verdict.status, still) == ("OK", None)
        elif moved:
            assert verdict.status in {"OK", "WARN"}
            assert still == 0.0
        else:
            assert still is not None
            assert before is None or still == pytest.approx(before + wait)
        before = still


def test_the_worst_partition_decides() -> None:
    fine, slow = Verdict("OK", "a"), Verdict("WARN", "b")
    assert group_verdict("Stable", 1, "", [fine, slow, fine]) == slow
    assert group_verdict("Stable", 1, "", [Verdict("OK", "first"), fine]).reason == "first"
    assert group_verdict("PreparingRebalance", 2, "", [fine]).status == "REBALANCING"
    assert group_verdict("PreparingRebalance", 2, "", [slow]).status == "WARN"
    assert group_verdict("Stable", 1, "no answer", [fine]).status == "UNKNOWN"
    assert worst(["OK", "STALL", "WARN"], "OK") == "STALL"
    assert worst([], "OK") == "OK"
    assert max(SEVERITY, key=SEVERITY.__getitem__) == "STOP"


def test_a_group_without_partitions() -> None:
    """Burrow answers OK for a group whose topics are gone, and its test says that it should not."""
    assert group_verdict("Empty", 0, "", []).status == "NOTFOUND"
    assert group_verdict("", None, "", []).status == "NOTFOUND"
    assert group_verdict("Dead", None, "", []).status == "NOTFOUND"
    assert group_verdict("Stable", 2, "", []).status == "OK"
    missing = Verdict("NOTFOUND", "主题已不存在 / the topic is gone")
    assert group_verdict("Stable", 2, "", [missing]).status == "NOTFOUND"
