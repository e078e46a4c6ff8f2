"""新媒体首发: a wave opens when one before it is live, at its fallback time, or by a person."""

from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.beijing import SHANGHAI, clock
from streams.waves import CUT_OFF_MARGIN, Member, fallback_at, gate

STATES = ["planned", "ready", "intent", "live", "refused", "not_applicable", "cancelled", "unknown"]
members = st.builds(
    Member,
    channel=st.sampled_from(["web", "wechat", "tv", "paper"]),
    wave=st.integers(1, 4),
    state=st.sampled_from(STATES),
    was_live=st.booleans(),
)
rules: st.SearchStrategy[Literal["any", "all"]] = st.sampled_from(["any", "all"])
NOW = 1_800_000_000_000


def member(wave: int, state: str = "ready", *, live: bool = False) -> Member:
    return Member(f"c{wave}", wave, "live" if live else state, live)


@given(st.integers(1, 4), st.lists(members, max_size=8), rules, st.integers(-10, 10))
def test_a_wave_never_opens_by_accident(
    wave: int, found: list[Member], rule: Literal["any", "all"], late: int
) -> None:
    opening = gate(wave, found, rule=rule, opened={}, fallback_at=NOW, now=NOW + late)
    before = [m for m in found if m.wave < wave and m.state != "not_applicable"]
    nearest = [m for m in before if m.wave == max(b.wave for b in before)]
    live = [m for m in nearest if m.was_live]
    asked = (bool(live) if rule == "any" else len(live) == len(nearest)) or late >= 0
    assert opening.open == (not before or asked)
    assert opening.reason
    assert (opening.opens_at is None) == opening.open


@given(st.lists(members, max_size=8), rules)
def test_the_first_wave_is_open(found: list[Member], rule: Literal["any", "all"]) -> None:
    assert gate(1, found, rule=rule, opened={}, fallback_at=NOW + 1, now=NOW).open


@given(st.integers(1, 9), st.lists(members, max_size=6))
def test_what_a_person_opened_stays_open_with_their_reason(wave: int, found: list[Member]) -> None:
    told = "总编 开闸: 突发"
    opening = gate(wave, found, rule="all", opened={wave: told}, fallback_at=NOW + 9, now=NOW)
    assert (opening.open, opening.reason) == (True, told)


def test_only_the_nearest_wave_before_counts() -> None:
    found = [member(1, live=True), member(2), member(3)]
    opening = gate(3, found, rule="any", opened={}, fallback_at=NOW + 1, now=NOW)
    assert not opening.open
    assert "第2波" in opening.reason
    skipping = [member(1, live=True), member(3)]
    assert gate(3, skipping, rule="any", opened={}, fallback_at=NOW + 1, now=NOW).open


@pytest.mark.parametrize("state", ["awaiting_person", "accepted", "refused", "needs_person"])
def test_what_is_not_live_opens_nothing(state: str) -> None:
    opening = gate(
        2, [member(1, state), member(2)], rule="any", opened={}, fallback_at=NOW + 1, now=NOW
    )
    assert not opening.open


def test_all_means_all_that_take_part() -> None:
    found = [member(1, live=True), Member("x", 1, "planned", False), member(2)]
    assert not gate(2, found, rule="all", opened={}, fallback_at=NOW + 1, now=NOW).open
    found[1] = Member("x", 1, "not_applicable", False)
    assert gate(2, found, rule="all", opened={}, fallback_at=NOW + 1, now=NOW).open


hours = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.integers(0, 59))


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(1, 7 * 86400),
    st.lists(hours, max_size=3),
)
def test_the_fallback_is_between_release_and_its_latest_time(
    released: datetime, after_s: int, cut_offs: list[str]
) -> None:
    ms = round(released.timestamp() * 1000)
    at = fallback_at(ms, after_s, cut_offs)
    assert ms <= at <= ms + after_s * 1000
    for cut_off in cut_offs:
        hour, minute = map(int, cut_off.split(":"))
        local = datetime.fromtimestamp(ms / 1000, tz=UTC).astimezone(SHANGHAI)
        closing = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
        closing += timedelta(days=1) if closing <= local else timedelta()
        latest = max(local, closing - CUT_OFF_MARGIN)
        assert at <= round(latest.timestamp() * 1000) + 1
    if not cut_offs:
        assert at == ms + after_s * 1000


def test_a_cut_off_brings_the_newspaper_forward() -> None:
    noon = round(datetime(2026, 11, 24, 14, 0, tzinfo=UTC).timestamp() * 1000)  # 22:00 there
    assert clock(fallback_at(noon, 7200, ["23:30"])) == "23:15:00"
    assert clock(fallback_at(noon, 1800, ["23:30"])) == "22:30:00"
    assert clock(fallback_at(noon, 7200, ["22:10"])) == "22:00:00"
    assert clock(fallback_at(noon, 86400, ["21:00"])) == "20:45:00"
