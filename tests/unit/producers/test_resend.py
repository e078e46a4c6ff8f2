"""人工重发: what failed, and nothing else, is tried again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.channel import AwaitingPerson, CannotTell, Refused
from schemas.resending import Failed, step_of
from stores.ledger import renditions
from tests.centre import Outlet
from tests.unit.producers.newsroom import PICTURED, Newsroom, faults
from tests.unit.producers.test_settle import row, settle

STATES = (
    "planned", "held", "gated", "ready", "intent", "accepted", "live", "retry_wait", "unknown",
    "reconciling", "needs_person", "awaiting_person", "refused", "updating", "recalling",
    "recalled", "superseded", "cancelled", "removed_by_platform", "not_applicable",
)  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Newsroom]:
    made = Newsroom(tmp_path, [Outlet("web", 1), Outlet("app", 1)], hosts=("outlet.example",))
    yield made
    made.close()


def refused(desk: Newsroom, reason: str = "IP 不在白名单") -> UUID:
    desk.centre.outlets["web"].answers = [lambda: Refused(reason)]
    story_id = desk.centre.publish()
    assert desk.centre.states(story_id) == {"web": "refused", "app": "live"}
    return story_id


def resend(desk: Newsroom, story_id: UUID, who: str = "three", **asked: Any) -> Any:
    return desk.call("POST", f"/stories/{story_id}/resend", who=who, json=asked)


def ways(answer: Any) -> dict[str, Any]:
    return {line["channel"]: line["way"] for line in answer.json()["plan"]}


def test_the_plan_is_told_and_nothing_done(desk: Newsroom) -> None:
    story_id = refused(desk)
    before = desk.state()
    answer = resend(desk, story_id)
    assert answer.json()["done"] is False
    assert ways(answer) == {"web": "new_release"}, "what is live is not even named"
    desk.centre.pump()
    assert desk.state() == before


def test_what_failed_goes_out_as_a_new_release_and_nothing_else(desk: Newsroom) -> None:
    story_id = refused(desk)
    assert resend(desk, story_id, dry_run=False, note="白名单已加").json()["done"] is True
    desk.centre.pump()
    told = row(desk, story_id)
    assert (told["state"], told["release"]) == ("live", 2)
    assert desk.centre.states(story_id) == {"web": "live", "app": "live"}
    assert len(desk.centre.outlets["app"].log) == 1, "the live one is left alone"
    assert ways(resend(desk, story_id, dry_run=False)) == {}, "once is enough"


def test_a_live_one_is_refused_even_by_name(desk: Newsroom) -> None:
    story_id = refused(desk)
    answer = resend(desk, story_id, channels=["app"], dry_run=False)
    assert ways(answer) == {"app": None}
    assert "已上线" in answer.json()["plan"][0]["says"]
    desk.centre.pump()
    assert len(desk.centre.outlets["app"].log) == 1


def test_one_of_unknown_fate_is_settled_first(desk: Newsroom, monkeypatch: Any) -> None:
    web = desk.centre.outlets["web"]
    monkeypatch.setattr(desk.centre.modules["web"], "find", lambda *_: CannotTell("不作准"))
    web.lost_answers = 1
    story_id = desk.centre.publish()
    desk.centre.pass_time(120)
    desk.centre.pump()
    for _ in range(2):
        answer = resend(desk, story_id, dry_run=False)
        assert ways(answer) == {"web": None}
        assert "登记" in answer.json()["plan"][0]["says"]
        desk.centre.pump()
        assert len(web.log) == 1
        if desk.centre.states(story_id)["web"] == "needs_person":
            settle(desk, story_id, "give_up", note="不等了")


def test_a_hand_off_that_was_given_up_can_be_taken_up_again(desk: Newsroom) -> None:
    desk.centre.outlets["web"].answers = [lambda: AwaitingPerson("包", "请投递")]
    story_id = desk.centre.publish()
    assert ways(resend(desk, story_id)) == {}, "it waits for a person, it did not fail"
    settle(desk, story_id, "give_up", note="版面满了")
    resend(desk, story_id, dry_run=False)
    desk.centre.pump()
    assert (row(desk, story_id)["state"], row(desk, story_id)["release"]) == ("live", 2)


def test_a_failed_correction_is_tried_again_on_the_same_item(desk: Newsroom) -> None:
    story_id = desk.centre.publish("旧")
    desk.centre.outlets["web"].answers = [lambda: Refused("系统维护")]
    desk.centre.revise(story_id, "新")
    desk.centre.pump()
    desk.centre.sign_all(story_id)
    desk.centre.pump()
    assert ways(resend(desk, story_id, dry_run=False)) == {"web": "correct"}
    desk.centre.pump()
    told = row(desk, story_id)
    assert (told["state"], told["live_version"], told["release"]) == ("live", 2, 1)
    assert [verb for verb, _, _ in desk.centre.outlets["web"].log] == ["create", "update"]


def test_media_that_could_not_be_made_are_ordered_again(tmp_path: Path) -> None:
    """A machine without ffmpeg failed the picture; once that is mended, it is made and sent."""
    desk = Newsroom(tmp_path, [Outlet("web", 1, needs="web_image")])
    answer = desk.file(PICTURED, ("a.jpg", b"GIF one"))
    story_id = UUID(answer.json()["story_id"])
    desk.centre.pump()
    with desk.centre.ledger.transaction() as tx:
        (found,) = renditions.take(tx, "test", desk.centre.ledger.now_ms())
        place = (found.source_sha256, found.recipe)
        renditions.change(tx, *place, at=1, state="failed", reason="没有 ffmpeg")
    desk.centre.sign_all(story_id)
    desk.centre.pump()
    assert desk.centre.states(story_id) == {"web": "refused"}
    assert ways(resend(desk, story_id, dry_run=False)) == {"web": "again"}
    desk.centre.pump()
    assert desk.centre.states(story_id) == {"web": "planned"}
    desk.centre.finish_renditions()
    desk.centre.pump()
    assert desk.centre.states(story_id) == {"web": "live"}
    desk.close()


def test_only_the_duty_editor_resends_and_only_known_channels(desk: Newsroom) -> None:
    story_id = refused(desk)
    answer = resend(desk, story_id, who="one")
    assert (answer.status_code, faults(answer)) == (403, {"Authorization": "role_missing"})
    assert faults(resend(desk, story_id, channels=["radio"])) == {"channels": "unknown_channel"}


def test_a_withdrawn_story_is_never_sent_again(desk: Newsroom) -> None:
    story_id = refused(desk)
    desk.centre.withdraw(story_id)
    desk.centre.pump()
    answer = resend(desk, story_id, channels=["web"], dry_run=False)
    assert ways(answer) == {"web": None}
    desk.centre.pump()
    assert desk.centre.states(story_id) == {"web": "cancelled", "app": "recalled"}


def _row(state: str, **changes: Any) -> Failed:
    fields: dict[str, Any] = {
        "state": state,
        "verb": "create",
        "reason": "",
        "epoch": 1,
        "version": 1,
        "live_version": None,
        "approved_version": 1,
        "withdrawn": False,
        "copy_refused": "",
        "settled": {},
    }
    return Failed(**{**fields, **changes})


rows = st.builds(
    _row,
    st.sampled_from(STATES),
    verb=st.sampled_from(["create", "update", "recall"]),
    epoch=st.integers(0, 2),
    live_version=st.none() | st.integers(1, 2),
    approved_version=st.none() | st.integers(1, 2),
    withdrawn=st.booleans(),
    copy_refused=st.sampled_from(["", "标题太长"]),
    settled=st.sampled_from(
        [
            {},
            {"answer": "give_up", "question": "published", "version": 1},
            {"answer": "give_up", "question": "handed_off", "version": 1},
            {"answer": "give_up", "question": "corrected", "version": 1},
            {"answer": "absent", "question": "published", "version": 1},
        ]
    ),
)


@given(rows)
def test_nothing_is_created_that_may_be_there(found: Failed) -> None:
    way = step_of(found).way
    if way not in {"again", "new_release"}:
        return
    assert not found.withdrawn
    assert found.approved_version is not None
    assert found.state in {"refused", "removed_by_platform", "cancelled"}
    assert found.settled.get("question") != "published" or found.state != "cancelled"


@given(rows)
def test_a_plan_always_says_why(found: Failed) -> None:
    step = step_of(found)
    assert " / " in step.says
    assert step.failed or step.way is None


@given(rows)
def test_under_way_or_live_is_left_alone(found: Failed) -> None:
    moving = {"intent", "accepted", "unknown", "reconciling", "updating", "recalling", "ready"}
    if found.state in moving:
        assert step_of(found).way is None
    if found.state == "live" and found.live_version == found.approved_version:
        assert step_of(found).way is None
