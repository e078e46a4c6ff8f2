"""A breaker for each channel: an outlet that is away is left in peace, and so is the log.

Pure. After :data:`AFTER` failures in a row, of more than one delivery, the channel rests; each
rest is longer than the last, and between two of them one delivery goes ahead and tries. Any
other answer ends the rests. Withdrawals do not rest: each of their own tries is a probe too.
"""

from dataclasses import dataclass, replace

from schemas.errors import QuotaUsed, TransientError, UnknownOutcome

AFTER = 5
PAUSES_S = (15.0, 30.0, 60.0, 120.0, 300.0)
"""Length of each rest; the last one repeats."""

Place = tuple[str, str, int]


@dataclass(frozen=True)
class Breaker:
    """How a channel fares. ``rests`` 0: it works as usual."""

    failures: int = 0
    failed: frozenset[Place] = frozenset()
    """Deliveries that failed since the last success."""
    last: Place | None = None
    """The delivery that failed last: the next probe is another one's, where there is one."""
    rests: int = 0
    since: int = 0
    """When it began to rest (ms)."""
    until: int = 0
    """When the next delivery may try (ms)."""
    reason: str = ""

    def resting(self, now: int) -> bool:
        return self.rests > 0 and now < self.until


def says_nothing(answer: object) -> bool:
    """Failures that are not the outlet's: a used-up quota, or a part of ours that is away."""
    return isinstance(answer, QuotaUsed) or (isinstance(answer, TransientError) and answer.ours)


def after(breaker: Breaker, answer: object, place: Place, now: int, jitter: float) -> Breaker:
    """How the channel fares after an answer to one of its deliveries; ``jitter`` 0..1."""
    if says_nothing(answer):
        return breaker
    if not isinstance(answer, TransientError | UnknownOutcome):
        return Breaker()
    failed = replace(
        breaker,
        failures=breaker.failures + 1,
        failed=breaker.failed | {place},
        last=place,
        reason=answer.reason,
    )
    if breaker.rests == 0 and (failed.failures < AFTER or len(failed.failed) < 2):
        return failed
    if breaker.resting(now):
        return failed  # a withdrawal that tried meanwhile makes nobody wait longer
    pause_s = PAUSES_S[min(breaker.rests, len(PAUSES_S) - 1)] * (1 + jitter / 4)
    return replace(
        failed,
        rests=breaker.rests + 1,
        since=breaker.since or now,
        until=now + round(pause_s * 1000),
    )
