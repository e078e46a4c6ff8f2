"""Every arrow into Kafka is a row first: sent in order, marked by place, sent again when lost."""

from uuid import UUID

import pytest
from sqlalchemy import select

from schemas.codec import Record, decode, derived_id
from schemas.errors import InvalidInput
from schemas.events import StoryHeld
from schemas.orders import AdaptOrder, ReleaseOrder, TranscodeOrder
from stores.ledger import outbox
from stores.ledger.tables import outbox as table
from stores.ledger.transaction import Ledger
from tests.fakes import STORY_ID

HELD = StoryHeld(story_id=STORY_ID, by="duty", reason="核实")


def fill(ledger: Ledger, count: int) -> None:
    with ledger.transaction() as tx:
        for number in range(count):
            outbox.append(tx, HELD.model_copy(update={"reason": str(number)}), at=1000 + number)


def unsent(ledger: Ledger, limit: int = 100) -> list[outbox.Unsent]:
    with ledger.snapshot() as view:
        return outbox.unsent(view, limit)


@pytest.mark.parametrize(
    ("message", "topic", "key"),
    [
        (HELD, "story-events", str(STORY_ID)),
        (
            TranscodeOrder(story_id=STORY_ID, source_sha256="a" * 64, recipe="vertical"),
            "transcode-orders",
            "a" * 64,
        ),
        (
            AdaptOrder(story_id=STORY_ID, version=1, channels=("web",)),
            "adapt-orders",
            str(STORY_ID),
        ),
        (
            ReleaseOrder(story_id=STORY_ID, channel="tv", release=1, verb="create"),
            "release-orders.tv",
            str(STORY_ID),
        ),
    ],
)
def test_each_message_goes_to_its_topic_under_its_key(
    ledger: Ledger, message: StoryHeld, topic: str, key: str
) -> None:
    with ledger.transaction() as tx:
        identity = outbox.append(tx, message, at=1_800_000_000_000)
    (row,) = unsent(ledger)
    assert (row.topic, row.key) == (topic, key)
    assert decode(row.value, row.headers) == (identity, message)
    headers = dict(row.headers)
    assert headers["ce_time"] == b"2027-01-15T08:00:00+00:00"
    assert headers["ce_partitionkey"] == key.encode()
    assert headers["ce_outboxseq"] == str(row.seq).encode()
    assert UUID(identity).version == 7


def test_rows_are_sent_in_the_order_in_which_they_were_written(ledger: Ledger) -> None:
    fill(ledger, 5)
    rows = unsent(ledger, 3)
    assert [decode(r.value, r.headers)[1].reason for r in rows] == ["0", "1", "2"]  # type: ignore[union-attr]
    with ledger.transaction() as tx:
        outbox.mark_sent(tx, [(rows[0].seq, 0, 7), (rows[2].seq, 1, 3)], at=5)
        outbox.mark_sent(tx, [], at=5)
    assert [row.seq for row in unsent(ledger)] == [rows[1].seq, rows[2].seq + 1, rows[2].seq + 2]
    with ledger.snapshot() as view:
        assert outbox.backlog(view) == (3, 1001)
        assert set(outbox.places(view)) == {("story-events", 0), ("story-events", 1)}


def test_a_consequence_decided_twice_is_one_row(ledger: Ledger) -> None:
    cause = str(derived_id(str(STORY_ID), 9))
    for reason in ("first", "again"):
        with ledger.transaction() as tx:
            event = HELD.model_copy(update={"reason": reason})
            assert outbox.append(tx, event, at=1, event_id=cause) == cause
    (row,) = unsent(ledger)
    assert b"first" in row.value


def test_what_kafka_lost_is_sent_again_and_nothing_else(ledger: Ledger) -> None:
    fill(ledger, 6)
    rows = unsent(ledger)
    with ledger.transaction() as tx:
        # partition 0: offsets 0, 1, 2; partition 1: 10, 11; the last was never sent
        outbox.mark_sent(tx, [(r.seq, 0, i) for i, r in enumerate(rows[:3])], at=5)
        outbox.mark_sent(tx, [(r.seq, 1, 10 + i) for i, r in enumerate(rows[3:5])], at=5)
    ends = {("story-events", 0): 2, ("story-events", 1): 12, ("story-events", 2): 0}
    with ledger.transaction() as tx:
        assert outbox.unsend_lost(tx, ends) == 1
        assert outbox.unsend_lost(tx, ends) == 0
    assert [r.seq for r in unsent(ledger)] == [rows[2].seq, rows[5].seq]


def test_a_row_keeps_its_place_in_kafka(ledger: Ledger) -> None:
    fill(ledger, 1)
    (row,) = unsent(ledger)
    with ledger.transaction() as tx:
        outbox.mark_sent(tx, [(row.seq, 4, 99)], at=1234)
    with ledger.snapshot() as view:
        kept = view.execute(select(table)).one()
    assert (kept.sent_at, kept.kafka_partition, kept.kafka_offset) == (1234, 4, 99)


def test_a_record_that_kafka_would_never_take_is_refused(ledger: Ledger) -> None:
    record = Record("x", "t", "k", b"1" * (outbox.MOST_BYTES + 1), {})
    with pytest.raises(InvalidInput) as refused, ledger.transaction() as tx:
        outbox.append_record(tx, "story-events", record, at=1)
    assert refused.value.status == 413
    assert unsent(ledger) == []
