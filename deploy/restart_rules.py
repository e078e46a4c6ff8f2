"""When a process is started again, and when the whole start is given up. Pure."""

from typing import Literal

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0
STEADY_S = 20.0
"""A process that lived so long did not fail at its start: its next wait is the first again."""
DEATHS_AT_START = 4
"""So many deaths without ever having been ready, and the start is given up."""
BAD_CONFIGURATION = 2
"""Exit status of a process that cannot work with its configuration: trying again is no use."""

Verdict = Literal["restart", "done", "give_up"]


def wait_before_start_s(quick_deaths: int) -> float:
    """Seconds to wait after so many deaths in a row (1: the first): 0.2, 0.4, … 5."""
    exponent = min(max(quick_deaths, 1) - 1, 10)
    return float(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**exponent))


def count_deaths(quick_deaths: int, lived_s: float) -> int:
    """Deaths in a row, this one included."""
    return 1 if lived_s >= STEADY_S else quick_deaths + 1


def judge_end(*, step: bool, status: int, was_ready: bool, quick_deaths: int) -> Verdict:
    """What follows when a process has ended.

    ``step``: it was meant to end. ``status``: exit status, minus the signal's number if killed by
    one. ``was_ready``: it has once done its work in this run; then it is started again for ever.
    """
    if step:
        return "done" if status == 0 else "give_up"
    if was_ready:
        return "restart"
    if status == BAD_CONFIGURATION or quick_deaths >= DEATHS_AT_START:
        return "give_up"
    return "restart"


def is_silent(*, now: float, last_sign: float, limit_s: float) -> bool:
    """Whether it has shown no sign of life for too long (monotonic seconds)."""
    return limit_s > 0 and now - last_sign > limit_s


def after_pause(last_sign: float, gap_s: float, usual_s: float) -> float:
    """Last sign of life, moved on by the time in which the supervisor itself did not run.

    A machine that slept, or a supervisor that was stopped, must not take its own absence for the
    others' silence.
    """
    return last_sign + gap_s if gap_s > usual_s else last_sign
