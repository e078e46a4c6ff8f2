"""One channel's breaker with its place in the ledger: for the board, and for the next start."""

import random

import structlog

from consumers import breaker
from consumers.breaker import Breaker, Place
from schemas.errors import PipelineError
from stores.ledger import rests
from stores.ledger.transaction import Ledger

log = structlog.get_logger("publish")


class Rests:
    """``breaker`` says whether the channel rests; ``note`` is told of every answer."""

    def __init__(self, ledger: Ledger, channel: str) -> None:
        self.ledger = ledger
        self.channel = channel
        with ledger.snapshot() as view:
            kept = rests.all_of(view).get(channel)
        self.breaker = (
            Breaker()
            if kept is None
            else Breaker(rests=kept.rests, since=kept.since, until=kept.until, reason=kept.reason)
        )
        self._kept = (self.breaker.rests, self.breaker.until)
        """As the ledger has it."""

    def note(self, place: Place, answer: object) -> bool:
        """One line in the log when rests begin and one when they end. True when this was a probe
        that failed: it costs the delivery no try."""
        before, now = self.breaker, self.ledger.now_ms()
        jitter = random.random()  # noqa: S311  # no secret
        self.breaker = fares = breaker.after(before, answer, place, now, jitter)
        if fares.rests and not before.rests:
            log.error(
                "publish.resting",
                channel=self.channel,
                failures=fares.failures,
                reason=fares.reason,
            )
        elif before.rests and not fares.rests:
            log.warning("publish.works_again", channel=self.channel, failures=before.failures)
        if self._kept != (fares.rests, fares.until):
            self._keep()
        return bool(before.rests and fares.rests) and not breaker.says_nothing(answer)

    def _keep(self) -> None:
        """A ledger that is away costs no answer; the next answer tries again."""
        fares = self.breaker
        try:
            with self.ledger.transaction() as tx:
                if fares.rests:
                    rests.put(
                        tx,
                        rests.Rest(
                            self.channel, fares.rests, fares.since, fares.until, fares.reason
                        ),
                    )
                else:
                    rests.end(tx, self.channel)
        except PipelineError as error:
            log.warning("publish.rest_not_kept", channel=self.channel, error=str(error))
        else:
            self._kept = (fares.rests, fares.until)
