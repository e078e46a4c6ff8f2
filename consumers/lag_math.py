"""The arithmetic of lag: pure, over plain numbers. Unknown is None, never -1, NaN or infinity.

Times are seconds of the monitor's own monotonic clock, so that no step of the wall clock and no
other machine's clock enters a rate, a slope or an interpolation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from schemas.lag import Trend, Why

Point = tuple[float, int]
"""(seconds, value)."""

LEAST_POINTS = 3
"""A slope over fewer says nothing."""


def offset_lag(
    start: int | None, end: int | None, committed: int | None, first: int | None = None
) -> tuple[int | None, Why]:
    """Records not consumed, or None and why.

    ``first`` is the offset of the first record that is really there at or after the commit (the
    end of the log when none is): markers of transactions and compacted gaps before it are no
    records. A commit past the end is no lag of zero: the log was made again or cut.
    """
    if committed is None:
        return None, "uncommitted"
    if end is None:
        return None, "no_end"
    if start is None:
        return None, "no_start"
    if committed > end:
        return None, "beyond_end"
    at = max(committed, start)
    if first is not None:
        at = max(at, min(first, end))
    return max(0, end - at), ""


def newly_lost(start: int, committed: int, counted_to: int) -> tuple[int, int]:
    """Records that went away unconsumed and are not counted yet, and up to which offset they are.

    The log begins at ``start`` now; whatever lies between the commit and it is lost.
    """
    counted = max(committed, counted_to)
    return max(0, start - counted), max(start, counted_to)


def add_point(points: list[Point], at: float, value: int, most: int) -> bool:
    """Append in place; a stretch of one value is kept as its two ends. False (and no change) for
    a point that is not later than the last one. Keeps the newest ``most`` points."""
    if points and at <= points[-1][0]:
        return False
    if len(points) >= 2 and points[-1][1] == value == points[-2][1]:
        points[-1] = (at, value)
        return True
    points.append((at, value))
    if len(points) > most:
        del points[0]
    return True


def recent(points: Sequence[Point], since: float) -> list[Point]:
    """Points not older than ``since``; a flat stretch that began before it is cut there."""
    kept = [p for p in points if p[0] >= since]
    if len(kept) < len(points) and kept:
        before = points[-len(kept) - 1]
        if before[1] == kept[0][1] and kept[0][0] > since:
            kept.insert(0, (since, before[1]))
    return kept


def reached_at(ends: Sequence[Point], offset: int) -> float | None:
    """When the record at ``offset`` was written, by the history of end offsets: it came between
    the last look that found the end at or below it and the first that found it above. Linear in
    between; None outside of what was seen (no extrapolation)."""
    later: Point | None = None
    for point in reversed(ends):
        if point[1] <= offset:
            if later is None:
                return None
            share = (offset - point[1]) / (later[1] - point[1])
            return point[0] + (later[0] - point[0]) * share
        later = point
    return None


def rate(points: Sequence[Point]) -> float | None:
    """Change a second between the first and the last point; None for fewer than two."""
    if len(points) < 2 or points[-1][0] <= points[0][0]:
        return None
    return (points[-1][1] - points[0][1]) / (points[-1][0] - points[0][0])


def slope(points: Sequence[Point]) -> float | None:
    """Least squares, a second; None for fewer than three points or no time between them."""
    count = len(points)
    if count < LEAST_POINTS:
        return None
    mean_t = sum(p[0] for p in points) / count
    mean_v = sum(p[1] for p in points) / count
    square = sum((p[0] - mean_t) ** 2 for p in points)
    if square <= 0:
        return None
    return sum((p[0] - mean_t) * (p[1] - mean_v) for p in points) / square


def trend_of(points: Sequence[Point]) -> tuple[Trend, float | None]:
    """Which way the lag goes, and its slope.

    Dead band: over the whole window the line must climb or fall by more than a record and a half and
    more than a tenth of the mean lag, or it is steady.
    """
    found = slope(points)
    if found is None:
        return "unknown", None
    change = found * (points[-1][0] - points[0][0])
    mean = sum(p[1] for p in points) / len(points)
    band = max(1.5, mean / 10)
    if change > band:
        return "growing", found
    if change < -band:
        return "shrinking", found
    return "steady", found


def eta_s(lag: int | None, trend: Trend, net: float | None) -> float | None:
    """Seconds until caught up at the net rate (arrivals taken off); None unless it drains."""
    if lag is None:
        return None
    if lag == 0:
        return 0.0
    if trend != "shrinking" or net is None or net >= 0:
        return None
    return lag / -net


def record_age_s(timestamp_ms: int, wall_ms: int) -> float | None:
    """Age of a record by its own timestamp; None for one in the future, whose clock is wrong or
    ours is."""
    return None if timestamp_ms > wall_ms else (wall_ms - timestamp_ms) / 1000


@dataclass(frozen=True, slots=True)
class Job:
    """One transcode as the ledger has it."""

    working: bool
    cost_s: float
    """Estimated ffmpeg seconds of all of it."""
    percent: int
    silent_s: float
    """Since its row last changed."""

    @property
    def left_s(self) -> float:
        done = min(100, max(0, self.percent)) if self.working else 0
        return max(0.0, self.cost_s) * (100 - done) / 100

    @property
    def silence_limit_s(self) -> float:
        """Progress is reported every 5 %: four times that share of the estimate, two minutes at
        least (fetching, looking at it and storing the result report nothing)."""
        return max(120.0, self.cost_s * 0.2)


def work_left_s(jobs: Iterable[Job]) -> float:
    """Backlog in seconds of work."""
    return sum(job.left_s for job in jobs)


def work_speed(points: Sequence[tuple[float, float]]) -> float | None:
    """Seconds of work done in a second of the clock, from (seconds, work done so far) points."""
    if len(points) < 2 or points[-1][0] <= points[0][0]:
        return None
    done = points[-1][1] - points[0][1]
    return done / (points[-1][0] - points[0][0]) if done > 0 else None
