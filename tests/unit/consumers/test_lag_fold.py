"""Looks folded one after another: groups, topics and clocks that come, go and lie."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.lag_fold import MISSING_S, fold, hold, to_read
from consumers.lag_look import First, GroupSeen, Look, Place
from consumers.lag_partition import Memory
from consumers.lag_status import Rules
from schemas.lag import GroupLag, PartitionLag

RULES = Rules(deadline_s=30.0, window_s=100.0)
WALL_MS = 1_700_000_000_000
ODD = '编辑\'部 "夜班" %s {x} <b>'


def look(
    at: float,
    groups: Mapping[str, Mapping[Place, int]],
    ends: Mapping[Place, int],
    *,
    starts: Mapping[Place, int] | None = None,
    ids: Mapping[str, str] | None = None,
    wall_ms: int | None = None,
    **described: Any,
) -> Look:
    """Every group stable with one member that owns what it committed."""
    topics = {topic for topic, _ in ends}
    found = Look(at=at, wall_ms=WALL_MS + round(at * 1000) if wall_ms is None else wall_ms)
    for name, commits in groups.items():
        options: dict[str, Any] = {
            "state": "Stable",
            "kind": "consumer",
            "members": 1,
            "owned": frozenset(commits),
        } | described
        found.groups[name] = GroupSeen(commits=dict(commits), **options)
    found.topics = {t: (ids or {}).get(t, "first") for t in topics}
    found.partitions = {t: sorted(p for u, p in ends if u == t) for t in topics}
    found.leaders = dict.fromkeys(ends, 1)
    found.ends = dict(ends)
    found.starts = {place: (starts or {}).get(place, 0) for place in ends}
    return found


def take(
    memory: Memory, this: Look, stamps: Mapping[int, int | None] | None = None
) -> dict[str, GroupLag]:
    """One cycle; ``stamps``: offset → timestamp (ms) of the record there."""
    firsts = {}
    for spot in to_read(memory, this):
        if stamps is not None and spot[1] in stamps:
            firsts[spot] = First(spot[1], stamps[spot[1]])
    hold(memory, this, firsts)
    return {g.group: g for g in fold(memory, this, lambda _g, _t: RULES, {})}


def only(groups: Mapping[str, GroupLag], name: str = "g") -> PartitionLag:
    (part,) = groups[name].partitions
    return part


A: Place = ("a", 0)


def test_a_record_is_read_once_and_then_ages_by_our_own_clock() -> None:
    memory = Memory()
    first = look(10.0, {"g": {A: 5}}, {A: 8})
    assert to_read(memory, first) == {(A, 5): 8}
    part = only(take(memory, first, {5: first.wall_ms - 4000}))
    assert (part.lag, part.lag_s, part.lag_s_from) == (3, 4.0, "record")
    stepped = look(15.0, {"g": {A: 5}}, {A: 8}, wall_ms=first.wall_ms - 3_600_000)
    assert to_read(memory, stepped) == {}
    part = only(take(memory, stepped))
    assert (part.lag_s, part.unmoved_s) == (9.0, 5.0)
    moved = look(20.0, {"g": {A: 6}}, {A: 8})
    assert to_read(memory, moved) == {(A, 6): 8}
    assert only(take(memory, look(25.0, {"g": {A: 8}}, {A: 8}))).lag_s == 0.0


@given(
    st.lists(st.tuples(st.floats(0.1, 60), st.integers(0, 9), st.integers(-86400, 86400)),
             min_size=1, max_size=15),
    st.integers(-86400, 86400),
)  # fmt: skip
def test_stuck_the_time_lag_only_grows_whatever_the_clock_does(
    turns: list[tuple[float, int, int]], age_s: int
) -> None:
    """Never negative, monotone while stuck, 0 when caught up."""
    memory, at, end = Memory(), 0.0, 3
    stamp = WALL_MS - age_s * 1000
    before = -1.0
    for wait, more, step_s in turns:
        at, end = at + wait, end + more
        wall = WALL_MS + round(at * 1000) + step_s * 1000 if before >= 0 else None
        part = only(take(memory, look(at, {"g": {A: 1}}, {A: end}, wall_ms=wall), {1: stamp}))
        assert part.lag == end - 1
        if part.lag_s is None:
            assert part.lag_s_why == "future_timestamp"
            return
        assert part.lag_s >= max(0.0, before)
        before = part.lag_s
    done = only(take(memory, look(at + 1, {"g": {A: end}}, {A: end})))
    assert (done.lag, done.lag_s) == (0, 0.0)


def test_without_a_usable_timestamp_the_history_of_ends_answers_or_nobody() -> None:
    memory = Memory()
    for at, end in ((0.0, 10), (10.0, 20), (20.0, 20), (30.0, 40)):
        groups = take(memory, look(at, {"g": {A: 10}, "h": {A: 5}}, {A: end}), {10: None, 5: None})
    part = only(groups)
    assert (part.lag_s, part.lag_s_from) == (30.0, "history")  # written just after the first look
    older = only(groups, "h")
    assert (older.lag_s, older.lag_s_why) == (None, "no_timestamp")
    future = look(40.0, {"g": {A: 39}}, {A: 40})
    part = only(take(memory, future, {39: future.wall_ms + 60_000}))
    assert part.lag_s_from == "history"
    assert part.lag_s == pytest.approx(10.5)


def test_more_than_it_can_read_is_left_for_the_next_cycle() -> None:
    memory = Memory()
    many = {("a", n): 3 for n in range(9)}
    this = look(0.0, {"g": dict.fromkeys(many, 1)}, many)
    wanted = to_read(memory, this, most=4)
    assert len(wanted) == 4
    hold(memory, this, {spot: First(1, WALL_MS) for spot in wanted})
    assert len(to_read(memory, this, most=4)) == 4
    groups = fold(memory, this, lambda _g, _t: RULES, {})
    assert [p.lag_s_why for p in groups[0].partitions].count("not_read") == 5
    assert all(p.lag == 2 for p in groups[0].partitions)


def test_only_markers_left_is_caught_up_until_something_comes() -> None:
    memory = Memory()
    this = look(0.0, {"g": {A: 3}}, {A: 4})
    hold(memory, this, {(A, 3): First(4, None, none_left=True)})
    assert only(take(memory, this)).lag == 0
    more = look(5.0, {"g": {A: 3}}, {A: 6})
    assert to_read(memory, more) == {(A, 3): 6}
    part = only(take(memory, more, {3: None}))
    assert part.lag == 3  # what was read now counts


def test_retention_that_overtakes_a_commit_is_counted_once() -> None:
    memory = Memory()
    take(memory, look(0.0, {"g": {A: 4}}, {A: 10}))
    for at in (5.0, 10.0):
        part = only(take(memory, look(at, {"g": {A: 4}}, {A: 10}, starts={A: 7})))
        assert (part.lag, part.lost) == (3, 3)
    part = only(take(memory, look(15.0, {"g": {A: 4}}, {A: 10}, starts={A: 9})))
    assert (part.lag, part.lost) == (1, 5)
    part = only(take(memory, look(20.0, {"g": {A: 10}}, {A: 10}, starts={A: 9})))
    assert (part.lag, part.lost) == (0, 5)


def test_what_it_had_consumed_before_it_went_back_is_not_lost() -> None:
    memory = Memory()
    take(memory, look(0.0, {"g": {A: 9}}, {A: 10}, starts={A: 7}))
    part = only(take(memory, look(5.0, {"g": {A: 0}}, {A: 10}, starts={A: 7})))
    assert (part.status, part.lost, part.lag) == ("REWIND", 0, 3)


@pytest.mark.parametrize("ids", [{"a": "second"}, {}], ids=["new id", "end fell"])
def test_a_topic_made_again_drops_what_was_remembered(ids: dict[str, str]) -> None:
    memory = Memory()
    for at in (0.0, 40.0):
        take(memory, look(at, {"g": {A: 90}}, {A: 100}), {90: WALL_MS})
    assert only(take(memory, look(45.0, {"g": {A: 90}}, {A: 100}))).status == "STALL"
    end = 200 if ids else 5
    again = look(50.0, {"g": {A: 2}}, {A: end}, ids=ids)
    assert (A, 2) in to_read(memory, again)
    part = only(take(memory, again))
    assert (part.remade, part.lag, part.status) == (1, end - 2, "OK")
    assert part.unmoved_s == 0.0
    assert only(take(memory, look(55.0, {"g": {A: 2}}, {A: end}, ids=ids))).remade == 1


def test_a_commit_past_the_end_is_no_zero() -> None:
    part = only(take(Memory(), look(0.0, {"g": {A: 90}}, {A: 5})))
    assert (part.lag, part.why, part.lag_s, part.status) == (None, "beyond_end", None, "WARN")


def test_partitions_that_were_added_are_uncommitted() -> None:
    ends = {A: 5, ("a", 1): 0}
    group = take(Memory(), look(0.0, {"g": {A: 5}}, ends))["g"]
    assert [(p.partition, p.lag, p.why) for p in group.partitions] == [
        (0, 0, ""),
        (1, None, "uncommitted"),
    ]
    assert (group.lag, group.uncommitted, group.status) == (0, 1, "OK")


def test_a_simple_consumer_is_held_to_its_own_partitions() -> None:
    ends = {A: 5, ("a", 1): 50}
    this = look(0.0, {"g": {A: 5}}, ends, kind="", members=0, owned=None, state="Empty")
    assert [p.partition for p in take(Memory(), this)["g"].partitions] == [0]


def test_groups_without_topics_and_topics_without_groups() -> None:
    this = look(0.0, {"idle": {}, ODD: {A: 1}}, {A: 1, ("lonely", 0): 9})
    groups = take(Memory(), this)
    assert (groups["idle"].status, groups["idle"].partitions) == ("OK", ())
    assert groups[ODD].lag == 0
    assert all(p.topic != "lonely" for g in groups.values() for p in g.partitions)


def test_a_topic_that_is_gone_leaves_no_number() -> None:
    memory = Memory()
    take(memory, look(0.0, {"g": {A: 1}}, {A: 9}))
    gone = look(5.0, {"g": {A: 1}}, {})
    part = only(take(memory, gone))
    assert (part.lag, part.why, part.status) == (None, "no_topic", "NOTFOUND")
    unreadable = look(5.0, {"g": {A: 1}}, {})
    unreadable.errors.append("topic a: LeaderNotAvailableError")
    assert only(take(memory, unreadable)).why == "no_end"


def test_half_an_answer_leaves_the_other_half() -> None:
    memory = Memory()
    both = {A: 9, ("a", 1): 9}
    take(memory, look(0.0, {"g": {A: 1, ("a", 1): 2}}, both))
    half = look(5.0, {"g": {A: 1, ("a", 1): 2}}, both)
    del half.ends["a", 1]
    group = take(memory, half)["g"]
    assert [(p.lag, p.why, p.status) for p in group.partitions] == [
        (8, "", "OK"),
        (None, "no_end", "UNKNOWN"),
    ]
    assert (group.lag, group.status) == (8, "UNKNOWN")
    assert group.partitions[1].seen_ms == WALL_MS


def test_a_group_that_could_not_be_asked_keeps_its_place_without_figures() -> None:
    memory = Memory()
    take(memory, look(0.0, {"g": {A: 1}}, {A: 9}))
    broken = look(5.0, {"g": {}}, {A: 9}, error="NotCoordinatorError")
    group = take(memory, broken)["g"]
    assert (group.status, group.lag, group.partitions[0].why) == ("UNKNOWN", None, "group_error")
    back = only(take(memory, look(10.0, {"g": {A: 1}}, {A: 9})))
    assert (back.lag, back.unmoved_s) == (8, 10.0)


def test_a_group_that_is_not_listed_is_unknown_for_a_while_and_then_gone() -> None:
    """A broker that has just started lists no group at all, without an error."""
    memory = Memory()
    take(memory, look(0.0, {"g": {A: 1}}, {A: 9}))
    assert take(memory, look(5.0, {}, {}))["g"].status == "UNKNOWN"
    assert take(memory, look(5.0 + MISSING_S, {}, {}))["g"].lag is None
    assert take(memory, look(6.0 + MISSING_S, {}, {})) == {}
    assert memory.groups == {}


def test_what_is_gone_is_forgotten() -> None:
    memory = Memory()
    take(memory, look(0.0, {"g": {A: 1, ("b", 0): 1}}, {A: 9, ("b", 0): 9}), {1: WALL_MS})
    assert len(memory.held) == 2
    take(memory, look(5.0, {"g": {A: 1}}, {A: 9}))
    assert set(memory.groups["g"]) == {A}
    assert set(memory.ends) == set(memory.seen_ms) == {A}
    assert set(memory.held) == {(A, 1)}


def test_sums_of_a_group() -> None:
    memory = Memory()
    two = {A: 100, ("a", 1): 100}
    for at, taken in ((0.0, 10), (5.0, 30), (10.0, 50)):
        commits = {A: taken, ("a", 1): 90 + int(at)}
        groups = take(memory, look(at, {"g": commits}, two), {taken: WALL_MS})
    group = groups["g"]
    assert group.lag == 50
    assert group.eta_s == pytest.approx(50 / 4)
    assert group.partitions[0].rate_out == pytest.approx(4.0)
    assert group.partitions[0].rate_in == 0.0
    assert group.partitions[0].trend == "shrinking"
    assert group.lag_s == pytest.approx(10.0)


def test_a_group_of_which_one_partition_does_not_drain_has_no_eta() -> None:
    memory = Memory()
    two = {A: 100, ("a", 1): 100}
    for at, taken in ((0.0, 10), (5.0, 30), (10.0, 50)):
        groups = take(memory, look(at, {"g": {A: taken, ("a", 1): 90}}, two))
    assert groups["g"].eta_s is None


def test_a_group_says_that_it_caught_up_where_a_sister_partition_is_empty() -> None:
    ends = {A: 0, ("a", 1): 5}
    group = take(Memory(), look(0.0, {"g": {("a", 1): 5}}, ends))["g"]
    assert (group.status, group.reason) == ("OK", "已跟上 / caught up")
