"""What one host of several does: by a lease, so that two never do it at once."""

import threading

import structlog

from bus.lease import Keeper
from schemas.settings import Settings
from stores.ledger.transaction import Ledger

log = structlog.get_logger("lease")


class OneHost:
    """Whose turn it is. A lost lease ends this work alone; the rest of the process goes on."""

    def __init__(self, ledger: Ledger, settings: Settings, name: str) -> None:
        self.ledger = ledger
        self.settings = settings
        self.name = name
        self._keeper: Keeper | None = None
        self._mine: Ledger | None = None
        self._lost = threading.Event()

    def mine(self) -> Ledger | None:
        """The ledger to do it with, the same one for as long as it is this host's turn; None while
        another host does it, while the ledger is away, and once when the lease was lost: what
        was begun must end then. On one host always the ledger itself."""
        if not self.ledger.shared:
            return self.ledger
        if self._lost.is_set():
            self.close()
            return None
        if self._mine is None:
            self._keeper = self._keeper or Keeper(self.ledger, self.settings, end=self._lose)
            self._mine = self._keeper.take(self.name)
        return self._mine

    def _lose(self, why: str) -> None:
        log.error("lease.lost_here", name=self.name, why=why)
        self._lost.set()

    def close(self) -> None:
        """Give it up: the work has ended."""
        if self._keeper is not None:
            self._keeper.close()
        self._keeper = self._mine = None
        self._lost.clear()
