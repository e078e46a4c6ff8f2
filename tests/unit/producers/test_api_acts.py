"""The HTTP API once a story is there: review, dispatch, and looking."""

import json
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from schemas.channel import marker
from schemas.lag import NOTHING, GroupLag
from schemas.newsroom import Person
from stores.ledger import people
from tests.unit.producers.newsroom import STORY, Newsroom, faults, filed, revise


def sign(desk: Newsroom, level: int, who: str, **more: Any) -> httpx.Response:
    copies = desk.call("GET", "/stories/1/copies").json()
    body = {"version": copies["version"], "copies_sha256": copies["copies_sha256"], "level": level}
    return desk.call("POST", "/stories/1/signatures", who=who, json={**body, **more})


def test_three_people_release_a_story_and_its_receipts_are_shown(desk: Newsroom) -> None:
    told = filed(desk)
    answers = [sign(desk, level, who) for level, who in ((1, "one"), (2, "two"), (3, "three"))]
    assert [a.status_code for a in answers] == [201, 201, 201]
    assert answers[0].json()["versions"][0]["waits_for"] == ["复审", "终审"]
    desk.centre.pump()
    rows = desk.call("GET", "/deliveries?story=1").json()["deliveries"]
    assert [(r["channel"], r["state"]) for r in rows] == [("web", "live"), ("tv", "live")]
    assert rows[0]["receipt_id"] == marker(uuid.UUID(told["story_id"]), "web", 1)
    assert {(s["level"], s["person_id"]) for s in answers[2].json()["signatures"]} == {
        (1, "one"),
        (2, "two"),
        (3, "three"),
    }


@pytest.mark.parametrize(
    ("level", "who", "more", "status", "code"),
    [
        (2, "two", {}, 409, "level_order"),
        (1, "reporter", {}, 403, "role_missing"),
        (1, "one", {"copies_sha256": "e" * 64}, 409, "copies_changed"),
        (1, "one", {"copies_sha256": "short"}, 422, "string_pattern_mismatch"),
        (1, "one", {"version": 2}, 404, "no_such_version"),
        (1, "one", {"version": 10**30}, 422, "less_than_equal"),
        (4, "one", {}, 422, "level_unknown"),
        (1, "one", {"decision": "maybe"}, 422, "literal_error"),
        (1, "one", {"decision": "return", "note": " "}, 422, "note_missing"),
        (3, "three", {"urgent": True}, 422, "note_missing"),
        (1, "one", {"person": "two"}, 422, "extra_forbidden"),
    ],
)
def test_a_sign_off_with_a_fault_changes_nothing(
    calm: Newsroom, level: int, who: str, more: dict[str, Any], status: int, code: str
) -> None:
    before = calm.state()
    answer = sign(calm, level, who, **more)
    assert (answer.status_code, [*faults(answer).values()]) == (status, [code])
    assert calm.state() == before


def test_publishing_again_after_a_withdrawal_is_a_new_release(desk: Newsroom) -> None:
    first = filed(desk)
    for level, who in ((1, "one"), (2, "two"), (3, "three")):
        sign(desk, level, who)
    desk.centre.pump()
    told = desk.call("POST", "/stories/1/withdraw", who="three", json={"reason": "有误"})
    assert told.status_code == 200
    desk.centre.pump()
    changed = desk.call("PUT", "/stories/1", json={"story": STORY}, headers={"If-Match": "1"})
    assert (changed.status_code, faults(changed)) == (409, {"story": "withdrawn"})
    assert sign(desk, 1, "one").status_code == 409
    second = filed(desk)
    assert second["story_id"] != first["story_id"]
    copies = desk.call("GET", "/stories/2/copies").json()["copies_sha256"]
    for level, who in ((1, "one"), (2, "two"), (3, "three")):
        body = {"version": 1, "copies_sha256": copies, "level": level}
        assert desk.call("POST", "/stories/2/signatures", who=who, json=body).status_code == 201
    desk.centre.pump()
    rows = desk.call("GET", "/deliveries").json()["deliveries"]
    web = {r["number"]: (r["state"], r["receipt_id"]) for r in rows if r["channel"] == "web"}
    assert web == {
        1: ("recalled", marker(uuid.UUID(first["story_id"]), "web", 1)),
        2: ("live", marker(uuid.UUID(second["story_id"]), "web", 1)),
    }
    assert [v for v, _, _ in desk.centre.outlets["web"].log] == ["create", "recall", "create"]


def test_one_person_signs_one_level(desk: Newsroom) -> None:
    both = Person(id="both", name="编辑", desk="", roles=("reviewer1", "reviewer2"))
    with desk.centre.ledger.transaction() as tx:
        people.put(tx, both, "key-of-both")
    filed(desk)
    assert sign(desk, 1, "both").status_code == 201
    before = desk.state()
    answer = sign(desk, 2, "both")
    assert (answer.status_code, faults(answer)) == (403, {"person": "same_person"})
    assert desk.state() == before
    # another person of the very same name is another person
    assert sign(desk, 2, "two").status_code == 201


def test_a_sign_off_for_an_older_version_is_refused_and_edits_void_the_others(
    desk: Newsroom,
) -> None:
    filed(desk)
    old = desk.call("GET", "/stories/1/copies").json()["copies_sha256"]
    assert sign(desk, 1, "one").status_code == 201
    assert revise(desk, {**STORY, "headline": "改了"}).status_code == 200
    desk.centre.pump()
    answer = sign(desk, 2, "two", version=1, copies_sha256=old)
    assert (answer.status_code, faults(answer)) == (409, {"version": "old_version"})
    answer = sign(desk, 2, "two")
    assert faults(answer) == {"level": "level_order"}
    (signature,) = desk.call("GET", "/stories/1").json()["signatures"]
    assert signature["voided_why"].startswith("稿件已修改")


def test_copies_that_are_not_made_yet_cannot_be_signed(desk: Newsroom) -> None:
    desk.file(STORY)
    answer = sign(desk, 1, "one", copies_sha256="e" * 64)
    assert (answer.status_code, faults(answer)) == (409, {"copies_sha256": "copies_not_ready"})


def test_a_returned_version_is_not_signed_and_an_approved_one_not_returned(desk: Newsroom) -> None:
    filed(desk)
    assert sign(desk, 2, "two", decision="return", note="事实不清").status_code == 201
    assert faults(sign(desk, 1, "one")) == {"version": "returned"}
    revise(desk, {**STORY, "headline": "改了"})
    desk.centre.pump()
    assert sign(desk, 3, "three", urgent=True, note="突发汛情").status_code == 201
    answer = sign(desk, 1, "one", decision="return", note="还是不清")
    assert (answer.status_code, faults(answer)) == (409, {"decision": "approved"})


@pytest.mark.parametrize("reason", ["", " ", "\u3000\n", None, 5, "字" * 601])
def test_a_withdrawal_says_why(calm: Newsroom, reason: Any) -> None:
    before = calm.state()
    answer = calm.call("POST", "/stories/1/withdraw", who="three", json={"reason": reason})
    assert answer.status_code == 422
    assert "reason" in faults(answer)
    assert calm.state() == before


def test_a_withdrawn_story_is_withdrawn_once_and_for_all(desk: Newsroom) -> None:
    filed(desk)
    reason = {"reason": "有误"}
    assert desk.call("POST", "/stories/1/withdraw", who="three", json=reason).status_code == 200
    before = desk.state()
    again = desk.call("POST", "/stories/1/withdraw", who="three", json={"reason": "别的"})
    assert again.json()["withdrawn_reason"] == "有误"
    for answer in (
        revise(desk, STORY),
        sign(desk, 1, "one"),
        desk.call("POST", "/stories/1/hold", who="three", json=reason),
        desk.call("POST", "/stories/1/resume", who="three"),
        desk.call("POST", "/stories/1/waves", who="three", json={**reason, "wave": 2}),
    ):
        assert (answer.status_code, faults(answer)) == (409, {"story": "withdrawn"})
    assert desk.state() == before


@pytest.mark.parametrize("wave", [0, 10, "two", None])
def test_a_wave_is_one_to_nine(calm: Newsroom, wave: Any) -> None:
    answer = calm.call("POST", "/stories/1/waves", who="three", json={"wave": wave, "reason": "急"})
    assert (answer.status_code, [*faults(answer)]) == (422, ["wave"])


# -- looking --------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["2", "0", "nosuch", "9" * 30, "%27%20OR%201=1", "%00"])
def test_an_unknown_story_is_not_found(calm: Newsroom, key: str) -> None:
    for path in (f"/stories/{key}", f"/stories/{key}/copies", f"/deliveries?story={key}"):
        answer = calm.call("GET", path)
        assert (answer.status_code, faults(answer)) == (404, {"story_id": "no_such_story"})


@pytest.mark.parametrize(
    "path",
    [
        "/stories?cursor=" + "9" * 30,
        "/stories?cursor=x",
        "/stories?limit=0",
        "/stories?limit=201",
        "/stories/1/copies?version=0",
        "/stories/1/copies?version=" + "9" * 30,
        "/deliveries?limit=5001",
    ],
)
def test_a_question_out_of_range_is_refused(calm: Newsroom, path: str) -> None:
    answer = calm.call("GET", path)
    assert answer.status_code == 422, answer.text
    assert faults(answer)


def test_lists_go_on_where_they_stopped(desk: Newsroom) -> None:
    for _ in range(5):
        desk.file(STORY)
    seen: list[int] = []
    cursor = ""
    for _ in range(4):
        page = desk.call("GET", f"/stories?limit=2{cursor}").json()
        seen += [story["number"] for story in page["stories"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [5, 4, 3, 2, 1]


def test_whether_the_system_is_quiet(desk: Newsroom) -> None:
    assert desk.call("GET", "/status").json()["quiet"] is True
    desk.file(STORY)
    told = desk.call("GET", "/status").json()
    assert (told["quiet"], told["outbox_rows"]) == (False, 2), "the event, and the rows written"
    desk.centre.pump()
    assert desk.call("GET", "/status").json()["quiet"] is True


def test_times_are_told_with_their_zone(desk: Newsroom) -> None:
    release = desk.centre.now + timedelta(hours=1)
    desk.call(
        "POST", "/stories", json={"story": STORY, "plan": {"release_at": release.isoformat()}}
    )
    shown = desk.call("GET", "/stories/1").json()
    assert shown["created_at"].endswith("+00:00")
    assert json.dumps(shown["plan"]["release_at"]).endswith('Z"')


def test_what_is_no_route_answers_in_the_one_shape(calm: Newsroom) -> None:
    for method, path, status in (("GET", "/nothing", 404), ("PATCH", "/stories", 405)):
        answer = calm.call(method, path)
        assert answer.status_code == status
        assert faults(answer)


def test_the_last_lag_snapshot_is_served_with_its_age(desk: Newsroom) -> None:
    before = desk.call("GET", "/lag").json()
    assert (before["at_ms"], before["stale"], before["status"]) == (None, True, "UNKNOWN")
    groups = tuple(
        GroupLag(name, "Stable", 1, "OK", "", 0, 0.0, 0.0, 0, 0, ()) for name in ("a", "夜班'\"")
    )
    told = replace(NOTHING, at_ms=1, age_s=2.5, stale=False, status="OK", groups=groups)
    desk.app.state.latest_lag = lambda: told
    whole = desk.call("GET", "/lag").json()
    assert [g["group"] for g in whole["groups"]] == ["a", "夜班'\""]
    assert whole["age_s"] == 2.5
    one = desk.call("GET", "/lag", params={"group": "夜班'\""}).json()
    assert [g["group"] for g in one["groups"]] == ["夜班'\""]


def test_a_full_ledger_disk_takes_nothing_says_so_and_goes_on(desk: Newsroom) -> None:
    def small(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA max_page_count=1")  # no page more than there is

    long = {**STORY, "body": [{"kind": "paragraph", "spans": [{"text": "长" * 60_000}]}]}
    engine = desk.centre.ledger.engine
    event.listen(engine, "connect", small)
    desk.centre.ledger.close()
    answer = desk.call("POST", "/stories", json={"story": long})
    assert answer.status_code == 507
    assert faults(answer)
    event.remove(engine, "connect", small)
    desk.centre.ledger.close()
    assert desk.call("GET", "/stories").json()["stories"] == []
    assert desk.call("POST", "/stories", json={"story": long}).status_code == 201
