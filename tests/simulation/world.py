"""A centre on a stage: its processes, their supervisor, what survives a power cut, and the clock."""

import io
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from bus.relay import Relay
from consumers import claims
from consumers.publish import Publisher
from producers.filing import Desk
from schemas.channel import Outside
from schemas.errors import PipelineError, Unavailable
from schemas.newsroom import DefaultPlan, Newsroom
from schemas.settings import Settings
from stores.ledger import tables, transaction
from stores.ledger.transaction import Ledger
from stores.objects import Objects
from streams import app as core
from streams.adapter import Adapter
from streams.conductor import Conductor
from streams.story_state import ChannelRule
from streams.sweep import Sweep
from streams.timer import Timer
from tests.centre import PEOPLE, MemoryS3
from tests.simulation import kafka, outlets
from tests.simulation.channels import Module
from tests.simulation.checker import Checker, History, Terms
from tests.simulation.stage import Actor, Crash, Process, Stage
from tests.simulation.stand_ins import drive, numbered_id

FALLBACK_S = {2: 900, 3: 1800}
HEARTBEAT_S = 10.0
"""A process that is silent for so long is killed and reaped."""
BEGIN = datetime(2026, 11, 24, 1, 0, tzinfo=UTC).timestamp()


@dataclass
class State:
    """What outlives every process; plain data, so that it can be copied whole."""

    cast: dict[str, int]
    """Channel → wave."""
    now: float = BEGIN
    broker: kafka.Broker = field(default_factory=kafka.Broker)
    books: dict[str, outlets.Book] = field(default_factory=dict)
    settled: dict[str, list[str]] = field(default_factory=dict)
    """Outlet → items that its review has let through."""
    objects: dict[str, bytes] = field(default_factory=dict)
    history: History = field(default_factory=History)
    stories: list[str] = field(default_factory=list)
    ids: int = 0
    refusals: bool = False
    """An outlet refused something, or its review did: then a person may be needed."""
    slow_reviews: bool = False


class SimLedger(Ledger):
    """The real ledger; a process may die before a transaction and after it, never inside."""

    def __init__(self, world: "World", engine: Any) -> None:
        super().__init__(engine, now=world.clock, wake=world.ring)
        self._world = world

    @contextmanager
    def transaction(self, *story: Any, **more: Any) -> Iterator[Connection]:
        self._world.before_ledger("begin")
        with super().transaction(*story, **more) as tx:
            yield tx
        self._world.after_commit()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        self._world.before_ledger("read")
        with super().snapshot() as view:
            yield view


_engine: list[Any] = []


def engine() -> Any:
    """One SQLite in memory for all plays of a process: real SQL, emptied in between."""
    if not _engine:
        made = create_engine(
            "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
        event.listen(made, "connect", transaction._sqlite_connect)
        event.listen(made, "begin", transaction._sqlite_begin)
        tables.metadata.create_all(made)
        _engine.append(made)
    return _engine[0]


def raw_connection() -> sqlite3.Connection:
    found = engine().raw_connection().driver_connection
    assert isinstance(found, sqlite3.Connection)
    return found


class World:
    """One play: the state, the stage, and the processes that run on it."""

    def __init__(self, state: State, rng: Random, trace: list[str] | None = None) -> None:
        self.state = state
        self.stage = Stage(rng, state.now)
        self.trace = trace
        self.steps = 0
        self.raw = raw_connection()
        self.copy = self.raw.serialize()
        """A backup of the ledger, made before the play."""
        self.ledger = SimLedger(self, engine())
        self.ledger_away_until = 0.0
        self.faults: dict[str, float] = {}
        """Fault → how likely it is at each of its chances, while faults last."""
        self.armed: tuple[str, int] | None = None
        """A blow, and at which of the coming points of a call it falls."""
        self.bells: dict[str, Any] = {}
        self.log_is_cut = False
        """Until the relay has looked where the logs end after a power cut."""
        self.rung = False
        self.locks: dict[str, Process] = {}
        self.processes: dict[str, Process] = {}
        self.restarts: dict[str, float] = {}
        self.zombies: list[Process] = []
        """Only in builds whose supervisor does not kill first."""
        self.ghosts: list[tuple[Any, Any]] = []
        """(claim, outcome) that dead owners had not written yet."""
        self.line = outlets.Line(self)
        for name in state.cast:
            state.books.setdefault(name, outlets.Book())
        self.kinds = {name: outlets.KINDS[name] for name in state.cast}
        self.specs = {name: kind.spec(state.cast[name]) for name, kind in self.kinds.items()}
        self.modules: dict[str, Any] = {n: Module(k, self) for n, k in self.kinds.items()}
        self.newsroom = Newsroom(
            county="青禾县",
            centre="青禾",
            people=PEOPLE,
            plan=DefaultPlan(fallback_after_s={str(k): v for k, v in FALLBACK_S.items()}),
        )
        s3 = MemoryS3()
        s3.objects = state.objects
        self.store = Objects(s3, "shoufa")  # type: ignore[arg-type]
        self.settings = Settings(data=Path("/nonexistent/simulation"), process="sim")
        self.desk = Desk(
            settings=self.settings,
            ledger=self.ledger,
            store=self.store,
            newsroom=self.newsroom,
            specs=self.specs,
            refusals=lambda _story, _channels: {},
            inspect=None,  # type: ignore[arg-type]
        )
        self.checker = Checker(
            state,
            Terms(
                waves=state.cast,
                fallback_s={k: float(v) for k, v in FALLBACK_S.items()},
                deadline_s=outlets.DEADLINE_S,
                settle_s=outlets.SETTLE_S,
                longest_pause_s=HEARTBEAT_S,
                quotas={n: k.quota for n, k in self.kinds.items() if k.quota is not None},
                updates={n: k.update for n, k in self.kinds.items()},
                recalls={n: k.recall for n, k in self.kinds.items()},
                sure={n: k.sure for n, k in self.kinds.items()},
            ),
            self.raw,
        )

    # -- what the product is given -------------------------------------------------------------

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.stage.now, tz=UTC)

    def new_id(self) -> Any:
        self.state.ids += 1
        return numbered_id(self.state.ids)

    def ring(self, _address: str, topics: set[str]) -> None:
        self.rung = True
        for topic in topics & set(self.bells):
            self.bells[topic].ring()

    def kafka_producer(self, **_: Any) -> kafka.Producer:
        return kafka.Producer(self)

    def kafka_consumer(self, *topics: str, **more: Any) -> kafka.Consumer:
        return kafka.Consumer(self, *topics, **more)

    def account_lock(self, path: Path) -> Any:
        """The lock file of an account: held until its process is dead."""
        holder = self.locks.get(path.name)
        mine = self.stage.current.process if self.stage.current else None
        if holder is not None and holder.alive and holder is not mine:
            raise Unavailable("lock", f"another process owns {path.name}")
        assert mine is not None
        self.locks[path.name] = mine
        return io.StringIO()

    def before_ledger(self, at: str) -> None:
        self.stage.point(at, 0.1)
        if self.ledger_away_until > self.stage.now:
            raise Unavailable("ledger", "away")

    def after_commit(self) -> None:
        self.stage.point("committed", 0.4)
        if self.stage.current is not None and self.fault("commit answer lost"):
            raise Unavailable("ledger", "the answer to a commit was lost")

    def ledger_changes(self) -> int:
        return self.raw.total_changes

    def spawn(self, name: str, target: Callable[[], None]) -> Actor:
        actor = self.stage.current
        assert actor is not None
        return self.stage.spawn(actor.process, name, target)

    def work_of(self, name: str) -> Callable[[], bool] | None:
        """Whether an idle loop of the product has something to do; None: unknown."""
        kind, _, rest = name.partition(" ")
        if name == "timer":
            return lambda: self._due("SELECT min(due_at) FROM wakeups")
        if name in {"relay", "relay marks"}:
            return lambda: False
        if kind == "publish":
            return lambda: self._has_work(rest)
        return None

    def _has_work(self, channel: str) -> bool:
        rests = "SELECT until FROM rests WHERE channel = ? AND until > ?"
        where = "channel = ? AND"
        if self.raw.execute(rests, (channel, round(self.stage.now * 1000))).fetchone():
            where += " verb = 'recall' AND"
        return self._due(_DUE.format(where), channel)

    def _due(self, query: str, *values: Any) -> bool:
        at = self.raw.execute(query, values).fetchone()[0]
        return at is not None and at <= round(self.stage.now * 1000)

    def next_due(self) -> float | None:
        """When a row of the ledger comes due."""
        found = [
            self.raw.execute(query).fetchone()[0]
            for query in (
                "SELECT min(due_at) FROM wakeups",
                _DUE.format(""),
                "SELECT min(until) FROM rests",
            )
        ]
        times = [at / 1000 for at in found if at is not None]
        return min(times) if times else None

    # -- chance ------------------------------------------------------------------------------

    def chance(self, likely: float) -> bool:
        return self.stage.rng.random() < likely

    def fault(self, name: str) -> bool:
        likely = self.faults.get(name, 0.0)
        happens = likely > 0 and self.stage.rng.random() < likely
        if happens:
            if name == "review rejects":
                self.state.refusals = True
            self.note("fault", name)
        return happens

    def fate_of_request(self) -> str:
        for fate in ("lost", "answer lost", "late", "slow"):
            if self.fault(f"request {fate}"):
                return fate
        return "ok"

    def note(self, what: str, told: str) -> None:
        if self.trace is not None:
            who = self.stage.current.name if self.stage.current else "-"
            at = self.stage.now - BEGIN
            self.trace.append(f"{self.steps:5d} {at:9.3f}s {who:18s} {what}: {told}")

    # -- processes ---------------------------------------------------------------------------

    def start(self, name: str) -> None:
        self.note("start", name)
        process = Process(name)
        self.processes[name] = process
        boot = {"core": self._core, "publish": self._publish}[name]
        self.stage.spawn(process, f"{name} boot", boot)

    def rules(self) -> dict[str, ChannelRule]:
        return {
            name: ChannelRule(name, self.state.cast[name], True, "all", kind.update, "值班编辑")
            for name, kind in self.kinds.items()
        }

    def _core(self) -> None:
        conductor = Conductor(self.ledger, self.rules(), self.newsroom)
        adapter = Adapter(self.ledger, self.store, self.specs, self.modules)
        Relay(self.ledger, self.settings).start()
        Timer(self.ledger, Sweep(conductor).once).start()
        for agent, topic, take in (
            ("conductor", "story-events", conductor.take),
            ("adapt", "adapt-orders", adapter.take),
        ):
            self.spawn(agent, self._agent(agent, topic, take))

    def _agent(self, agent: str, topic: str, take: Any) -> Callable[[], None]:
        def take_one(record: kafka.Record) -> None:
            drive(core._take(self.ledger, take, agent, _Event(record)))

        def run() -> None:
            consumer = kafka.Consumer(self, topic, group_id=agent)
            kafka.consume(self, consumer, agent, take_one)

        return run

    def _publish(self) -> None:
        made = [
            Publisher(
                self.settings,
                self.ledger,
                self.store,
                self.specs[name],
                self.modules[name],
                Outside(self.settings.data, None, self.clock),
            )
            for name in self.state.cast
        ]
        for publisher in made:
            publisher.start()

    def kill(self, name: str, restart_in_s: float) -> None:
        """SIGKILL, reaped; the supervisor starts it again after a while."""
        process = self.processes.pop(name, None)
        if process is None:
            return
        self.note("killed", f"{name} at " + ", ".join(f"{a.name}: {a.at}" for a in process.actors))
        self.stage.kill(process)
        if name != "web":
            self.restarts[name] = self.stage.now + restart_in_s

    def pause(self, name: str, seconds: float) -> None:
        process = self.processes.get(name)
        if process is not None and process.paused_at is None:
            self.note("stopped", f"{name} for {seconds:.0f} s")
            process.paused_at = self.stage.now
            process.resumes_at = self.stage.now + seconds

    def supervise(self) -> None:
        """Restart who is dead, kill who is silent, let the paused go on."""
        now = self.stage.now
        for process in [*self.processes.values(), *self.zombies]:
            if process.resumes_at is not None and process.resumes_at <= now:
                self.note("goes on", process.name)
                process.paused_at = process.resumes_at = None
        for name, process in list(self.processes.items()):
            silent = process.paused_at is not None and now - process.paused_at >= HEARTBEAT_S
            if silent:
                self.end_silent(name)
            elif process.failed:
                self.kill(name, 1.0)
        for name, at in list(self.restarts.items()):
            if at <= now:
                del self.restarts[name]
                self.start(name)

    def end_silent(self, name: str) -> None:
        """Killed and reaped before its successor starts."""
        self.kill(name, 0.2)

    def next_supervision(self) -> float | None:
        times = list(self.restarts.values())
        for process in [*self.processes.values(), *self.zombies]:
            if process.resumes_at is not None and process.paused_at is not None:
                times += [process.resumes_at, process.paused_at + HEARTBEAT_S]
        times = [t for t in times if t > self.stage.now]
        return min(times) if times else None

    def finish(self, ledger: Ledger, taken: Any, outcome: Any) -> None:
        """The real finish; what a crash keeps from it may come in late, as from a cut-off host."""
        try:
            self.stage.point("answer", 0.5)
            claims.finish(ledger, taken, outcome)
        except Crash:
            if taken.attempt_id is not None:
                self.ghosts.append((taken, outcome))
                at = self.stage.now + self.stage.rng.choice([1.0, 15.0, 30.0])
                self.line.later(at, self.late_answer)
            raise

    def late_answer(self) -> None:
        """An owner that was only thought dead brings in its answer after all."""
        taken, outcome = self.ghosts.pop()
        row = taken.row
        place = (row.story_id, row.channel, row.release)
        query = "SELECT * FROM publications WHERE story_id = ? AND channel = ? AND release = ?"
        mine = query.replace("*", "open_attempt")
        if (taken.attempt_id,) == self.raw.execute(mine, place).fetchone():
            return  # nobody has taken it over: a dead process is no ghost
        before = self.raw.execute(query, place).fetchone()
        with suppress(PipelineError):
            claims.finish(self.ledger, taken, outcome)
        self.checker.on_late_answer(before, self.raw.execute(query, place).fetchone())

    def power_cut(self, how_far: Callable[[int], int]) -> None:
        """Everything dies at once, and Kafka loses what its disk had not written."""
        for name in list(self.processes):
            self.kill(name, 0.5)
        self.log_is_cut = True
        lost = self.state.broker.cut_back(lambda: self.chance(0.5), how_far)
        if lost:  # the poison may have been among them, and nobody sends it again
            self.state.history.poison = 0
        self.note("power cut", f"{lost} records lost")


@dataclass
class _Message:
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Any


class _Event:
    """What a Faust stream hands out, as far as the agents look."""

    def __init__(self, record: kafka.Record) -> None:
        self.message = _Message(
            record.topic,
            record.partition,
            record.offset,
            record.key,
            record.value,
            list(record.headers),
        )


_DUE = (
    "SELECT min(due_at) FROM publications WHERE {} open_attempt IS NULL AND state IN"
    " ('ready','retry_wait','updating','recalling','accepted','unknown','reconciling')"
)
