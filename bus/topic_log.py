"""Reads the centre's topics from their beginning to their present end: what the relay once sent."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from bus import replay
from schemas.errors import Unavailable
from schemas.topics import release_orders, topics
from stores.ledger.fold import Folded, Logged
from stores.ledger.letters import REPLAY_OF

POLL_MS = 1000
PATIENCE = 30
"""Polls without a record before the end is reached: then Kafka is not answering."""


def read_all(bootstrap: str, told: Folded) -> Iterator[Logged]:
    """Every record of the outbox on every topic of the centre, a partition's in their order.

    A record without the outbox's number is not the relay's and is named in ``told.strange``.
    Raises Unavailable.
    """
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=bootstrap,
            client_id="shoufa-replay",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            bootstrap_timeout_ms=10_000,
        )
    except KafkaError as error:
        raise Unavailable("kafka", f"{bootstrap}: {error}") from error
    try:
        yield from _read(consumer, told)
    except KafkaError as error:
        raise Unavailable("kafka", f"{bootstrap}: {error}") from error
    finally:
        consumer.close()


def _read(consumer: Any, told: Folded) -> Iterator[Logged]:
    ours = {topic.name for topic in topics([])}
    names = [n for n in consumer.topics() if n in ours or n.startswith(release_orders(""))]
    places = [TopicPartition(n, p) for n in names for p in consumer.partitions_for_topic(n) or ()]
    ends = consumer.end_offsets(places)
    left = {tp for tp, start in consumer.beginning_offsets(places).items() if start < ends[tp]}
    if not left:
        return
    consumer.assign(sorted(left))
    consumer.seek_to_beginning(*left)
    silent = 0
    while left:
        batches = consumer.poll(timeout_ms=POLL_MS)
        silent = 0 if batches else silent + 1
        if silent > PATIENCE:
            raise Unavailable("kafka", f"no records from {min(left)} any more")
        for place, records in batches.items():
            for record in records:
                if record.offset < ends[place]:
                    yield from of_record(record, told)
        left = {tp for tp in left if consumer.position(tp) < ends[tp]}


def of_record(record: Any, told: Folded) -> Iterator[Logged]:
    """The outbox row that a record was; none where it is not the relay's, which is told."""
    try:
        headers = {name: (raw or b"").decode() for name, raw in record.headers or ()}
        seq = int(headers.pop("ce_outboxseq"))
        at = datetime.fromisoformat(headers["ce_time"])
        event_id = str(UUID(headers["ce_id"]))
        if REPLAY_OF in headers:  # the same event once more; its row had an id of its own
            event_id = replay.row_id(headers[REPLAY_OF])
        yield Logged(
            seq=seq,
            event_id=event_id,
            type=headers["ce_type"],
            topic=record.topic,
            key=record.key.decode(),
            headers=json.dumps(headers, ensure_ascii=False),
            value=record.value.decode(),
            created_at=round(at.timestamp() * 1000),
            sent_at=record.timestamp,
            kafka_partition=record.partition,
            kafka_offset=record.offset,
        )
    except (KeyError, ValueError, AttributeError) as error:
        place = f"{record.topic}/{record.partition}/{record.offset}"
        told.strange.append(f"{place}: not the relay's: {type(error).__name__} {error}"[:200])
