"""Records on topics: what one process writes, another reads; what is not ours is refused."""

import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import Message, decode, derived_id, encode
from schemas.errors import InvalidInput
from schemas.events import EVENTS, StoryHeld
from schemas.hashing import canonical, fingerprint
from schemas.orders import ORDERS
from tests.fakes import NOON, STORY_ID
from tests.strategies import examples, json_values, messages, uuids

HELD = StoryHeld(story_id=STORY_ID, by="duty", reason="核实")


def lying(message: Message, **changes: str) -> tuple[bytes, list[tuple[str, bytes]]]:
    record = encode(message, id=STORY_ID, at=NOON, key="k")
    return record.value, [(k, v.encode()) for k, v in {**record.headers, **changes}.items()]


@examples(60)
@given(messages, uuids)
def test_every_message_is_read_as_it_was_written(message: Message, identity: uuid.UUID) -> None:
    record = encode(message, id=identity, at=NOON, key="k")
    headers = [(name, value.encode()) for name, value in record.headers.items()]
    assert decode(record.value, headers) == (str(identity), message)


def test_types_are_distinct_and_carry_their_major_version() -> None:
    kinds = [*EVENTS, *ORDERS]
    assert len(set(kinds)) == len(kinds) == 22
    assert all(kind.startswith("cn.shoufa.") and kind.endswith(".v1") for kind in kinds)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ce_type": "cn.shoufa.story.held.v2"}, "ce_type"),
        ({"ce_type": ""}, "ce_type"),
        ({"ce_type": "x" * 10_000}, "ce_type"),
        ({"ce_id": "7"}, "ce_id"),
        ({"ce_id": ""}, "ce_id"),
    ],
)
def test_foreign_headers_are_refused_by_name(changes: dict[str, str], field: str) -> None:
    value, headers = lying(HELD, **changes)
    with pytest.raises(InvalidInput) as refused:
        decode(value, headers)
    assert refused.value.faults[0].field == field
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    "value", [None, b"", b"null", b"[]", b"\xff\xfe", b"{", b'{"story_id":1}', b"[" * 100_000]
)
def test_broken_data_is_refused(value: bytes | None) -> None:
    _, headers = lying(HELD)
    with pytest.raises(InvalidInput):
        decode(value, headers)


@given(st.binary(max_size=60), st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=20))))
def test_any_bytes_are_read_or_refused_never_more(value: bytes, headers: Any) -> None:
    with pytest.raises(InvalidInput):
        decode(value, headers)


def test_a_later_field_of_the_same_major_version_is_tolerated() -> None:
    value, headers = lying(HELD)
    later = json.dumps({**json.loads(value), "mood": "calm"}).encode()
    assert decode(later, headers)[1] == HELD


def test_no_headers_at_all_are_refused() -> None:
    with pytest.raises(InvalidInput):
        decode(b"{}", None)


def test_consequences_have_the_same_id_however_often_they_are_decided() -> None:
    assert derived_id(str(STORY_ID), 1) == derived_id(str(STORY_ID), 1)
    assert len({derived_id(str(STORY_ID), i) for i in range(50)}) == 50


@given(json_values)
def test_a_hash_does_not_depend_on_the_order_of_keys(value: Any) -> None:
    def turned(inner: Any) -> Any:
        if isinstance(inner, dict):
            return {k: turned(v) for k, v in reversed(inner.items())}
        return [turned(v) for v in inner] if isinstance(inner, list) else inner

    assert fingerprint(turned(value)) == fingerprint(value)
    assert json.loads(canonical(value)) == value


def test_no_number_that_json_does_not_know() -> None:
    with pytest.raises(ValueError):
        canonical(float("nan"))
