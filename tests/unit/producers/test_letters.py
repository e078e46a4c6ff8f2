"""死信: kept whole, replayed once with the same event id, or discarded with a reason."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bus.dead_letters import Origin, bury_alone
from schemas.events import StoryHeld
from schemas.newsroom import Person
from stores.ledger import outbox, people
from stores.ledger.letters import REPLAY_OF
from tests.centre import Outlet
from tests.unit.producers.newsroom import Newsroom, faults


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Newsroom]:
    made = Newsroom(tmp_path, [Outlet("web", 1)])
    yield made
    made.close()


def record(
    desk: Newsroom, story_id: Any, event_id: str | None = None
) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Key, value and headers of an event that the ledger wrote, as it lies on its topic."""
    event = StoryHeld(story_id=story_id, by="three", reason="核实")
    with desk.centre.ledger.transaction() as tx:
        made = outbox.append(tx, event, at=1, event_id=event_id)
        (found,) = (r for r in outbox.unsent(tx, 100) if dict(r.headers)["ce_id"] == made.encode())
        outbox.mark_sent(tx, [(found.seq, 0, 9000 + found.seq)], at=1)
    return found.key.encode(), found.value, list(found.headers)


def die(desk: Newsroom, story_id: Any, offset: int = 7) -> dict[str, Any]:
    """An event of a story that the ledger does not know."""
    key, value, headers = record(desk, story_id)
    desk.centre.conductor.take(Origin("story-events", 2, offset, "conductor"), key, value, headers)
    return listed(desk)[0]


def listed(desk: Newsroom, **asked: Any) -> list[dict[str, Any]]:
    answer = desk.call("GET", "/dead-letters", who="three", params=asked)
    found: list[dict[str, Any]] = answer.json()["letters"]
    return found


def replay(desk: Newsroom, who: str = "three", **asked: Any) -> Any:
    return desk.call("POST", "/dead-letters/replay", who=who, json=asked)


def unsent(desk: Newsroom, topic: str = "story-events") -> list[outbox.Unsent]:
    with desk.centre.ledger.snapshot() as view:
        return [row for row in outbox.unsent(view, 100) if row.topic == topic]


def test_a_letter_keeps_all_of_its_record(desk: Newsroom) -> None:
    letter = die(desk, uuid4())
    shown = desk.call("GET", f"/dead-letters/{letter['id'][:8]}", who="three").json()
    assert (shown["topic"], shown["partition"], shown["offset"]) == ("story-events", 2, 7)
    assert shown["consumer"] == "conductor"
    assert shown["type"] == "cn.shoufa.story.held.v1"
    assert dict(shown["headers"])["ce_id"] == shown["event_id"]
    assert shown["key"] in shown["value"], "the key is the story's id"
    assert shown["times"] == 1
    assert shown["first_at"] == "2026-11-24T01:00:00.000+00:00"
    assert shown["replay"]["sends"] is True


def test_the_same_record_read_again_is_counted(desk: Newsroom) -> None:
    key, value, headers = record(desk, uuid4())
    for _ in range(3):
        desk.centre.pass_time(60)
        origin = Origin("story-events", 2, 7, "conductor")
        desk.centre.conductor.take(origin, key, value, headers)
    (letter,) = listed(desk)
    assert letter["times"] == 3
    assert letter["first_at"] < letter["last_at"]


def test_a_replay_is_told_first_and_then_handled(desk: Newsroom) -> None:
    """The record came before its story: once the story is there, the replay does its work."""
    centre = desk.centre
    story_id = centre.file()
    centre.pump()
    key, value, headers = record(desk, story_id)
    stranger = str(uuid4())
    with centre.ledger.transaction() as tx:
        tx.exec_driver_sql("UPDATE stories SET id = ? WHERE id = ?", (stranger, str(story_id)))
    centre.conductor.take(Origin("story-events", 0, 99, "conductor"), key, value, headers)
    with centre.ledger.transaction() as tx:
        tx.exec_driver_sql("UPDATE stories SET id = ? WHERE id = ?", (str(story_id), stranger))

    told = replay(desk).json()
    assert (told["done"], [line["sends"] for line in told["plan"]]) == (False, [True])
    assert unsent(desk) == []
    assert len(listed(desk)) == 1

    assert replay(desk, dry_run=False).json()["done"] is True
    (again,) = unsent(desk)
    sent = dict(again.headers)
    assert (again.key, again.value) == (str(story_id), value)
    assert sent["ce_id"] == dict(headers)["ce_id"], "readers know it by the same id"
    assert REPLAY_OF in sent
    before = desk.state()["seen"]
    centre.pump()
    assert desk.state()["seen"] == before + 1, "the burial had not marked it as taken"
    assert listed(desk) == []
    (closed,) = listed(desk, closed=True)
    assert (closed["closed_how"], closed["closed_by"]) == ("replayed", "three")


def test_a_replay_of_what_was_handled_since_does_nothing_twice(desk: Newsroom) -> None:
    centre = desk.centre
    story_id = centre.publish()
    key, value, headers = record(desk, story_id)
    centre.conductor.take(Origin("story-events", 0, 1, "conductor"), key, value, headers)
    bury_alone(
        centre.ledger, Origin("story-events", 0, 2, "conductor"), key, value, "x", headers=headers
    )
    assert "已处理过" in replay(desk).json()["plan"][0]["says"]
    items = dict(centre.outlets["web"].items)
    replay(desk, dry_run=False)
    seen = desk.state()["seen"]
    centre.pump()
    assert desk.state()["seen"] == seen
    assert (centre.outlets["web"].items, len(centre.outlets["web"].log)) == (items, 1)


def test_a_replayed_order_publishes_nothing_twice(desk: Newsroom) -> None:
    centre = desk.centre
    centre.publish()
    with centre.ledger.snapshot() as view:
        rows = view.exec_driver_sql(
            "SELECT key, value, headers FROM outbox WHERE topic = 'release-orders.web'"
        ).all()
    (order,) = rows
    headers = [(k, v.encode()) for k, v in json.loads(order.headers).items()]
    origin = Origin("release-orders.web", 0, 3, "shoufa-publish-web")
    bury_alone(
        centre.ledger, origin, order.key.encode(), order.value.encode(), "x", headers=headers
    )
    replay(desk, dry_run=False)
    assert len(unsent(desk, "release-orders.web")) == 1, "it is sent though the ledger sent it once"
    centre.pump()
    assert len(centre.outlets["web"].log) == 1


@pytest.mark.parametrize("broken", ["topic", "bytes", "type", "data", "key", "forged"])
def test_what_would_die_again_is_not_sent(desk: Newsroom, broken: str) -> None:
    key, value, headers = record(desk, uuid4())
    origin = Origin("release-orders.radio" if broken == "topic" else "story-events", 0, 5, "x")
    if broken == "bytes":
        value = b"\xff" + value
    if broken == "data":
        value = b"{}"
    if broken == "type":
        headers = [(k, b"other" if k == "ce_type" else v) for k, v in headers]
    if broken == "forged":
        headers = [(k, str(uuid4()).encode() if k == "ce_id" else v) for k, v in headers]
    if broken == "key":
        key = b"k" * 101
    bury_alone(desk.centre.ledger, origin, key, value, "cause", headers=headers)
    desk.centre.pump()
    (line,) = replay(desk, dry_run=False).json()["plan"]
    assert line["sends"] is False
    assert " / " in line["says"]
    assert unsent(desk, origin.topic) == []
    assert len(listed(desk)) == 1, "it stays open, to be discarded by somebody"


def test_a_letter_is_discarded_with_a_reason(desk: Newsroom) -> None:
    letter = die(desk, uuid4())
    asked: dict[str, Any] = {"letters": [letter["id"][:8]]}
    answer = desk.call("POST", "/dead-letters/discard", who="three", json=asked)
    assert faults(answer) == {"reason": "missing"}
    asked["reason"] = "测试时误发"
    assert (
        desk.call("POST", "/dead-letters/discard", who="three", json=asked).json()["done"] is False
    )
    assert len(listed(desk)) == 1
    asked["dry_run"] = False
    assert (
        desk.call("POST", "/dead-letters/discard", who="three", json=asked).json()["done"] is True
    )
    assert listed(desk) == []
    (closed,) = listed(desk, closed=True)
    assert (closed["closed_how"], closed["closed_why"]) == ("discarded", "测试时误发")
    again = desk.call("POST", "/dead-letters/discard", who="three", json=asked)
    assert (again.status_code, faults(again)) == (409, {"letters": "closed"})
    assert desk.call("GET", "/status", who="three").json()["dead_letters"] == 0


def test_only_who_runs_it_reads_dead_letters(desk: Newsroom) -> None:
    letter = die(desk, uuid4())
    with desk.centre.ledger.transaction() as tx:
        people.put(tx, Person(id="ops", name="运维", roles=("operator",)), "key-of-ops")
    for who, status in (("reporter", 403), ("one", 403), ("ops", 200), ("nobody", 401)):
        assert desk.call("GET", "/dead-letters", who=who).status_code == status, who
        assert desk.call("GET", f"/dead-letters/{letter['id']}", who=who).status_code == status
        assert replay(desk, who=who).status_code == status, who


def test_letters_are_paged_and_found_by_their_beginning(desk: Newsroom) -> None:
    for offset in range(5):
        die(desk, uuid4(), offset)
    page = desk.call("GET", "/dead-letters", who="three", params={"limit": 2}).json()
    found = list(page["letters"])
    while page["next"]:
        asked = {"limit": 2, "cursor": page["next"]}
        page = desk.call("GET", "/dead-letters", who="three", params=asked).json()
        found += page["letters"]
    assert len({letter["id"] for letter in found}) == 5
    for wrong in ("ab", "zzzzzzzz", "%25%25%25%25%25%25", "00000000-0000"):
        answer = desk.call("GET", f"/dead-letters/{wrong}", who="three")
        assert (answer.status_code, faults(answer)) == (404, {"letters": "no_such_letter"}), wrong
