"""What the brokers say, in few requests: groups and their commits, then ends, then starts.

Speaks the protocol through kafka-python's connections. A broker that lists a group is its
coordinator, so no coordinator is ever asked for: per cycle one metadata request, and per broker one
list of groups, one description, one fetch of all commits (Kafka 3.0 and later), one of the ends and
one of the starts. Each answer is taken partition by partition: what fails is named and left out,
the rest stands. Rights needed: DESCRIBE on cluster, groups and topics; READ on topics for the
timestamps.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import kafka.errors as kafka_errors
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector
from kafka.protocol.consumer import ListOffsetsRequest
from kafka.protocol.metadata import MetadataRequest

from consumers.lag_groups import ask, describe, list_groups, read_commits, told
from consumers.lag_look import GroupSeen, Look, Place

EARLIEST, LATEST = -2, -1


class Brokers:
    """A connection to one cluster, opened when first needed; one caller at a time."""

    def __init__(self, bootstrap: str, *, timeout_ms: int = 10_000) -> None:
        self.bootstrap = bootstrap
        self.timeout_ms = timeout_ms
        self._net: Any = None
        self._manager: Any = None
        self._lock = threading.RLock()

    def look(self, wanted: Iterable[str] | None = None, topics: Iterable[str] = ()) -> Look:
        """Everything of the groups ``wanted`` (None: of all), and the offsets of ``topics`` whoever
        reads them. Raises KafkaError when no broker answers at all; the next call connects anew."""
        names = None if wanted is None else set(wanted)
        found: Look = self.run(look_at, names, set(topics))
        return found

    def run(self, coroutine: Any, *arguments: Any) -> Any:
        """Run a coroutine function on the connection's loop, the connection as first argument."""
        with self._lock:
            manager = self._open()
            try:
                return manager.run(coroutine, manager, *arguments)
            except Exception:
                self.close()
                raise

    def close(self) -> None:
        with self._lock:
            net, manager, self._net, self._manager = self._net, self._manager, None, None
            if manager is not None:
                net.call_soon(manager.close)
                net.stop(timeout_ms=2000)
                net.close()

    def _open(self) -> Any:
        if self._manager is None:
            given = {
                "bootstrap_servers": self.bootstrap.split(","),
                "client_id": "shoufa-lag",
                "receive_message_max_bytes": 100_000_000,
                "request_timeout_ms": self.timeout_ms,
                "reconnect_backoff_max_ms": 1000,
                # reading the answer of 10,000 partitions may take half a second: no harm, the
                # loop has nothing else to do, and nothing to log
                "slow_task_threshold_secs": None,
            }
            self._net = NetworkSelector(**given)
            self._manager = KafkaConnectionManager(self._net, **given)
            self._net.start()
            try:
                self._manager.bootstrap(self.timeout_ms)
            except Exception:
                self.close()
                raise
        return self._manager


async def look_at(manager: Any, wanted: set[str] | None, topics: set[str]) -> Look:
    look = Look()
    nodes = await _metadata(manager, look)
    listed, failed = await list_groups(manager, look, nodes, wanted)
    commits = await read_commits(manager, look, listed)
    described = await describe(manager, look, listed)
    for name, (_, state, kind) in listed.items():
        members, owned, error = described.get(name, (None, None, ""))
        found = commits.get(name, "no answer")
        if isinstance(found, str):
            error = error or found
            found = {}
        if state == "Empty":
            members, owned = 0, frozenset()
        if not kind:
            owned = None  # a simple consumer: whoever commits is no member
        look.groups[name] = GroupSeen(state, kind, members, owned, found, error)
    look.failed = failed
    # commits first, ends after: what was committed meanwhile can make no lag negative
    look.at, look.wall_ms = time.monotonic(), round(time.time() * 1000)
    places = _places(look, topics)
    look.ends = await _offsets(manager, look, places, LATEST)
    look.starts = await _offsets(manager, look, places, EARLIEST)
    return look


async def _metadata(manager: Any, look: Look) -> list[int]:
    """Topics, partitions and leaders into ``look``; returns the brokers."""
    answer = await ask(manager, look, MetadataRequest(topics=None, allow_auto_topic_creation=False))
    nodes = sorted(broker.node_id for broker in answer.brokers)
    if nodes != sorted(broker.node_id for broker in manager.cluster.brokers()):
        manager.cluster.update_metadata(answer)  # connections are made by the cluster's own view
    for topic in answer.topics:
        if topic.error_code:
            look.errors.append(f"topic {topic.name}: {told(topic.error_code)}")
            continue
        look.topics[topic.name] = getattr(topic, "topic_id", None)
        look.partitions[topic.name] = sorted(p.partition_index for p in topic.partitions)
        for part in topic.partitions:
            if part.leader_id >= 0:
                look.leaders[topic.name, part.partition_index] = part.leader_id
    return nodes


def _places(look: Look, more: set[str]) -> list[Place]:
    """Every partition that some group has committed on or owns, with the whole of its topic."""
    topics = more | {
        topic
        for group in look.groups.values()
        for topic, _ in (*group.commits, *(group.owned or ()))
    }
    return [(topic, p) for topic in topics for p in look.partitions.get(topic, ())]


async def _offsets(manager: Any, look: Look, places: list[Place], which: int) -> dict[Place, int]:
    """Ends or starts, one request to each leader; partitions without an answer are left out."""
    by_leader: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for topic, partition in places:
        leader = look.leaders.get((topic, partition))
        if leader is None:
            look.errors.append(f"{topic}-{partition}: no leader")
        else:
            by_leader[leader][topic].append(partition)
    kind = ListOffsetsRequest.ListOffsetsTopic
    part = kind.ListOffsetsPartition
    found: dict[Place, int] = {}
    for leader, topics in by_leader.items():
        request = ListOffsetsRequest(
            isolation_level=0,
            topics=[
                kind(
                    name=name,
                    partitions=[part(partition_index=p, timestamp=which) for p in numbers],
                )
                for name, numbers in topics.items()
            ],
            min_version=1,
        )
        try:
            answer = await ask(manager, look, request, leader)
        except kafka_errors.KafkaError as error:
            look.errors.append(f"offsets at broker {leader}: {type(error).__name__}")
            continue
        for topic in answer.topics:
            name = topic.name
            for one in topic.partitions:
                if one.error_code:
                    look.errors.append(f"{name}-{one.partition_index}: {told(one.error_code)}")
                elif one.offset >= 0:
                    found[name, one.partition_index] = one.offset
    return found
