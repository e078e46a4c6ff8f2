"""The relay at start: what Kafka lost is sent again, whatever became of its topics."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import UnknownTopicOrPartitionError

from bus import relay
from schemas.orders import ReleaseOrder
from schemas.settings import Settings
from schemas.topics import Topic
from stores.ledger import outbox
from stores.ledger.tables import metadata
from stores.ledger.transaction import Ledger, open_ledger
from tests.fakes import STORY_ID

GONE = "release-orders.gone"
KEPT = "release-orders.kept"


class Broker:
    """Topics with the ends of their partitions; asks after others are errors, as with Kafka."""

    def __init__(self, ends: dict[str, dict[int, int]]) -> None:
        self.ends = ends
        self.made: list[str] = []

    def __call__(self, **_: Any) -> "Broker":
        return self

    def make_topics(self, _bootstrap: str, wanted: list[Topic], **_: Any) -> list[str]:
        missing = [topic.name for topic in wanted if topic.name not in self.ends]
        self.made += missing
        for topic in wanted:
            self.ends.setdefault(topic.name, dict.fromkeys(range(topic.partitions), 0))
        return missing

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(self.ends.get(topic, {}))

    def end_offsets(self, wanted: list[TopicPartition]) -> dict[TopicPartition, int]:
        for place in wanted:
            if place.partition not in self.ends.get(place.topic, {}):
                raise UnknownTopicOrPartitionError
        return {tp: self.ends[tp.topic][tp.partition] for tp in wanted}

    def close(self) -> None:
        return


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    metadata.create_all(made.engine)
    with made.transaction() as tx:
        for channel in ("gone", "gone", "kept", "kept", "new"):
            order = ReleaseOrder(story_id=STORY_ID, channel=channel, release=1, verb="create")
            outbox.append(tx, order, at=1)
        places = [(1, 0, 0), (2, 5, 7), (3, 0, 0), (4, 9, 3)]  # the fifth was never sent
        outbox.mark_sent(tx, places, at=1)
    yield made
    made.close()


def unsent(ledger: Ledger) -> list[int]:
    with ledger.snapshot() as view:
        return [row.seq for row in outbox.unsent(view, 100)]


def check(
    ledger: Ledger, tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    monkeypatch.setattr(relay, "KafkaConsumer", broker)
    monkeypatch.setattr(relay, "make_topics", broker.make_topics)
    started = relay.Relay(ledger, Settings(data=tmp_path, port_base=31150))
    try:
        started._send_again_what_kafka_lost()
    finally:
        started._socket.close()
    return unsent(ledger)


def test_rows_of_a_topic_that_is_gone_are_sent_again(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Broker({KEPT: {0: 1, 9: 4}})
    assert check(ledger, tmp_path, broker, monkeypatch) == [1, 2, 5]
    assert sorted(broker.made) == [GONE, "release-orders.new"], "else nothing could be sent"


def test_a_topic_made_again_with_fewer_partitions_has_lost_them_all(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Broker({GONE: {0: 0}, KEPT: {0: 1}, "release-orders.new": {0: 0}})
    assert check(ledger, tmp_path, broker, monkeypatch) == [1, 2, 4, 5]
    assert broker.made == []


def test_nothing_is_sent_again_that_is_still_there(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Broker({GONE: {0: 1, 5: 8}, KEPT: {0: 1, 9: 4}, "release-orders.new": {0: 0}})
    assert check(ledger, tmp_path, broker, monkeypatch) == [5]
