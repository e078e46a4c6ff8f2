"""Plays the publisher: makes attempts, crashes them at a chosen point, recovers by the protocol."""

import html
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, JsonValue

from schemas.channel import (
    Absent,
    Accepted,
    Attempt,
    AwaitingPerson,
    CannotRecall,
    CannotTell,
    Live,
    MediaFile,
    Recalled,
    Refused,
    marker,
)
from schemas.errors import UnknownOutcome
from schemas.hashing import canonical, fingerprint
from schemas.story import Story
from tests.conformance.contract import Item, World
from tests.conformance.samples import stock

_T = TypeVar("_T")
Answer = Live | Accepted | AwaitingPerson | Refused | Absent | CannotTell | Recalled | CannotRecall
"""What any of a channel's functions may answer."""


class Crash(BaseException):
    """The process dies here: nothing may catch it."""


@dataclass
class Points:
    """Counts the places where the publisher's side is called, and dies at the chosen one."""

    die_at: int = 0
    passed: int = 0
    names: list[str] = field(default_factory=list)

    def reach(self, name: str) -> None:
        self.passed += 1
        self.names.append(name)
        if self.passed == self.die_at:
            raise Crash(name)


@dataclass
class Trial:
    """One story on its way through one channel: what the ledger would keep of it."""

    world: World
    story: Story
    release: int = 1
    checkpoints: dict[str, JsonValue] = field(default_factory=dict)

    def payload(self, story: Story | None = None) -> BaseModel:
        """The rendered copy as it comes back from storage, its media in stock."""
        made = self.world.module.render(story or self.story, self.world.spec)
        plain = json.loads(canonical(made))
        stock(self.world, plain)
        return self.world.module.Payload.model_validate(plain)

    def attempt(
        self, payload: BaseModel, *, points: Points | None = None, story: Story | None = None
    ) -> Attempt:
        told, at = story or self.story, points or Points()

        def keep(name: str, value: JsonValue) -> None:
            at.reach(f"before checkpoint {name}")
            json.dumps(value, allow_nan=False)
            self.checkpoints[name] = value
            at.reach(f"after checkpoint {name}")

        return Attempt(
            id=uuid.uuid4(),
            story_id=told.id,
            number=told.number,
            channel=self.world.spec.id,
            release=self.release,
            version=told.version,
            headline=told.headline,
            payload_sha256=fingerprint(payload),
            marker=marker(told.id, self.world.spec.id, self.release),
            monotonic_end=time.monotonic() + 20.0,
            media=_Watched(self.world, at),
            checkpoints=dict(self.checkpoints),
            checkpoint=keep,
            spend=lambda verb: at.reach(f"spend {verb}"),
        )

    def items(self) -> list[Item]:
        return self.world.items(self.attempt(self.payload()))

    def live(self) -> list[Item]:
        return [item for item in self.items() if item.live]

    def the_item(self) -> Item:
        """The one item that was ever created; it must be live."""
        items = self.items()
        assert len(items) == 1, f"the outlet took {len(items)} items for one release"
        assert items[0].live, "the item is not live"
        return items[0]

    def submit(self, points: Points | None = None) -> Answer:
        """Submit as a process started anew does."""
        payload = self.payload()
        return self._with_account(
            lambda account: self.world.module.submit(
                account, payload, self.attempt(payload, points=points)
            )
        )

    def update(self, story: Story, live: Live, points: Points | None = None) -> Answer:
        payload = self.payload(story)
        answer = self._with_account(
            lambda account: self.world.module.update(
                account, payload, live.receipt, self.attempt(payload, points=points, story=story)
            )
        )
        return self.wait(answer, story)

    def find(self) -> Live | Accepted | Absent | CannotTell:
        payload = self.payload()
        return self._with_account(
            lambda account: self.world.module.find(account, payload, self.attempt(payload))
        )

    def recall(self, live: Live) -> Answer:
        attempt = self.attempt(self.payload())
        return self._with_account(
            lambda account: self.world.module.recall(account, live.receipt, "事实有误", attempt)
        )

    def wait(self, answer: Answer, story: Story | None = None) -> Answer:
        """Ask until the outlet has decided, letting it work in between."""
        payload = self.payload(story)
        for _ in range(30):
            if not isinstance(answer, Accepted):
                return answer
            handle = json.loads(json.dumps(answer.handle))
            self.world.settle()
            answer = self._with_account(
                lambda account, handle=handle: self.world.module.confirm(  # type: ignore[misc]
                    account, payload, handle, self.attempt(payload, story=story)
                )
            )
        raise AssertionError(f"the outlet never decided: {answer}")

    def publish(self) -> Live:
        answer = self.wait(self.submit())
        assert isinstance(answer, Live), f"not live: {answer}"
        return answer

    def recover(self) -> Live | CannotTell:
        """After a crash or a lost answer, as the publisher does: look first, send when absent."""
        self.world.settle()
        found = self.find()
        if isinstance(found, Absent):
            return self.publish()
        answer = found if isinstance(found, CannotTell) else self.wait(found)
        assert isinstance(answer, Live | CannotTell), f"neither live nor unknown: {answer}"
        return answer

    def submit_again(self) -> Live | CannotTell:
        """Send again with what was recorded; a channel that cannot know says so and is asked."""
        try:
            answer = self.wait(self.submit())
        except UnknownOutcome:
            return self.recover()
        assert isinstance(answer, Live), f"not live: {answer}"
        return answer

    def _with_account(self, act: Callable[[Any], _T]) -> _T:
        account = self.world.connect()
        try:
            return act(account)
        finally:
            account.close()


@dataclass
class _Watched:
    """The media of an attempt, with a place to die before each fetch."""

    world: World
    points: Points

    def files(self, placeholder: str) -> list[MediaFile]:
        self.points.reach(f"media {placeholder.rsplit('/', 1)[-1]}")
        return self.world.media.files(placeholder)


def readable(payload: BaseModel) -> str:
    """All text of a copy, with JSON and HTML escapes resolved."""
    return html.unescape(canonical(payload).decode().replace('\\"', '"'))
