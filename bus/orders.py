"""The order loop: Kafka rings, the ledger ranks.

One thread polls all the time and never pauses the consumer (kafka-python 3.0 can go silent for
ever after a rebalance with paused partitions). It makes sure that each order has its row, wakes
the pool, and commits an offset once its row is in a lasting state, contiguous prefix only: so
Kafka's lag is the true backlog, and a restart redelivers what was open.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import KafkaError

from bus import genuine
from bus.dead_letters import Origin, bury_alone
from schemas.codec import decode
from schemas.errors import Fault, InvalidInput, PipelineError
from schemas.orders import Order
from stores.ledger.transaction import Ledger

log = structlog.get_logger("orders")

POLL_MS = 250
EMPTY_HANDED_S = 60.0
"""A reader without a partition for so long is made anew: metadata that come in the middle of a join
leave kafka-python's coordinator with nothing, without a heartbeat, and without another join. Longer
than the session, so that its place in the group is free by then."""
BUSY_S = 0.05
"""So long at most an order waits while its owner is at work: the work is mostly the order's own, for
which a bell rang when it was written, and looking into the ledger beside it would slow it down."""
COMMIT_EVERY_S = 1.0
"""While records keep coming; else after each poll."""


@dataclass(frozen=True)
class OrderSource:
    """What the loop needs to know of one kind of order."""

    topic: str
    group: str
    instance_id: str
    place_of: Callable[[Order], Any]
    """The row that an order is about; raises InvalidInput for one that is not of this kind."""
    exists: Callable[[Any, Any], bool]
    """(connection, place) → the ledger knows the row."""
    lasting: Callable[[Any, list[Any]], set[Any]]
    """(connection, places) → those that a restart would find without their record."""
    rowless: Callable[[Order], bool] = lambda _order: False
    """Takes an order that has no row of its own; False: it is none of these."""
    busy: Callable[[], bool] = lambda: False
    """The owner is at work in this process."""
    genuine: Callable[..., None] = genuine.check
    """Raises InvalidInput for a record that the ledger did not write."""


class OrderLoop:
    """Polls one order topic in a thread of its own and calls ``ring`` when work may be there."""

    def __init__(
        self, ledger: Ledger, bootstrap: str, source: OrderSource, ring: Callable[[], None]
    ) -> None:
        self.ledger = ledger
        self.bootstrap = bootstrap
        self.source = source
        self.ring = ring
        self._open: dict[TopicPartition, deque[tuple[int, Any]]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"orders {source.topic}", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        pause = 0.2
        while not self._stop.is_set():
            try:
                self._consume()
                pause = 0.2
            except (KafkaError, PipelineError) as error:
                log.warning("orders.waiting", topic=self.source.topic, error=str(error))
                self._stop.wait(pause)
                pause = min(pause * 2, 5.0)

    def _consume(self) -> None:
        self._open.clear()
        consumer = KafkaConsumer(
            self.source.topic,
            bootstrap_servers=self.bootstrap,
            client_id=self.source.instance_id,
            group_id=self.source.group,
            group_instance_id=self.source.instance_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            partition_assignment_strategy=[RoundRobinPartitionAssignor()],
            max_poll_records=100_000,
            max_partition_fetch_bytes=65_536,
            metadata_max_age_ms=15_000,
            session_timeout_ms=45_000,
            heartbeat_interval_ms=3_000,
            bootstrap_timeout_ms=5_000,
        )
        try:
            committed = assigned = time.monotonic()
            while not self._stop.is_set():
                batches = consumer.poll(timeout_ms=POLL_MS)
                if consumer.assignment():
                    assigned = time.monotonic()
                elif time.monotonic() > assigned + EMPTY_HANDED_S:
                    log.warning("orders.empty_handed", topic=self.source.topic)
                    return
                if batches:
                    self._let_work()
                for partition, records in batches.items():
                    for record in records:
                        self._note(partition, record)
                if batches:
                    self.ring()
                if not batches or time.monotonic() > committed + COMMIT_EVERY_S:
                    # not beside the work just rung for, where that is possible
                    self._commit(consumer)
                    committed = time.monotonic()
        finally:
            consumer.close()

    def _let_work(self) -> None:
        end = time.monotonic() + BUSY_S
        while self.source.busy() and time.monotonic() < end:
            self._stop.wait(0.005)

    def _note(self, partition: TopicPartition, record: Any) -> None:
        place: Any = None
        try:
            event_id, order = decode(record.value, record.headers)
            if not isinstance(order, Order):
                raise InvalidInput(Fault("wrong_type", "ce_type", "an event on an order topic"))
            with self.ledger.snapshot() as view:
                self.source.genuine(
                    view, record.topic, record.key, record.value, event_id, order.type()
                )
                rowless = self.source.rowless(order)
                place = None if rowless else self.source.place_of(order)
                if not rowless and not self.source.exists(view, place):
                    raise InvalidInput(
                        Fault("no_such_row", "order", "the ledger knows nothing of this order")
                    )
        except InvalidInput as error:
            origin = Origin(record.topic, record.partition, record.offset, self.source.group)
            value, headers = record.value or b"", record.headers
            bury_alone(self.ledger, origin, record.key, value, str(error), headers=headers)
            place = None
        self._open.setdefault(partition, deque()).append((record.offset, place))

    def _commit(self, consumer: Any) -> None:
        assigned = consumer.assignment()
        for gone in [tp for tp in self._open if tp not in assigned]:
            del self._open[gone]
        places = [place for queue in self._open.values() for _, place in queue if place is not None]
        if not any(self._open.values()):
            return
        with self.ledger.snapshot() as view:
            settled = self.source.lasting(view, list(dict.fromkeys(places)))
        commits = {}
        for partition, queue in self._open.items():
            last = None
            while queue and (queue[0][1] is None or queue[0][1] in settled):
                last = queue.popleft()[0]
            if last is not None:
                commits[partition] = OffsetAndMetadata(last + 1, "", -1)
        if commits:
            consumer.commit(commits)
