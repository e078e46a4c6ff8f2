"""The order loop commits only what a restart would find without its record: nothing is skipped."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import structlog.testing
from hypothesis import given
from hypothesis import strategies as st
from kafka import OffsetAndMetadata, TopicPartition

from bus import orders
from bus.dead_letters import open_count
from bus.orders import OrderLoop, OrderSource
from schemas.codec import encode
from schemas.errors import Fault, InvalidInput, Unavailable
from schemas.events import StoryHeld
from schemas.orders import Order, ReleaseOrder
from stores.ledger.ids import new_id
from stores.ledger.tables import metadata
from stores.ledger.transaction import Ledger, open_ledger
from tests.fakes import NOON, STORY_ID
from tests.strategies import examples

TOPIC = "release-orders.web"


@dataclass(frozen=True)
class Record:
    offset: int
    value: bytes | None
    headers: list[tuple[str, bytes]]
    partition: int = 0
    key: bytes = b"k"
    topic: str = TOPIC


@dataclass
class Consumer:
    """The two calls that committing makes."""

    assigned: set[TopicPartition]
    committed: dict[int, list[int]] = field(default_factory=dict)

    def assignment(self) -> set[TopicPartition]:
        return self.assigned

    def commit(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        for partition, place in offsets.items():
            self.committed.setdefault(partition.partition, []).append(place.offset)


@dataclass
class Rows:
    """What the ledger knows: places that exist, and those that last."""

    known: set[int] = field(default_factory=set)
    lasting: set[int] = field(default_factory=set)
    asked: list[list[int]] = field(default_factory=list)

    def source(self) -> OrderSource:
        def lasting(_view: object, places: list[int]) -> set[int]:
            self.asked.append(places)
            return set(places) & self.lasting

        return OrderSource(
            topic=TOPIC,
            group="shoufa-publish-web",
            instance_id="publish-web",
            place_of=_release,
            exists=lambda _view, place: place in self.known,
            lasting=lasting,
            genuine=lambda *_: None,
        )


def _release(order: Order) -> int:
    if not isinstance(order, ReleaseOrder) or order.channel != "web":
        raise InvalidInput(Fault("wrong_order", "channel", "不是这个渠道的"))
    return order.release


def record(offset: int, place: int, partition: int = 0, **changes: Any) -> Record:
    order = ReleaseOrder(story_id=STORY_ID, channel="web", release=place, verb="create")
    made = encode(changes.pop("message", order), id=new_id(), at=NOON, key="k")
    headers = [(name, value.encode()) for name, value in made.headers.items()]
    return Record(offset, made.value, headers, partition)


def parts(*numbers: int) -> set[TopicPartition]:
    return {TopicPartition(TOPIC, number) for number in numbers}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    metadata.create_all(made.engine)
    yield made
    made.close()


def loop_of(ledger: Ledger, rows: Rows) -> OrderLoop:
    return OrderLoop(ledger, "127.0.0.1:1", rows.source(), lambda: None)


def note(loop: OrderLoop, *records: Record) -> None:
    for one in records:
        loop._note(TopicPartition(TOPIC, one.partition), one)


def test_only_the_contiguous_prefix_that_lasts_is_committed(ledger: Ledger) -> None:
    rows = Rows(known={1, 2, 3, 4}, lasting={1, 3})
    loop, consumer = loop_of(ledger, rows), Consumer(parts(0))
    note(loop, record(10, 1), record(11, 2), record(12, 3), record(13, 4))
    loop._commit(consumer)
    assert consumer.committed == {0: [11]}, "11 is the next to be read: order 2 is still open"
    loop._commit(consumer)
    assert consumer.committed == {0: [11]}, "nothing new, nothing committed"
    rows.lasting = {1, 2, 3}
    loop._commit(consumer)
    assert consumer.committed == {0: [11, 13]}
    rows.lasting |= {4}
    loop._commit(consumer)
    assert consumer.committed == {0: [11, 13, 14]}


def test_a_long_order_holds_its_own_partition_alone(ledger: Ledger) -> None:
    rows = Rows(known={1, 2}, lasting={2})
    loop, consumer = loop_of(ledger, rows), Consumer(parts(0, 1))
    note(loop, record(5, 1, partition=0), record(9, 2, partition=1))
    loop._commit(consumer)
    assert consumer.committed == {1: [10]}


def test_offsets_that_leave_gaps_are_no_matter(ledger: Ledger) -> None:
    rows = Rows(known={1, 2}, lasting={1, 2})
    loop, consumer = loop_of(ledger, rows), Consumer(parts(0))
    note(loop, record(5, 1), record(70, 2))
    loop._commit(consumer)
    assert consumer.committed == {0: [71]}


def test_a_partition_that_went_to_another_owner_is_forgotten(ledger: Ledger) -> None:
    rows = Rows(known={1, 2}, lasting={1, 2})
    loop, consumer = loop_of(ledger, rows), Consumer(parts(1))
    note(loop, record(5, 1, partition=0), record(9, 2, partition=1))
    loop._commit(consumer)
    assert consumer.committed == {1: [10]}


def test_the_same_row_is_asked_about_once_and_nothing_open_asks_nothing(ledger: Ledger) -> None:
    rows = Rows(known={1})
    loop, consumer = loop_of(ledger, rows), Consumer(parts(0))
    loop._commit(consumer)
    assert rows.asked == []
    note(loop, record(5, 1), record(6, 1), record(7, 1))
    loop._commit(consumer)
    assert rows.asked == [[1]]


@pytest.mark.parametrize(
    "bad",
    [
        Record(6, b"not json", []),
        Record(6, None, []),
        record(6, 99),
        record(6, 1, message=StoryHeld(story_id=STORY_ID, by="duty", reason="核实")),
        record(
            6,
            1,
            message=ReleaseOrder(story_id=STORY_ID, channel="tv", release=1, verb="create"),
        ),
    ],
    ids=["no json", "empty", "unknown row", "an event", "another channel's"],
)
def test_what_is_no_order_for_us_is_a_dead_letter_and_holds_nobody(
    ledger: Ledger, bad: Record
) -> None:
    rows = Rows(known={1}, lasting={1})
    loop, consumer = loop_of(ledger, rows), Consumer(parts(0))
    with structlog.testing.capture_logs():
        note(loop, record(5, 1), bad, record(7, 1))
        note(loop, bad)  # redelivered after a restart
    loop._commit(consumer)
    assert consumer.committed[0][-1] in {7, 8}
    with ledger.snapshot() as view:
        assert open_count(view) == 1


def test_while_the_ledger_is_away_nothing_is_taken_or_committed(ledger: Ledger) -> None:
    loop, consumer = loop_of(ledger, Rows(known={1}, lasting={1})), Consumer(parts(0))
    note(loop, record(5, 1))

    def away() -> Any:
        raise Unavailable("ledger", "locked")

    whole, ledger.snapshot = ledger.snapshot, away  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        loop._commit(consumer)
    with pytest.raises(Unavailable):
        note(loop, record(6, 1))
    assert consumer.committed == {}
    ledger.snapshot = whole  # type: ignore[method-assign]
    loop._commit(consumer)
    assert consumer.committed == {0: [6]}


@examples(60)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(1, 5)), min_size=1, max_size=12),
    st.lists(st.integers(1, 5), max_size=8),
)
def test_no_open_order_is_ever_passed_and_all_are_in_the_end(
    orders: list[tuple[int, int]], ending: list[int]
) -> None:
    ledger = open_ledger("sqlite://")
    rows = Rows(known={1, 2, 3, 4, 5})
    loop, consumer = loop_of(ledger, rows), Consumer(parts(0, 1))
    records: dict[int, list[Record]] = {0: [], 1: []}
    for partition, place in orders:
        records[partition].append(record(len(records[partition]), place, partition))
        note(loop, records[partition][-1])
    places = {p: [place for part, place in orders if part == p] for p in (0, 1)}
    for place in [*ending, 1, 2, 3, 4, 5]:
        rows.lasting.add(place)
        loop._commit(consumer)
        for partition, committed in consumer.committed.items():
            assert committed == sorted(committed)
            assert set(places[partition][: committed[-1]]) <= rows.lasting
    for partition, found in records.items():
        if found:
            assert consumer.committed[partition][-1] == len(found)
    ledger.close()


def test_a_reader_that_was_handed_nothing_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Handed] = []
    ended = threading.Event()

    def reader(*_topics: str, **_options: object) -> Handed:
        made.append(Handed({TopicPartition(TOPIC, 0)} if made else set(), ended))
        return made[-1]

    monkeypatch.setattr(orders, "KafkaConsumer", reader)
    monkeypatch.setattr(orders, "EMPTY_HANDED_S", 0.0)
    loop = OrderLoop(cast("Ledger", None), "nowhere:1", Rows().source(), lambda: None)
    loop.start()
    assert ended.wait(10), "the first reader, with nothing assigned, was kept for ever"
    loop.stop()
    assert [one.closed for one in made] == [True, True]


@dataclass
class Handed:
    """A reader of no records that was assigned these partitions."""

    assigned: set[TopicPartition]
    ended: threading.Event
    closed: bool = False

    def poll(self, *, timeout_ms: int) -> dict[TopicPartition, list[Record]]:
        del timeout_ms
        if self.assigned:
            self.ended.set()
        time.sleep(0.001)
        return {}

    def assignment(self) -> set[TopicPartition]:
        return self.assigned

    def close(self) -> None:
        self.closed = True
