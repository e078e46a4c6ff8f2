"""What must always be true, judged without a line of the product.

It reads the platforms' books, the ledger's tables by SQL, Kafka's logs, and the harness's own
history of what people did and were told. Times are the simulation's seconds.
"""

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

REST = {
    *("live", "refused", "needs_person", "awaiting_person", "recalled", "superseded"),
    *("cancelled", "not_applicable", "removed_by_platform", "held", "planned", "gated"),
}
REASONED = {"refused", "needs_person", "held", "planned", "cancelled", "awaiting_person"}
LEVELS = {1, 2, 3}


class Violation(AssertionError):
    """A promise that was broken: which one, and what was seen."""

    def __init__(self, promise: str, seen: str) -> None:
        super().__init__(f"{promise}: {seen}")
        self.promise = promise
        self.seen = seen


@dataclass(frozen=True)
class Signed:
    story: str
    version: int
    level: int
    person: str
    urgent: bool
    at: float


@dataclass
class History:
    """What people did and were told; plain data."""

    headlines: dict[tuple[str, int], str] = field(default_factory=dict)
    signed: list[Signed] = field(default_factory=list)
    withdrawn: dict[str, float] = field(default_factory=dict)
    """Story → when the withdrawal was acknowledged."""
    held: dict[str, float] = field(default_factory=dict)
    """Story → when a hold that still stands was acknowledged."""
    overrides: list[tuple[str, int, float]] = field(default_factory=list)
    released_at: dict[str, float] = field(default_factory=dict)
    """Story → planned time of release."""
    acknowledged: dict[tuple[str, int, int], float] = field(default_factory=dict)
    """(story, version, level) → when its signature was acknowledged."""
    tampered: set[str] = field(default_factory=set)
    forged: int = 0
    poison: int = 0
    epochs: dict[tuple[str, str, int], int] = field(default_factory=dict)


@dataclass
class Terms:
    """What the centre was set up with."""

    waves: dict[str, int]
    fallback_s: dict[int, float]
    deadline_s: float
    settle_s: float
    longest_pause_s: float
    quotas: dict[str, int]
    updates: dict[str, bool]
    recalls: dict[str, bool]
    sure: dict[str, bool]


class Checker:
    def __init__(self, state: Any, terms: Terms, raw: sqlite3.Connection) -> None:
        self.state = state
        self.history: History = state.history
        self.terms = terms
        self.raw = raw
        self.sent: list[Any] = []
        self.failure: Violation | None = None
        self._checked: dict[tuple[str, str, int], int] = {}
        self._true: set[tuple[str, str, int]] = set()

    def fail(self, promise: str, seen: str) -> None:
        if self.failure is None:
            self.failure = Violation(promise, seen)

    def all(self, query: str, *values: Any) -> list[Any]:
        return self.raw.execute(query, values).fetchall()

    # -- as it happens -----------------------------------------------------------------------

    def on_sent(self, request: Any) -> None:
        """A request that creates or changes leaves: no other of this story may be on its way."""
        attempt = request.attempt
        place = (str(attempt.story_id), request.outlet)
        self.sent = [r for r in self.sent if not r.arrived]
        for other in self.sent:
            if (str(other.attempt.story_id), other.outlet) == place and other is not request:
                self.fail(
                    "at most one open request per (story, channel)",
                    f"{request.outlet} {request.verb} v{attempt.version} leaves while "
                    f"{other.verb} v{other.attempt.version} is under way",
                )
        self.sent.append(request)

    def on_arrival(self, entry: Any) -> None:
        found = self.all("SELECT * FROM attempts WHERE id = ?", entry.attempt)
        if not found:
            self.fail("an intent before every request", f"{entry.outlet} {entry.verb}: none")
            return
        story, channel, release = self.place(entry)
        if entry.verb == "create":
            made = [
                e
                for e in self.state.books[entry.outlet].log
                if e.verb == "create" and e.marker == entry.marker
            ]
            if len(made) > 1:
                self.fail(
                    "at most one create per release",
                    f"{channel} release {release} took {len(made)}",
                )
            self._quota(entry)
        if entry.verb in {"create", "update"}:
            self._approved(entry, story)
            self._order(entry, story, channel)
            self._standing(entry, story)
        if entry.verb == "create" and release == 1:
            self._wave(entry, story, channel)

    def place(self, entry: Any) -> tuple[str, str, int]:
        query = "SELECT story_id, channel, release FROM attempts WHERE id = ?"
        for story, channel, release in self.all(query, entry.attempt):
            return str(story), str(channel), int(release)
        return "", entry.outlet, 0

    def approved_at(self, story: str, version: int) -> float | None:
        """When three distinct people had signed at three levels, or one urgently at the last."""
        levels: dict[int, str] = {}
        for s in self.history.signed:
            if (s.story, s.version) != (story, version):
                continue
            if s.urgent and s.level == 3:
                return s.at
            if s.person not in levels.values():
                levels.setdefault(s.level, s.person)
            if set(levels) == LEVELS:
                return s.at
        return None

    def acknowledged_at(self, story: str, version: int) -> float | None:
        """When people had been told that this version is approved."""
        if self.approved_at(story, version) is None:
            return None
        times = [
            at
            for (s, v, _level), at in self.history.acknowledged.items()
            if (s, v) == (story, version)
        ]
        return max(times) if len(times) == 3 else None

    def headline(self, story: str, version: int) -> str:
        """As it was filed: what the ledger said the first time it was looked at."""
        known = self.history.headlines
        if (story, version) not in known:
            query = "SELECT story FROM versions WHERE story_id = ? AND version = ?"
            for (told,) in self.all(query, story, version):
                known[story, version] = json.loads(told)["headline"]
        return known.get((story, version), "")

    def _approved(self, entry: Any, story: str) -> None:
        at = self.approved_at(story, entry.version)
        if at is None or at > entry.at:
            self.fail("only what three people signed", f"{entry.outlet} v{entry.version}")
        if entry.headline != self.headline(story, entry.version):
            self.fail("the approved bytes go out", f"{entry.outlet}: {entry.headline}")

    def _order(self, entry: Any, story: str, channel: str) -> None:
        before = [
            e.version
            for e in self.state.books[entry.outlet].log[:-1]
            if e.verb in {"create", "update"} and self.place(e)[0] == story
        ]
        if before and entry.version < max(before):
            told = f"{channel}: v{entry.version} after v{max(before)}"
            self.fail("versions never go down", told)

    def _standing(self, entry: Any, story: str) -> None:
        query = "SELECT started_at FROM attempts WHERE id = ?"
        claimed = self.all(query, entry.attempt)[0][0] / 1000
        for version in range(entry.version + 1, 30):
            at = self.acknowledged_at(story, version)
            if at is not None and claimed > at + 0.001:
                told = f"{entry.outlet} v{entry.version} claimed though v{version} is approved"
                self.fail("only the newest approved version goes out", told)
        for what, times in (("withdrawal", self.history.withdrawn), ("hold", self.history.held)):
            at = times.get(story)
            if at is not None and claimed > at + 0.001:
                told = f"{entry.outlet} {entry.verb} claimed {claimed - at:.1f} s after it"
                self.fail(f"nothing is claimed after a {what}", told)
        grace = self.terms.deadline_s + self.terms.settle_s + self.terms.longest_pause_s
        for what, times in (("withdrawal", self.history.withdrawn), ("hold", self.history.held)):
            at = times.get(story)
            if at is not None and entry.at > at + grace:
                told = f"{entry.outlet} {entry.verb} {entry.at - at:.1f} s after the {what}"
                self.fail(f"nothing goes out after a {what} and one deadline", told)

    def _wave(self, entry: Any, story: str, channel: str) -> None:
        planned = self.history.released_at.get(story)
        if planned is not None and entry.at < planned:
            self.fail("not before its planned time", channel)
        mine = self.terms.waves[channel]
        before = [w for w in self.terms.waves.values() if w < mine]
        if not before:
            return
        nearest = max(before)
        if any((s, w) == (story, mine) and at <= entry.at for s, w, at in self.history.overrides):
            return
        first = min(
            (at for v in range(1, 30) if (at := self.approved_at(story, v)) is not None),
            default=entry.at,
        )
        if entry.at >= first + self.terms.fallback_s[mine]:
            return
        for name, wave in self.terms.waves.items():
            if wave == nearest and any(
                e.verb == "create" and self.place(e)[0] == story and self._was_live(name, e)
                for e in self.state.books[name].log
            ):
                return
        self.fail("a later wave waits for the first", f"{channel} before anything is live")

    def _was_live(self, name: str, entry: Any) -> bool:
        return entry.live or any(i == entry.item for i in self.state.settled.get(name, ()))

    def handled(self, record: Any, consumer: str) -> bool:
        if header(record, "ce_type") in {
            "cn.shoufa.ledger.written.v1",
            "cn.shoufa.story.approved.v1",
        }:
            return True  # told to others: nothing follows from it here
        seen = "SELECT 1 FROM seen WHERE consumer = ? AND event_id = ?"
        if self.all(seen, consumer, header(record, "ce_id")):
            return True
        query = "SELECT 1 FROM dead_letters WHERE topic = ? AND kafka_partition = ? AND value = ?"
        value = record.value.decode("utf-8", "backslashreplace")
        return bool(self.all(query, record.topic, record.partition, value))

    def on_late_answer(self, before: Any, after: Any) -> None:
        if before != after:
            told = f"{before} became {after}"
            self.fail("an attempt that was taken over changes nothing", told)

    def on_settled(self, item: Any) -> None:
        if item.state == "live":
            name = item.id.rpartition("-")[0]
            self.state.settled.setdefault(name, []).append(item.id)

    def _quota(self, entry: Any) -> None:
        limit = self.terms.quotas.get(entry.outlet)
        if limit is None:
            return
        day = _beijing_day(entry.left_at)
        log = self.state.books[entry.outlet].log
        used = sum(e.verb == "create" and _beijing_day(e.left_at) == day for e in log)
        if used > limit:
            self.fail("quotas are kept", f"{entry.outlet}: {used} creates, {limit} allowed")

    def on_commit(self, group: str, topic: str, partition: int, offset: int) -> None:
        """No offset passes an order that a restart would have to find by its record. What had
        been passed before the play began is none of its business: its rows have gone on since."""
        log = self.state.broker.log(topic)[partition]
        place = (group, topic, partition)
        start = self._checked.get(place, self.state.broker.committed.get(place, 0))
        self._checked[place] = offset
        if topic.startswith("release-orders."):
            for record in log[start:offset]:
                self._order_is_lasting(record)
        elif topic == "story-events":
            for record in log[start:offset]:
                if not self.handled(record, "conductor"):
                    self.fail("no offset before its event is handled", f"{topic}@{record.offset}")

    def _order_is_lasting(self, record: Any) -> None:
        try:
            told = json.loads(record.value)
            place = (told["story_id"], told["channel"], told["release"])
        except (ValueError, KeyError, TypeError):
            return
        query = (
            "SELECT state, open_attempt, tries, handle FROM publications"
            " WHERE story_id = ? AND channel = ? AND release = ?"
        )
        for state, open_attempt, tries, handle in self.all(query, *place):
            untried = state in {"updating", "recalling"} and tries == 0 and handle is None
            if state in {"ready", "intent"} or open_attempt is not None or untried:
                told = f"{record.topic}@{record.offset} is {state}"
                self.fail("no offset before its order is in a lasting state", told)

    # -- after each step ---------------------------------------------------------------------

    def after_step(self) -> None:
        query = (
            "SELECT story_id, channel, release, epoch, receipt, live_version, state, due_at, reason,"
            " open_attempt FROM publications"
        )
        open_: Counter[tuple[str, str]] = Counter()
        for story, channel, release, epoch, receipt, live, state, due, reason, attempt in self.all(
            query
        ):
            place = (story, channel, release)
            if epoch < self.history.epochs.get(place, 0):
                self.fail("epochs never go down", f"{channel}: {epoch}")
            self.history.epochs[place] = epoch
            open_[story, channel] += attempt is not None
            if open_[story, channel] > 1:
                self.fail("at most one open intent per (story, channel)", channel)
            if receipt is not None:
                self._receipt(channel, release, story, receipt, live)
            elif state == "live":
                self.fail("live means a receipt", channel)
            if state == "live" and receipt is not None:
                self._public(channel, receipt)
            if state in REASONED and not reason:
                self.fail("every state says why", f"{channel}: {state}")
            if state not in REST and state != "intent" and due is None:
                self.fail("every state has an owner", f"{channel}: {state} is never due")
            if state == "intent" and attempt is None:
                self.fail("every state has an owner", f"{channel}: an intent of nobody")

    def _receipt(self, channel: str, release: int, story: str, receipt: str, live: int) -> None:
        if (story, receipt, live) in self._true:
            return
        named = json.loads(receipt)["item_id"]
        for entry in self.state.books[channel].log:
            same = (entry.item, entry.version) == (named, live) and entry.verb != "recall"
            if same and self.place(entry)[0] == story:
                self._true.add((story, receipt, live))
                return
        self.fail("a receipt names a real item", f"{channel}: {named} v{live}")

    def _public(self, channel: str, receipt: str) -> None:
        named = json.loads(receipt)["item_id"]
        for item in self.state.books[channel].items:
            if item.id == named and item.state in {"review", "rejected"}:
                self.fail("live means that it is public", f"{named} is in {item.state}")


def header(record: Any, name: str) -> str:
    return next((v.decode("utf-8", "replace") for k, v in record.headers if k == name), "")


def _beijing_day(at: float) -> int:
    return int((at + 8 * 3600) // 86400)
