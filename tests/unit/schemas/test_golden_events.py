"""What lay on a topic once is read for ever: one golden sample of every type of every version."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from schemas.codec import decode, encode
from schemas.errors import InvalidInput
from schemas.events import EVENTS, StoryFiled
from schemas.orders import ORDERS
from schemas.settings import REPOSITORY
from schemas.trace import HEADER
from tests.fakes import NOON, STORY_ID

FOLDER = Path(__file__).parents[2] / "golden" / "events"
SAMPLES = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}


def read(sample: dict[str, Any], **changes: str) -> tuple[str, Any]:
    headers = {**sample["headers"], **changes}
    value = json.dumps(sample["data"], ensure_ascii=False).encode()
    return decode(value, [(name, text.encode()) for name, text in headers.items()])


def holds(new: Any, old: Any) -> bool:
    """Everything of the old data stands unchanged in the new; a later field may have come."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(k in new and holds(new[k], old[k]) for k in old)
    if isinstance(old, list):
        return len(new) == len(old) and all(holds(n, o) for n, o in zip(new, old, strict=True))
    return bool(new == old)


def test_every_type_has_its_sample() -> None:
    assert set(SAMPLES) >= {*EVENTS, *ORDERS}


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_a_sample_is_read_and_written_again_as_it_was(kind: str) -> None:
    sample = SAMPLES[kind]
    identity, message = read(sample)
    assert identity == sample["headers"]["ce_id"]
    assert message.type() == kind
    again = encode(message, id=STORY_ID, at=NOON, key=sample["key"])
    assert holds(json.loads(again.value), sample["data"])
    assert set(again.headers) - {HEADER} <= set(sample["headers"])  # samples older than traces


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_a_sample_fits_the_published_schema(kind: str) -> None:
    path = REPOSITORY / "docs" / "schemas" / f"{kind}.schema.json"
    schema = json.loads(path.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(SAMPLES[kind]["data"])


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_a_later_field_is_tolerated_and_a_missing_one_is_not(kind: str) -> None:
    sample = SAMPLES[kind]
    later = {**sample, "data": {**sample["data"], "later": {"a": [1]}}}
    assert read(later) == read(sample)
    cut = {**sample, "data": {k: v for k, v in sample["data"].items() if k != "story_id"}}
    with pytest.raises(InvalidInput, match="story_id"):
        read(cut)


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_another_major_version_is_refused_not_guessed(kind: str) -> None:
    with pytest.raises(InvalidInput, match="ce_type"):
        read(SAMPLES[kind], ce_type=kind.removesuffix("v1") + "v2")


def test_the_sample_story_shows_every_kind_of_block_and_field() -> None:
    _, filed = read(SAMPLES[StoryFiled.type()])
    kinds = {block.kind for block in filed.story.body}
    assert kinds == {
        *("paragraph", "heading", "quote", "list_item", "image", "video", "gallery", "table"),
        *("divider", "correction"),
    }
    told = SAMPLES[StoryFiled.type()]["data"]["story"]
    assert not [name for name, value in told.items() if value in (None, "", [], {})]


def test_a_later_field_deep_inside_is_tolerated_and_a_later_block_is_not() -> None:
    sample = json.loads(json.dumps(SAMPLES[StoryFiled.type()]))
    sample["data"]["story"]["body"][0]["spans"][0]["colour"] = "red"
    sample["data"]["story"]["assets"][0]["camera"] = "x"
    assert read(sample) == read(SAMPLES[StoryFiled.type()])
    sample["data"]["story"]["body"].append({"kind": "poll", "key": "b99"})
    with pytest.raises(InvalidInput, match=r"story\.body"):
        read(sample)
