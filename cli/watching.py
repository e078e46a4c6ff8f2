"""The watched folder in the web process: of several hosts one watches it, by its lease."""

import threading
from dataclasses import replace
from pathlib import Path

import structlog

from bus.lease import Keeper
from producers.filing import Desk
from producers.watch_folder import WatchFolder

log = structlog.get_logger("web")


class Watching:
    """Begins when it is this host's turn. A lost lease ends the watching alone; the API goes on."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk = desk
        self.folder = folder
        self._watcher: WatchFolder | None = None
        self._keeper: Keeper | None = None
        self._lost = threading.Event()

    def attend(self) -> None:
        """Begin or end what is due; called about once a second."""
        if self._lost.is_set():
            self.stop()
            self._lost.clear()
        if self._watcher is not None:
            return
        desk = self.desk
        if desk.ledger.shared:
            self._keeper = self._keeper or Keeper(desk.ledger, desk.settings, end=self._lose)
            taken = self._keeper.take("watched folder")
            if taken is None:
                return
            desk = replace(desk, ledger=taken)
        self._watcher = WatchFolder(desk, self.folder)
        self._watcher.start()

    def _lose(self, why: str) -> None:
        log.error("watch.lease_lost", why=why)
        self._lost.set()

    def stop(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
        if self._keeper is not None:
            self._keeper.close()
        self._watcher = self._keeper = None
