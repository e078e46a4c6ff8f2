"""A clock that jumps is not believed at once, and never silently."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import structlog.testing
from hypothesis import given
from hypothesis import strategies as st

from bus.clock_watch import HOLD_S, MOST_S, ClockWatch


@dataclass
class Clocks:
    """A wall clock and a steady one, moved by hand."""

    wall_s: float = 1_800_000_000.0
    steady_s: float = 50.0
    watch: ClockWatch = field(init=False)

    def __post_init__(self) -> None:
        self.watch = ClockWatch(lambda: round(self.wall_s * 1000), steady=lambda: self.steady_s)
        self.watch.frozen()

    def run(self, seconds: float, *, jump: float = 0.0) -> bool:
        self.steady_s += seconds
        self.wall_s += seconds + jump
        return self.watch.frozen()


def logged(act: Callable[[], object]) -> list[str]:
    with structlog.testing.capture_logs() as lines:
        act()
    return [line["event"] for line in lines]


@pytest.mark.parametrize("jump", [7200.0, -7200.0, 31.0, -31.0])
def test_a_jump_freezes_until_the_clock_is_back(jump: float) -> None:
    clocks = Clocks()
    assert not clocks.run(1)
    assert logged(lambda: clocks.run(1, jump=jump)) == ["clock.jumped"]
    assert clocks.run(HOLD_S / 2), "told once, frozen all the while"
    assert logged(lambda: clocks.run(1, jump=-jump)) == ["clock.back"]
    assert not clocks.run(1)


@pytest.mark.parametrize("jump", [7200.0, -7200.0])
def test_a_new_time_that_stays_is_believed_in_the_end(jump: float) -> None:
    clocks = Clocks()
    assert clocks.run(1, jump=jump)
    for _ in range(int(HOLD_S / 60) - 1):
        assert clocks.run(60)
    assert logged(lambda: clocks.run(61)) == ["clock.accepted"]
    assert not clocks.run(1)


def test_a_second_jump_begins_the_wait_anew() -> None:
    clocks = Clocks()
    assert clocks.run(1, jump=7200)
    assert clocks.run(HOLD_S - 10)
    assert logged(lambda: clocks.run(1, jump=-3600)) == ["clock.jumped"]
    assert clocks.run(HOLD_S - 10)
    assert not clocks.run(11)


@given(st.lists(st.tuples(st.floats(0, 3600), st.floats(-MOST_S + 1, MOST_S - 1))))
def test_small_steps_and_sleep_freeze_nothing(steps: list[tuple[float, float]]) -> None:
    clocks = Clocks()
    for seconds, jump in steps:
        assert not clocks.run(seconds, jump=jump)
