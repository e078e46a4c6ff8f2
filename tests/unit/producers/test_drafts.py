"""Drafts: saved as one writes, held by one person, checked against every outlet, filed once."""

from typing import Any

import pytest

from tests.unit.producers.newsroom import STORY, Newsroom, faults, filed


def begin(desk: Newsroom, story: str = "", who: str = "reporter") -> Any:
    answer = desk.call("POST", f"/drafts{f'?story={story}' if story else ''}", who=who)
    assert answer.status_code == 201, answer.text
    return answer.json()


def save(desk: Newsroom, draft: Any, content: Any, who: str = "reporter") -> Any:
    headers = {"If-Match": str(draft["version"])}
    return desk.call("PUT", f"/drafts/{draft['id']}", json=content, headers=headers, who=who)


def test_whatever_is_written_is_kept_and_filed_once_it_is_a_story(desk: Newsroom) -> None:
    draft = begin(desk)
    half = {"headline": "", "body": [{"kind": "paragraph", "spans": [{"text": "写到一半"}]}]}
    draft |= save(desk, draft, half).json()
    assert desk.call("GET", f"/drafts/{draft['id']}").json()["content"] == half
    refused = desk.call("POST", f"/drafts/{draft['id']}/file", json={})
    assert (refused.status_code, faults(refused)) == (422, {"story.headline": "string_too_short"})
    save(desk, draft, STORY)
    answer = desk.call("POST", f"/drafts/{draft['id']}/file", json={})
    assert (answer.status_code, answer.json()["number"]) == (201, 1)
    assert desk.call("GET", f"/drafts/{draft['id']}").status_code == 404
    assert desk.call("GET", "/drafts").json() == {"drafts": []}


def test_two_pages_of_one_draft_do_not_overwrite_each_other(desk: Newsroom) -> None:
    draft = begin(desk)
    assert save(desk, draft, STORY).status_code == 200
    answer = save(desk, draft, {**STORY, "headline": "旧页面"})
    assert (answer.status_code, faults(answer)) == (409, {"If-Match": "version_moved"})
    assert desk.call("GET", f"/drafts/{draft['id']}").json()["content"] == STORY


def test_a_story_has_one_draft_and_who_takes_over_is_told(desk: Newsroom) -> None:
    filed(desk)
    draft = begin(desk, "1")
    other = begin(desk, "1", who="one")
    assert (other["id"], other["yours"], other["holder"]) == (draft["id"], False, "reporter")
    assert save(desk, other, STORY, who="one").status_code == 409
    taken = desk.call("POST", f"/drafts/{draft['id']}/hold", who="one").json()
    assert taken["yours"]
    answer = save(desk, draft, STORY)
    assert (answer.status_code, faults(answer)) == (409, {"draft": "taken_over"})
    assert taken["holder_name"] in answer.json()["reason"]
    assert save(desk, taken, {**STORY, "headline": "二"}, who="one").status_code == 200
    answer = desk.call("POST", f"/drafts/{draft['id']}/file", json={}, who="one")
    assert (answer.status_code, answer.json()["version"]) == (200, 2)


def test_a_draft_of_a_story_that_moved_on_is_not_filed_over_it(desk: Newsroom) -> None:
    filed(desk)
    draft = begin(desk, "1")
    headers = {"If-Match": "1"}
    desk.call(
        "PUT", "/stories/1", json={"story": {**STORY, "headline": "别人先改了"}}, headers=headers
    )
    answer = desk.call("POST", f"/drafts/{draft['id']}/file", json={})
    assert (answer.status_code, faults(answer)) == (409, {"If-Match": "version_moved"})
    told = desk.call("GET", f"/drafts/{draft['id']}").json()
    assert (told["base_version"], told["newest_version"]) == (1, 2)


def test_a_check_tells_each_outlet_and_changes_nothing(desk: Newsroom) -> None:
    draft = begin(desk)
    before = desk.state()
    told = desk.call("POST", f"/drafts/{draft['id']}/check", json=STORY).json()
    assert [(o["channel"], o["refused"], o["headline"]) for o in told["outlets"]] == [
        ("web", "", 4), ("tv", "", 4),
    ]  # fmt: skip
    assert told["characters"] == 5
    told = desk.call("POST", f"/drafts/{draft['id']}/check", json={"headline": "x" * 300}).json()
    assert {fault["field"] for fault in told["faults"]} == {"story.headline", "story.body"}
    body = {
        **STORY,
        "body": [{"kind": "image", "media": "p1"}],
        "media": [{"ref": "p1", "file": "a"}],
    }
    told = desk.call("POST", f"/drafts/{draft['id']}/check", json=body).json()
    assert told["faults"][0]["code"] == "file_missing"
    assert desk.state() == before


@pytest.mark.parametrize(
    ("method", "more"), [("GET", ""), ("DELETE", ""), ("POST", "/hold"), ("POST", "/file")]
)
def test_somebody_elses_draft_is_not_there(desk: Newsroom, method: str, more: str) -> None:
    draft = begin(desk)
    assert desk.call(method, f"/drafts/{draft['id']}{more}", who="one").status_code in {403, 404}
    assert desk.call("GET", f"/drafts/{draft['id']}").status_code == 200


def test_a_draft_can_be_thrown_away_and_is_no_place_for_anything(desk: Newsroom) -> None:
    draft = begin(desk)
    assert save(desk, draft, ["no object"]).status_code == 422
    assert save(desk, draft, {"a": "x" * 3_000_000}).status_code == 413
    assert desk.call("DELETE", f"/drafts/{draft['id']}").status_code == 204
    assert desk.call("DELETE", f"/drafts/{draft['id']}").status_code == 404
