"""The watched folder in the web process: of several hosts one watches it, by its lease."""

from dataclasses import replace
from pathlib import Path

from cli.one_host import OneHost
from producers.filing import Desk
from producers.watch_folder import WatchFolder


class Watching:
    """Begins when it is this host's turn, ends when it is no more."""

    def __init__(self, desk: Desk, folder: Path) -> None:
        self.desk = desk
        self.folder = folder
        self._watcher: WatchFolder | None = None
        self._turn = OneHost(desk.ledger, desk.settings, "watched folder")

    def attend(self) -> None:
        """Begin or end what is due; called about once a second."""
        ledger = self._turn.mine()
        if ledger is None:
            self._end()
        elif self._watcher is None:
            self._watcher = WatchFolder(replace(self.desk, ledger=ledger), self.folder)
            self._watcher.start()

    def _end(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
        self._watcher = None

    def stop(self) -> None:
        self._end()
        self._turn.close()
