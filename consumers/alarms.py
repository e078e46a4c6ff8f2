"""Tell the newsroom's chat group what begins and what ends: grouped, once, across restarts.

The book of alarms is a ledger table, so that a restarted process neither repeats a message nor
forgets an end. Told again only when a message was sent and the process died before it was noted.
That the ledger itself is away is told from memory.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import structlog

from consumers.alarm_rules import LEDGER_AWAY, conditions, follow, message
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
"""A follower that was early, or a record that was lost, is news for so long."""

Book = dict[str, Alarm]


class Lately:
    """By how much a total grew within the last ten minutes; the first one seen is the zero."""

    def __init__(self) -> None:
        self._counts: deque[tuple[int, int]] = deque()

    def grown(self, now: int, total: int) -> int:
        self._counts.append((now, total))
        while self._counts[0][0] < now - RECENT_S * 1000:
            self._counts.popleft()
        return max(0, total - self._counts[0][1])


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
        self._early = Lately()
        self._lost: dict[str, Lately] = {}
        self._own: Book = {}
        """What cannot be in the ledger's book: that the ledger is away."""
        self._unwritten: Book | None = None
        """The book as it should be, since a write of it failed."""

    def turn(self, figures: Figures, lag: LagSnapshot, *, probe_silent_s: float = 0.0) -> None:
        """Note what is wrong now; tell what is due."""
        now = self.ledger.now_ms()
        present = conditions(
            figures,
            lag,
            breaches=self._early.grown(now, sum(figures.breaches.values())),
            lost=self._lost_lately(lag, now),
            probe_silent_s=probe_silent_s,
        )
        try:
            with self.ledger.snapshot() as view:
                written = kept.book(view)
        except PipelineError as error:
            log.warning("alarms.ledger_away", error=str(error))
            self._alone(now, away=True)
            return
        book = written if self._unwritten is None else self._unwritten
        following, begun, ended = follow(book, present, now)
        away = [LEDGER_AWAY] if self._unwritten is not None else []
        own, own_begun, own_ended = follow(self._own, away, now)
        told = self._tell(begun + own_begun, ended + own_ended)
        self._own = _noted(own, own_begun, own_ended, now, told=told)
        following = _noted(following, begun, ended, now, told=told)
        if following != written or self._unwritten is not None:
            self._keep(written, following)

    def aside(self) -> bool:
        """The turn of one that may not tell any more, another host does: whether the ledger
        answers is all that it still follows. False when there is nothing left to follow."""
        try:
            with self.ledger.snapshot() as view:
                kept.book(view)
        except PipelineError:
            self._alone(self.ledger.now_ms(), away=True)
        else:
            self._unwritten = None
            self._alone(self.ledger.now_ms(), away=False)
        return bool(self._own)

    def _alone(self, now: int, *, away: bool) -> None:
        own, begun, ended = follow(self._own, [LEDGER_AWAY] if away else [], now)
        told = self._tell(begun, ended)
        self._own = _noted(own, begun, ended, now, told=told)

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

    def _keep(self, written: Book, following: Book) -> None:
        """A book that cannot be written is kept in memory, or its messages would come again."""
        try:
            with self.ledger.transaction() as tx:
                kept.keep(tx, written, following)
        except PipelineError as error:
            log.warning("alarms.not_kept", error=str(error))
            self._unwritten = following
        else:
            self._unwritten = None

    def _lost_lately(self, lag: LagSnapshot, now: int) -> dict[str, int]:
        found = {
            group.group: self._lost.setdefault(group.group, Lately()).grown(now, group.lost)
            for group in lag.groups
        }
        return {name: count for name, count in found.items() if count}


def _noted(
    following: Book, begun: list[Alarm], ended: list[Alarm], now: int, *, told: bool
) -> Book:
    """The book after what was due was told, or was not: an end that could not be told stays."""
    if told:
        return {**following, **{a.key: replace(a, told_at=now) for a in begun}}
    return {**{a.key: replace(a, ended_at=None) for a in ended}, **following}
