"""Dead letters: kept once with their cause, whatever the bytes, and told on their own topic."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Row, select

from bus.dead_letters import Origin, bury, bury_alone, open_count
from stores.ledger import outbox
from stores.ledger.tables import dead_letters, metadata
from stores.ledger.transaction import Ledger, open_ledger
from tests.strategies import examples

ORIGIN = Origin("story-events", 3, 42, "conductor")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    metadata.create_all(made.engine)
    yield made
    made.close()


def kept(ledger: Ledger) -> list[Row[Any]]:
    with ledger.snapshot() as view:
        return list(view.execute(select(dead_letters)))


def told(ledger: Ledger) -> list[outbox.Unsent]:
    with ledger.snapshot() as view:
        return outbox.unsent(view, 10)


def test_a_letter_is_kept_with_its_place_and_cause(ledger: Ledger) -> None:
    bury_alone(ledger, ORIGIN, b"key", "坏".encode(), "ce_type: unknown type")
    (letter,) = kept(ledger)
    assert (letter.topic, letter.kafka_partition, letter.kafka_offset) == ("story-events", 3, 42)
    assert (letter.consumer, letter.cause, letter.value) == (
        "conductor",
        "ce_type: unknown type",
        "坏",
    )
    (record,) = told(ledger)
    headers = {name: value.decode() for name, value in record.headers}
    assert (record.topic, record.key) == ("dead-letters", "key")
    assert json.loads(record.value) == {"value": "坏", "key": "key", "headers": []}
    assert headers["shoufa_topic"] == "story-events"
    assert (headers["shoufa_partition"], headers["shoufa_offset"]) == ("3", "42")
    assert headers["shoufa_cause"] == "ce_type: unknown type"
    assert headers["ce_id"] == letter.id
    assert headers["ce_type"].startswith("cn.shoufa.dead.letter")


def test_the_same_record_read_again_is_the_same_letter(ledger: Ledger) -> None:
    for cause in ("first", "again"):
        bury_alone(ledger, ORIGIN, b"k", b"v", cause)
    (letter,) = kept(ledger)
    assert (letter.cause, letter.times) == ("first", 2)
    assert len(told(ledger)) == 1


def test_another_record_at_the_same_offset_is_another_letter(ledger: Ledger) -> None:
    """A power cut shortens Kafka's log, a broker set up anew begins at 0."""
    bury_alone(ledger, ORIGIN, b"k", b"before", "one")
    bury_alone(ledger, ORIGIN, b"k", b"after", "two")
    assert {letter.value for letter in kept(ledger)} == {"before", "after"}
    assert len(told(ledger)) == 2


def test_a_cause_with_half_a_character_is_told_too(ledger: Ledger) -> None:
    bury_alone(ledger, ORIGIN, b"k", b"v", "bad \ud800 name")
    (record,) = told(ledger)
    assert dict(record.headers)["shoufa_cause"] == b"bad \\ud800 name"


def test_each_reader_has_a_letter_of_its_own(ledger: Ledger) -> None:
    bury_alone(ledger, ORIGIN, b"k", b"v", "one")
    bury_alone(ledger, Origin("story-events", 3, 42, "desk"), b"k", b"v", "two")
    bury_alone(ledger, Origin("story-events", 3, 43, "conductor"), b"k", b"v", "three")
    assert len(kept(ledger)) == len(told(ledger)) == 3


def test_letter_and_record_are_one_transaction_with_what_caused_them(ledger: Ledger) -> None:
    def fail() -> None:
        with ledger.transaction() as tx:
            bury(tx, ORIGIN, b"k", b"v", "cause", at=1)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert kept(ledger) == []
    assert told(ledger) == []


@examples(40)
@given(st.none() | st.binary(max_size=300), st.binary(max_size=300), st.text(max_size=3000))
def test_any_bytes_can_be_buried(key: bytes | None, value: bytes, cause: str) -> None:
    ledger = open_ledger("sqlite://")
    metadata.create_all(ledger.engine)
    bury_alone(ledger, ORIGIN, key, value, cause)
    (letter,) = kept(ledger)
    plain = value.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
    assert letter.value == plain
    if letter.exact:
        assert letter.value.encode() == value
        assert letter.key.encode() == (key or b"")
    assert len(letter.cause) <= 2000
    (record,) = told(ledger)
    assert len(record.key) <= 100
    assert json.loads(record.value)["value"] == letter.value
    ledger.close()


def test_open_letters_are_counted(ledger: Ledger) -> None:
    bury_alone(ledger, ORIGIN, b"k", b"v", "cause")
    with ledger.transaction() as tx:
        assert open_count(tx) == 1
        tx.execute(dead_letters.update().values(closed_at=1, closed_why="重放"))
        assert open_count(tx) == 0


def test_a_letter_always_fits_into_a_record(ledger: Ledger) -> None:
    bury_alone(ledger, ORIGIN, b"k", b"\xff" * 1_000_000, "cause")
    (record,) = told(ledger)
    assert len(record.value) < outbox.MOST_BYTES
    assert len(kept(ledger)[0].value) == 4_000_000
