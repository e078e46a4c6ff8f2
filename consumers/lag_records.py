"""Looks at the first record that a group has not consumed: where it really is, and its timestamp.

Only record batches are fetched, never a group joined or an offset moved, and only for partitions
whose commit has moved since (the caller keeps what was read).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import kafka.errors as kafka_errors
from kafka.protocol.consumer import FetchRequest
from kafka.record import MemoryRecords

from consumers.lag_groups import told
from consumers.lag_look import First, Look, Place

NAMED_TOPICS = 12
"""Last version of Fetch that names its topics; all brokers to 4.x know it."""

PARTITION_BYTES = 32 * 1024
"""Of each partition but the first of a request, which always gets one whole batch."""
ROUNDS = 4
"""Requests to one broker in one look: gaps are passed over, large batches asked for alone."""


async def read_firsts(
    manager: Any, look: Look, wanted: Mapping[tuple[Place, int], int]
) -> dict[tuple[Place, int], First]:
    """(place, offset) → its first record, for those that could be read; ``wanted`` has their ends.

    Several groups may stand at different offsets of one partition: one round a different offset.
    """
    found: dict[tuple[Place, int], First] = {}
    refused: set[tuple[Place, int]] = set()
    at = {key: key[1] for key in wanted}
    for _ in range(ROUNDS):
        open_ = [key for key in wanted if key not in found and key not in refused]
        if not open_:
            break
        by_leader: dict[int, dict[Place, tuple[Place, int]]] = defaultdict(dict)
        for key in open_:
            leader = look.leaders.get(key[0])
            if leader is not None:
                by_leader[leader].setdefault(key[0], key)
        for leader, keys in by_leader.items():
            spots = {place: at[key] for place, key in keys.items()}
            try:
                answer = await _fetch(manager, look, leader, spots)
            except kafka_errors.KafkaError as error:
                look.errors.append(f"records at broker {leader}: {type(error).__name__}")
                return found
            for place, result in answer.items():
                key = keys[place]
                if isinstance(result, First):
                    found[key] = result
                elif isinstance(result, str):
                    refused.add(key)
                    look.errors.append(f"records of {place[0]}-{place[1]}: {result}")
                elif result >= wanted[key]:
                    found[key] = First(wanted[key], None, none_left=True)
                else:
                    at[key] = result
    return found


async def _fetch(
    manager: Any, look: Look, leader: int, spots: Mapping[Place, int]
) -> dict[Place, First | int | str]:
    """What lies there: a record, the offset at which to go on, or Kafka's error."""
    kind = FetchRequest.FetchTopic
    part = kind.FetchPartition
    topics: dict[str, list[Any]] = defaultdict(list)
    for (topic, partition), offset in spots.items():
        topics[topic].append(
            part(
                partition=partition,
                current_leader_epoch=-1,
                fetch_offset=offset,
                last_fetched_epoch=-1,
                log_start_offset=-1,
                partition_max_bytes=PARTITION_BYTES,
            )
        )
    request = FetchRequest(
        max_wait_ms=0,
        min_bytes=0,
        max_bytes=16 * 1024 * 1024,
        isolation_level=0,
        session_id=0,
        session_epoch=-1,
        topics=[kind(topic=name, partitions=parts) for name, parts in topics.items()],
        forgotten_topics_data=[],
        rack_id="",
        min_version=4,
        max_version=NAMED_TOPICS,
    )
    look.requests += 1
    answer = await manager.send(request, node_id=leader)
    found: dict[Place, First | int | str] = {}
    for topic in answer.responses:
        for one in topic.partitions:
            place = (topic.topic, one.partition_index)
            if one.error_code:
                found[place] = told(one.error_code)
            else:
                found[place] = first_of(one.records or b"", spots[place])
    return found


def first_of(records: bytes, at: int) -> First | int:
    """The first record at or after ``at``, or where to go on: ``at`` itself where no whole batch
    came, past the batches that hold nothing (markers, compacted gaps) otherwise."""
    go_on = at
    for batch in _batches(records):
        if batch.next_offset <= at:
            continue
        if not batch.is_control_batch:
            record = _record(batch, at)
            if record is not None:
                return record
        go_on = max(go_on, batch.next_offset)
    return go_on


def _batches(records: bytes) -> Iterator[Any]:
    memory = MemoryRecords(bytes(records))
    while memory.has_next():
        try:
            batch = memory.next_batch()
        except kafka_errors.CorruptRecordError:
            return
        if not hasattr(batch, "next_offset"):
            return  # a message format older than Kafka 0.11
        yield batch


def _record(batch: Any, at: int) -> First | None:
    try:
        for record in batch:
            if record.offset >= at:
                return First(record.offset, _stamp(record.timestamp))
    except (kafka_errors.KafkaError, ValueError, RuntimeError, AttributeError, TypeError):
        # packed with a codec that is not installed: the head of the batch is still readable
        at_head = batch.base_offset >= at
        stamp = _stamp(batch.first_timestamp) if at_head else None
        return First(max(at, batch.base_offset), stamp)
    return None


def _stamp(timestamp: int | None) -> int | None:
    """Milliseconds; None where the record carries no time."""
    return timestamp if timestamp is not None and timestamp >= 0 else None
