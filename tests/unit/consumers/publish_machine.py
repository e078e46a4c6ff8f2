"""A whole centre in memory as a Hypothesis state machine.

Hypothesis plays newsroom, Kafka, clock, platforms and a killer at random. Events arrive twice and
in any order; an owner dies between claim and finish; answers are lost or come after the owner was
declared dead; requests reach an outlet late. After each step the promises that a black-box check
would verify are checked; at the end all is healed and must come to rest.
"""

import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import event, select

from consumers import claims
from consumers.protocol import Next, after_call, after_crash
from producers import acts
from schemas.channel import marker
from schemas.errors import PermanentError, TransientError
from schemas.story import Plan
from stores.ledger import outbox, publications, stories, wakeups
from stores.ledger.tables import publications as publication_table
from stores.ledger.tables import signatures as signature_table
from tests.centre import REVIEWERS, CentreInMemory
from tests.unit.consumers.moods import MOODS, Platform

DEADLINE_S = 5.0
SETTLE_S = 1.0
REST = {
    "live",
    "refused",
    "needs_person",
    "recalled",
    "superseded",
    "cancelled",
    "not_applicable",
}
MOVED_BY_ITSELF = set(publications.OPEN)
WAITS = {"planned", "held", "gated"}
ACTS = (
    *("correct", "correct", "correct", "approve", "edit", "sign", "urgent"),
    *("send back", "hold", "resume", "resume", "override", "withdraw"),
)


@dataclass
class Flight:
    """A claimed piece of work: its outcome, or the call that is still to be made."""

    taken: claims.Claim
    channel: str
    outcome: Next | None
    call: Callable[[], Next]


class Publishing(RuleBasedStateMachine):
    """One newsroom, four outlets, three waves."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.platforms = {
            p.name: p
            for p in (
                Platform("web", 1),
                Platform("wechat", 1, can_update=False, asynchronous=True),
                Platform("tv", 2, asynchronous=True),
                Platform("short", 3, absent_is_sure=False),
            )
        }
        self.centre = CentreInMemory(
            Path(self.folder.name),
            list(self.platforms.values()),
            settle_s=SETTLE_S,
            call_deadline_s=DEADLINE_S,
            poll_s=(1.0,),
            retry_s=(1.0, 20.0),
        )
        event.listen(self.centre.ledger.engine, "connect", _no_fsync)
        self.centre.ledger.engine.dispose()
        self.stories: list[uuid.UUID] = []
        self.log: list[outbox.Unsent] = []
        self.waiting: list[int] = []
        self.flying: dict[str, Flight] = {}
        self.late: list[Flight] = []
        self.strays: list[Flight] = []
        self.overrides: set[tuple[str, int]] = set()
        self.seen_requests = 0

    def teardown(self) -> None:
        try:
            self.come_to_rest()
        finally:
            self.centre.close()
            self.folder.cleanup()

    # -- the newsroom ------------------------------------------------------------------------

    @initialize(
        embargo_s=st.sampled_from([None, None, None, 300]),
        start=st.sampled_from([0, 1, 2, 3, 3, 6, 6, 6]),
    )
    def first_story(self, embargo_s: int | None, start: int) -> None:
        """Filed; then, often, approved and under way, since most of what can go wrong is late."""
        self.file(embargo_s)
        if start > 0:
            self.approve(0)
        for turn in range(start - 1):
            self.all_goes_well_for_a_while()
            if turn > 1:
                self.time_passes(2)

    def file(self, embargo_s: int | None) -> None:
        at = self.centre.now + timedelta(seconds=embargo_s) if embargo_s else None
        self.stories.append(self.centre.file(plan=Plan(release_at=at, gate=None)))

    def story(self, number: int) -> uuid.UUID:
        return self.stories[number % len(self.stories)]

    @precondition(lambda self: len(self.stories) < 2)
    @rule()
    def second_story(self) -> None:
        self.file(None)

    @rule(number=st.integers(0, 1), act=st.sampled_from(ACTS), level=st.integers(1, 3))
    def newsroom(self, number: int, act: str, level: int) -> None:
        """What moves a story on is done more often than what ends it."""
        match act:
            case "correct":
                self.correct(number, told=level > 1)
            case "edit":
                self.edit(number)
            case "approve":
                self.approve(number)
            case "sign":
                self.sign(number, level, urgent=False)
            case "urgent":
                self.sign(number, level, urgent=True)
            case "send back":
                self.send_back(number, level)
            case "hold" | "resume":
                self.hold_or_resume(number, held=act == "hold")
            case "override":
                self.override(number, max(2, level))
            case "withdraw":
                self.withdraw(number)

    def edit(self, number: int) -> None:
        with suppress(PermanentError):
            self.centre.revise(self.story(number), "改过")

    def sign(self, number: int, level: int, urgent: bool) -> None:
        with suppress(PermanentError):
            self._sign(number, level, urgent=urgent, note="急" if urgent else "")

    def approve(self, number: int) -> None:
        self.deliver(20)
        for level in (1, 2, 3):
            self.sign(number, level, urgent=False)

    def correct(self, number: int, told: bool) -> None:
        """A newer version, reviewed; ``told``: the conductor knows already."""
        self.edit(number)
        self.approve(number)
        if told:
            self.deliver(20)

    def send_back(self, number: int, level: int) -> None:
        with suppress(PermanentError):
            self._sign(number, level, decision="return", note="事实不清")

    def _sign(self, number: int, level: int, **more: Any) -> None:
        story = self.story(number)
        with self.centre.ledger.snapshot() as view:
            version = stories.get(view, story).version
            ready = stories.version_row(view, story, version).copies_sha256 is not None
        if ready:
            self.centre.sign(story, level, **more)

    def withdraw(self, number: int) -> None:
        self.centre.withdraw(self.story(number))

    def hold_or_resume(self, number: int, held: bool) -> None:
        key = str(self.story(number))
        with suppress(PermanentError):
            if held:
                acts.hold(self.centre.desk, REVIEWERS[3], key, acts.ReasonIn(reason="核实"))
            else:
                acts.resume(self.centre.desk, REVIEWERS[3], key)

    def override(self, number: int, wave: int) -> None:
        story = self.story(number)
        with suppress(PermanentError):
            asked = acts.OpenWaveIn(wave=wave, reason="领导要求")
            acts.open_wave(self.centre.desk, REVIEWERS[3], str(story), asked)
            self.overrides.add((str(story), wave))

    # -- Kafka and the clock -----------------------------------------------------------------

    def take_outbox(self) -> None:
        with self.centre.ledger.transaction() as tx:
            rows = outbox.unsent(tx, 1000)
            outbox.mark_sent(tx, [(row.seq, 0, row.seq) for row in rows], at=1)
        self.waiting += range(len(self.log), len(self.log) + len(rows))
        self.log += rows

    def hand_on(self, index: int) -> None:
        row = self.log[index]
        self.centre.hand_on(row.topic, row.key.encode(), row.value, row.headers)

    @rule(count=st.integers(1, 20))
    def deliver(self, count: int) -> None:
        for _ in range(count):
            self.take_outbox()
            if not self.waiting:
                return
            self.hand_on(self.waiting.pop(0))

    @rule(which=st.integers(0, 50))
    def deliver_out_of_order(self, which: int) -> None:
        self.take_outbox()
        if self.waiting:
            self.hand_on(self.waiting.pop(which % len(self.waiting)))

    @rule(which=st.integers(0, 50))
    def deliver_again(self, which: int) -> None:
        done = [i for i in range(len(self.log)) if i not in self.waiting]
        if done:
            self.hand_on(done[which % len(done)])

    @rule(seconds=st.sampled_from([0.5, 2, 7, 30, 900, 2000]))
    def time_passes(self, seconds: float) -> None:
        self.centre.pass_time(seconds)
        self.centre.timer.ring_due()

    # -- publishers and their platforms ------------------------------------------------------

    @rule()
    def all_goes_well_for_a_while(self) -> None:
        self.deliver(20)
        for channel in self.platforms:
            self.work(channel, "ok")

    @rule(which=st.integers(0, 3), mood=st.sampled_from(MOODS), more=st.booleans())
    def somebody_works(self, which: int, mood: str, more: bool) -> None:
        """One of those who have something to do; if nobody has, the next event or hour comes."""
        busy = self.busy()
        if not busy:
            self.deliver(2)
            due = self.next_due()
            if due is not None:
                self.time_passes(min(40.0, max(0.0, (due - self.centre.ledger.now_ms()) / 1000)))
            busy = self.busy()
        if busy:
            self.work(busy[which % len(busy)], mood)
        if more:
            self.deliver(20)

    def busy(self) -> list[str]:
        now = self.centre.ledger.now_ms()
        with self.centre.ledger.snapshot() as view:
            return [
                channel
                for channel in self.platforms
                if channel in self.flying or publications.next_due(view, channel, now) is not None
            ]

    def work(self, channel: str, mood: str) -> None:
        if channel not in self.flying:
            self.begin(channel, mood, slow=False)
        self.answer(channel)

    @rule(which=st.integers(0, 3), mood=st.sampled_from(MOODS), slow=st.booleans())
    def somebody_begins(self, which: int, mood: str, slow: bool) -> None:
        idle = [channel for channel in self.busy() if channel not in self.flying]
        if idle:
            self.begin(idle[which % len(idle)], mood, slow=slow)

    def begin(self, channel: str, mood: str, slow: bool) -> None:
        """Claim; the call is made now, or (slow) when the answer is due."""
        if channel in self.flying:
            return
        centre, publisher = self.centre, self.centre.publishers[channel]
        with centre.ledger.snapshot() as view:
            found = publications.next_due(view, channel, centre.ledger.now_ms())
        if found is None:
            return
        taken = claims.claim(centre.ledger, publisher.spec, found, "owner")
        if taken is None:
            return
        if taken.attempt_id is not None and taken.row.verb != "recall":
            self.check_claim(taken)
        platform = self.platforms[channel]

        def call() -> Next:
            platform.mood = mood
            media: Any = None
            made: Next = publisher._carry_out(taken, media, time.monotonic())
            platform.mood = "ok"
            return made

        self.flying[channel] = Flight(taken, channel, None if slow else call(), call)

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 3), dies=st.booleans())
    def a_call_ends(self, which: int, dies: bool) -> None:
        channel = list(self.flying)[which % len(self.flying)]
        if dies:
            self.owner_dies(channel)
        else:
            self.answer(channel)

    def answer(self, channel: str) -> None:
        flight = self.flying.pop(channel, None)
        if flight is not None:
            outcome = flight.outcome or self.make_call(flight)
            claims.finish(self.centre.ledger, flight.taken, outcome)

    def make_call(self, flight: Flight) -> Next:
        """The attempt's own clock lets no request leave after ``sent_before``."""
        if self.centre.ledger.now_ms() < flight.taken.sent_before:
            return flight.call()
        over = TransientError("time for this attempt is over before the request left")
        spec = self.centre.specs[flight.channel]
        if flight.taken.attempt_id is None:
            return Next(
                flight.taken.row.state,
                "",
                1.0,
                handle=publications.loads(flight.taken.row.handle) or None,
                told=False,
            )
        return after_call(flight.taken.row.verb, over, spec, tries=0, left_s=0, jitter=0)

    def owner_dies(self, channel: str) -> None:
        """Killed for certain, then a new owner adopts what was open."""
        flight = self.flying.pop(channel, None)
        if flight is None:
            return
        claims.adopt(self.centre.ledger, self.centre.specs[channel], after_crash)
        if flight.outcome is None:
            self.strays.append(flight)
        else:
            self.late.append(flight)

    @precondition(lambda self: self.late)
    @rule()
    def late_answer_changes_nothing(self) -> None:
        """The dead owner was only thought dead: its answer is fenced off."""
        flight = self.late.pop()
        assert flight.outcome is not None
        if flight.taken.attempt_id is None:
            return  # it only asked, and may still say what it heard
        before = self.rows()
        claims.finish(self.centre.ledger, flight.taken, flight.outcome)
        assert self.rows() == before

    @precondition(lambda self: self.strays)
    @rule()
    def stray_request_arrives(self) -> None:
        """The owner died, but its request was on the line and arrives before ``sent_before``."""
        flight = self.strays.pop()
        in_time = self.centre.ledger.now_ms() < flight.taken.sent_before
        if in_time and flight.taken.attempt_id is not None:
            if flight.taken.row.verb == "update":
                platform = self.platforms[flight.channel]
                row = flight.taken.row
                if marker(uuid.UUID(row.story_id), row.channel, row.release) not in platform.items:
                    return  # nothing there to update any more
            flight.call()

    # -- what must always be true ------------------------------------------------------------

    def check_claim(self, taken: claims.Claim) -> None:
        """Nothing is asked of an outlet without three signatures over exactly this copy, after
        a withdrawal, or before its wave."""
        row = taken.row
        with self.centre.ledger.snapshot() as view:
            story = stories.get(view, row.story_id)
            signed = view.execute(
                select(signature_table).where(
                    signature_table.c.story_id == row.story_id,
                    signature_table.c.version == row.version,
                    signature_table.c.voided_at.is_(None),
                )
            ).all()
            version = stories.version_row(view, row.story_id, row.version)
            copy = stories.copies_of(view, row.story_id, row.version)[row.channel]
        valid = [s for s in signed if s.copies_sha256 == version.copies_sha256]
        people = {s.level: s.person_id for s in valid}
        full = set(people) == {1, 2, 3} and len(set(people.values())) == 3
        assert full or any(s.level == 3 and s.urgent for s in valid), "not approved"
        assert copy.sha256 == row.copy_sha256
        assert story.withdrawn_at is None, "a withdrawn story must not go out"
        assert story.held_reason is None, "a held story must not go out"
        assert row.version >= (story.approved_version or 0), "an old version must not go out"
        if row.verb == "create" and row.release == 1:
            self.check_wave(row, story)

    def check_wave(self, row: Any, story: Any) -> None:
        plan = Plan.model_validate_json(story.plan)
        assert self.centre.ledger.now_ms() >= _ms(plan.release_at), "before its release time"
        with self.centre.ledger.snapshot() as view:
            others = publications.of_story(view, row.story_id)
        before = [o for o in others if o.wave < row.wave]
        if not before:
            return
        nearest = max(o.wave for o in before)
        received = any(o.received_at for o in before if o.wave == nearest)
        fallback = story.released_at + 1000 * self.centre.newsroom.plan.fallback_s(row.wave)
        late = self.centre.ledger.now_ms() >= fallback
        told = (row.story_id, row.wave) in self.overrides
        assert received or late or told, f"wave {row.wave} went out too early"

    def rows(self) -> list[Any]:
        with self.centre.ledger.snapshot() as view:
            return list(view.execute(select(publication_table)))

    @invariant()
    def at_most_one_create_a_release(self) -> None:
        for name, platform in self.platforms.items():
            made = Counter(marker for verb, marker, _ in platform.requests if verb == "create")
            assert not [m for m, n in made.items() if n > 1], f"{name} took two creates"

    @invariant()
    def versions_never_go_backwards(self) -> None:
        markers = self.markers()
        for name, platform in self.platforms.items():
            taken: dict[str, int] = {}
            for _, mark, version in platform.requests:
                story = markers[mark]
                assert version >= taken.get(story, 0), f"{name} went back to version {version}"
                taken[story] = version

    @invariant()
    def every_row_has_an_owner(self) -> None:
        for row in self.rows():
            if row.state in MOVED_BY_ITSELF:
                assert row.due_at is not None, f"nobody will look at {row.state}"
            elif row.state == "intent":
                assert row.open_attempt is not None
            else:
                assert row.state in REST | WAITS, row.state
            if row.state in {"refused", "needs_person", "held", "planned", "cancelled"}:
                assert row.reason, f"{row.state} without a reason"

    def markers(self) -> dict[str, str]:
        """Marker → story, for every release that there is."""
        return {
            marker(uuid.UUID(row.story_id), row.channel, row.release): row.story_id
            for row in self.rows()
        }

    # -- the end -----------------------------------------------------------------------------

    def come_to_rest(self) -> None:
        """Everything is well again; after that nothing may be left undone."""
        for channel in list(self.flying):
            self.answer(channel)
        self.settle()
        for story in self.stories:
            self.check_rest(story)
        self.at_most_one_create_a_release()
        self.versions_never_go_backwards()
        self.every_row_has_an_owner()

    def settle(self) -> None:
        for _ in range(60):
            for _ in range(100):
                self.take_outbox()
                moved = bool(self.waiting)
                self.deliver(1000)
                for channel in self.platforms:
                    self.begin(channel, "ok", slow=False)
                    moved |= channel in self.flying
                    self.answer(channel)
                self.take_outbox()
                if not moved and not self.waiting:
                    break
            else:
                raise AssertionError("the centre never comes to rest")
            due = self.next_due()
            if due is None:
                return
            self.centre.pass_time(max(0.001, (due - self.centre.ledger.now_ms()) / 1000))
            self.centre.timer.ring_due()
        raise AssertionError("something is always due")

    def next_due(self) -> int | None:
        with self.centre.ledger.snapshot() as view:
            times = [publications.soonest(view, channel) for channel in self.platforms]
            times.append(wakeups.next_due(view))
        return min((t for t in times if t is not None), default=None)

    def check_rest(self, story_id: uuid.UUID) -> None:
        with self.centre.ledger.snapshot() as view:
            story = stories.get(view, story_id)
            found = publications.of_story(view, story_id)
        newest = {row.channel: row for row in sorted(found, key=lambda r: r.release)}
        markers = {m for m, s in self.markers().items() if s == str(story_id)}
        for channel, row in newest.items():
            items = {m: i for m, i in self.platforms[channel].items.items() if m in markers}
            where = f"{channel}: {row.state} ({row.reason})"
            if row.state == "needs_person":
                assert len(items) <= 1, where
                if story.withdrawn_at is not None:
                    assert row.verb == "recall" or row.receipt is None, where
                continue
            if story.withdrawn_at is not None:
                assert row.state in {"recalled", "cancelled"}, where
                assert not items, f"still live after the withdrawal: {where}"
            elif story.approved_version is None:
                assert not items, where
            elif row.state == "live":
                (item,) = items.values()
                if "可能已是" in row.reason:
                    assert story.held_reason is not None
                    assert item["version"] in {row.live_version, row.version}
                    continue
                assert item == {"version": row.live_version, "state": "live", "next": None}, where
                if story.held_reason is None:
                    assert row.live_version == story.approved_version, where
            else:
                assert not items, f"live, but nobody knows: {where}"
                if story.held_reason is None:
                    assert row.state == "refused", where


def _ms(at: Any) -> float:
    return at.timestamp() * 1000 if at is not None else 0.0


def _no_fsync(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")
