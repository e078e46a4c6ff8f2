"""The arithmetic of lag: what others test or get reported, their answer, ours, and why they differ."""

from collections.abc import Sequence
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.lag_math import (
    Job,
    Point,
    add_point,
    eta_s,
    newly_lost,
    offset_lag,
    rate,
    reached_at,
    recent,
    record_age_s,
    slope,
    trend_of,
    work_left_s,
    work_speed,
)
from schemas.lag import Trend, Why
from tests.unit.consumers.lag_upstream import exporter_lookup

OFFSETS: list[tuple[str, int | None, int | None, int | None, int | None, str, int | None, Why]] = [
    # who and where, start, end, committed, first, their answer, ours, our reason
    ("plain", 0, 200, 180, None, "20 (kafka-lag-exporter test)", 20, ""),
    ("caught up", 0, 100, 100, None, "0", 0, ""),
    # kafka_exporter #28, kafka-lag-exporter #45, Kafka's own tool "-": a number is a lie
    ("no commit", 0, 3083, None, None, "-1 (kafka_exporter), NaN (k-l-e)", None, "uncommitted"),
    ("no commit, nothing there", 0, 0, None, None, "-1", None, "uncommitted"),
    # KEDA #7936: what retention took is no backlog; with no commit we say nothing at all
    ("no commit, log begins late", 900, 1000, None, None, "1000 (KEDA before 7937)", None,
     "uncommitted"),
    # kafka_exporter #76 #169 #191 #437, braedon #21: ends read before commits gave -1 … -300.
    # We read ends last, so a commit past the end means another log: no figure rather than 0.
    ("commit past the end", 0, 100, 101, None, "-1 (kafka_exporter), 0 (braedon)", None,
     "beyond_end"),
    # redpanda #30624, kafka-lag-exporter #37: lag counted from a commit below the log's start
    ("commit below the start", 60, 100, 10, None, "90 (phantom)", 40, ""),
    ("all of it expired", 100, 100, 10, None, "90 (kafka-lag-exporter #37)", 0, ""),
    # KEDA #5675: the marker of a transaction can not be consumed, so the lag stays 1 for ever
    ("only a marker left", 0, 4, 3, 4, "1 (KEDA)", 0, ""),
    ("compacted gap", 0, 100, 10, 90, "90", 10, ""),
    ("first from another life", 0, 100, 10, 400, "-", 0, ""),
    ("no end", 0, None, 10, None, "omitted (KEDA #7414)", None, "no_end"),
    ("no start", None, 100, 10, None, "90", None, "no_start"),
]  # fmt: skip


@pytest.mark.parametrize("case", OFFSETS, ids=lambda c: c[0])
def test_offset_lag(
    case: tuple[str, int | None, int | None, int | None, int | None, str, int | None, Why],
) -> None:
    _, start, end, committed, first, _, lag, why = case
    assert offset_lag(start, end, committed, first) == (lag, why)


@given(
    start=st.integers(0, 50),
    length=st.integers(0, 50),
    committed=st.none() | st.integers(0, 150),
    first=st.none() | st.integers(0, 150),
)
def test_offset_lag_is_never_negative_and_never_more_than_the_log(
    start: int, length: int, committed: int | None, first: int | None
) -> None:
    lag, why = offset_lag(start, start + length, committed, first)
    assert (lag is None) == bool(why)
    if lag is not None:
        assert 0 <= lag <= length
    if committed == start + length:
        assert lag == 0


def test_lost_records_are_counted_once() -> None:
    assert newly_lost(start=60, committed=10, counted_to=0) == (50, 60)
    assert newly_lost(start=60, committed=10, counted_to=60) == (0, 60)
    assert newly_lost(start=75, committed=10, counted_to=60) == (15, 75)
    assert newly_lost(start=60, committed=60, counted_to=0) == (0, 60)


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=20),
)
def test_what_is_lost_is_never_more_than_what_went(looks: list[tuple[int, int]]) -> None:
    """Whatever the commits do, each offset is lost at most once."""
    counted, lost, start = 0, 0, 0
    for grows, committed in looks:
        start += grows
        more, counted = newly_lost(start, min(committed, start), counted)
        assert more >= 0
        lost += more
    assert lost <= start


# kafka-lag-exporter, LookupTableSpec: points (time, end); when was the end at this offset?
SQUARE = [(100.0, 100), (200.0, 200)]
FLATS = [(30.0, 100), (60.0, 200), (700.0, 200), (730.0, 300), (9000.0, 300), (9030.0, 400)]
FLAT = [(100.0, 100), (400.0, 100)]
LOOKUPS: list[tuple[str, Sequence[Point], int, float | None, float | None]] = [
    ("interpolates", SQUARE, 150, 150.0, 150.0),
    ("interpolates near the end", SQUARE, 190, 190.0, 190.0),
    ("at the oldest point", SQUARE, 100, 100.0, 100.0),
    # beyond the table they go on along first-last; for us unknown beats a guess (their #496: years)
    ("below the table", SQUARE, 10, 10.0, None),
    ("far below", SQUARE, -100, -100.0, None),
    ("above the table", SQUARE, 300, 300.0, None),
    ("before a flat stretch", FLATS, 199, 59.7, 59.7),
    ("after a flat stretch, its right end", FLATS, 200, 700.0, 700.0),
    ("just after it", FLATS, 201, 700.3, 700.3),
    ("between two", FLATS, 250, 715.0, 715.0),
    ("the second flat stretch", FLATS, 300, 9000.0, 9000.0),
    ("after that", FLATS, 301, 9000.3, 9000.3),
    # no growth: they answer minus and plus infinity; a pager must not see either
    ("flat, offset below", FLAT, 99, -inf, None),
    ("flat, offset above", FLAT, 101, inf, None),
    ("one point", [(100.0, 100)], 100, None, None),
    ("nothing", [], 0, None, None),
]


@pytest.mark.parametrize("case", LOOKUPS, ids=lambda c: c[0])
def test_when_a_record_was_written(
    case: tuple[str, Sequence[Point], int, float | None, float | None],
) -> None:
    _, points, offset, theirs, ours = case
    found = exporter_lookup(points, offset)
    assert found == (theirs if theirs is None else pytest.approx(theirs))
    mine = reached_at(points, offset)
    assert mine == (ours if ours is None else pytest.approx(ours))


def test_at_the_end_nothing_is_late() -> None:
    """Their newest point answers "zero lag"; we never ask, a lag of 0 has a time lag of 0."""
    assert exporter_lookup(FLAT, 100) == 400.0
    assert reached_at(FLAT, 100) is None


def test_points_are_kept_like_theirs() -> None:
    """Out of order is dropped, a flat stretch is kept as its two ends, the oldest leave first."""
    points: list[Point] = []
    assert add_point(points, 100.0, 100, 10)
    for late in (90.0, 100.0, 0.0, -1.0):
        assert not add_point(points, late, 110, 10)
    for at in (200.0, 300.0, 400.0):
        add_point(points, at, 100, 10)
    assert points == [(100.0, 100), (400.0, 100)]
    for at in range(1, 8):
        add_point(points, 400.0 + at, 100 + at, 5)
    assert len(points) == 5
    assert points[-1] == (407.0, 107)


def test_a_flat_stretch_is_cut_at_the_window() -> None:
    assert recent([(0.0, 5), (100.0, 5)], 50.0) == [(50.0, 5), (100.0, 5)]
    assert recent([(0.0, 4), (100.0, 5)], 50.0) == [(100.0, 5)]
    assert recent([(0.0, 5), (10.0, 5)], 50.0) == []


def lags(*values: int) -> list[Point]:
    return [(float(n), value) for n, value in enumerate(values)]


# klag, TopicLagHistoryTest: one look a second
SLOPES: list[tuple[str, list[Point], float | None]] = [
    ("two are too few", lags(50, 70), None),
    ("three", lags(50, 70, 90), 20.0),
    ("catching up", lags(500, 450, 400), -50.0),
    ("equilibrium", lags(100, 100, 100), 0.0),
    ("all at one time", [(1.0, 50), (1.0, 70), (1.0, 90)], None),
    ("four on a line", lags(10, 20, 30, 40), 10.0),
    ("no producer", lags(200, 150, 100), -50.0),
    ("producer far ahead", lags(100, 500, 900), 400.0),
    ("an outlier", lags(10, 25, 30), 10.0),
    ("noise", lags(10, 17, 18, 25, 32), 5.2),
]


@pytest.mark.parametrize("case", SLOPES, ids=lambda c: c[0])
def test_slopes_are_those_of_least_squares(case: tuple[str, list[Point], float | None]) -> None:
    _, points, expected = case
    assert slope(points) == (expected if expected is None else pytest.approx(expected))


TRENDS: list[tuple[str, list[Point], str, Trend]] = [
    # klag's dead band is a velocity set by hand; ours is a record and a tenth of the lag, so that
    # three stories that become six are growth, and 10,000 that become 10,300 are not
    ("three becomes six", lags(3, 4, 5, 6), "STABLE at their default of 1/s", "growing"),
    ("six becomes three", lags(6, 5, 4, 3), "STABLE", "shrinking"),
    ("one more is noise", lags(5, 5, 6, 6), "STABLE", "steady"),
    ("much, and a little more", lags(10_000, 10_100, 10_200, 10_300), "GROWING", "steady"),
    ("flat", lags(7, 7, 7), "STABLE", "steady"),
    ("nothing", lags(0, 0, 0), "STABLE", "steady"),
    # Burrow #738: one chance dip hides a steady growth from "never decreased"
    ("growth with a dip", lags(100, 120, 119, 140, 160, 180), "OK (Burrow)", "growing"),
    ("saw-tooth", lags(0, 9, 0, 9, 0, 9, 0), "STABLE", "steady"),
    ("too few", lags(1, 50), "none", "unknown"),
]


@pytest.mark.parametrize("case", TRENDS, ids=lambda c: c[0])
def test_trends(case: tuple[str, list[Point], str, Trend]) -> None:
    _, points, _, expected = case
    assert trend_of(points)[0] == expected


def test_an_eta_is_only_for_what_drains() -> None:
    """kafkatop divides by what is consumed: a queue that grows has a finite ETA there."""
    assert eta_s(100, "shrinking", -5.0) == 20.0
    assert eta_s(0, "growing", 5.0) == 0.0
    for way, net in (("growing", 5.0), ("steady", -0.1), ("unknown", None)):
        assert eta_s(100, way, net) is None  # type: ignore[arg-type]
    assert eta_s(None, "shrinking", -5.0) is None


@given(
    st.integers(0, 10_000),
    st.lists(st.integers(0, 10_000), min_size=3, max_size=12),
)
def test_an_eta_is_finite_and_never_negative(lag: int, values: list[int]) -> None:
    way, net = trend_of(lags(*values))
    found = eta_s(lag, way, net)
    assert found is None or 0 <= found < inf


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30), st.integers(0, 1500))
def test_history_never_answers_outside_of_what_was_seen(grows: list[int], offset: int) -> None:
    points: list[Point] = []
    end = 0
    for at, more in enumerate(grows):
        end += more
        add_point(points, float(at), end, 60)
    found = reached_at(points, offset)
    if found is not None:
        assert points[0][0] <= found <= points[-1][0]
        assert points[0][1] <= offset < end
    elif points[0][1] <= offset:
        assert offset >= end


def test_ages_of_records() -> None:
    assert record_age_s(1_000, 4_500) == 3.5
    assert record_age_s(1_000, 1_000) == 0.0
    assert record_age_s(1_001, 1_000) is None  # kafka-lag-exporter #138 reported negative seconds


def test_rates() -> None:
    assert rate(lags(0, 10, 30)) == 15.0
    assert rate(lags(5)) is None
    assert rate([]) is None


def test_work_is_counted_in_seconds() -> None:
    half, waits = Job(True, 60.0, 50, 1.0), Job(False, 7200.0, 0, 900.0)
    assert work_left_s([half, waits]) == 7230.0
    assert Job(False, 60.0, 50, 0.0).left_s == 60.0  # given back: it begins anew
    assert Job(True, 60.0, 130, 0.0).left_s == 0.0
    assert Job(True, -5.0, 0, 0.0).left_s == 0.0
    assert Job(True, 10.0, 0, 0.0).silence_limit_s == 120.0
    assert Job(True, 7200.0, 0, 0.0).silence_limit_s == 1440.0
    assert work_speed([(0.0, 0.0), (10.0, 5.0)]) == 0.5
    assert work_speed([(0.0, 0.0), (10.0, 0.0)]) is None
    assert work_speed([(0.0, 3.0)]) is None
