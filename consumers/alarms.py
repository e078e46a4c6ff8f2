"""Tell the newsroom's chat group what begins and what ends: grouped, once, across restarts.

The book of alarms is a ledger table, so that a restarted process neither repeats a message nor
forgets an end. Told again only when a message was sent and the process died before it was noted.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import structlog

from consumers.alarm_rules import conditions, follow, message
from consumers.story_figures import Figures
from schemas.alarm import Alarm
from schemas.errors import InvalidInput, PipelineError, TransientError
from schemas.lag import LagSnapshot
from stores.ledger import alarms as kept
from stores.ledger.transaction import Ledger

log = structlog.get_logger("alarms")

GROUP_S = 20.0
"""What begins within this time comes in one message."""
PAUSE_S = 60.0
"""Between two messages, so that a bad day never fills the group (robots allow 20 a minute)."""
RECENT_S = 600.0
"""A follower that was early is news for so long."""


class Alarms:
    """``turn()`` after each fresh pair of figures. ``say`` raises TransientError when not shown."""

    def __init__(
        self,
        ledger: Ledger,
        centre: str,
        say: Callable[[str], None] | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ledger = ledger
        self.centre = centre
        self.say = say
        self.clock = clock
        self._quiet_until = 0.0
        self._waits_since: float | None = None
        self._counts: deque[tuple[int, int]] = deque()

    def turn(self, figures: Figures, lag: LagSnapshot, *, probe_silent_s: float = 0.0) -> None:
        """Note what is wrong now; tell what is due. A ledger that is away changes nothing."""
        now = self.ledger.now_ms()
        present = conditions(
            figures, lag, breaches=self._recent(figures, now), probe_silent_s=probe_silent_s
        )
        try:
            with self.ledger.snapshot() as view:
                book = kept.book(view)
            following, begun, ended = follow(book, present, now)
            told = self._tell(begun, ended)
            if following != book or (told and ended):
                self._keep(book, following, begun, ended, now, told=told)
        except PipelineError as error:
            log.warning("alarms.waiting", error=str(error))

    def _tell(self, begun: list[Alarm], ended: list[Alarm]) -> bool:
        if not begun and not ended:
            self._waits_since = None
            return False
        clock = self.clock()
        if self._waits_since is None:
            self._waits_since = clock
        if clock < max(self._quiet_until, self._waits_since + GROUP_S):
            return False
        text = message(begun, ended, self.centre)
        self._quiet_until = clock + PAUSE_S
        log.warning("alarms.told", text=text)
        if self.say is not None:
            try:
                self.say(text)
            except (TransientError, InvalidInput) as error:
                log.warning("alarms.not_shown", error=str(error))
                return False
        self._waits_since = None
        return True

    def _keep(
        self,
        book: dict[str, Alarm],
        following: dict[str, Alarm],
        begun: list[Alarm],
        ended: list[Alarm],
        now: int,
        *,
        told: bool,
    ) -> None:
        if told:
            following = {**following, **{a.key: replace(a, told_at=now) for a in begun}}
        else:  # an end that could not be told yet stays in the book
            following = {**{a.key: replace(a, ended_at=None) for a in ended}, **following}
        with self.ledger.transaction() as tx:
            kept.keep(tx, book, following)

    def _recent(self, figures: Figures, now: int) -> int:
        """Order breaches that were found within the last ten minutes."""
        total = sum(figures.breaches.values())
        self._counts.append((now, total))
        while self._counts[0][0] < now - RECENT_S * 1000:
            self._counts.popleft()
        return total - self._counts[0][1]
