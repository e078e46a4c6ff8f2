"""Lag by Kafka's own figures: end offset minus committed offset."""

import threading
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError


class LagReader:
    """Keeps one connection; thread safe. A group whose figures cannot be had is None."""

    def __init__(self, bootstrap: str, watched: dict[str, str]) -> None:
        self.bootstrap = bootstrap
        self.watched = watched
        """Topic → consumer group."""
        self._lock = threading.Lock()
        self._admin: Any = None
        self._reader: Any = None

    def read(self) -> dict[str, int | None]:
        """Topic → messages not yet committed by its group; None where unknown."""
        with self._lock:
            try:
                self._open()
                return self._read()
            except KafkaError:
                self.close()
                return dict.fromkeys(self.watched)

    def close(self) -> None:
        for client in (self._admin, self._reader):
            if client is not None:
                client.close()
        self._admin = self._reader = None

    def _open(self) -> None:
        if self._admin is None:
            self._admin = KafkaAdminClient(
                bootstrap_servers=self.bootstrap, client_id="shoufa-lag", bootstrap_timeout_ms=2000
            )
            self._reader = KafkaConsumer(
                bootstrap_servers=self.bootstrap,
                client_id="shoufa-lag",
                bootstrap_timeout_ms=2000,
            )

    def _read(self) -> dict[str, int | None]:
        partitions = {
            topic: [
                TopicPartition(topic, number)
                for number in self._reader.partitions_for_topic(topic) or ()
            ]
            for topic in self.watched
        }
        every = [tp for found in partitions.values() for tp in found]
        ends = self._reader.end_offsets(every)
        starts = self._reader.beginning_offsets(every)
        committed = self._admin.list_group_offsets(sorted(set(self.watched.values())))
        lag: dict[str, int | None] = {}
        for topic, group in self.watched.items():
            found = partitions[topic]
            lag[topic] = (
                sum(
                    max(0, ends[tp] - max(_offset(committed.get(group, {}).get(tp)), starts[tp]))
                    for tp in found
                )
                if found
                else None
            )
        return lag


def _offset(committed: Any) -> int:
    return int(committed.offset) if committed is not None and committed.offset >= 0 else 0
