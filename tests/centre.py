"""A whole centre in one thread: real ledger, conductor, adapter, claims and protocol; no Kafka.

Outbox rows are handed straight to whoever reads their topic. Outlets are fakes in memory that
keep what a platform would keep.
"""

import io
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from pydantic import BaseModel

from bus.dead_letters import Origin
from consumers.publish import Publisher
from producers import acts, filing
from producers.filing import Desk
from schemas.channel import (
    Absent,
    Accepted,
    Capabilities,
    ChannelSpec,
    Live,
    Outside,
    Recalled,
)
from schemas.errors import UnknownOutcome
from schemas.events import RenditionReady
from schemas.newsroom import Newsroom, Person
from schemas.receipt import Receipt
from schemas.rendition import Rendition, RenditionFile, placeholder
from schemas.settings import Settings
from schemas.story import Plan, Story
from stores.ledger import outbox, renditions, stories, views
from stores.ledger.people import Caller
from stores.ledger.tables import metadata
from stores.ledger.transaction import open_ledger
from stores.objects import Objects
from streams.adapt import render
from streams.adapter import Adapter
from streams.conductor import Conductor
from streams.story_state import ChannelRule
from streams.timer import Timer

REPORTER = Caller("reporter", "记者甲", "采访部", ("contributor", "editor"))
REVIEWERS = {
    1: Caller("one", "编辑", "编辑部", ("editor", "reviewer1")),
    2: Caller("two", "主任", "编辑部", ("reviewer2",)),
    3: Caller("three", "总编", "总编室", ("reviewer3", "duty")),
}
PEOPLE = tuple(
    Person(id=c.id, name=c.name, desk=c.desk, roles=c.roles)
    for c in (REPORTER, *REVIEWERS.values())
)


class MemoryS3:
    """The few calls that the centre makes."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803
        assert Bucket
        self.objects[Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert Bucket
        return {"Body": io.BytesIO(self.objects[Key])}

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        assert Bucket
        self.objects.pop(Key, None)


class CopyPayload(BaseModel):
    headline: str
    media: list[str]


@dataclass
class Outlet:
    """A platform in memory, and the channel module that speaks to it."""

    name: str
    wave: int
    can_update: bool = True
    asynchronous: bool = False
    applies_to: Literal["all", "video"] = "all"
    needs: str | None = None
    absent_is_sure: bool = True
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[tuple[str, str, int]] = field(default_factory=list)
    """(verb, marker, version), as the platform saw them."""
    answers: list[Callable[[], Any]] = field(default_factory=list)
    """What to do instead of the next answers; an item is made before a lost one."""
    lost_answers: int = 0

    def module(self) -> Any:
        return SimpleNamespace(
            capabilities=Capabilities(
                update=self.can_update,
                recall="yes",
                absent_is_sure=self.absent_is_sure,
                asynchronous=self.asynchronous,
            ),
            Spec=ChannelSpec,
            Payload=CopyPayload,
            render=self.render,
            connect=lambda _spec, _outside: SimpleNamespace(close=lambda: None),
            submit=self.submit,
            confirm=self.confirm,
            update=self.update,
            find=self.find,
            recall=self.recall,
        )

    def render(self, story: Story, _spec: Any) -> CopyPayload:
        media = []
        if self.needs:
            clip = story.first("video") or story.first("image")
            if clip is not None:
                media = [placeholder(clip.sha256, self.needs)]  # type: ignore[arg-type]
        return CopyPayload(headline=story.headline, media=media)

    def submit(self, _account: Any, payload: CopyPayload, attempt: Any) -> Any:
        if self.answers:
            return self.answers.pop(0)()
        self.log.append(("create", attempt.marker, attempt.version))
        self.items[attempt.marker] = {"headline": payload.headline, "version": attempt.version}
        if self.lost_answers:
            self.lost_answers -= 1
            raise UnknownOutcome("the answer was lost")
        if self.asynchronous:
            return Accepted({"marker": attempt.marker}, "under review")
        return Live(self.receipt(attempt))

    def confirm(self, _account: Any, _payload: Any, _handle: Any, attempt: Any) -> Any:
        return Live(self.receipt(attempt))

    def update(self, _account: Any, payload: CopyPayload, _receipt: Any, attempt: Any) -> Any:
        if self.answers:
            return self.answers.pop(0)()
        self.log.append(("update", attempt.marker, attempt.version))
        self.items[attempt.marker] = {"headline": payload.headline, "version": attempt.version}
        return Live(self.receipt(attempt))

    def find(self, _account: Any, _payload: Any, attempt: Any) -> Any:
        return Live(self.receipt(attempt)) if attempt.marker in self.items else Absent()

    def recall(self, _account: Any, _receipt: Any, _reason: str, attempt: Any) -> Any:
        self.log.append(("recall", attempt.marker, attempt.version))
        self.items.pop(attempt.marker, None)
        return Recalled("gone")

    def receipt(self, attempt: Any) -> Receipt:
        return Receipt(
            item_id=attempt.marker,
            url=f"https://outlet.example/{self.name}/{attempt.marker}",
            at=datetime.now(UTC),
            payload_sha256=attempt.payload_sha256,
            text_sha256="0" * 64,
        )


class CentreInMemory:
    """``pump()`` runs until nothing moves; ``pass_time`` moves the clock."""

    def __init__(self, folder: Path, outlets: list[Outlet], *, url: str = "", **spec: Any) -> None:
        self.now = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
        self.outlets = {o.name: o for o in outlets}
        self.settings = Settings(data=folder, process="test")
        self.ledger = open_ledger(url or f"sqlite:///{folder}/ledger.db")
        self.ledger.now = lambda: self.now
        metadata.create_all(self.ledger.engine)
        self.s3 = MemoryS3()
        self.store = Objects(self.s3, "shoufa")  # type: ignore[arg-type]
        self.newsroom = Newsroom(county="青禾县", centre="青禾", people=PEOPLE)
        self.specs = {
            o.name: ChannelSpec(
                id=o.name,
                module=o.name,
                name=o.name,
                family="web",
                wave=o.wave,
                applies_to=o.applies_to,
                **spec,
            )
            for o in outlets
        }
        self.modules = {o.name: o.module() for o in outlets}
        rules = {
            o.name: ChannelRule(
                o.name,
                o.wave,
                True,
                o.applies_to,
                o.can_update,
                "值班编辑",
            )
            for o in outlets
        }
        self.conductor = Conductor(self.ledger, rules, self.newsroom)
        self.adapter = Adapter(self.ledger, self.store, self.specs, self.modules)
        self.timer = Timer(self.ledger)
        self.publishers = {o.name: self._publisher(o.name) for o in outlets}
        self.desk = Desk(
            settings=self.settings,
            ledger=self.ledger,
            store=self.store,
            newsroom=self.newsroom,
            specs=self.specs,
            refusals=self._refusals,
            inspect=None,  # type: ignore[arg-type]
        )
        self._offset = 0

    def _refusals(self, story: Story, channels: Any) -> dict[str, str]:
        for channel in channels:
            render(story, self.specs[channel], self.modules[channel])
        return {}

    def _publisher(self, name: str) -> Publisher:
        outside = Outside(self.settings.data, None, lambda: self.now)
        return Publisher(
            self.settings, self.ledger, self.store, self.specs[name], self.modules[name], outside
        )

    def close(self) -> None:
        for publisher in self.publishers.values():
            publisher._lock.close()
        self.ledger.close()

    def file(self, headline: str = "标题", *, plan: Plan | None = None, **fields: Any) -> uuid.UUID:
        raw = {
            "headline": headline,
            "body": [{"kind": "paragraph", "spans": [{"text": "正文。"}]}],
            **fields,
        }
        filed = filing.file_story(self.desk, REPORTER, raw, plan or Plan(), [], key=None)
        return uuid.UUID(filed.body["story_id"])

    def revise(self, story_id: uuid.UUID, headline: str, **fields: Any) -> None:
        with self.ledger.snapshot() as view:
            version = stories.get(view, story_id).version
        raw = {
            "headline": headline,
            "body": [{"kind": "paragraph", "spans": [{"text": "改过的正文。"}]}],
            **fields,
        }
        filing.revise_story(self.desk, REPORTER, str(story_id), raw, [], expected=version, key=None)

    def sign_all(self, story_id: uuid.UUID) -> None:
        for level in (1, 2, 3):
            self.sign(story_id, level)

    def sign(self, story_id: uuid.UUID, level: int, **more: Any) -> Any:
        with self.ledger.snapshot() as view:
            version = stories.get(view, story_id).version
            copies = stories.version_row(view, story_id, version).copies_sha256
        asked = acts.SignatureIn(
            version=version, level=level, copies_sha256=more.pop("copies", copies), **more
        )
        return acts.sign(self.desk, REVIEWERS[level], str(story_id), asked)

    def withdraw(self, story_id: uuid.UUID, reason: str = "有误") -> None:
        acts.withdraw(self.desk, REVIEWERS[3], str(story_id), acts.ReasonIn(reason=reason))

    def publish(self, headline: str = "标题", **fields: Any) -> uuid.UUID:
        """File, review and pump."""
        story_id = self.file(headline, **fields)
        self.pump()
        self.sign_all(story_id)
        self.pump()
        return story_id

    def pump(self, *, publish: bool = True) -> None:
        """Hand everything on until nothing moves."""
        for _ in range(200):
            moved = self.deliver_events()
            moved |= self.timer.ring_due() == 0.0
            if publish:
                worked = [p._work_once() for p in self.publishers.values()]
                moved |= any(worked)
            if not moved:
                return
        raise AssertionError("the centre never comes to rest")

    def deliver_events(self) -> bool:
        with self.ledger.transaction() as tx:
            rows = outbox.unsent(tx, 100)
            outbox.mark_sent(
                tx, [(row.seq, 0, self._offset + i) for i, row in enumerate(rows)], at=1
            )
        for row in rows:
            self._offset += 1
            self.hand_on(row.topic, row.key.encode(), row.value, row.headers)
        return bool(rows)

    def hand_on(self, topic: str, key: bytes, value: bytes, headers: Any) -> None:
        origin = Origin(topic, 0, self._offset, "test")
        if topic == "story-events":
            self.conductor.take(origin, key, value, headers)
        elif topic == "adapt-orders":
            self.adapter.take(origin, key, value, headers)

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def finish_renditions(self) -> None:
        """What the transcode pool would do, without ffmpeg."""
        while True:
            with self.ledger.transaction() as tx:
                taken = renditions.take(tx, "test", self.ledger.now_ms())
                for row in taken:
                    self._commit_rendition(tx, row)
            if not taken:
                return

    def _commit_rendition(self, tx: Any, row: Any) -> None:
        made = Rendition(
            source_sha256=row.source_sha256,
            recipe=row.recipe,
            recipe_key="k",
            files=(
                RenditionFile(
                    name="a.mp4",
                    object_key="renditions/a",
                    sha256="1" * 64,
                    size_bytes=1,
                    content_type="video/mp4",
                ),
            ),
        )
        renditions.commit(tx, made, at=self.ledger.now_ms())
        for story_id in renditions.stories_of(tx, row.source_sha256, row.recipe):
            ready = RenditionReady(story_id=uuid.UUID(story_id), rendition=made)
            outbox.append(tx, ready, at=self.ledger.now_ms())

    def rows(self, story_id: uuid.UUID) -> dict[str, dict[str, Any]]:
        """Newest release of each channel."""
        with self.ledger.snapshot() as view:
            found = views.deliveries(view, story_id=str(story_id))
        return {row["channel"]: row for row in sorted(found, key=lambda r: r["release"])}

    def states(self, story_id: uuid.UUID) -> dict[str, str]:
        return {channel: row["state"] for channel, row in self.rows(story_id).items()}
