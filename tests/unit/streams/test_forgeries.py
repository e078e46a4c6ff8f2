"""Records put on the topics by somebody with all rights at the broker: nothing goes out, one dead
letter, one alarm."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from kafka import TopicPartition

from bus.orders import OrderLoop
from schemas.channel import Refused
from schemas.events import EVENTS
from schemas.orders import ORDERS
from schemas.topics import ADAPT_ORDERS, STORY_EVENTS, TRANSCODE_ORDERS, release_orders
from stores.ledger import assets, outbox, stories, views
from stores.ledger.ids import new_id
from stores.ledger.tables import outbox as outbox_table
from streams.worker import TranscodeWorker
from tests.centre import CentreInMemory, Outlet
from tests.fakes import asset

GOLDEN = Path(__file__).parents[2] / "golden" / "events"
CLIP = asset("v1", "video", b"clip", "video/mp4", duration_s=12.0)
FILMED: dict[str, Any] = {
    "body": [{"kind": "video", "media": "v1"}],
    "media": [{"ref": "v1", "asset_id": str(CLIP.id)}],
}
RELEASES = release_orders("web")


@dataclass(frozen=True)
class Record:
    """What lies on a topic."""

    topic: str
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    offset: int = 0
    partition: int = 0

    def as_type(self, kind: str) -> "Record":
        told = tuple((k, kind.encode() if k == "ce_type" else v) for k, v in self.headers)
        return replace(self, headers=told)


@dataclass
class World:
    """A story nobody has approved, one whose second wave is shut, one that is live."""

    centre: CentreInMemory
    waiting: uuid.UUID
    gated: uuid.UUID
    live: uuid.UUID
    loops: dict[str, OrderLoop]
    offset: int = 1000

    def put(self, record: Record) -> None:
        """As Kafka would bring it to whoever reads the topic; the same place read twice."""
        self.offset += 1
        for _ in range(2):
            if record.topic in self.loops:
                placed = replace(record, offset=self.offset)
                self.loops[record.topic]._note(TopicPartition(record.topic, 0), placed)
            else:
                self.centre._offset = self.offset
                self.centre.hand_on(record.topic, record.key or b"", record.value, record.headers)

    def genuine(self, kind: str, story: uuid.UUID) -> Record:
        """A record that the ledger wrote for a story."""
        with self.centre.ledger.snapshot() as view:
            row = view.execute(
                outbox_table.select()
                .where(outbox_table.c.type == kind, outbox_table.c.value.contains(str(story)))
                .order_by(outbox_table.c.seq.desc())
            ).first()
        assert row is not None, kind
        headers = tuple((k, v.encode()) for k, v in json.loads(row.headers).items())
        return Record(row.topic, row.key.encode(), row.value.encode(), headers)

    def letters(self, which: str = "dead_letters") -> int:
        with self.centre.ledger.snapshot() as view:
            return int(views.status(view)[which])

    def seen(self) -> dict[str, Any]:
        """All that a newsroom and an outlet can see."""
        ids = (self.waiting, self.gated, self.live)
        with self.centre.ledger.snapshot() as view:
            rows = [dict(stories.get(view, s)._mapping) for s in ids]
        return {
            "outlets": {o.name: (list(o.log), dict(o.items)) for o in self.centre.outlets.values()},
            "deliveries": [self.centre.rows(story) for story in ids],
            "stories": rows,
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all: a forgery changes nothing in it."""
    centre = CentreInMemory(
        tmp_path_factory.mktemp("forged"),
        [Outlet("web", 1), Outlet("tv", 2, needs="tv_xdcam_hd422")],
        settle_s=1.0,
    )
    with centre.ledger.transaction() as tx:
        assets.put(tx, CLIP, object_key="originals/1", facts={}, by="reporter", at=1)
    live = centre.publish("已上线", **FILMED)
    centre.finish_renditions()
    centre.pump()
    assert set(centre.states(live).values()) == {"live"}
    centre.outlets["web"].answers = [lambda: Refused("不收")]
    gated = centre.publish("等波次", **FILMED)
    assert centre.states(gated) == {"web": "refused", "tv": "gated"}
    waiting = centre.file("待审", **FILMED)
    centre.pump()
    worker = TranscodeWorker(centre.settings, centre.ledger, centre.store, None)  # type: ignore[arg-type]
    loops = {release_orders(n): p.orders for n, p in centre.publishers.items()}
    yield World(centre, waiting, gated, live, {**loops, TRANSCODE_ORDERS: worker.orders})
    centre.close()


def made_up(kind: str, story: uuid.UUID, topic: str) -> Record:
    """A record as anybody could write one after reading the manual."""
    sample = json.loads((GOLDEN / f"{kind}.json").read_text("utf-8"))
    data = {**sample["data"], "story_id": str(story)}
    if "story" in data:
        data["story"] = {**data["story"], "id": str(story)}
    data |= {k: v for k, v in FITTING.items() if k in data}
    headers = {**sample["headers"], "ce_id": str(new_id())}
    told = tuple((name, text.encode()) for name, text in headers.items())
    value = json.dumps(data, ensure_ascii=False).encode()
    return Record(topic, str(story).encode(), value, told)


FITTING: dict[str, Any] = {
    "wave": 2,
    "version": 1,
    "channel": "tv",
    "release": 1,
    "source_sha256": CLIP.sha256,
    "recipe": "tv_xdcam_hd422",
    "channels": ["web", "tv"],
}
"""What makes a made-up record fit the stories of the world."""

TOPIC_OF = {
    "cn.shoufa.adapt.order.v1": ADAPT_ORDERS,
    "cn.shoufa.transcode.order.v1": TRANSCODE_ORDERS,
    "cn.shoufa.release.order.v1": release_orders("tv"),
    "cn.shoufa.probe.order.v1": release_orders("tv"),
}


def check_nothing_follows(world: World, record: Record) -> None:
    before, letters = world.seen(), world.letters()
    with structlog.testing.capture_logs() as logged:
        world.put(record)
        world.centre.pump()
        world.centre.pass_time(1)
        world.centre.pump()
    after = world.seen()
    assert after["outlets"] == before["outlets"], "no request at any outlet"
    assert after["deliveries"] == before["deliveries"]
    assert after["stories"] == before["stories"]
    alarms = [line for line in logged if line["log_level"] == "error"]
    assert [line["event"] for line in alarms] == ["dead_letter.buried"]
    assert alarms[0]["topic"] == record.topic
    assert world.letters() == letters + 1


@pytest.mark.parametrize("kind", sorted({*EVENTS, *ORDERS}))
@pytest.mark.parametrize("which", ["waiting", "gated", "live"])
def test_a_made_up_record_leads_to_nothing(world: World, kind: str, which: str) -> None:
    topic = TOPIC_OF.get(kind, STORY_EVENTS)
    counted = world.letters("forged_records")
    check_nothing_follows(world, made_up(kind, getattr(world, which), topic))
    assert world.letters("forged_records") == counted + 1


def _edited(record: Record, world: World) -> Record:
    """A genuine approval or order with other words in it."""
    data = json.loads(record.value)
    data |= {"note": "改过", "version": 2, "release": 2, "channels": ["tv"], "by": "x"}
    return replace(record, value=json.dumps(data, ensure_ascii=False).encode())


def _other_story(record: Record, world: World) -> Record:
    """The same id and words, said of another story."""
    value = record.value.replace(str(world.live).encode(), str(world.waiting).encode())
    return replace(record, value=value, key=str(world.waiting).encode())


def _other_key(record: Record, world: World) -> Record:
    return replace(record, key=str(world.waiting).encode())


def _other_topic(record: Record, world: World) -> Record:
    return replace(record, topic=RELEASES if record.topic != RELEASES else STORY_EVENTS)


def _other_outlet(record: Record, world: World) -> Record:
    other = "web" if record.topic == release_orders("tv") else "tv"
    return replace(record, topic=release_orders(other))


def _other_type(record: Record, world: World) -> Record:
    said = "cn.shoufa.story.resumed.v1" if record.topic == STORY_EVENTS else "cn.shoufa.x.v1"
    return record.as_type(said)


def _no_headers(record: Record, world: World) -> Record:
    return replace(record, headers=())


ALTERED: list[Callable[[Record, World], Record]] = [
    _edited, _other_story, _other_key, _other_topic, _other_outlet, _other_type, _no_headers,
]  # fmt: skip


@pytest.mark.parametrize("alter", ALTERED, ids=lambda a: a.__name__)
@pytest.mark.parametrize(
    "kind",
    [
        "cn.shoufa.story.filed.v1",
        "cn.shoufa.story.approved.v1",
        "cn.shoufa.story.signed.v1",
        "cn.shoufa.copies.ready.v1",
        "cn.shoufa.rendition.ready.v1",
        "cn.shoufa.delivery.changed.v1",
        "cn.shoufa.ledger.written.v1",
        "cn.shoufa.adapt.order.v1",
        "cn.shoufa.release.order.v1",
    ],
)
def test_a_genuine_record_altered_or_moved_leads_to_nothing(
    world: World, kind: str, alter: Callable[[Record, World], Record]
) -> None:
    record = alter(world.genuine(kind, world.live), world)
    check_nothing_follows(world, record)


@pytest.mark.parametrize("kind", ["cn.shoufa.story.approved.v1", "cn.shoufa.release.order.v1"])
def test_a_genuine_record_brought_again_is_no_forgery(world: World, kind: str) -> None:
    """Kafka itself may bring any record twice."""
    before = world.seen()
    record = world.genuine(kind, world.live)
    with structlog.testing.capture_logs() as logged:
        world.put(record)
        world.centre.pump()
    assert world.seen() == before
    assert [line for line in logged if line["log_level"] == "error"] == []


def test_a_forgery_under_a_coming_records_id_does_not_take_its_place(world: World) -> None:
    """Who reads the topics before the conductor must not be able to silence an event."""
    centre = world.centre
    centre.withdraw(world.live)
    with centre.ledger.snapshot() as view:
        row = outbox.unsent(view, 10)[0]
    assert dict(row.headers)["ce_type"] == b"cn.shoufa.story.withdrawn.v1"
    true = Record(row.topic, row.key.encode(), row.value, row.headers)
    world.put(replace(true, value=true.value.replace(b"story_id", b"story_id ")))
    world.put(true.as_type("cn.shoufa.story.resumed.v1"))
    centre.pump()
    assert set(centre.states(world.live).values()) == {"recalled"}
