"""What Burrow and kafka-lag-exporter answer: their published rules in our own words, so that a
table can hold their answer beside ours."""

from collections.abc import Sequence
from itertools import pairwise
from math import inf

from consumers.lag_math import Point

Commit = tuple[float, int, int]
"""(seconds, offset, lag when it was committed)."""


def burrow(commits: Sequence[Commit], ends: Sequence[int], lag: int, now: float) -> str:
    """Burrow's rules for a partition (linkedin/Burrow, evaluator): ``ends`` newest first."""
    offsets = [offset for _, offset, _ in commits]
    lags = [value for *_, value in commits]
    if lag == 0:
        return "OK"
    first, last = commits[0][0], commits[-1][0]
    lately = any(end <= offsets[-1] for end in ends)
    if now - last > last - first and not lately:
        return "STOP"
    if _rewound(offsets):
        return "REWIND"
    if 0 in lags:
        return "OK"
    if len(set(offsets)) == 1:
        return "STALL"
    if all(b >= a for a, b in pairwise(lags)):
        return "WARN"
    return "OK"


def _rewound(offsets: Sequence[int]) -> bool:
    high = offsets[0]
    back = False
    for offset in offsets[1:]:
        if offset < high:
            back = True
        elif back and offset >= high:
            back = False
        high = max(high, offset)
    return back


def exporter_lookup(points: Sequence[Point], offset: int) -> float | None:
    """kafka-lag-exporter's lookup table: when the end was at ``offset``. Interpolates, beyond the
    table extrapolates along its first and last point; None for too few points."""
    if len(points) < 2:
        return None
    newest = points[-1]
    if offset == newest[1]:
        return newest[0]
    for a, b in zip(reversed(points[:-1]), reversed(points[1:]), strict=True):
        if a[1] <= offset <= b[1] and a[1] != b[1]:
            return b[0] - (b[1] - offset) * (b[0] - a[0]) / (b[1] - a[1])
    a, b = points[0], newest
    if a[1] == b[1]:
        return inf if offset > a[1] else -inf
    return b[0] - (b[1] - offset) * (b[0] - a[0]) / (b[1] - a[1])
