"""The lag monitor against the real broker: every state, every figure right or absent."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, NoError

from consumers.lag import LagMonitor, behind
from consumers.lag_read import Brokers
from consumers.lag_status import Rules
from deploy.stack import jars, kafka
from deploy.stack.ports import free_base
from schemas.lag import GroupLag, LagSnapshot, PartitionLag
from schemas.settings import Settings

pytestmark = pytest.mark.slow

CYCLE_S = 0.5
DEADLINE_S = 2.0
ODD = '编辑\'部 "夜班" / ночь'
"""A group's name may hold anything."""


@dataclass
class Broker:
    """One Kafka node that can be stopped and started again."""

    settings: Settings
    process: subprocess.Popen[bytes] | None = None
    open_: ExitStack = field(default_factory=ExitStack)

    @property
    def address(self) -> str:
        return self.settings.kafka_bootstrap

    def start(self) -> None:
        class_path = jars.class_path()
        kafka.prepare_kafka(self.settings, class_path)
        with (self.settings.data / "kafka.log").open("ab") as log:
            self.process = subprocess.Popen(
                kafka.kafka_command(class_path),
                cwd=kafka.node_dir(self.settings),
                env=kafka.java_environment(),
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 60
        while time.monotonic() < end:
            assert self.process.poll() is None, (self.settings.data / "kafka.log").read_text()
            with suppress(OSError), socket.create_connection(self.at, 1):
                return
            time.sleep(0.1)
        raise AssertionError("the broker does not answer")

    @property
    def at(self) -> tuple[str, int]:
        return "127.0.0.1", self.settings.kafka_port

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    root = tmp_path_factory.mktemp("lag")
    settings = Settings(data=root, port_base=9400 + os.getpid() % 400 * 40)
    base = free_base(settings, simulators=False)
    assert base is not None
    running = Broker(settings.model_copy(update={"port_base": base}))
    running.start()
    yield running
    running.open_.close()
    running.kill()


@pytest.fixture(scope="module")
def admin(broker: Broker) -> Any:
    client = KafkaAdminClient(bootstrap_servers=broker.address)
    broker.open_.callback(client.close)
    return client


@pytest.fixture(scope="module")
def producer(broker: Broker) -> Any:
    made = KafkaProducer(bootstrap_servers=broker.address)
    broker.open_.callback(made.close)
    return made


@pytest.fixture
def monitor(broker: Broker) -> Iterator[LagMonitor]:
    made = watching(broker)
    yield made
    made.stop()


def watching(
    broker: Broker, deadline_s: float = DEADLINE_S, groups: frozenset[str] | None = None
) -> LagMonitor:
    rules = Rules(deadline_s=deadline_s, window_s=20 * CYCLE_S)
    brokers = Brokers(broker.address, timeout_ms=2000)
    return LagMonitor(brokers, cycle_s=CYCLE_S, rules_of=lambda _g, _t: rules, groups=groups)


def make(admin: Any, *topics: str) -> None:
    admin.create_topics({t: {"num_partitions": 1, "replication_factor": 1} for t in topics})
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = admin.describe_topics(list(topics))
        if all(t["partitions"] and t["partitions"][0]["leader_id"] >= 0 for t in found):
            return
        time.sleep(0.05)


def send(producer: Any, topic: str, count: int, timestamp_ms: int | None = None) -> None:
    for number in range(count):
        producer.send(topic, str(number).encode(), timestamp_ms=timestamp_ms)
    producer.flush(10)


def commit(admin: Any, group: str, topic: str, offset: int) -> None:
    """By hand, of a group without members; the coordinator may still be making its own topic."""
    place = TopicPartition(topic, 0)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with suppress(KafkaError):
            told = admin.alter_group_offsets(group, {place: OffsetAndMetadata(offset, "", -1)})
            if told[place] is NoError:
                return
        time.sleep(0.2)
    raise AssertionError(f"{group} cannot commit")


class Reader:
    """A consumer that takes and commits exactly what it is told."""

    def __init__(self, broker: Broker, topic: str, group: str) -> None:
        self.place = TopicPartition(topic, 0)
        self.consumer = KafkaConsumer(
            topic,
            bootstrap_servers=broker.address,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=10_000,
        )
        broker.open_.callback(self.consumer.close)
        end = time.monotonic() + 60
        while not self.consumer.assignment() and time.monotonic() < end:
            self.consumer.poll(timeout_ms=100)
        assert self.consumer.assignment() == {self.place}

    def commit(self, offset: int) -> None:
        self.consumer.commit({self.place: OffsetAndMetadata(offset, "", -1)})


def group_of(snapshot: LagSnapshot, name: str) -> GroupLag:
    return next(g for g in snapshot.groups if g.group == name)


def part_of(snapshot: LagSnapshot, name: str) -> PartitionLag:
    (part,) = group_of(snapshot, name).partitions
    return part


def cycles(monitor: LagMonitor, count: int, each: Callable[[], None] | None = None) -> LagSnapshot:
    for _ in range(count):
        if each is not None:
            each()
        snapshot = monitor.once()
        time.sleep(CYCLE_S)
    return snapshot


def test_every_state_is_recognised_within_two_cycles(
    broker: Broker, admin: Any, producer: Any, monitor: LagMonitor
) -> None:
    names = ["caught-up", "stopped", "stalled", "rewound", "slow", "never", "overtaken", "remade"]
    make(admin, *names)
    for name in names:
        send(producer, name, 10)
    readers = {name: Reader(broker, name, name) for name in names}
    for name in names:
        if name != "never":
            readers[name].commit(10 if name in {"caught-up", "remade"} else 4)
    began = time.monotonic()
    first = cycles(monitor, 1)
    for name in names:
        assert group_of(first, name).members == 1
        assert part_of(first, name).end == 10
    assert part_of(first, "caught-up").lag == 0
    assert part_of(first, "caught-up").lag_s == 0
    assert part_of(first, "caught-up").status == "OK"
    assert part_of(first, "never").lag is None
    assert part_of(first, "never").why == "uncommitted"
    assert group_of(first, "never").uncommitted == 1
    assert {part_of(first, n).lag for n in names if n not in {"caught-up", "remade", "never"}} == {
        6
    }

    readers["rewound"].commit(8)
    cycles(monitor, 1)
    readers["rewound"].commit(2)
    readers["stopped"].consumer.close()
    admin.delete_records({TopicPartition("overtaken", 0): 7})
    admin.delete_topics(["remade"])
    time.sleep(1.0)
    make(admin, "remade")
    send(producer, "remade", 3)
    send(producer, "never", 1)

    slow = iter(range(5, 100))

    def falls_behind() -> None:
        send(producer, "slow", 5)
        readers["slow"].commit(next(slow))

    then = cycles(monitor, 2, falls_behind)
    assert part_of(then, "rewound").status == "REWIND"
    assert group_of(then, "stopped").members == 0
    assert part_of(then, "stopped").status == "STOP"
    assert group_of(then, "stopped").status == "STOP"
    assert part_of(then, "overtaken").lost == 3
    assert part_of(then, "overtaken").lag == 3
    remade = part_of(then, "remade")
    assert remade.remade == 1
    assert (remade.lag, remade.end) == (None, 3)  # the new log, and nothing told of it
    assert part_of(then, "slow").trend == "growing"
    assert part_of(then, "slow").status == "WARN"

    time.sleep(max(0.0, began + DEADLINE_S + CYCLE_S - time.monotonic()))
    last = cycles(monitor, 2, falls_behind)
    assert part_of(last, "stalled").status == "STALL"
    assert part_of(last, "never").status == "STALL"
    assert part_of(last, "caught-up").status == "OK"
    assert last.status == "STOP"
    assert part_of(last, "overtaken").lost == 3  # counted once

    readers["rewound"].commit(9)
    readers["stalled"].commit(10)
    readers["never"].commit(11)
    healed = cycles(monitor, 1)
    assert part_of(healed, "rewound").status == "OK"
    assert part_of(healed, "stalled").status == "OK"
    assert part_of(healed, "never").lag == 0
    assert not healed.errors


def test_the_time_lag_of_a_consumer_held_back_is_right(
    broker: Broker, admin: Any, producer: Any, monitor: LagMonitor
) -> None:
    make(admin, "held")
    send(producer, "held", 1)
    reader = Reader(broker, "held", ODD)
    reader.commit(1)
    written = time.time()
    send(producer, "held", 3)
    for held_s in (1.0, 2.0, 3.0):
        time.sleep(max(0.0, written + held_s - time.time()))
        part = part_of(monitor.once(), ODD)
        assert part.lag == 3
        assert part.lag_s_from == "record"
        assert part.lag_s == pytest.approx(time.time() - written, abs=CYCLE_S)
    reader.commit(4)
    part = part_of(monitor.once(), ODD)
    assert (part.lag, part.lag_s) == (0, 0.0)


def test_odd_records_give_a_right_figure_or_none(
    broker: Broker, admin: Any, producer: Any, monitor: LagMonitor
) -> None:
    make(admin, "future", "transactions")
    send(producer, "future", 2, timestamp_ms=round(time.time() * 1000) + 1_800_000)
    Reader(broker, "future", "future").commit(0)
    writer = KafkaProducer(bootstrap_servers=broker.address, transactional_id="lag-test")
    broker.open_.callback(writer.close)
    writer.init_transactions()
    for end in (writer.commit_transaction, writer.abort_transaction):
        writer.begin_transaction()
        writer.send("transactions", b"x")
        writer.flush(10)
        end()
    reader = Reader(broker, "transactions", "transactions")
    reader.commit(3)  # past both records; the markers at 1 and 3 are no records
    snapshot = cycles(monitor, 2)
    part = part_of(snapshot, "future")
    assert part.lag == 2
    assert part.lag_s is None
    assert part.lag_s_why == "future_timestamp"
    part = part_of(snapshot, "transactions")
    assert (part.end, part.committed) == (4, 3)
    assert (part.lag, part.lag_s) == (0, 0.0)


def test_two_monitors_agree_and_disturb_nobody(
    broker: Broker, admin: Any, producer: Any, monitor: LagMonitor
) -> None:
    make(admin, "watched-twice")
    send(producer, "watched-twice", 5)
    Reader(broker, "watched-twice", "watched-twice").commit(2)
    other = watching(broker)
    try:
        for _ in range(3):
            pair = part_of(monitor.once(), "watched-twice"), part_of(other.once(), "watched-twice")
            assert [p.lag for p in pair] == [3, 3]
        assert group_of(other.latest(), "watched-twice").members == 1
        assert other.latest().requests <= 6  # however many groups there are
    finally:
        other.stop()
    live = Brokers(broker.address)
    try:
        asked = behind(live, {"watched-twice": "watched-twice", "future": "nobody", "none": "x"})
        assert asked == {"watched-twice": 3, "future": 2, "none": None}
    finally:
        live.close()


def test_partitions_added_gaps_of_compaction_and_records_without_a_time(
    broker: Broker, admin: Any, producer: Any, monitor: LagMonitor
) -> None:
    make(admin, "grown", "timeless")
    admin.create_topics(
        {
            "compacted": {
                "num_partitions": 1,
                "replication_factor": 1,
                "configs": {
                    "cleanup.policy": "compact",
                    "min.cleanable.dirty.ratio": "0.0",
                    "segment.ms": "100",
                    "max.compaction.lag.ms": "100",
                    "delete.retention.ms": "100",
                },
            }
        }
    )
    send(producer, "grown", 2)
    reader = Reader(broker, "grown", "grown")
    reader.commit(2)
    assert part_of(monitor.once(), "grown").lag == 0

    admin.create_partitions({"grown": 3})
    end = time.monotonic() + 20
    while time.monotonic() < end:
        parts = group_of(monitor.once(), "grown").partitions
        if len(parts) == 3:
            break
        time.sleep(0.2)
    assert [(p.lag, p.why) for p in parts] == [
        (0, ""),
        (None, "uncommitted"),
        (None, "uncommitted"),
    ]
    assert group_of(monitor.latest(), "grown").uncommitted == 2

    send(producer, "timeless", 2, timestamp_ms=-1)
    commit(admin, "timeless", "timeless", 0)
    for number in range(30):  # one key: all but the last of a closed segment may go
        producer.send("compacted", key=b"same", value=str(number).encode())
        producer.flush(10)
        if number % 10 == 9:
            time.sleep(0.3)
    producer.send("compacted", key=b"other", value=b"rolls the segment")
    producer.flush(10)
    commit(admin, "compacted", "compacted", 2)
    told = monitor.once()
    part = part_of(told, "timeless")
    assert part.lag == 2
    assert part.lag_s is None or part.lag_s_from in {"record", "history"}
    assert part.lag_s is None or 0 <= part.lag_s < 60
    end = time.monotonic() + 60
    first = first_left(broker, "compacted", 2)
    while first == 2 and time.monotonic() < end:
        time.sleep(0.5)
        first = first_left(broker, "compacted", 2)
    assert first > 2, "the broker has not compacted"
    other = watching(broker)  # one that looked before would hold what it had read
    try:
        part = part_of(other.once(), "compacted")
    finally:
        other.stop()
    assert (part.end, part.committed, part.lost) == (31, 2, 0)
    assert part.lag is not None
    # between the commit and the first record that is left there is nothing to consume; it may have
    # been compacted on since the look above
    assert 1 <= part.lag <= 31 - first


def first_left(broker: Broker, topic: str, offset: int) -> int:
    """Offset of the first record at or after one."""
    place = TopicPartition(topic, 0)
    reader = KafkaConsumer(bootstrap_servers=broker.address, enable_auto_commit=False)
    try:
        reader.assign([place])
        reader.seek(place, offset)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for records in reader.poll(timeout_ms=500).values():
                return int(records[0].offset)
    finally:
        reader.close()
    raise AssertionError("nothing came")


def test_empty_missing_and_rebalancing_groups_are_told_apart(
    broker: Broker, admin: Any, producer: Any
) -> None:
    make(admin, "left", "deleted", "shared")
    for topic in ("left", "deleted", "shared"):
        send(producer, topic, 3)
    for topic, offset in (("left", 3), ("deleted", 1)):
        commit(admin, topic, topic, offset)
    member = Reader(broker, "shared", "shared")
    member.commit(1)
    watch = watching(broker, groups=frozenset({"left", "deleted", "shared", "nowhere"}))
    try:
        first = watch.once()
        # committed by hand and left: nobody reads it, nothing waits
        assert (group_of(first, "left").status, group_of(first, "left").lag) == ("EMPTY", 0)
        assert part_of(first, "deleted").lag == 2
        assert group_of(first, "nowhere").status == "NOTFOUND"
        admin.delete_topics(["deleted"])
        # a member that does not poll keeps the group from being shared out with the second one
        second = KafkaConsumer(
            "shared", bootstrap_servers=broker.address, group_id="shared", enable_auto_commit=False
        )
        broker.open_.callback(second.close)
        joining = threading.Thread(target=second.poll, kwargs={"timeout_ms": 15_000}, daemon=True)
        joining.start()
        seen: set[str] = set()
        end = time.monotonic() + 20
        while time.monotonic() < end and "REBALANCING" not in seen:
            told = watch.once()
            seen.add(group_of(told, "shared").status)
            time.sleep(0.1)
        assert "REBALANCING" in seen
        assert part_of(told, "shared").lag == 2  # the figure is right all the same
        gone = cycles(watch, 2)
        # Kafka drops the commits of a topic that is deleted: without members the group is gone too
        assert group_of(gone, "deleted").status in {"NOTFOUND", "UNKNOWN"}
        assert group_of(gone, "deleted").lag is None
        end = time.monotonic() + 30
        while joining.is_alive() and time.monotonic() < end:
            member.consumer.poll(timeout_ms=100)
        joining.join(1)
        settled = cycles(watch, 2, lambda: member.consumer.poll(timeout_ms=100))
        assert group_of(settled, "shared").members == 2
        second.close()
        member.consumer.close()
    finally:
        watch.stop()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_broker_that_goes_away_leaves_no_figure_behind(
    broker: Broker, admin: Any, producer: Any, monitor: LagMonitor
) -> None:
    make(admin, "outage")
    send(producer, "outage", 4)
    commit(admin, "outage", "outage", 1)
    assert part_of(monitor.once(), "outage").lag == 3
    broker.open_.close()  # all other clients of this file
    broker.kill()
    gone = monitor.once()
    assert gone.errors
    end = time.monotonic() + 20
    while not monitor.latest().stale and time.monotonic() < end:
        time.sleep(0.2)
    old = monitor.latest()
    assert old.status == "UNKNOWN"
    assert part_of(old, "outage").lag is None
    assert part_of(old, "outage").why == "stale"
    assert old.age_s is not None
    assert old.age_s > 3 * CYCLE_S
    broker.start()
    end = time.monotonic() + 30
    while time.monotonic() < end:
        back = monitor.once()
        # a broker that is not ready yet lists no groups: then there is no figure
        part = part_of(back, "outage")
        assert part.lag in {None, 3}
        assert part.lag == 3 or group_of(back, "outage").status == "UNKNOWN"
        if part.lag == 3:
            break
        time.sleep(0.2)
    assert (part.lag, part.lost, part.remade) == (3, 0, 0)
