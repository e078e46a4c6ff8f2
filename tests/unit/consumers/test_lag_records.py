"""The first record that waits: batches as a broker sends them, gaps, markers, no timestamps."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import KafkaConnectionError, UnsupportedCodecError
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecordsBuilder

from consumers.lag_look import First, Look
from consumers.lag_records import first_of, read_firsts


def batch(offset: int, *timestamps: int, compression: int = 0, skip: int = 0) -> bytes:
    """One batch of records from ``offset`` on; ``skip`` offsets are compacted away before the
    last one."""
    builder = MemoryRecordsBuilder(2, compression, 1 << 20)
    for number, timestamp in enumerate(timestamps):
        if skip and number == len(timestamps) - 1:
            builder.skip(skip)
        builder.append(timestamp, None, b"x")
    builder.close()
    return offset.to_bytes(8, "big") + bytes(builder.buffer())[8:]  # as the broker places it


def marker(offset: int) -> bytes:
    """A control batch, as the end of a transaction leaves it."""
    raw = bytearray(batch(offset, 1000))
    raw[22] |= 0b0011_0000  # attributes: transactional, control
    return bytes(raw)


THREE = batch(10, 1000, 2000, 3000)

CASES: list[tuple[str, bytes, int, First | int]] = [
    ("at the head", THREE, 10, First(10, 1000)),
    ("in the middle", THREE, 12, First(12, 3000)),
    ("packed", batch(10, 1000, 2000, compression=1), 11, First(11, 2000)),
    ("compacted away", batch(10, 1000, 9000, skip=80), 11, First(91, 9000)),
    ("a marker first", marker(10) + batch(11, 5000), 10, First(11, 5000)),
    ("only a marker", marker(10), 10, 11),
    ("two markers", marker(10) + marker(11), 10, 12),
    ("all before it", THREE, 13, 13),
    ("nothing came", b"", 10, 10),
    ("half a batch came", THREE[:40], 10, 10),
    ("without a timestamp", batch(10, -1), 10, First(10, None)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: c[0])
def test_the_first_record(case: tuple[str, bytes, int, First | int]) -> None:
    _, records, at, expected = case
    assert first_of(records, at) == expected


def test_a_codec_that_is_missing_leaves_the_head_readable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(_batch: Any) -> None:
        raise UnsupportedCodecError("zstd")

    monkeypatch.setattr(DefaultRecordBatch, "_maybe_uncompress", missing)
    packed = batch(10, 1000, 2000, compression=1)
    assert first_of(packed, 10) == First(10, 1000)
    assert first_of(packed, 11) == First(11, None)


class Answers:
    """A connection that answers each fetch by what lies at the offset asked for."""

    def __init__(self, answer: Callable[[str, int, int], bytes | int]) -> None:
        self.answer = answer
        self.asked: list[list[tuple[str, int, int]]] = []

    async def send(self, request: Any, node_id: int) -> Any:
        assert node_id == 1
        spots = [
            (topic.topic, part.partition, part.fetch_offset)
            for topic in request.topics
            for part in topic.partitions
        ]
        self.asked.append(spots)
        responses = []
        for topic, partition, offset in spots:
            found = self.answer(topic, partition, offset)
            error, records = (found, None) if isinstance(found, int) else (0, found)
            part = SimpleNamespace(partition_index=partition, error_code=error, records=records)
            responses.append(SimpleNamespace(topic=topic, partitions=[part]))
        return SimpleNamespace(responses=responses)


def read(answers: Answers, wanted: dict[tuple[tuple[str, int], int], int]) -> Any:
    look = Look(leaders={place: 1 for place, _ in wanted})
    coroutine = read_firsts(answers, look, wanted)
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value, look
    raise AssertionError("it waits for something")


def test_gaps_are_passed_over_and_the_end_is_known() -> None:
    here = {0: marker(0), 1: marker(1), 2: batch(2, 7000)}
    answers = Answers(lambda topic, _p, offset: here[offset] if topic == "a" else marker(offset))
    spots = {(("a", 0), 0): 3, (("b", 0), 4): 5}
    found, _ = read(answers, spots)
    assert found == {
        (("a", 0), 0): First(2, 7000),
        (("b", 0), 4): First(5, None, none_left=True),
    }
    assert len(answers.asked) == 3


def test_two_groups_on_one_partition_are_read_one_after_the_other() -> None:
    answers = Answers(lambda _t, _p, offset: batch(offset, 1000 + offset))
    found, _ = read(answers, {(("a", 0), 3): 9, (("a", 0), 7): 9})
    assert found == {(("a", 0), 3): First(3, 1003), (("a", 0), 7): First(7, 1007)}


def test_a_refused_partition_is_left_out_and_the_others_stand() -> None:
    answers = Answers(lambda topic, _p, offset: 29 if topic == "secret" else batch(offset, 1))
    found, look = read(answers, {(("secret", 0), 0): 2, (("open", 0), 0): 2})
    assert found == {(("open", 0), 0): First(0, 1)}
    assert look.errors == ["records of secret-0: TopicAuthorizationFailedError"]
    assert len(answers.asked) == 1


def test_a_broker_that_goes_away_meanwhile_is_named() -> None:
    def gone(_t: str, _p: int, _o: int) -> bytes:
        raise KafkaConnectionError

    found, look = read(Answers(gone), {(("a", 0), 0): 2})
    assert found == {}
    assert look.errors == ["records at broker 1: KafkaConnectionError"]
