"""新媒体首发: when a wave may go out. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from schemas.beijing import at, clock
from schemas.gates import FALLBACK, FIRST

CUT_OFF_MARGIN = timedelta(minutes=15)
"""A wave opens this long before a cut-off of one of its channels, so that they still make it."""

LOST = frozenset({"not_applicable"})
"""States of publications that never take part in a wave. One that a person gave up still does:
giving up opens nothing."""


@dataclass(frozen=True)
class Member:
    """One publication as the gates see it."""

    channel: str
    wave: int
    state: str
    was_live: bool
    """A receipt came in: a draft or a hand-off that waits is not one."""


@dataclass(frozen=True)
class Gate:
    """Whether a wave is open, why, and when it opens in any case."""

    open: bool
    reason: str
    opens_at: int | None = None


def gate(
    wave: int,
    members: Iterable[Member],
    *,
    rule: Literal["any", "all"],
    opened: dict[int, str],
    fallback_at: int,
    now: int,
) -> Gate:
    """A wave is open when it is the first with members, when any (or all) of the nearest wave
    before it was live, at ``fallback_at`` (ms), or by a person's override in ``opened``."""
    if wave in opened:
        return Gate(open=True, reason=opened[wave])
    before = [m for m in members if m.wave < wave and m.state not in LOST]
    if not before:
        return Gate(open=True, reason=f"{FIRST} / first wave")
    nearest = max(m.wave for m in before)
    previous = [m for m in before if m.wave == nearest]
    live = [m for m in previous if m.was_live]
    if live and rule == "any":
        return Gate(
            open=True, reason=f"第{nearest}波已上线 / wave {nearest} live: {live[0].channel}"
        )
    if previous and len(live) == len(previous):
        return Gate(open=True, reason=f"第{nearest}波全部上线 / all of wave {nearest} live")
    if now >= fallback_at:
        return Gate(open=True, reason=f"{FALLBACK} / fallback time {clock(fallback_at)}")
    return Gate(
        open=False,
        reason=(
            f"等第{nearest}波上线, 最迟 {clock(fallback_at)} 开闸 / "
            f"waits for wave {nearest}, opens at {clock(fallback_at)} at the latest"
        ),
        opens_at=fallback_at,
    )


def fallback_at(released_at: int, after_s: int, cut_offs: Iterable[str]) -> int:
    """``min(released_at + after_s, next cut-off - margin)``, never before the release.

    ``cut_offs``: ``HH:MM`` in Shanghai time, of the channels of the wave.
    """
    released = at(released_at)
    times = [released + timedelta(seconds=after_s)]
    for cut_off in cut_offs:
        hour, minute = (int(part) for part in cut_off.split(":"))
        closing = released.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if closing <= released:
            closing += timedelta(days=1)
        times.append(closing - CUT_OFF_MARGIN)
    return max(released_at, round(min(times).timestamp() * 1000))
