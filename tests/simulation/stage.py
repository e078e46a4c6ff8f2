"""Actors that run one at a time: a seeded scheduler hands the baton over at named points.

The product's own loops run unchanged, each on a stack of its own, and never two at once: whoever
holds the baton runs until its next point, so a seed gives the same history each time. An actor
that is doomed gets :class:`Crash` at the point where it stands, and at any later point of its
unwinding: nothing that a killed process could not have done reaches the ledger or the wire.
"""

import _thread
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

FOREVER = float("inf")


class Crash(BaseException):
    """The process ends here."""


@dataclass(eq=False)
class Process:
    """What is killed, paused and restarted as one."""

    name: str
    alive: bool = True
    paused_at: float | None = None
    resumes_at: float | None = None
    failed: str = ""
    """Why one of its threads ended by itself: the supervisor starts the process anew."""
    actors: list["Actor"] = field(default_factory=list)


@dataclass(eq=False)
class Actor:
    """One of a process's threads, and what it waits for."""

    name: str
    process: Process
    target: Callable[[], None]
    at: str = "start"
    not_before: float = 0.0
    until: float = 0.0
    """Ready from here on, whatever ``wanted`` says; drives the clock."""
    soft_until: float = FOREVER
    """The same, but the clock does not move for it: an idle loop's own sweep."""
    wanted: Callable[[], bool] | None = None
    doomed: bool = False
    done: bool = False
    error: str = ""
    baton: Any = field(default_factory=_thread.allocate_lock)

    def ready(self, now: float) -> bool:
        if self.until <= now or self.soft_until <= now:
            return True
        return self.not_before <= now and self.wanted is not None and self.wanted()


class _Stack(threading.Thread):
    """A stack to run actors on; taken from the pool, and put back."""

    pool: list["_Stack"] = []  # noqa: RUF012  # one pool for all plays of a process

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.wake = _thread.allocate_lock()
        self.wake.acquire()
        self.job: Callable[[], None] = lambda: None
        self.start()

    def run(self) -> None:
        while True:
            self.wake.acquire()
            self.job()


class Stage:
    """Holds the baton, the clock and the actors of one play."""

    def __init__(self, rng: Random, now: float) -> None:
        self.rng = rng
        self.now = now
        self.actors: list[Actor] = []
        self.current: Actor | None = None
        self._main = _thread.allocate_lock()
        self._main.acquire()

    def spawn(self, process: Process, name: str, target: Callable[[], None]) -> Actor:
        actor = Actor(name, process, target)
        actor.baton.acquire()
        stack = _Stack.pool.pop() if _Stack.pool else _Stack()

        def job() -> None:
            actor.baton.acquire()
            try:
                if not actor.doomed:
                    target()
            except Crash:
                pass
            except Exception:  # noqa: BLE001  # the thread of a process: whatever it is, it ends
                actor.error = traceback.format_exc()
            actor.done = True
            _Stack.pool.append(stack)
            self._main.release()

        stack.job = job
        stack.wake.release()
        process.actors.append(actor)
        self.actors.append(actor)
        return actor

    def run(self, actor: Actor) -> None:
        """Give the baton to ``actor`` until its next point or its end."""
        self.current = actor
        actor.baton.release()
        self._main.acquire()
        self.current = None
        if actor.done:
            self.actors.remove(actor)
            actor.process.actors.remove(actor)

    def kill(self, process: Process) -> None:
        """SIGKILL and reap: every thread ends where it stands."""
        process.alive = False
        for actor in list(process.actors):
            if actor is not self.current:
                actor.doomed = True
                while not actor.done:
                    self.run(actor)

    def hand_over(
        self,
        at: str,
        *,
        until: float = FOREVER,
        soft_until: float = FOREVER,
        not_before: float = 0.0,
        wanted: Callable[[], bool] | None = None,
    ) -> None:
        """Called by the running actor: others may go on; it may never come back."""
        actor = self.current
        if actor is None:
            return
        if actor.doomed:
            raise Crash
        actor.at, actor.until, actor.soft_until = at, until, soft_until
        actor.not_before, actor.wanted = not_before, wanted
        self._main.release()
        actor.baton.acquire()
        if actor.doomed:
            raise Crash

    def point(self, at: str, likely: float = 1.0) -> None:
        """A place where the process may be killed, stopped, or overtaken by others."""
        actor = self.current
        if actor is None:
            return
        if actor.doomed:
            raise Crash
        if likely >= 1.0 or self.rng.random() < likely:
            self.hand_over(at, until=self.now)

    def sleep(self, seconds: float, at: str = "sleep") -> None:
        self.hand_over(at, until=self.now + max(0.0, seconds))

    def end(self) -> None:
        """All stacks back to the pool."""
        for actor in list(self.actors):
            actor.doomed = True
            while not actor.done:
                self.run(actor)
