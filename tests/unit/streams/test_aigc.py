"""The label of generated content."""

import json

import pytest

from streams.aigc import carried

LABEL = '{"Label":"1","ContentProducer":"甲","ProduceID":"p-1"}'


def test_whoever_passes_it_on_adds_itself() -> None:
    told = json.loads(carried(LABEL, "青禾县融媒体中心", "abc") or "")
    assert told == {
        "Label": "1",
        "ContentProducer": "甲",
        "ProduceID": "p-1",
        "ContentPropagator": "青禾县融媒体中心",
        "PropagateID": "abc",
    }


@pytest.mark.parametrize(
    "label",
    ['{"Label":"1","ContentPropagator":"乙","PropagateID":"9"}', "not json", "[1]", '"1"'],
)
def test_what_cannot_or_need_not_be_added_to_goes_on_as_it_came(label: str) -> None:
    assert carried(label, "青禾县融媒体中心", "abc") == label


def test_no_label_is_made_up() -> None:
    assert carried(None, "青禾县融媒体中心", "abc") is None
    assert carried(LABEL, "", "abc") == LABEL
