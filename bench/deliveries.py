"""Deliveries a second with every guarantee, beside a bare loop: consume, POST, commit.

Ours: released stories for six outlets, in a real ledger; the real relay, real Kafka, the real
publisher with a thread an outlet; nothing else that writes or reads. The outlet is a server on loopback that answers after five
milliseconds. Bare: the same outlet, the same Kafka, six threads with a consumer each. Both are
counted over the middle of their run, one process each.
"""

import multiprocessing
import sys
import tempfile
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import structlog
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata
from sqlalchemy import func, select

from bench import _outlet
from bench._broker import broker
from bench._stack import free_block, row
from bus.topics import make_topics
from schemas.channel import ChannelSpec, Outside
from schemas.copy import ChannelCopy, CopyRef, copies_fingerprint
from schemas.hashing import canonical, sha256
from schemas.orders import ReleaseOrder
from schemas.review import Signature
from schemas.settings import Settings
from schemas.story import Plan, Story
from schemas.topics import Topic, topics
from stores.ledger import outbox, publications, stories
from stores.ledger.migrate import migrate
from stores.ledger.tables import publications as table
from stores.ledger.transaction import Ledger, open_ledger

CHANNELS = tuple(f"outlet{number}" for number in range(6))
STORIES = 120
TEXT = "青禾县今天上午召开秋收调度会，部署抢收工作。" * 20
DONE = ("live", "needs_person", "refused", "unknown")


def measure() -> list[dict[str, Any]]:
    """Row ``deliveries`` (1/s) beside the bare loop's."""
    spawn = multiprocessing.get_context("spawn")
    temporary = tempfile.TemporaryDirectory(prefix="shoufa-bench-", ignore_cleanup_errors=True)
    with temporary as folder, broker(Path(folder) / "broker") as theirs:
        port = free_block()
        ready = spawn.Event()
        outlet = spawn.Process(target=_outlet.serve, args=(port, ready.set), daemon=True)
        outlet.start()
        ready.wait(20)
        address = f"http://127.0.0.1:{port}/items"
        bare = _bare(theirs.kafka_bootstrap, address)
        ours = _ours(theirs.kafka_bootstrap, Path(folder) / "ours", address, spawn)
        bare += _bare(theirs.kafka_bootstrap, address)
        outlet.terminate()
        outlet.join()
    return [row("deliveries", "all guarantees", ours, "1/s", bare / 2)]


def _middle_rate(times: list[float]) -> float:
    """Deliveries a second between the first tenth and the last."""
    ranked = sorted(times)
    first, last = len(ranked) // 10, len(ranked) * 9 // 10
    return (last - first) / (ranked[last] - ranked[first])


def _bare(bootstrap: str, address: str) -> float:
    names = [f"bench-bare-{n}-{time.time_ns()}" for n in CHANNELS]
    make_topics(bootstrap, [Topic(n, 1, 3_600_000, "", "bench", "bench") for n in names])
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    for name in names:
        for _ in range(STORIES):
            producer.send(name, TEXT.encode())
    producer.flush()
    producer.close()
    times: list[float] = []

    def loop(name: str) -> None:
        consumer = KafkaConsumer(
            name,
            bootstrap_servers=bootstrap,
            group_id=name,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        with httpx.Client(trust_env=False, verify=False) as client:
            for done, record in enumerate(consumer, 1):
                client.post(address, content=record.value).raise_for_status()
                place = next(iter(consumer.assignment()))
                consumer.commit({place: OffsetAndMetadata(record.offset + 1, "", -1)})
                times.append(time.time())
                if done == STORIES:
                    break
        consumer.close()

    crew = [threading.Thread(target=loop, args=(name,)) for name in names]
    for member in crew:
        member.start()
    for member in crew:
        member.join()
    return _middle_rate(times)


def _ours(bootstrap: str, folder: Path, address: str, spawn: Any) -> float:
    settings = Settings(
        data=folder,
        port_base=free_block(),
        kafka=bootstrap,
        process="publish",
    )
    ledger = open_ledger(settings.ledger_url)
    migrate(ledger, folder / "backups")
    for number in range(1, STORIES + 1):
        _release(ledger, number)
    parts = [
        spawn.Process(target=_relay, args=(settings,), daemon=True),
        spawn.Process(target=_publish, args=(settings, address), daemon=True),
    ]
    for part in parts:
        part.start()
    end = time.monotonic() + 180
    while time.monotonic() < end:
        time.sleep(0.5)
        if not all(part.is_alive() for part in parts):
            raise RuntimeError("the relay or the publisher ended")
        with ledger.snapshot() as view:
            open_ = select(func.count()).where(table.c.state.not_in(DONE))
            if not view.execute(open_).scalar_one():
                break
    for part in parts:
        part.terminate()
        part.join(20)
    with ledger.snapshot() as view:
        times = view.execute(select(table.c.received_at).where(table.c.state == "live"))
        received = [at / 1000 for (at,) in times]
    ledger.close()
    if len(received) != STORIES * len(CHANNELS):
        raise RuntimeError(f"only {len(received)} of {STORIES * len(CHANNELS)} went out")
    return _middle_rate(received)


def _release(ledger: Ledger, number: int) -> None:
    """A story approved by three, its copies frozen, due at all outlets, its orders written."""
    story_id, now = uuid.uuid4(), ledger.now_ms()
    story = Story.model_validate(
        {
            "id": story_id,
            "number": number,
            "version": 1,
            "created_at": datetime.now(UTC),
            "updated_at": datetime.now(UTC),
            "headline": f"第{number}条",
            "body": [{"kind": "paragraph", "spans": [{"text": TEXT}]}],
        }
    )
    refs, bodies = [], {}
    for channel in CHANNELS:
        copy = ChannelCopy(
            story_id=story_id,
            number=number,
            version=1,
            channel=channel,
            module="outlet",
            headline=story.headline,
            payload={"text": TEXT},
        )
        body = canonical(copy)
        bodies[sha256(body)] = body
        refs.append(CopyRef(channel=channel, sha256=sha256(body)))
    signed = copies_fingerprint(refs)
    with ledger.transaction() as tx:
        stories.insert(tx, story, Plan(channels=CHANNELS), by="reporter", at=now)
        stories.put_copies(tx, story_id, 1, refs, {}, signed, bodies)
        for level in (1, 2, 3):
            by = Signature(level, f"reviewer-{level}", f"审{level}", signed, False)
            stories.sign(tx, story_id, 1, by, note="", at=now)
        stories.set_version(tx, story_id, 1, state="approved")
        stories.change(tx, story_id, at=now, approved_version=1, released_at=now)
        for ref in refs:
            publications.put(
                tx,
                story_id,
                at=now,
                channel=ref.channel,
                release=1,
                wave=1,
                urgency=5,
                state="ready",
                verb="create",
                version=1,
                copy_sha256=ref.sha256,
                gate="第1波",
                due_at=now,
                released_at=now,
            )
            order = ReleaseOrder(story_id=story_id, channel=ref.channel, release=1, verb="create")
            outbox.append(tx, order, at=now)


def _relay(settings: Settings) -> None:
    from bus.relay import Relay

    _quiet()
    make_topics(settings.kafka_bootstrap, topics(list(CHANNELS)))
    Relay(open_ledger(settings.ledger_url), settings).start()
    threading.Event().wait()


def _publish(settings: Settings, address: str) -> None:
    from cli.processes import SWITCH_S
    from consumers.publish import Publisher

    sys.setswitchinterval(SWITCH_S)
    _quiet()
    make_topics(settings.kafka_bootstrap, topics(list(CHANNELS)))
    ledger = open_ledger(settings.ledger_url, wake_port=settings.relay_port)
    store: Any = None  # the copies lie in the ledger; nothing else is asked for
    outside = Outside(settings.data, structlog.get_logger(), lambda: datetime.now(UTC))
    for channel in CHANNELS:
        spec = ChannelSpec(id=channel, module="outlet", name=channel, family="web", wave=1)
        publisher = Publisher(settings, ledger, store, spec, _outlet.module(address), outside)
        publisher.start()
    threading.Event().wait()


def _quiet() -> None:
    """The log is written as in the product, to nobody."""
    nobody = Path("/dev/null").open("w", encoding="utf-8")  # noqa: SIM115  # until the process ends
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(nobody),
    )
