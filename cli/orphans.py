"""Deletes what nothing names from S3, once an hour; part of the process ``work``."""

import threading

import structlog

from schemas.errors import PipelineError
from stores import orphans
from stores.ledger.transaction import Ledger
from stores.objects import Objects

log = structlog.get_logger("orphans")

FIRST_S = 300.0
EVERY_S = 3600.0


class Orphans:
    """The thread that does it. A run that fails is told in the log and tried again in an hour."""

    def __init__(self, ledger: Ledger, store: Objects) -> None:
        self.ledger = ledger
        self.store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="orphans", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        wait_s = FIRST_S
        while not self._stop.wait(wait_s):
            wait_s = EVERY_S
            try:
                gone = orphans.sweep(self.ledger, self.store)
            except PipelineError as error:
                log.warning("orphans.waiting", error=str(error))
            else:
                if gone:
                    log.info("orphans.deleted", objects=gone)
