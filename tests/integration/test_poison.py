"""Poison on every partition of the real Kafka stops nobody; a replay goes through the real relay."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kafka import KafkaConsumer, KafkaProducer
from sqlalchemy import select

from bus.dead_letters import Origin, bury_alone
from cli.client import Api
from deploy.leftovers import find_leftovers, kill_leftovers
from deploy.stack.ports import free_base
from deploy.supervise import ps_table
from schemas.codec import encode
from schemas.events import StoryHeld
from schemas.settings import REPOSITORY, Settings
from schemas.topics import ADAPT_ORDERS, STORY_EVENTS, release_orders
from stores.ledger import outbox
from stores.ledger.ids import when
from stores.ledger.letters import REPLAY_OF
from stores.ledger.tables import outbox as outbox_table
from stores.ledger.transaction import open_ledger

pytestmark = pytest.mark.slow

WANTED = ("kafka", "s3", "s3-fsync", "migrate", "web", "core", "publish")
START = f"""
import sys
from pathlib import Path
from deploy import supervise
from schemas.settings import Settings
whole = supervise.process_table
supervise.process_table = lambda *a, **k: [s for s in whole(*a, **k) if s.name in {WANTED!r}]
settings = Settings(data=Path(sys.argv[1]), port_base=int(sys.argv[2]))
sys.exit(supervise.run(settings, simulators=False))
"""
PARTITIONS = {STORY_EVENTS: 6, ADAPT_ORDERS: 6, release_orders("web"): 3}


@dataclass
class Stack:
    settings: Settings
    api: Api

    def letters(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = self.api.get("/dead-letters", closed=True, limit=200, cursor=cursor)
            found += page["letters"]
            cursor = page["next"]
            if cursor is None:
                return found

    def until(self, true: Callable[[], bool], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < end, [(r.name, r.state) for r in ps_table(self.settings)]
            time.sleep(0.2)

    def file(self, headline: str) -> str:
        body = [{"kind": "paragraph", "spans": [{"text": "清晨六点。"}]}]
        filed = self.api.send_story({"headline": headline, "body": body}, None, Path())
        return str(filed["story_id"])

    def has_copies(self, story: str) -> bool:
        return self.api.get(f"/stories/{story}/copies")["copies_sha256"] is not None


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings(data=tmp_path_factory.mktemp("poison"), port_base=9300)
    base = free_base(settings, simulators=False)
    assert base is not None
    settings = settings.model_copy(update={"port_base": base})
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(settings.data), str(base)],
        cwd=REPOSITORY,
        env=os.environ | {"SHOUFA_HOME": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        end = time.monotonic() + 120
        while not _ready(settings):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < end, (settings.log_dir / "supervisor.log").read_text()
            time.sleep(0.2)
        api = Api(settings, "duty")
        yield Stack(settings, api)
        api.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=90)
        kill_leftovers(settings.data)
    assert find_leftovers(settings.data) == []


def _ready(settings: Settings) -> bool:
    rows = {row.name: row.state for row in ps_table(settings)}
    return rows.get("supervise") == "ready"


def poisons() -> list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]]:
    """Key, value, headers of what no reader can process."""
    forged = encode(
        StoryHeld(story_id=uuid4(), by="x", reason="x"), id=uuid4(), at=when(0), key="k"
    )
    headers = [(k, v.encode()) for k, v in forged.headers.items()]
    return [
        (b"k", None, []),
        (b"", b"", [("ce_type", b"\xff\x00")]),
        (b"k", b"\xff\x00" * 1000, headers),
        (b"k" * 500, b"{", headers),
        (b"k", b'{"a":' * 50_000, headers),
        (forged.key.encode(), forged.value, headers),
        (b"k", b"x" * 900_000, [("h" * 1000, b"v" * 10_000)]),
    ]


def test_poison_stops_no_partition_and_each_is_one_letter(stack: Stack) -> None:
    placed: set[tuple[str, int, int]] = set()
    bootstrap = stack.settings.kafka_bootstrap
    with closing(KafkaProducer(bootstrap_servers=bootstrap, acks="all")) as producer:
        for topic, partitions in PARTITIONS.items():
            for partition in range(partitions):
                for key, value, headers in poisons():
                    sent = producer.send(
                        topic, key=key, value=value, headers=headers, partition=partition
                    ).get(timeout=20)
                    placed.add((topic, partition, sent.offset))

    stories = [stack.file(f"第{number}条") for number in range(8)]  # over several partitions
    stack.until(lambda: all(stack.has_copies(story) for story in stories))
    stack.until(lambda: len(stack.letters()) >= len(placed))

    found = [(row["topic"], row["partition"], row["offset"]) for row in stack.letters()]
    assert len(found) == len(placed), "each once"
    assert set(found) == placed
    states = {row.name: (row.state, row.restarts) for row in ps_table(stack.settings)}
    assert states["core"] == states["publish"] == ("ready", 0)


def test_after_a_kill_the_letters_are_the_same(stack: Stack) -> None:
    before = {row["id"] for row in stack.letters()}
    pid = next(row.pid for row in ps_table(stack.settings) if row.name == "core")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    story = stack.file("重启之后")
    stack.until(lambda: stack.has_copies(story))
    assert {row["id"] for row in stack.letters()} == before


def test_no_poison_is_replayed(stack: Stack) -> None:
    answer = stack.api.post("/dead-letters/replay", {"dry_run": False})
    assert answer["plan"]
    assert [line for line in answer["plan"] if line["sends"]] == []


def test_a_replay_reaches_its_topic_with_its_own_id_and_does_nothing_twice(stack: Stack) -> None:
    story = stack.file("重放")
    stack.until(lambda: stack.has_copies(story))
    ledger = open_ledger(stack.settings.ledger_url)
    with ledger.snapshot() as view:
        row = view.execute(
            select(outbox_table).where(
                outbox_table.c.key == story, outbox_table.c.topic == ADAPT_ORDERS
            )
        ).one()
        written = outbox.written(view, row.event_id)
    assert written is not None
    headers = [("ce_type", row.type.encode()), ("ce_id", row.event_id.encode())]
    origin = Origin(row.topic, row.kafka_partition, row.kafka_offset, "adapt")
    bury_alone(ledger, origin, row.key.encode(), row.value.encode(), "x", headers=headers)
    (letter,) = (r for r in stack.letters() if r["event_id"] == row.event_id)
    copies = stack.api.get(f"/stories/{story}/copies")

    answer = stack.api.post("/dead-letters/replay", {"letters": [letter["id"]], "dry_run": False})
    assert [line["sends"] for line in answer["plan"]] == [True]
    sent = _read(stack.settings, ADAPT_ORDERS, row.event_id, 2)
    assert [REPLAY_OF in dict(headers) for headers in sent] == [False, True]
    stack.until(lambda: bool(stack.api.get("/status")["quiet"]))
    assert stack.api.get(f"/stories/{story}/copies") == copies
    open_ones = [r for r in stack.letters() if r["event_id"] == row.event_id]
    assert [r["closed_how"] for r in open_ones] == ["replayed"], "it did not die again"
    ledger.close()


def _read(settings: Settings, topic: str, event_id: str, count: int) -> list[Any]:
    """Headers of the records of a topic with this event id, oldest first."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=settings.kafka_bootstrap,
        auto_offset_reset="earliest",
        consumer_timeout_ms=20_000,
    )
    found = []
    with closing(consumer):
        for record in consumer:
            if dict(record.headers or ()).get("ce_id") == event_id.encode():
                found.append((record.offset, record.headers))
            if len(found) == count:
                break
    return [headers for _, headers in sorted(found)]
