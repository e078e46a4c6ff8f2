"""Faults made of records: repeated, swapped, forged and broken ones, and readers that come and go.

All of it is done by a plain client with full rights on the broker, as a careless or hostile
neighbour would have them.
"""

import json
import time
import uuid
from contextlib import closing
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from deploy.faults.schedule import Fault
from deploy.faults.striking import Field

MOST_AGAIN = 150
JOIN_S = 25.0
GROUPS = "shoufa-publish-"


def consumer(ground: Field, **options: Any) -> Any:
    """A reader of the broker, through the network as everybody else."""
    return KafkaConsumer(
        bootstrap_servers=ground.places.settings.kafka_bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        bootstrap_timeout_ms=5_000,
        **options,
    )


def producer(ground: Field) -> Any:
    return KafkaProducer(
        bootstrap_servers=ground.places.settings.kafka_bootstrap,
        acks="all",
        bootstrap_timeout_ms=5_000,
        request_timeout_ms=8_000,
        delivery_timeout_ms=10_000,
        max_block_ms=6_000,
    )


def rebalance(ground: Field, fault: Fault) -> bool:
    """A stranger joins a publisher's group, takes partitions, and leaves."""
    with closing(_stranger(ground, fault.target)) as stranger:
        if not _joined(ground, stranger):
            return False
        end = time.monotonic() + fault.seconds
        while time.monotonic() < end and not ground.stopped.is_set():
            stranger.poll(timeout_ms=200)
    return True


def replay_from_0(ground: Field, fault: Fault) -> bool:
    """A group's offsets are set back to the beginning of its topic."""
    with closing(_stranger(ground, fault.target)) as stranger:
        if not _joined(ground, stranger):
            return False
        beginning = {tp: OffsetAndMetadata(0, "", -1) for tp in stranger.assignment()}
        stranger.commit(beginning)
    return True


def _stranger(ground: Field, channel: str) -> Any:
    stranger = consumer(
        ground,
        group_id=f"{GROUPS}{channel}",
        partition_assignment_strategy=[RoundRobinPartitionAssignor()],
        allow_auto_create_topics=False,
    )
    stranger.subscribe([f"release-orders.{channel}"])
    return stranger


def _joined(ground: Field, stranger: Any) -> bool:
    end = time.monotonic() + JOIN_S
    while not stranger.assignment():
        if time.monotonic() > end or ground.stopped.is_set():
            return False
        stranger.poll(timeout_ms=200)
    return True


def produced_again(ground: Field, fault: Fault) -> bool:
    """Records that are there already are produced once more, every other time the newest first."""
    end = time.monotonic() + 30
    while not (records := _ours(ground, fault.target)):
        if time.monotonic() > end or ground.stopped.wait(1.0):
            return False
    if fault.id % 2:
        records.reverse()
    with closing(producer(ground)) as out:
        sent = [
            out.send(r.topic, key=r.key, value=r.value, headers=r.headers, partition=r.partition)
            for r in records
        ]
        for one in sent:
            one.get(timeout=10)
    return True


def _ours(ground: Field, topic: str) -> list[Any]:
    """The newest records of a topic but those that we planted."""
    planted = {(p["topic"], p["partition"], p["offset"]) for p in ground.history.of("poison")}
    found = read_all(ground, topic)
    return [r for r in found if (r.topic, r.partition, r.offset) not in planted][-MOST_AGAIN:]


def poison(ground: Field, fault: Fault) -> bool:
    """A record that nobody can read; it must become one dead letter and stop nothing."""
    value = b'{"half": ' + uuid.uuid4().hex.encode()
    with closing(producer(ground)) as out:
        place = out.send(
            fault.target, key=b"poison", value=value, headers=[("ce_type", b"cn.shoufa.odd.v9")]
        ).get(timeout=10)
    _planted(ground, place)
    return True


def forged_approval(ground: Field, fault: Fault) -> bool:
    """Whoever may write topics says that an unsigned story was approved, that its first wave is
    live and the next open, and orders its release: each must be one dead letter and no request."""
    told = ground.newsroom.file_unsigned()
    end = time.monotonic() + 60
    while not told.story_id:
        if time.monotonic() > end or ground.stopped.wait(0.2):
            return False
    about = {"story_id": told.story_id}
    live = {"channel": "web", "release": 1, "version": 1, "state": "live", "at": _now()}
    sends = [
        (fault.target, "story.approved", {"version": 1, "copies_sha256": "a" * 64}),
        (fault.target, "delivery.changed", live),
        (fault.target, "wave.opened", {"wave": 2, "by": "duty", "reason": "forged"}),
        ("release-orders.web", "release.order", {"channel": "web", "release": 1, "verb": "create"}),
    ]
    with closing(producer(ground)) as out:
        for topic, name, data in sends:
            headers = _headers(f"cn.shoufa.{name}.v1", told.story_id)
            value = json.dumps(about | data).encode()
            place = out.send(topic, key=told.story_id.encode(), value=value, headers=headers).get(
                10
            )
            _planted(ground, place)
    return True


def _planted(ground: Field, place: Any) -> None:
    ground.history.note(
        "poison", topic=place.topic, partition=place.partition, offset=place.offset, outcome="ok"
    )


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _headers(kind: str, story_id: str) -> list[tuple[str, bytes]]:
    told = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid.uuid4()),
        "ce_type": kind,
        "ce_source": "/shoufa",
        "ce_subject": story_id,
        "ce_partitionkey": story_id,
        "ce_time": _now(),
        "content-type": "application/json",
    }
    return [(name, value.encode()) for name, value in told.items()]


def read_all(ground: Field, topic: str) -> list[Any]:
    """Every record of a topic, by partition and offset."""
    with closing(consumer(ground)) as reader:
        numbers = reader.partitions_for_topic(topic) or set()
        parts = [TopicPartition(topic, number) for number in sorted(numbers)]
        if not parts:
            return []
        reader.assign(parts)
        reader.seek_to_beginning(*parts)
        ends = reader.end_offsets(parts)
        found: list[Any] = []
        end = time.monotonic() + 30
        while any(reader.position(tp) < ends[tp] for tp in parts) and time.monotonic() < end:
            for batch in reader.poll(timeout_ms=500).values():
                found.extend(batch)
        return found
