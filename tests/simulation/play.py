"""One seed, one history: faults while they last, then all heals and must come to rest."""

import copy
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import structlog

from stores.ledger.tables import metadata
from tests.broken import broken
from tests.simulation import at_rest, faults
from tests.simulation.checker import Violation
from tests.simulation.newsroom import Act, open_newsroom
from tests.simulation.stage import Actor
from tests.simulation.stand_ins import stood_in
from tests.simulation.world import State, World, engine, raw_connection

MOST_STEPS = 6000
BUGS = {"publish.channel_failed", "core.buried", "core.not_buried", "adapt.channel_failed"}
"""Logged where the product caught what it never expected."""


@dataclass(frozen=True)
class Outcome:
    """How a play ended: ``broken`` names the promise, ``seen`` what was seen, at which step."""

    seed: int
    steps: int
    sim_s: float
    broken: str = ""
    seen: str = ""
    trace: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kept:
    """A centre at rest, to begin from: the ledger's bytes and all else that survives."""

    ledger: bytes
    state: State


_kept: dict[tuple[int, str], Kept] = {}

_BEFORE: dict[str, list[Act]] = {
    "filed": [Act("file")],
    "signed": [Act("file"), Act("approve", after_s=1.0)],
    "live": [Act("file"), Act("approve", after_s=1.0)],
}


def play(seed: int, *, trace: bool = False, build: str | None = None) -> Outcome:
    """Play a seed; the same one gives the same history, in any process. ``build``: one of those
    that are broken on purpose; what the play begins from was made by the whole one."""
    plan = faults.plan_of(seed)
    kept = begin_from(plan.cast, plan.stage)
    rng = Random(seed + 1)
    world = _open(kept, rng, trace=trace)
    outcome = Violation("", "")
    try:
        with broken(build), _heard(world), stood_in(world):
            try:
                _play(world, plan)
            except Violation as error:
                outcome = error
            finally:
                world.stage.end()
    finally:
        raw_connection().rollback()
    return Outcome(
        seed=seed,
        steps=world.steps,
        sim_s=world.stage.now - kept.state.now,
        broken=outcome.promise,
        seen=outcome.seen,
        trace=tuple(world.trace or ()),
    )


def begin_from(cast: int, stage: str) -> Kept:
    """A centre of that cast whose first story has come so far, in calm weather."""
    if (cast, stage) not in _kept:
        raw = raw_connection()
        for table in reversed(metadata.sorted_tables):
            raw.execute(f"DELETE FROM {table.name}")
        raw.commit()
        empty = Kept(raw.serialize(), State(cast=dict(faults.CASTS[cast])))
        world = _open(empty, Random(0), trace=False)
        with _heard(world), stood_in(world):
            try:
                open_newsroom(world, list(_BEFORE[stage]))
                world.start("core")
                if stage == "live":
                    world.start("publish")
                _until_rest(world, lambda: None)
                _raise(world)
            finally:
                world.stage.end()
        world.state.now = world.stage.now
        world.state.broker.sync()
        _kept[cast, stage] = Kept(raw.serialize(), copy.deepcopy(world.state))
    return _kept[cast, stage]


def _open(kept: Kept, rng: Random, *, trace: bool) -> World:
    engine()
    raw_connection().deserialize(kept.ledger)
    return World(copy.deepcopy(kept.state), rng, [] if trace else None)


def _play(world: World, plan: faults.Plan) -> None:
    rng = world.stage.rng
    script = list(plan.script)
    open_newsroom(world, script)
    world.start("core")
    world.start("publish")
    world.faults = plan.chances

    def weather() -> None:
        if world.steps < plan.steps:
            if rng.random() < plan.blow_likely:
                faults.strike(world, rng.choice(plan.blows))
        elif world.steps == plan.steps:
            _heal(world)
        if "web" not in world.processes and script:
            open_newsroom(world, script)

    _until_rest(world, weather)
    if world.steps < plan.steps:
        world.steps = plan.steps
        _heal(world)
        _until_rest(world, weather)
    if world.chance(0.5):
        open_newsroom(world, [Act(what, n) for n in (0, 1) for what in ("settle", "resend")])
        _until_rest(world, lambda: None)
    _sweeps(world)
    at_rest.check(world.checker)
    _raise(world)


def _heal(world: World) -> None:
    world.note("healed", "no faults from here on")
    world.faults, world.armed = {}, None
    world.state.broker.down_until = world.ledger_away_until = 0.0
    for book in world.state.books.values():
        book.down_until, book.refuses = 0.0, False


def _sweeps(world: World) -> None:
    """Idle loops look once more by themselves, as they do every second or minute."""
    world.stage.now += 120.0
    _until_rest(world, lambda: None)


def _until_rest(world: World, weather: Any) -> None:
    """Until nothing is ready, on its way, due or scripted."""
    stage = world.stage
    changes = -1
    while True:
        world.supervise()
        world.line.arrive(stage.now)
        ready = [a for a in stage.actors if a.process.paused_at is None and a.ready(stage.now)]
        if not ready:
            if not _move_clock(world):
                return
            continue
        world.steps += 1
        if world.steps > MOST_STEPS:
            raise Violation("everything comes to rest", "it never does")
        actor = ready[0] if len(ready) == 1 else stage.rng.choice(ready)
        stage.run(actor)
        stage.now += 0.001
        if actor.done and actor.error:
            _ended(world, actor)
        _spring(world, actor)
        if world.ledger_changes() != changes:
            changes = world.ledger_changes()
            world.checker.after_step()
        _raise(world)
        weather()


def _spring(world: World, actor: Actor) -> None:
    """A blow that waits for a call to be under way falls at one of the call's points."""
    if world.armed and actor.process.name == "publish" and actor.at in faults.MID_CALL:
        world.armed = (world.armed[0], world.armed[1] - 1)
        if world.armed[1] <= 0:
            blow, world.armed = world.armed[0], None
            faults.strike(world, blow)


def _ended(world: World, actor: Actor) -> None:
    """A thread that ends by an exception takes its process with it."""
    if "Unavailable" in actor.error.splitlines()[-1]:
        actor.process.failed = actor.error
        return
    raise Violation("no thread dies of an exception", f"{actor.name}\n{actor.error}")


def _raise(world: World) -> None:
    if world.checker.failure is not None:
        raise world.checker.failure


def _move_clock(world: World) -> bool:
    """To the next moment at which something happens; False when nothing will."""
    stage = world.stage
    times = [a.until for a in stage.actors if a.process.paused_at is None]
    times += [
        a.not_before
        for a in stage.actors
        if a.not_before > stage.now and a.wanted is not None and a.wanted()
    ]
    times += [
        t
        for t in (
            world.line.next_at(),
            world.next_due(),
            world.next_supervision(),
            world.ledger_away_until,
            world.state.broker.down_until,
        )
        if t is not None
    ]
    times = [t for t in times if stage.now < t < float("inf")]
    if not times:
        return False
    stage.now = min(times)
    return True


@contextmanager
def _heard(world: World) -> Iterator[None]:
    """What the product logs goes to the trace, and what it never expected is a violation."""

    def hear(_logger: Any, _method: str, event: Any) -> Any:
        if world.trace is not None:
            world.note("log", " ".join(f"{k}={v}" for k, v in event.items()))
        name = event.get("event", "")
        if name in BUGS and world.checker.failure is None:
            told = f"{name}: {traceback.format_exc()}"
            world.checker.failure = Violation("nothing unexpected is raised", told)
        raise structlog.DropEvent

    processors = structlog.get_config()["processors"]
    before = processors[:]
    processors[:] = [hear]
    try:
        yield
    finally:
        processors[:] = before
