"""The one timer: sleeps until the next wakeup is due (1 s at most), then rings."""

import threading
import time
from collections.abc import Callable

import structlog

from schemas.errors import PipelineError
from schemas.events import WakeupDue
from stores.ledger import outbox, wakeups
from stores.ledger.transaction import Ledger

log = structlog.get_logger("timer")

SWEEP_S = 15.0


class Timer:
    """Turns due rows into events for the conductor, in one transaction. (A publication that
    waits has its own ``due_at``, which its publisher watches.)"""

    def __init__(
        self,
        ledger: Ledger,
        sweep: Callable[[], None] = lambda: None,
        frozen: Callable[[], bool] = lambda: False,
    ) -> None:
        self.ledger = ledger
        self.frozen = frozen
        self.sweep = sweep
        """Called every ``SWEEP_S``."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="timer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        swept = time.monotonic()
        while not self._stop.is_set():
            try:
                wait_s = self.ring_due()
                if time.monotonic() - swept > SWEEP_S:
                    swept = time.monotonic()
                    self._sweep()
            except PipelineError as error:
                log.warning("timer.waiting", error=str(error))
                wait_s = 1.0
            self._stop.wait(wait_s)

    def _sweep(self) -> None:
        """One row that the sweep cannot read must not end the core, and all stories with it."""
        try:
            self.sweep()
        except PipelineError:
            raise
        except Exception:
            log.exception("timer.sweep_failed")

    def ring_due(self) -> float:
        """Ring everything that is due; returns seconds to sleep. Nothing rings while the clock
        is not to be trusted."""
        if self.frozen():
            return 1.0
        now = self.ledger.now_ms()
        with self.ledger.snapshot() as view:
            due = wakeups.next_due(view)
        if due is None or due > now:
            return 1.0 if due is None else min(1.0, max(0.005, (due - now) / 1000))
        with self.ledger.transaction() as tx:
            for wakeup in wakeups.take_due(tx, now):
                outbox.append(tx, WakeupDue.model_validate(wakeup.data), at=now)
        return 0.0
