"""What stands where the product asks for time, chance, threads, sockets and Kafka's client."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any, Self
from uuid import UUID

import uuid_utils.compat

from tests.simulation.stage import Stage

ROOMS = ("schemas", "stores", "bus", "producers", "streams", "consumers")


OWN_SWEEP_S = 60.0
"""How seldom an idle loop looks without being told and without work that is known of: a play has
no steps to spend on looking where nothing is."""


class Event:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._set = False

    def set(self) -> None:
        self._set = True

    def clear(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def wait(self, timeout: float | None = None) -> bool:
        if not self._set:
            idle = self._stage.current is not None and self._stage.current.name == "timer"
            rest(self._stage, timeout, lambda: self._set, idle=idle)
        return self._set


class Condition:
    """No lock is needed where one runs at a time; ``wait`` is a point like any other."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._told = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def notify(self, _count: int = 1) -> None:
        self._told += 1

    notify_all = notify

    def wait(self, timeout: float | None = None) -> bool:
        before = self._told
        rest(self._stage, timeout, lambda: self._told != before)
        return self._told != before


class Lock:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._held = False

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        while self._held and blocking:
            self._stage.hand_over("lock", wanted=lambda: not self._held)
        if self._held:
            return False
        self._held = True
        return True

    def release(self) -> None:
        self._held = False

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Thread:
    def __init__(
        self, *, target: Callable[..., None], name: str = "thread", args: Any = (), daemon: Any = 0
    ) -> None:
        self._start: Callable[[str, Callable[[], None]], Any] = current_world().spawn
        self._name = name
        self._run = lambda: target(*args)
        self._actor: Any = None

    def start(self) -> None:
        self._actor = self._start(self._name, self._run)

    def join(self, timeout: float | None = None) -> None:
        return None

    def is_alive(self) -> bool:
        return self._actor is not None and not self._actor.done


def rest(
    stage: Stage, timeout: float | None, told: Callable[[], bool], *, idle: bool = True
) -> None:
    """An idle loop's wait: until told, or there is work for it, or (softly) its own time-out.

    A loop of which the simulation does not know when it has work, drives the clock.
    """
    actor = stage.current
    if actor is None:
        return
    has_work = current_world().work_of(actor.name) if idle else None
    end = stage.now + (timeout if timeout is not None else 1e12)
    if has_work is not None:
        end = max(end, stage.now + OWN_SWEEP_S)
    if has_work is None:
        stage.hand_over("wait", until=end, wanted=told)
    else:
        stage.hand_over("idle", soft_until=end, wanted=lambda: told() or has_work())


class RelaySocket:
    """The datagram socket by which a commit wakes the relay."""

    def __init__(self, *_: Any) -> None:
        self._blocking = True

    def bind(self, _address: Any) -> None:
        return None

    def settimeout(self, _seconds: float) -> None:
        self._blocking = True

    def setblocking(self, blocking: bool) -> None:
        self._blocking = blocking

    def close(self) -> None:
        return None

    def recv(self, _size: int) -> bytes:
        world = current_world()
        if not world.rung:
            if not self._blocking:
                raise BlockingIOError
            rest(world.stage, 0.25, lambda: current_world().rung)
        if not world.rung:
            raise TimeoutError
        world.rung = False
        return b"1"


class Bell:
    """What a commit rings for the publisher of a topic."""

    def __init__(self, _ledger: Any, topic: str) -> None:
        self._rung = False
        current_world().bells[topic] = self

    def ring(self) -> None:
        self._rung = True

    def wait(self, seconds: float) -> None:
        rest(current_world().stage, seconds, lambda: self._rung)
        self._rung = False

    def close(self) -> None:
        return None


_world: list[Any] = []


def current_world() -> Any:
    return _world[-1]


_found: dict[str, list[ModuleType]] = {}


def _loaded(name: str, known: Any) -> list[ModuleType]:
    """Modules of the rooms that hold ``known`` under ``name``; looked for once, after all that a
    play needs was imported."""
    if name not in _found:
        _found[name] = [
            module
            for title, module in list(sys.modules.items())
            if title.partition(".")[0] in ROOMS and getattr(module, name, None) is known
        ]
    return _found[name]


@contextmanager
def stood_in(world: Any) -> Iterator[None]:
    """The product's modules see the simulation's time, chance, threads, sockets and client."""
    import random
    import socket

    import bus.orders
    import bus.relay
    import consumers.claims
    import consumers.publish
    import producers.acts
    import streams.app

    stage = world.stage
    fake_time = SimpleNamespace(
        monotonic=lambda: stage.now,
        time=lambda: stage.now,
        time_ns=lambda: int(stage.now * 1e9),
        perf_counter=lambda: stage.now,
        sleep=stage.sleep,
    )
    fake_threading = SimpleNamespace(
        Event=lambda: Event(stage),
        Condition=lambda *_: Condition(stage),
        Lock=lambda: Lock(stage),
        RLock=lambda: Lock(stage),
        Thread=Thread,
        get_ident=lambda: 1,
        current_thread=lambda: SimpleNamespace(name="actor"),
    )
    changes: list[tuple[Any, str, Any]] = [
        (module, name, fake)
        for name, known, fake in (
            ("time", time, fake_time),
            ("threading", threading, fake_threading),
            ("random", random, stage.rng),
        )
        for module in _loaded(name, known)
    ]
    changes += [
        (module, "socket", SimpleNamespace(socket=RelaySocket, AF_INET=0, SOCK_DGRAM=0))
        for module in _loaded("socket", socket)
        if module is bus.relay
    ]
    changes += [
        (bus.relay, "KafkaProducer", world.kafka_producer),
        (bus.relay, "KafkaConsumer", world.kafka_consumer),
        (bus.relay, "make_topics", lambda *_, **__: stage.point("make topics")),
        (bus.orders, "KafkaConsumer", world.kafka_consumer),
        (consumers.publish, "Bell", Bell),
        (consumers.publish, "_lock", world.account_lock),
        (consumers.publish, "claims", _with(consumers.claims, finish=world.finish)),
        (producers.acts, "_shown", lambda *_: {}),  # what is shown afterwards nobody looks at
        (streams.app, "asyncio", SimpleNamespace(to_thread=_at_once, sleep=_sleeper(stage))),
        (uuid_utils.compat, "uuid7", world.new_id),
    ]
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
    _world.append(world)
    try:
        for owner, name, fake in changes:
            setattr(owner, name, fake)
        yield
    finally:
        for owner, name, real in kept:
            setattr(owner, name, real)
        _world.pop()


def _with(module: ModuleType, **instead: Any) -> Any:
    """The module with some of its functions replaced, the others looked up as they are needed."""

    class Seen:
        def __getattr__(self, name: str) -> Any:
            return instead.get(name) or getattr(module, name)

    return Seen()


async def _at_once(call: Callable[..., Any], *args: Any) -> Any:
    return call(*args)


def _sleeper(stage: Stage) -> Any:
    async def sleep(seconds: float) -> None:
        stage.sleep(seconds)

    return sleep


def drive(coroutine: Any) -> None:
    """Run a coroutine that never awaits anything real."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("the coroutine waits for something outside")


def numbered_id(number: int) -> UUID:
    """Version 7 in form; the same ids in the same play."""
    return UUID(int=(number << 80) | (0x7 << 76) | (0b10 << 62) | number)
