"""Platforms with books of their own, and the line to them.

A platform has no key against a second create: each request that arrives makes an item. The line
loses answers, is slow, breaks before or after the request, and brings one late, though never
later than the channel's settle time past the end of the attempt, which is what the protocol
counts on.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from schemas.channel import ChannelSpec, Refused
from schemas.errors import TransientError, UnknownOutcome

DEADLINE_S = 10.0
SETTLE_S = 3.0


@dataclass(frozen=True)
class Kind:
    """An outlet and what it can do."""

    name: str
    wave: int
    update: bool = True
    recall: bool = True
    sure: bool = True
    asynchronous: bool = False
    drafts: bool = False
    hand_off: bool = False
    quota: int | None = None

    def spec(self, wave: int) -> ChannelSpec:
        return ChannelSpec(
            id=self.name,
            module=self.name,
            name=self.name,
            family="web",
            wave=wave,
            call_deadline_s=DEADLINE_S,
            settle_s=SETTLE_S,
            poll_s=(1.0, 4.0),
            confirm_within_s=120.0,
            retry_s=(1.0, 5.0, 30.0),
            quota={} if self.quota is None else {"create": self.quota},
        )


KINDS = {
    kind.name: kind
    for kind in (
        Kind("web", 1),
        Kind("wechat", 1, update=False, asynchronous=True, drafts=True),
        Kind("tv", 2, asynchronous=True),
        Kind("short", 1, sure=False, drafts=True),
        Kind("toutiao", 1, quota=1),
        Kind("push", 2, update=False, recall=False, sure=False),
        Kind("paper", 2, update=False, recall=False, hand_off=True),
    )
}


@dataclass
class Item:
    id: str
    marker: str
    headline: str
    version: int
    state: str
    """review, live, rejected, gone"""
    settled_at: float
    """When the review ends."""
    listed_at: float
    """From when on the platform's list shows it."""
    next: tuple[str, int] | None = None


@dataclass(frozen=True)
class Entry:
    """One request as the platform saw it, by its own clock."""

    at: float
    left_at: float
    outlet: str
    verb: str
    attempt: str
    marker: str
    headline: str
    version: int
    item: str
    live: bool
    """Public at once."""


@dataclass
class Book:
    """What a platform keeps; plain data."""

    items: list[Item] = field(default_factory=list)
    log: list[Entry] = field(default_factory=list)
    drafts: int = 0
    down_until: float = 0.0
    refuses: bool = False


@dataclass
class Request:
    outlet: str
    verb: str
    attempt: Any
    headline: str = ""
    item: str = ""
    left_at: float = 0.0
    arrived: bool = False
    reply: Any = None
    answered: bool = False


class Line:
    """Requests and answers on their way."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.queue: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0

    def later(self, at: float, what: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self.queue, (at, self._number, what))

    def next_at(self) -> float | None:
        return self.queue[0][0] if self.queue else None

    def arrive(self, now: float) -> None:
        while self.queue and self.queue[0][0] <= now:
            heapq.heappop(self.queue)[2]()

    def call(self, request: Request, *, mutates: bool) -> Any:
        """Send and wait; returns the platform's answer, or raises what a client would."""
        world, stage = self.world, self.world.stage
        book: Book = world.state.books[request.outlet]
        left = min(request.attempt.remaining_s(), 4.0)
        stage.point("before the request")
        if book.down_until > stage.now:
            raise TransientError("connection refused")
        request.left_at = stage.now
        fate = world.fate_of_request()
        world.note("request", f"{request.outlet} {request.verb} v{request.attempt.version} {fate}")
        if mutates:
            world.checker.on_sent(request)
        lost = UnknownOutcome if mutates else TransientError
        if fate == "lost":
            request.arrived = True
            stage.sleep(0.05, "line broke")
            raise lost("the line broke")
        latest = max(stage.now, request.attempt.monotonic_end) + SETTLE_S * 0.9
        delay = {"late": stage.rng.uniform(0.1, latest - stage.now), "slow": 3.0}.get(fate, 0.03)
        self.later(stage.now + delay, lambda: self._serve(request, book))
        if fate in {"late", "answer lost"}:
            stage.sleep(min(left, 0.2 if world.chance(0.5) else left), "answer lost")
            raise lost("the answer was lost")
        stage.hand_over("answer", until=stage.now + left, wanted=lambda: request.answered)
        if not request.answered:
            raise lost("no answer in time")
        if isinstance(request.reply, Exception):
            raise request.reply
        return request.reply

    def _serve(self, request: Request, book: Book) -> None:
        now = self.world.stage.now
        kind = KINDS[request.outlet]
        attempt = request.attempt
        request.arrived = True
        item = next((i for i in book.items if i.id == request.item), None)
        match request.verb:
            case "draft":
                book.drafts += 1
                request.reply = f"draft{book.drafts}"
            case "create" | "update" if book.refuses:
                request.reply = Refused("内容不合规")
            case "create":
                item = self._make(kind, book, request)
                request.reply = item.id
            case "update" if item is None or item.state not in {"live", "review"}:
                request.reply = Refused("没有这一条")
            case "update":
                assert item is not None
                if kind.asynchronous:
                    item.next = (request.headline, attempt.version)
                    item.settled_at = now + self.world.stage.rng.choice([0.5, 3.0, 12.0])
                else:
                    item.headline, item.version = request.headline, attempt.version
                request.reply = item.id
            case "recall":
                if item is not None:
                    item.state = "gone"
                request.reply = request.item
            case "look":
                request.reply = self._look(book, request)
        if request.verb in {"create", "update", "recall"} and isinstance(request.reply, str):
            entry = Entry(
                at=now,
                left_at=request.left_at,
                outlet=request.outlet,
                verb=request.verb,
                attempt=str(attempt.id),
                marker=attempt.marker,
                headline=request.headline,
                version=attempt.version,
                item=request.reply,
                live=item is not None and item.state == "live",
            )
            book.log.append(entry)
            self.world.note("arrived", f"{entry.outlet} {entry.verb} v{entry.version} {entry.item}")
            self.world.checker.on_arrival(entry)
        request.answered = True

    def _make(self, kind: Kind, book: Book, request: Request) -> Item:
        stage = self.world.stage
        review = stage.rng.choice([0.5, 3.0, 12.0]) if kind.asynchronous else 0.0
        hidden = stage.rng.choice([20.0, 40.0]) if not kind.sure else 0.0
        item = Item(
            id=f"{kind.name}-{len(book.items) + 1}",
            marker=request.attempt.marker,
            headline=request.headline,
            version=request.attempt.version,
            state="review" if kind.asynchronous else "live",
            settled_at=stage.now + review,
            listed_at=stage.now + hidden,
        )
        book.items.append(item)
        return item

    def _look(self, book: Book, request: Request) -> Any:
        """The newest item by id or marker, its review ended if its time has come."""
        now = self.world.stage.now
        found = None
        for item in book.items:
            if request.item in {item.id, ""} and item.marker == request.attempt.marker:
                if item.settled_at <= now:
                    self._settle(item)
                if item.state != "gone" and (request.item or item.listed_at <= now):
                    found = item
        return found

    def _settle(self, item: Item) -> None:
        rejected = self.world.fault("review rejects")
        if item.state == "review":
            item.state = "rejected" if rejected else "live"
            self.world.checker.on_settled(item)
        if item.next is not None:
            if not rejected:
                item.headline, item.version = item.next
            item.next = None
