"""The alarms in the web process: of several hosts one tells the chat group, by its lease."""

from functools import partial

from cli.one_host import OneHost
from consumers.alarms import Alarms
from consumers.robot import say
from consumers.story_figures import Figures
from schemas.lag import LagSnapshot
from schemas.newsroom import Newsroom
from schemas.settings import Settings
from stores.ledger.transaction import Ledger


class Telling:
    """``turn()`` after each fresh pair of figures, from one thread.

    Who told last goes on watching the ledger when its lease is gone: with the ledger away nobody
    can own anything, and that must be told all the same.
    """

    def __init__(self, ledger: Ledger, settings: Settings, newsroom: Newsroom) -> None:
        robot = newsroom.robot
        shown = None if robot is None else partial(say, robot)
        self.alarms = Alarms(ledger, newsroom.centre, shown)
        self._turn = OneHost(ledger, settings, "alarms")
        self._follows = False

    def turn(self, figures: Figures, lag: LagSnapshot, *, probe_silent_s: float) -> None:
        ledger = self._turn.mine()
        if ledger is not None:
            self.alarms.ledger = ledger
            self._follows = True
            self.alarms.turn(figures, lag, probe_silent_s=probe_silent_s)
        elif self._follows:
            self._follows = self.alarms.aside()

    def close(self) -> None:
        self._turn.close()
