"""Figures in stories: how long they took to each outlet, what is late now, and who can act.

Read from the ledger in short snapshots; see ``stores/ledger/promptness.py``. A figure is counted
once it can no longer change, so a restarted monitor comes to the same totals.
"""

import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import get_args

from schemas.channel import ChannelSpec
from schemas.lag import Late
from schemas.story import Kind
from stores.ledger import probes, promptness
from stores.ledger.promptness import Owed
from stores.ledger.transaction import Ledger

BOUNDS_S = (5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 21600.0)
"""Upper bounds of the histograms; each channel's own limit is added to them."""
UNSETTLED_MS = 5_000
"""What is younger may still be in a transaction that has not committed."""
FOR_CONTACT = frozenset({"needs_person", "awaiting_person", "refused", "removed_by_platform"})


@dataclass
class Histogram:
    """Cumulative on reading, as Prometheus wants it; ``counts`` has one more than ``bounds``."""

    bounds: tuple[float, ...]
    counts: list[int]
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect.bisect_left(self.bounds, seconds)] += 1
        self.total_s += seconds

    def cumulative(self) -> list[tuple[str, float]]:
        """``[("5.0", 3), …, ("+Inf", 9)]``."""
        told, running = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            running += count
            told.append((bound, float(running)))
        return told


@dataclass
class Figures:
    """Everything at ``at_ms``; the totals only ever grow."""

    at_ms: int = 0
    since_filed: dict[tuple[str, str], Histogram] = field(default_factory=dict)
    """(channel, story kind) → upload to receipt."""
    since_released: dict[tuple[str, str], Histogram] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    missed: dict[str, int] = field(default_factory=dict)
    breaches: dict[str, int] = field(default_factory=dict)
    breached: list[tuple[str, int]] = field(default_factory=list)
    """(channel, story number), newest last; the last 50."""
    late: tuple[Late, ...] = ()
    waiting: dict[tuple[str, str], int] = field(default_factory=dict)
    """(channel, state) → deliveries in it now."""
    letters: int = 0
    letters_open: int = 0


def limits(specs: Iterable[ChannelSpec]) -> dict[str, float]:
    """Channel → seconds after a delivery's own release at which it is late."""
    return {spec.id: spec.late_after_s for spec in specs}


def bounds_of(limit_s: float) -> tuple[float, ...]:
    return tuple(sorted({*BOUNDS_S, limit_s}))


def late_now(
    owed: Iterable[Owed], specs: Mapping[str, ChannelSpec], now_ms: int
) -> tuple[Late, ...]:
    """The deliveries over their limit, worst first."""
    found = []
    for delivery in owed:
        spec = specs.get(delivery.channel)
        if spec is None:
            continue
        late_s = (now_ms - delivery.since) / 1000 - spec.late_after_s
        if late_s <= 0:
            continue
        by_hand = delivery.state in FOR_CONTACT
        found.append(
            Late(
                delivery.number,
                delivery.story_id,
                delivery.headline,
                delivery.kind,
                delivery.channel,
                spec.name,
                delivery.state,
                delivery.reason,
                late_s,
                spec.contact if by_hand else "系统会接着做; 久不动请找运维",
            )
        )
    return tuple(sorted(found, key=lambda late: -late.late_s))


class StoryFigures:
    """Keeps :class:`Figures` up to date; one thread refreshes, any thread reads ``figures``."""

    def __init__(self, ledger: Ledger, specs: Iterable[ChannelSpec]) -> None:
        self.ledger = ledger
        self.specs = {spec.id: spec for spec in specs}
        self.figures = Figures()
        for channel in self.specs:  # from zero on: a rate cannot see a series' first value
            for kind in get_args(Kind):
                self._add(self.figures.since_filed, channel, kind)
                self._add(self.figures.since_released, channel, kind)
        self.probes: dict[str, tuple[float, float]] = {}
        """Channel → (seconds its last probe took, Unix time at which it came)."""

    def refresh(self) -> Figures:
        """Read what is new; raises what the ledger raises and then changes nothing."""
        now = self.ledger.now_ms()
        after = self.figures.at_ms
        until = max(after, now - UNSETTLED_MS)  # a clock set back: nothing until it is past again
        with self.ledger.snapshot() as tx:
            arrivals = promptness.arrivals(tx, after, until)
            counted = promptness.kept_and_missed(tx, limits(self.specs.values()), after, until)
            breaches = promptness.order_breaches(tx, after, until)
            owed = promptness.owed(tx, now)
            waiting = promptness.by_state(tx)
            letters, letters_open = promptness.open_letters(tx)
            self.probes = probes.last(tx)
        figures = self.figures
        for arrival in arrivals:
            self._add(figures.since_filed, arrival.channel, arrival.kind, arrival.since_filed_s)
            self._add(
                figures.since_released, arrival.channel, arrival.kind, arrival.since_released_s
            )
        for channel, (kept, missed) in counted.items():
            figures.kept[channel] = figures.kept.get(channel, 0) + kept
            figures.missed[channel] = figures.missed.get(channel, 0) + missed
        for channel, _number in breaches:
            figures.breaches[channel] = figures.breaches.get(channel, 0) + 1
        figures.breached = [*figures.breached, *breaches][-50:]
        figures.late = late_now(owed, self.specs, now)
        figures.waiting = waiting
        figures.letters, figures.letters_open = letters, letters_open
        figures.at_ms = until
        return figures

    def probe_silent_s(self) -> float:
        """Since the outlet that waits longest took a probe; 0 before the first one came."""
        oldest = min((at for _, at in self.probes.values()), default=None)
        return 0.0 if oldest is None else max(0.0, self.ledger.now_ms() / 1000 - oldest)

    def _add(
        self,
        into: dict[tuple[str, str], Histogram],
        channel: str,
        kind: str,
        *seconds: float,
    ) -> None:
        spec = self.specs.get(channel)
        if spec is None:
            return
        if (channel, kind) not in into:
            bounds = bounds_of(spec.late_after_s)
            into[channel, kind] = Histogram(bounds, [0] * (len(bounds) + 1))
        for one in seconds:
            into[channel, kind].add(one)
