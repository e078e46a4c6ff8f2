"""The lag monitor: a look at the brokers and the ledger every few seconds, in a thread of its own.

It serves the last snapshot and nothing else: whoever asks never waits for Kafka. When the brokers
are away the snapshot grows old and says so; after three cycles its figures are taken out.
"""

import gc
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import structlog
from kafka.errors import KafkaError

from consumers.lag_fold import fold, hold, to_read
from consumers.lag_look import GroupSeen, Look
from consumers.lag_math import work_speed
from consumers.lag_newsroom import TRANSCODE_GROUP, Newsroom, progressing
from consumers.lag_outlets import (
    NewsroomSeen,
    backlog,
    blank_outlets,
    blanked,
    done_s,
    outlet,
)
from consumers.lag_partition import Memory, RulesOf
from consumers.lag_read import Brokers
from consumers.lag_records import read_firsts
from consumers.lag_status import Rules, worst
from schemas.errors import PipelineError
from schemas.lag import NOTHING, LagSnapshot, OutletLag, WorkBacklog

log = structlog.get_logger("lag")

CYCLE_S = 5.0
STALE_CYCLES = 3
MOST_ERRORS = 20
STEP_S = 2.0
"""The wall clock may drift this far from the monotonic one between two cycles."""


class LagMonitor:
    """``latest()`` from any thread; ``once()`` runs one cycle in the caller's."""

    def __init__(
        self,
        brokers: Brokers,
        *,
        cycle_s: float = CYCLE_S,
        rules_of: RulesOf | None = None,
        groups: frozenset[str] | None = None,
        expected: frozenset[str] = frozenset(),
        newsroom: Newsroom | None = None,
        after: Callable[[LagSnapshot], None] | None = None,
    ) -> None:
        self.brokers = brokers
        self.cycle_s = cycle_s
        general = Rules(window_s=20 * cycle_s)
        self.rules_of = rules_of or (lambda _group, _topic: general)
        self.groups = groups
        """Only these; None watches every group of the cluster."""
        self.expected = expected
        """Groups that must be there: NOTFOUND where they are not."""
        self.newsroom = newsroom
        self.after = after
        """Called with each new snapshot, in the monitor's thread: to render what others serve."""
        self._memory = Memory()
        self._before = NewsroomSeen(0)
        self._done: list[tuple[float, float]] = [(time.monotonic(), 0.0)]
        self._moved_at = time.monotonic()
        self._clock = time.time() - time.monotonic()
        self._current = replace(NOTHING, cycle_s=cycle_s)
        self._at: float | None = None
        self._blank: tuple[LagSnapshot, LagSnapshot] | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lag", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=3)
        if not self._thread.is_alive():  # else it waits for a broker: it ends with the process
            self.brokers.close()

    def latest(self) -> LagSnapshot:
        """The last snapshot with its age; without figures once it is older than three cycles."""
        current, at = self._current, self._at
        if at is None:
            return current
        age = time.monotonic() - at
        if age <= STALE_CYCLES * self.cycle_s + (current.took_s or 0.0):
            return replace(current, age_s=age)
        blank = self._blank
        if blank is None or blank[0] is not current:
            blank = self._blank = (current, blanked(current))
        return replace(blank[1], age_s=age)

    def once(self) -> LagSnapshot:
        """One cycle; the snapshot that it makes. Never raises for what is away: that is named in
        ``errors``, and the figures of before grow old."""
        with self._lock, _uncollected():
            began = time.monotonic()
            errors: list[str] = []
            seen = self._ledger(errors)
            try:
                look = self._look()
            except Exception as error:
                if not isinstance(error, (KafkaError, OSError)):
                    log.exception("lag.broken")
                name = type(error).__name__
                text = f"读不到消息总线 / kafka {self.brokers.bootstrap}: {name}: {error}"
                self._current = replace(self._current, errors=(text[:300], *errors))
                return self.latest()
            errors += self._stepped()
            self._current = self._made(look, seen, errors, began)
            self._at = look.at
        if self.after is not None:
            self.after(self.latest())
        return self.latest()

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self.once()
            except Exception:
                log.exception("lag.cycle")
            self._stop.wait(max(0.2, self.cycle_s - (time.monotonic() - began)))

    def _look(self) -> Look:
        look = self.brokers.look(self.groups)
        wanted = to_read(self._memory, look)
        if wanted:
            hold(self._memory, look, self.brokers.run(read_firsts, look, wanted))
        missing = (self.groups or frozenset()) | self.expected
        error = f"没有答复 / no answer: {look.failed}" if look.failed else ""
        for name in missing:
            look.groups.setdefault(name, GroupSeen("", "consumer", None, None, {}, error))
        return look

    def _ledger(self, errors: list[str]) -> NewsroomSeen | None:
        if self.newsroom is None:
            return None
        try:
            return self.newsroom(self._before.at_ms)
        except PipelineError as error:
            errors.append(f"读不到账本 / {error}"[:300])
            return None

    def _stepped(self) -> list[str]:
        """What the wall clock did since the last cycle, if it stepped."""
        clock = time.time() - time.monotonic()
        step, self._clock = clock - self._clock, clock
        if abs(step) <= STEP_S:
            return []
        return [f"时钟跳了 {step:+.1f} 秒 / clock: wall time stepped by {step:+.1f} s"]

    def _made(
        self, look: Look, seen: NewsroomSeen | None, errors: list[str], began: float
    ) -> LagSnapshot:
        work: WorkBacklog | None = None
        moving: dict[str, bool] = {}
        if seen is not None:
            work = self._work(seen, look.at)
            moving = progressing(seen, self.rules_of)
            moving[TRANSCODE_GROUP] = work is not None and work.progressing
        groups = fold(self._memory, look, self.rules_of, moving)
        by_name = {group.group: group for group in groups}
        outlets: tuple[OutletLag, ...] = ()
        if seen is not None:
            now = look.wall_ms
            outlets = tuple(outlet(o, by_name.get(o.group), work, now) for o in seen.outlets)
        else:
            outlets = blank_outlets(self._current.outlets, "读不到账本")
        more = len(look.errors) - MOST_ERRORS
        told = [f"有一部分没读到 / {error}" for error in look.errors[:MOST_ERRORS]]
        told += [f"有一部分没读到 / and {more} more"] if more > 0 else []
        return LagSnapshot(
            at_ms=look.wall_ms,
            age_s=0.0,
            stale=False,
            cycle=self._current.cycle + 1,
            cycle_s=self.cycle_s,
            took_s=time.monotonic() - began,
            requests=look.requests,
            status=worst((g.status for g in groups), "OK"),
            groups=groups,
            outlets=outlets,
            work=work,
            errors=(*errors, *told),
        )

    def _work(self, seen: NewsroomSeen, at: float) -> WorkBacklog | None:
        done = self._done[-1][1] + done_s(self._before, seen)
        if done > self._done[-1][1] or seen.finished:
            self._moved_at = at
        busy = any(job.working for job in (seen.jobs or {}).values())
        if busy or done > self._done[-1][1]:
            self._done = [*self._done, (at, done)][-60:]
        else:
            self._done = [(at, done)]  # idle time is no slowness
        self._before = seen
        return backlog(seen, work_speed(self._done), at - self._moved_at)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's search for garbage in cycles. It goes through all that lives each time that
    much was made, and a look at ten thousand partitions makes much, none of it garbage: the search
    took four tenths of the cycle, and grew faster than the number of partitions."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def behind(brokers: Brokers, watched: Mapping[str, str]) -> dict[str, int | None]:
    """Topic → records not consumed by its group, read now (this one waits for Kafka). A group
    without a commit is taken to begin at the start, as all of ours do; None where unknown."""
    try:
        look = brokers.look(watched.values(), watched)
    except (KafkaError, OSError):
        return dict.fromkeys(watched)
    return {topic: _behind(look, topic, group) for topic, group in watched.items()}


def _behind(look: Look, topic: str, group: str) -> int | None:
    numbers = look.partitions.get(topic)
    found = look.groups.get(group)
    if not numbers or look.failed or (found is not None and found.error):
        return None
    total = 0
    for number in numbers:
        place = topic, number
        start, end = look.starts.get(place), look.ends.get(place)
        if start is None or end is None:
            return None
        committed = found.commits.get(place, start) if found is not None else start
        total += max(0, end - max(committed, start))
    return total
