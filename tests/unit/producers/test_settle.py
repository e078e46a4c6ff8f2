"""人工登记: what only a person can tell of a delivery, and what follows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from schemas.channel import AwaitingPerson, CannotRecall, CannotTell, Refused
from schemas.events import DeliverySettled
from schemas.receipt import Receipt
from stores.ledger import outbox, publications
from stores.ledger.tables import audit
from stores.ledger.tables import outbox as outbox_table
from tests.centre import Outlet
from tests.unit.producers.newsroom import Newsroom, faults

URL = "https://outlet.example/web/by-hand"


class Blind(Outlet):
    """Takes nothing and never tells: each answer is lost, and its list proves nothing."""

    def find(self, _account: Any, _payload: Any, _attempt: Any) -> Any:
        return CannotTell("列表不作准 / the list proves nothing")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Newsroom]:
    made = Newsroom(tmp_path, [Blind("web", 1), Outlet("tv", 2)], hosts=("https://outlet.example",))
    yield made
    made.close()


def lost(desk: Newsroom, headline: str = "断网那一条") -> UUID:
    """A story whose first create was lost and cannot be found: it needs a person."""
    desk.centre.outlets["web"].lost_answers = 1
    story_id = desk.centre.publish(headline)
    desk.centre.pass_time(120)
    desk.centre.pump()
    assert desk.centre.states(story_id) == {"web": "needs_person", "tv": "gated"}
    return story_id


def row(desk: Newsroom, story_id: UUID, channel: str = "web") -> dict[str, Any]:
    answer = desk.call("GET", f"/deliveries?story={story_id}")
    found = [d for d in answer.json()["deliveries"] if d["channel"] == channel]
    return max(found, key=lambda d: d["release"])


def settle(
    desk: Newsroom,
    story_id: UUID,
    answer: str,
    *,
    channel: str = "web",
    who: str = "three",
    **more: Any,
) -> Any:
    seen = row(desk, story_id, channel)
    body = {"answer": answer, "as_of": seen["updated_at"], **more}
    return desk.call(
        "POST", f"/deliveries/{story_id}/{channel}/{seen['release']}/settle", who=who, json=body
    )


def settled_events(desk: Newsroom) -> list[DeliverySettled]:
    with desk.centre.ledger.snapshot() as view:
        rows = view.execute(
            select(outbox_table.c.value)
            .where(outbox_table.c.type == DeliverySettled.type())
            .order_by(outbox_table.c.seq)
        )
        return [DeliverySettled.model_validate_json(r.value) for r in rows]


def creates(desk: Newsroom, channel: str = "web") -> int:
    return sum(verb == "create" for verb, _, _ in desk.centre.outlets[channel].log)


def test_the_row_says_what_to_look_at_and_what_may_be_answered(desk: Newsroom) -> None:
    told = row(desk, lost(desk))
    look = told["look"]

    assert (look["question"], set(look["answers"])) == ("published", {"live", "absent", "give_up"})
    assert (look["contact"], look["outlet"], look["headline"]) == ("值班编辑", "web", "断网那一条")
    assert look["hosts"] == ["outlet.example"]
    assert look["marker"] in desk.centre.outlets["web"].items, "it is there under this marker"
    assert look["sent_at"] == told["requested_at"]
    assert look["as_of"] == told["updated_at"]


def test_nobody_is_asked_about_a_row_that_goes_by_itself(desk: Newsroom) -> None:
    story_id = lost(desk)
    assert row(desk, story_id, "tv")["look"] is None


def test_live_makes_a_receipt_that_names_who_typed_it_and_opens_the_next_wave(
    desk: Newsroom,
) -> None:
    story_id = lost(desk)
    answer = settle(desk, story_id, "live", url=URL)
    desk.centre.pump()

    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["state"], shown["url"], shown["typed_by"]) == ("live", URL, "总编")
    assert shown["text_sha256"] is None, "nobody hashed what a person saw"
    assert desk.centre.states(story_id) == {"web": "live", "tv": "live"}
    assert creates(desk) == 1
    (event,) = settled_events(desk)
    assert (event.state, event.by, event.by_name) == ("live", "three", "总编")
    assert event.receipt is not None
    assert (event.receipt.url, event.receipt.by) == (URL, "three")
    with desk.centre.ledger.snapshot() as view:
        acts = [(a.person_id, a.act) for a in view.execute(select(audit))]
    assert ("three", "delivery.settled.live") in acts


def test_absent_is_sent_again_by_a_new_attempt_and_not_before(desk: Newsroom) -> None:
    story_id = lost(desk)
    assert row(desk, story_id)["attempts"] == 1
    desk.centre.pass_time(3600)
    desk.centre.pump()
    assert creates(desk) == 1, "never again on a guess"

    answer = settle(desk, story_id, "absent")
    assert answer.json()["state"] == "planned"
    desk.centre.pump()
    assert creates(desk) == 2
    assert desk.centre.states(story_id) == {"web": "live", "tv": "live"}
    assert row(desk, story_id)["attempts"] == 2


def test_absent_waits_while_the_old_request_may_still_be_on_its_way(desk: Newsroom) -> None:
    centre = desk.centre
    centre.outlets["web"].answers = [lambda: AwaitingPerson("包 7", "请投递")]
    story_id = centre.publish("人工投递")
    assert centre.states(story_id)["web"] == "awaiting_person"

    settle(desk, story_id, "absent")
    centre.pump()
    assert creates(desk) == 0, "the call deadline and the settle time are not over"
    assert centre.states(story_id)["web"] == "ready"
    centre.pass_time(66)
    centre.pump()
    assert creates(desk) == 1
    assert centre.states(story_id)["web"] == "live"


def test_giving_up_opens_nothing_and_is_not_sent_again(desk: Newsroom) -> None:
    story_id = lost(desk)
    assert faults(settle(desk, story_id, "give_up")) == {"note": "note_missing"}
    answer = settle(desk, story_id, "give_up", note="账号停用了")
    desk.centre.pump()

    assert answer.json()["state"] == "cancelled"
    assert "账号停用了" in answer.json()["reason"]
    assert desk.centre.states(story_id) == {"web": "cancelled", "tv": "gated"}
    assert creates(desk) == 1


def test_who_gave_up_without_looking_may_still_look(desk: Newsroom) -> None:
    story_id = lost(desk)
    settle(desk, story_id, "give_up", note="下班了")
    desk.centre.pump()
    assert row(desk, story_id)["look"]["question"] == "published"
    settle(desk, story_id, "absent")
    desk.centre.pump()
    assert desk.centre.states(story_id) == {"web": "live", "tv": "live"}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://other.example/web/1", "other_outlet"),
        ("https://outlet.example.evil.example/web/1", "other_outlet"),
        ("https://outlet.example:8443/web/1", "other_outlet"),
        ("https://outlet.example@evil.example/1", "not_an_address"),
        ("javascript:alert(1)", "not_an_address"),
        ("outlet.example/web/1", "not_an_address"),
        ("http://[::1", "not_an_address"),
        ("https://outlet.example/", "not_an_item"),
    ],
)
def test_a_receipt_of_another_outlet_is_refused(desk: Newsroom, url: str, code: str) -> None:
    story_id = lost(desk)
    before = desk.state()
    answer = settle(desk, story_id, "live", url=url)
    assert (answer.status_code, faults(answer)) == (422, {"url": code})
    assert desk.state() == before
    assert desk.centre.states(story_id)["web"] == "needs_person"


def test_the_receipt_of_another_delivery_is_refused(desk: Newsroom) -> None:
    first, second = lost(desk, "甲"), lost(desk, "乙")
    settle(desk, first, "live", url=URL)
    assert faults(settle(desk, second, "live", url=URL)) == {"url": "receipt_taken"}
    assert faults(settle(desk, second, "live", item_id=URL)) == {"item_id": "receipt_taken"}
    assert faults(settle(desk, second, "live")) == {"url": "receipt_missing"}
    assert settle(desk, second, "live", url=URL + "2").status_code == 200


def test_an_outlet_without_addresses_takes_its_own_id(tmp_path: Path) -> None:
    desk = Newsroom(tmp_path, [Blind("web", 1), Outlet("tv", 2)])
    story_id = lost(desk)
    assert faults(settle(desk, story_id, "live", url=URL)) == {"url": "no_addresses"}
    shown = settle(desk, story_id, "live", item_id="QH-7").json()
    assert (shown["receipt_id"], shown["url"]) == ("QH-7", None)
    desk.close()


def test_the_second_of_two_people_hears_what_the_first_one_said(desk: Newsroom) -> None:
    story_id = lost(desk)
    seen = row(desk, story_id)
    path = f"/deliveries/{story_id}/web/1/settle"
    first, second = (
        desk.call(
            "POST", path, who="three", json={"answer": said, "as_of": seen["updated_at"], **more}
        )
        for said, more in (("live", {"url": URL}), ("absent", {}))
    )
    assert first.status_code == 200
    assert (second.status_code, faults(second)) == (409, {"as_of": "moved_on"})
    assert "live" in second.json()["reason"]
    assert "总编" in second.json()["reason"], "who said so"
    desk.centre.pump()
    assert creates(desk) == 1


def test_an_answer_to_what_somebody_saw_earlier_is_refused(desk: Newsroom) -> None:
    story_id = lost(desk)
    before = row(desk, story_id)["updated_at"]
    desk.centre.pass_time(1)
    desk.centre.withdraw(story_id)
    desk.centre.pump()
    answer = desk.call(
        "POST",
        f"/deliveries/{story_id}/web/1/settle",
        who="three",
        json={"answer": "absent", "as_of": before},
    )
    assert (answer.status_code, faults(answer)) == (409, {"as_of": "moved_on"})


def test_only_the_duty_editor_settles(desk: Newsroom) -> None:
    story_id = lost(desk)
    for who in ("reporter", "one"):
        answer = settle(desk, story_id, "absent", who=who)
        assert (answer.status_code, faults(answer)) == (403, {"Authorization": "role_missing"})
    assert settle(desk, story_id, "absent", who="nobody").status_code == 401
    assert faults(settle(desk, story_id, "still_up")) == {"answer": "no_such_answer"}


def test_a_delivery_that_is_not_there_is_a_404(desk: Newsroom) -> None:
    story_id = lost(desk)
    body = {"answer": "absent", "as_of": "2026-11-24T09:00:00+08:00"}
    for path in (f"{story_id}/web/2", f"{story_id}/radio/1", "999/web/1"):
        answer = desk.call("POST", f"/deliveries/{path}/settle", who="three", json=body)
        assert answer.status_code == 404, path


def test_a_hand_off_is_done_or_not_by_whoever_carries_it(desk: Newsroom) -> None:
    centre = desk.centre
    centre.outlets["web"].answers = [lambda: AwaitingPerson("草稿 7", "请到后台发表")]
    story_id = centre.publish("人工投递")
    told = row(desk, story_id)
    assert told["look"]["question"] == "handed_off"
    assert told["package"] == "草稿 7"
    assert centre.states(story_id)["tv"] == "gated", "a draft opens nothing"
    shown = settle(desk, story_id, "live", url=URL, who="reporter").json()
    assert shown["state"] == "live"
    centre.pump()
    assert centre.states(story_id)["tv"] == "live"


def test_what_turns_up_after_a_withdrawal_is_taken_down_by_whoever_found_it(
    desk: Newsroom,
) -> None:
    story_id = lost(desk)
    desk.centre.withdraw(story_id)
    desk.centre.pump()
    assert row(desk, story_id)["look"]["question"] == "published"
    settle(desk, story_id, "live", url=URL)
    desk.centre.pump()
    told = row(desk, story_id)
    assert told["state"] == "needs_person", "a typed id is not trusted with a recall"
    assert told["look"]["question"] == "taken_down"
    assert set(told["look"]["answers"]) == {"absent", "still_up"}, "it has to come down"
    assert URL in told["reason"]
    settle(desk, story_id, "still_up")
    desk.centre.pump()
    assert desk.centre.states(story_id)["web"] == "needs_person"
    assert settle(desk, story_id, "absent").json()["state"] == "recalled"
    desk.centre.pump()
    assert desk.centre.states(story_id) == {"web": "recalled", "tv": "cancelled"}


def test_after_a_withdrawal_absent_is_the_end(desk: Newsroom) -> None:
    story_id = lost(desk)
    desk.centre.withdraw(story_id)
    desk.centre.pump()
    assert settle(desk, story_id, "absent").json()["state"] == "cancelled"
    desk.centre.pump()
    assert creates(desk) == 1


def test_not_there_is_no_answer_while_a_withdrawn_one_may_still_arrive(desk: Newsroom) -> None:
    story_id = lost(desk)
    with desk.centre.ledger.transaction() as tx:
        at = desk.centre.ledger.now_ms()
        publications.change(tx, story_id, "web", 1, at=at, sent_before=at + 30_000)
    desk.centre.withdraw(story_id)
    desk.centre.pump()
    refused = settle(desk, story_id, "absent")
    assert (refused.status_code, faults(refused)) == (422, {"answer": "too_early"})
    assert desk.centre.states(story_id)["web"] == "needs_person"
    desk.centre.pass_time(40)
    assert settle(desk, story_id, "absent").json()["state"] == "cancelled"


def test_a_recall_that_failed_once_is_tried_again_when_it_is_still_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Newsroom(tmp_path, [Outlet("web", 1)], hosts=("outlet.example",))
    story_id = desk.centre.publish("要撤")
    outlet = desk.centre.outlets["web"]
    module = desk.centre.modules["web"]
    monkeypatch.setattr(module, "recall", lambda *_: CannotRecall("新媒体部", "今日次数用完"))
    desk.centre.withdraw(story_id)
    desk.centre.pump()
    assert row(desk, story_id)["look"]["question"] == "taken_down"
    monkeypatch.setattr(module, "recall", outlet.recall)
    settle(desk, story_id, "still_up")
    desk.centre.pump()
    assert desk.centre.states(story_id) == {"web": "recalled"}
    assert outlet.items == {}
    desk.close()


@pytest.fixture
def corrected(tmp_path: Path) -> Iterator[tuple[Newsroom, UUID]]:
    """Version 2 was refused as a correction: version 1 stands."""
    desk = Newsroom(tmp_path, [Outlet("web", 1)], hosts=("outlet.example",))
    story_id = desk.centre.publish("旧版")
    desk.centre.outlets["web"].answers = [lambda: Refused("标题太长")]
    desk.centre.revise(story_id, "新版")
    desk.centre.pump()
    desk.centre.sign_all(story_id)
    desk.centre.pump()
    assert row(desk, story_id)["look"]["question"] == "corrected"
    yield desk, story_id
    desk.close()


def test_a_correction_that_was_given_up_is_not_ordered_again(
    corrected: tuple[Newsroom, UUID],
) -> None:
    desk, story_id = corrected
    shown = settle(desk, story_id, "give_up", note="改动不大").json()
    assert (shown["state"], shown["live_version"]) == ("live", 1)
    desk.centre.pump()
    assert [verb for verb, _, _ in desk.centre.outlets["web"].log] == ["create"]
    desk.centre.revise(story_id, "第三版")
    desk.centre.pump()
    desk.centre.sign_all(story_id)
    desk.centre.pump()
    assert row(desk, story_id)["live_version"] == 3, "a newer version is another correction"


def test_a_correction_made_by_hand_is_live_in_the_newer_version(
    corrected: tuple[Newsroom, UUID],
) -> None:
    desk, story_id = corrected
    old = row(desk, story_id)
    shown = settle(desk, story_id, "live", url=old["url"]).json()
    assert (shown["state"], shown["live_version"]) == ("live", 2)
    assert shown["receipt_id"] == old["receipt_id"], "the same item keeps its id"
    desk.centre.pump()
    assert row(desk, story_id)["state"] == "live"


def test_an_item_that_vanished_is_told_as_removed(corrected: tuple[Newsroom, UUID]) -> None:
    desk, story_id = corrected
    assert settle(desk, story_id, "absent").json()["state"] == "removed_by_platform"


def test_a_settled_row_can_be_made_again_from_its_events(desk: Newsroom) -> None:
    """What the event says is what the row says."""
    story_id = lost(desk)
    settle(desk, story_id, "live", url=URL)
    (event,) = settled_events(desk)
    with desk.centre.ledger.snapshot() as view:
        found = publications.get(view, story_id, event.channel, event.release)
    assert found is not None
    assert (found.state, found.reason) == (event.state, event.reason)
    assert Receipt.model_validate_json(found.receipt) == event.receipt
    assert found.live_version == event.version


def test_only_the_event_says_it_and_no_order_goes_out(desk: Newsroom) -> None:
    story_id = lost(desk)
    settle(desk, story_id, "give_up", note="x")
    with desk.centre.ledger.snapshot() as view:
        topics = {r.topic for r in outbox.unsent(view, 10)}
    assert topics == {"story-events"}
