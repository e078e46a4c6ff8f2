"""The published contracts: current, whole, and what the records on the topics keep to."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from sqlalchemy import select

from bus.dead_letters import Origin, bury_alone
from cli.contracts import documents, export
from schemas.events import EVENTS
from schemas.orders import ORDERS
from schemas.settings import REPOSITORY
from schemas.story import StoryIn
from schemas.topics import topics
from stores.ledger.tables import outbox
from tests.centre import CentreInMemory, Outlet

FOLDER = REPOSITORY / "docs" / "schemas"
DOCUMENTS = documents()
ASYNC = DOCUMENTS["asyncapi.json"]


def test_the_committed_contracts_are_those_of_this_build(tmp_path: Path) -> None:
    """After a change of a model: ``./run schemas``."""
    export(tmp_path)
    made = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()}
    assert sorted(made) == sorted(kept)
    assert [name for name in made if made[name] != kept[name]] == []


@pytest.mark.parametrize("name", [n for n in DOCUMENTS if n.endswith(".schema.json")])
def test_each_schema_is_one_and_stands_alone(name: str) -> None:
    schema = DOCUMENTS[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:shoufa:{name.removesuffix('.schema.json')}"
    for reference in references(schema):
        assert resolve(schema, reference) is not None, reference


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


def resolve(document: Any, reference: str) -> Any:
    """What a reference names, inside the document or in a file beside it."""
    file, _, pointer = reference.partition("#")
    found = document if not file else DOCUMENTS[file.removeprefix("./")]
    for step in filter(None, pointer.split("/")):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


# -- AsyncAPI ------------------------------------------------------------------------------------


def test_asyncapi_has_what_version_three_demands() -> None:
    assert ASYNC["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(ASYNC["info"])
    for reference in references(ASYNC):
        assert resolve(ASYNC, reference) is not None, reference
    key = re.compile(r"^[A-Za-z0-9_.-]+$")
    for part in (ASYNC["channels"], ASYNC["operations"], *ASYNC["components"].values()):
        assert all(key.match(name) for name in part), list(part)


def test_every_topic_is_a_channel_with_its_partitions_and_both_operations() -> None:
    table = {topic.name: topic for topic in topics(["{channel}"])}
    channels = {channel["address"]: channel for channel in ASYNC["channels"].values()}
    assert set(channels) == set(table)
    for address, channel in channels.items():
        assert channel["bindings"]["kafka"]["partitions"] == table[address].partitions
        assert set(re.findall(r"\{(\w+)\}", address)) == set(channel.get("parameters", {}))
    acts = {(op["action"], op["channel"]["$ref"]) for op in ASYNC["operations"].values()}
    assert acts == {
        (action, f"#/channels/{name}")
        for action in ("send", "receive")
        for name in ASYNC["channels"]
    }


def test_every_message_is_described_and_lies_on_one_topic() -> None:
    messages = ASYNC["components"]["messages"]
    assert set(messages) == {*EVENTS, *ORDERS}
    carried = [name for channel in ASYNC["channels"].values() for name in channel["messages"]]
    assert sorted(carried) == sorted(messages)
    for kind, message in messages.items():
        assert message["name"] == kind
        assert message["contentType"] == "application/json"
        assert resolve(ASYNC, message["payload"]["$ref"])["$id"] == f"urn:shoufa:{kind}"


# -- what a sender may rely on -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "fine"),
    [
        ({"headline": "题", "body": [{"kind": "paragraph", "spans": [{"text": "文"}]}]}, True),
        ({"headline": "题", "body": [{"kind": "divider"}], "urgency": 1}, True),
        ({"body": [{"kind": "divider"}]}, False),
        ({"headline": "题", "body": []}, False),
        ({"headline": "题" * 201, "body": [{"kind": "divider"}]}, False),
        ({"headline": "题", "body": [{"kind": "divider"}], "urgency": 10}, False),
        ({"headline": "题", "body": [{"kind": "html"}]}, False),
    ],
)
def test_the_schema_of_a_filing_says_what_the_api_says(story: Any, fine: bool) -> None:
    checker = Draft202012Validator(DOCUMENTS["story-in.schema.json"])
    if fine:
        checker.validate(story)
        StoryIn.model_validate(story, extra="forbid")
        return
    with pytest.raises(ValidationError):
        checker.validate(story)
    with pytest.raises(ValueError):
        StoryIn.model_validate(story, extra="forbid")


# -- CloudEvents 1.0, Kafka protocol binding, binary mode ------------------------------------------

RFC3339 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")


def test_every_record_that_leaves_is_a_cloud_event(tmp_path: Path) -> None:
    centre = CentreInMemory(tmp_path, [Outlet("web", 1), Outlet("tv", 2)])
    story = centre.publish()
    centre.revise(story, "更正")
    centre.pump()
    centre.withdraw(story)
    centre.pump()
    bury_alone(centre.ledger, Origin("story-events", 0, 1, "test"), b"k", b"\xff", "坏")
    with centre.ledger.snapshot() as view:
        rows = view.execute(select(outbox)).all()
    centre.close()
    assert {row.topic for row in rows} >= {"story-events", "adapt-orders", "dead-letters"}
    for row in rows:
        headers = json.loads(row.headers)
        attributes = {k: v for k, v in headers.items() if k.startswith("ce_")}
        assert {"ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time"} <= set(attributes)
        assert all(re.fullmatch(r"ce_[a-z0-9]{1,20}", name) for name in attributes)
        assert attributes["ce_specversion"] == "1.0"
        assert attributes["ce_source"] == "/shoufa"
        assert str(UUID(attributes["ce_id"])) == attributes["ce_id"] == row.event_id
        assert RFC3339.match(attributes["ce_time"]), attributes["ce_time"]
        assert datetime.fromisoformat(attributes["ce_time"]).tzinfo is not None
        assert headers["content-type"] == "application/json"
        if row.topic != "dead-letters":
            assert attributes["ce_subject"] == attributes["ce_partitionkey"] == row.key
        json.loads(row.value)
    identities = [row.event_id for row in rows]
    assert len(set(identities)) == len(identities)
