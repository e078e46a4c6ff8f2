"""Kafka in memory: partitions, offsets, redelivery, duplicates, outages, a tail that was not synced."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kafka import OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaTimeoutError

from tests.simulation.stage import FOREVER
from tests.simulation.stand_ins import OWN_SWEEP_S

PARTITIONS = 2


@dataclass(frozen=True)
class Record:
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


@dataclass
class Broker:
    """What the broker keeps; plain data."""

    logs: dict[str, list[list[Record]]] = field(default_factory=dict)
    committed: dict[tuple[str, str, int], int] = field(default_factory=dict)
    synced: dict[tuple[str, int], int] = field(default_factory=dict)
    down_until: float = 0.0

    def log(self, topic: str) -> list[list[Record]]:
        return self.logs.setdefault(topic, [[] for _ in range(PARTITIONS)])

    def append(self, topic: str, key: bytes | None, value: bytes, headers: Any) -> Record:
        partition = zlib.crc32(key or b"") % PARTITIONS
        log = self.log(topic)[partition]
        made = Record(topic, partition, len(log), key, value, tuple(headers))
        log.append(made)
        return made

    def sync(self) -> None:
        for topic, partitions in self.logs.items():
            for number, log in enumerate(partitions):
                self.synced[topic, number] = len(log)

    def cut_back(self, keep_offsets: Callable[[], bool], how_far: Callable[[int], int]) -> int:
        """A power cut: of what was not synced, only a beginning is left. Returns records lost."""
        lost = 0
        for topic, partitions in self.logs.items():
            for number, log in enumerate(partitions):
                loose = len(log) - self.synced.get((topic, number), 0)
                gone = how_far(loose) if loose > 0 else 0
                if gone:
                    del log[-gone:]
                    lost += gone
                for place, offset in list(self.committed.items()):
                    if place[1:] == (topic, number) and offset > len(log) and not keep_offsets():
                        self.committed[place] = len(log)
        return lost


class Future:
    def __init__(self, producer: "Producer", topic: str, key: bytes, value: bytes, headers: Any):
        self._producer = producer
        self.sent = (topic, key, value, headers)
        self.record: Record | None = None
        self.lost = False

    def get(self, timeout: float) -> Record:
        self._producer.flush()
        if self.record is None or self.lost:
            raise KafkaTimeoutError
        return self.record


class Producer:
    """Sends what is pending when an acknowledgement is asked for; that may be lost although the
    record was appended."""

    def __init__(self, world: Any) -> None:
        self._world = world
        self._pending: list[Future] = []

    def send(self, topic: str, *, key: bytes, value: bytes, headers: Any) -> Future:
        made = Future(self, topic, key, value, headers)
        self._pending.append(made)
        return made

    def flush(self) -> None:
        world = self._world
        broker: Broker = world.state.broker
        if not self._pending:
            return
        world.stage.point("kafka send", 0.5)
        if broker.down_until > world.stage.now:
            self._pending.clear()
            return
        if world.fault("records swapped"):
            world.stage.rng.shuffle(self._pending)
        for future in self._pending:
            future.record = made = broker.append(*future.sent)
            future.lost = world.fault("send answer lost")
            world.note("record", f"{made.topic}/{made.partition}@{made.offset} {type_of(made)}")
        self._pending.clear()
        world.stage.point("kafka acknowledges", 0.5)

    def close(self, timeout: float = 0) -> None:
        return None


class Consumer:
    """One member that has all partitions; it reads on from what its group committed."""

    def __init__(self, world: Any, *topics: str, group_id: str | None = None, **_: Any) -> None:
        self._world = world
        self._topics = topics
        self._group = group_id or ""
        self._at: dict[tuple[str, int], int] = {}
        self._given: dict[tuple[str, int], int] = {}
        self._changes = -1
        for topic in topics:
            for partition in range(PARTITIONS):
                start = world.state.broker.committed.get((self._group, topic, partition), 0)
                self._at[topic, partition] = start

    def assignment(self) -> set[Any]:
        return {TopicPartition(topic, partition) for topic, partition in self._at}

    def partitions_for_topic(self, _topic: str) -> set[int]:
        return set(range(PARTITIONS))

    def end_offsets(self, wanted: list[Any]) -> dict[Any, int]:
        self._world.stage.point("kafka ends")
        self._world.log_is_cut = False
        logs = self._world.state.broker
        return {tp: len(logs.log(tp.topic)[tp.partition]) for tp in wanted}

    def has_records(self) -> bool:
        broker: Broker = self._world.state.broker
        return broker.down_until <= self._world.stage.now and any(
            len(broker.log(topic)[p]) != at for (topic, p), at in self._at.items()
        )

    def poll(self, timeout_ms: int, max_records: int = 8) -> dict[Any, list[Record]]:
        world = self._world
        if not self.has_records():
            world.stage.hand_over(
                "poll",
                soft_until=world.stage.now + OWN_SWEEP_S,
                not_before=world.stage.now + timeout_ms / 2000,
                wanted=self._has_to_do,
            )
        else:
            world.stage.point("poll", 0.3)
        self._changes = world.ledger_changes()
        broker: Broker = world.state.broker
        found: dict[Any, list[Record]] = {}
        if broker.down_until > world.stage.now:
            return found
        for (topic, partition), asked in self._at.items():
            log = broker.log(topic)[partition]
            at = asked if asked <= len(log) else 0  # out of range: auto_offset_reset=earliest
            batch = log[at : at + max_records]
            self._at[topic, partition] = at
            if batch:
                found[TopicPartition(topic, partition)] = batch
                self._at[topic, partition] = self._given[topic, partition] = at + len(batch)
        return found

    def _has_to_do(self) -> bool:
        if self.has_records():
            return True
        committed = self._world.state.broker.committed
        open_ = any(
            committed.get((self._group, *place), 0) < given for place, given in self._given.items()
        )
        return open_ and bool(self._world.ledger_changes() != self._changes)

    def commit(self, offsets: dict[Any, OffsetAndMetadata]) -> None:
        world = self._world
        for tp, offset in offsets.items():
            world.checker.on_commit(self._group, tp.topic, tp.partition, offset.offset)
        world.stage.point("commit offsets", 0.3)
        for tp, offset in offsets.items():
            world.state.broker.committed[self._group, tp.topic, tp.partition] = offset.offset

    def close(self) -> None:
        return None


def consume(world: Any, consumer: Consumer, group: str, take: Callable[[Record], None]) -> None:
    """What Faust does with an agent: one record after the other, offsets now and then."""
    done: dict[Any, int] = {}
    if world.log_is_cut:  # a group forms anew after the broker's boot, and the relay does not wait
        world.stage.sleep(world.stage.rng.choice([0.5, 3.0, 9.0]), "joins its group")
    while True:
        if done and (world.chance(0.3) or not consumer.has_records()):
            consumer.commit({tp: OffsetAndMetadata(o, "", -1) for tp, o in done.items()})
            done.clear()
        if not consumer.has_records():
            world.stage.hand_over("stream", wanted=consumer.has_records, until=FOREVER)
        for tp, records in consumer.poll(250, max_records=world.stage.rng.randint(1, 4)).items():
            for record in records:
                take(record)
                done[tp] = record.offset + 1
                world.stage.point("taken", 0.2)


def type_of(record: Record) -> str:
    return next((v.decode() for k, v in record.headers if k == "ce_type"), "?")
