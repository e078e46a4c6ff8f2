"""Watches the wall clock by one that only runs forward: a clock that jumps opens no gate.

Embargoes and fallback times are told in wall time. When it moves by more than :data:`MOST_S`
against the steady clock between two looks, whatever would come due by it alone is frozen, and
an alarm is raised. It is over when the clock is back where it was, or has kept its new time for
``hold_s``: then the new time counts. The steady clock runs on while the machine sleeps.
"""

import threading
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger("clock")

MOST_S = 30.0
HOLD_S = 600.0


def steady_s() -> float:
    """Seconds since the machine started, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class ClockWatch:
    """``frozen`` looks at both clocks; thread safe. The first look sets what is normal."""

    def __init__(
        self,
        wall_ms: Callable[[], int],
        *,
        steady: Callable[[], float] = steady_s,
        hold_s: float = HOLD_S,
    ) -> None:
        self._wall_ms = wall_ms
        self._steady = steady
        self._hold_s = hold_s
        self._lock = threading.Lock()
        self._normal: float | None = None
        self._jumped: float | None = None
        """The difference of the clocks after a jump that is not believed yet."""
        self._since = 0.0

    def frozen(self) -> bool:
        """True while the wall clock is not to be trusted."""
        with self._lock:
            now = self._steady()
            apart = self._wall_ms() / 1000 - now
            if self._normal is None or abs(apart - self._normal) <= MOST_S:
                self._normal = apart  # small steps and drift are followed
                if self._jumped is not None:
                    log.warning("clock.back")
                    self._jumped = None
                return False
            if self._jumped is None or abs(apart - self._jumped) > MOST_S:
                log.error("clock.jumped", by_s=round(apart - self._normal), hold_s=self._hold_s)
                self._since = now
            self._jumped = apart
            if now - self._since < self._hold_s:
                return True
            log.warning("clock.accepted", by_s=round(apart - self._normal))
            self._normal, self._jumped = apart, None
            return False
