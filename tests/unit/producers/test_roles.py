"""Role × route × own or another desk, over the whole OpenAPI: whoever may not gets 403 and nothing
changes; and the desk's cookie opens the API to the page's own scripts alone."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog.testing

from schemas.newsroom import Person
from schemas.rights import ROLES, Act, desks_for, may, may_with
from stores.ledger import accounts, people, sessions
from stores.ledger.people import caller_of_file
from tests.unit.producers.newsroom import STORY, Newsroom, faults, filed
from tests.unit.producers.test_api import ROUTES

WHY = {"reason": "有误"}
SIGNS = {"version": 1, "level": 1, "copies_sha256": "0" * 64}
SETTLES = {"answer": "give_up", "note": "x", "as_of": "2026-11-24T08:00:00+08:00"}
# (method, path) → (act, is it about one story, a body that would do, one that changes nothing)
WANTS: dict[tuple[str, str], tuple[Act, bool, Any, Any]] = {
    ("POST", "/stories"): ("story.file", False, {"story": STORY}, {"story": {}}),
    ("PUT", "/stories/1"): ("story.revise", True, {"story": STORY}, {"story": {}}),
    ("POST", "/imports"): ("story.file", False, None, None),
    ("POST", "/assets"): ("story.file", False, None, None),
    ("POST", "/drafts"): ("story.file", False, None, None),
    ("GET", "/drafts"): ("story.file", False, None, None),
    ("GET", "/drafts/1"): ("story.file", False, None, None),
    ("PUT", "/drafts/1"): ("story.file", False, {}, {}),
    ("DELETE", "/drafts/1"): ("story.file", False, None, None),
    ("POST", "/drafts/1/hold"): ("story.file", False, None, None),
    ("POST", "/drafts/1/check"): ("story.file", False, {}, {}),
    ("POST", "/drafts/1/file"): ("story.file", False, {}, {}),
    ("POST", "/uploads"): ("story.file", False, None, None),
    ("GET", "/uploads"): ("story.file", False, None, None),
    ("GET", "/uploads/1"): ("story.file", False, None, None),
    ("HEAD", "/uploads/1"): ("story.file", False, None, None),
    ("PATCH", "/uploads/1"): ("story.file", False, None, None),
    ("DELETE", "/uploads/1"): ("story.file", False, None, None),
    ("POST", "/stories/1/signatures"): ("story.sign.1", False, SIGNS, SIGNS),
    ("POST", "/stories/1/withdraw"): ("story.withdraw", True, WHY, {}),
    ("POST", "/stories/1/hold"): ("story.hold", True, WHY, {}),
    ("POST", "/stories/1/resume"): ("story.resume", True, None, None),
    ("POST", "/stories/1/waves"): ("wave.open", True, {**WHY, "wave": 2}, {}),
    ("POST", "/stories/1/resend"): ("delivery.resend", True, {}, {}),
    # a hand-off is an editor's too; this one is none
    ("POST", "/deliveries/1/web/1/settle"): ("delivery.settle", True, SETTLES, SETTLES),
    ("POST", "/dead-letters/replay"): ("letters.act", False, {}, {}),
    ("POST", "/dead-letters/discard"): ("letters.act", False, {**WHY, "letters": ["a"]}, {}),
    ("GET", "/dead-letters"): ("letters.look", False, None, None),
    ("GET", "/dead-letters/0a1b2c3d"): ("letters.look", False, None, None),
    ("GET", "/stories"): ("story.look", False, None, None),
    ("GET", "/stories/1"): ("story.look", True, None, None),
    ("GET", "/stories/1/explain"): ("story.look", True, None, None),
    ("GET", "/stories/1/trace"): ("story.look", True, None, None),
    ("GET", "/stories/1/copies"): ("story.look", True, None, None),
    ("GET", "/deliveries"): ("story.look", False, None, None),
    ("GET", "/status"): ("house.look", False, None, None),
    ("GET", "/lag"): ("house.look", False, None, None),
}


def test_every_route_is_in_the_table() -> None:
    assert set(WANTS) == set(ROUTES)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    """Story 1 is of 采访部; for each role somebody there, and somebody of 县水利局."""
    made = Newsroom(tmp_path_factory.mktemp("house"))
    with structlog.testing.capture_logs():
        filed(made)
        with made.centre.ledger.transaction() as tx:
            for role in ROLES:
                for where, desk in (("own", "采访部"), ("other", "县水利局")):
                    people.put(tx, _person(role, where, desk), f"key-of-{role}-{where}")
        yield made
    made.close()


def _person(role: str, where: str, desk: str) -> Person:
    named = f"{role}-{where}".lower()
    return Person.model_validate({"id": named, "name": named, "desk": desk, "roles": [role]})


@pytest.mark.parametrize("role", ROLES)
def test_who_may_not_is_refused_and_nothing_changes(house: Newsroom, role: str) -> None:
    before, refused = house.state(), 0
    for where, desk in (("own", "采访部"), ("other", "县水利局")):
        who = caller_of_file(_person(role, where, desk))
        for (method, path), (act, of_story, does, does_not) in WANTS.items():
            allowed = may(who, act)
            if of_story:
                allowed = may_with(who, act, desk="采访部", by="reporter")
            answer = house.call(
                method,
                path,
                who=f"{role}-{where}",
                headers={"If-Match": "1"},
                json=does_not if allowed else does,
            )
            told = f"{role} {where} {method} {path}: {answer.text}"
            assert (answer.status_code == 403) is not allowed, told
            assert answer.status_code != 401, told
            if not allowed:
                refused += 1
                if method != "HEAD":
                    assert set(faults(answer).values()) <= {"role_missing", "other_desk"}, told
    after = house.state()
    after["outbox"] = before["outbox"]  # a resume by who may
    after["audit"] = before["audit"]
    after["drafts"] = before["drafts"]  # an empty one by who may
    assert after == before
    assert refused > 5


def test_lists_hold_what_somebody_may_look_at(house: Newsroom) -> None:
    for role in ROLES:
        for where, desk in (("own", "采访部"), ("other", "县水利局")):
            who = caller_of_file(_person(role, where, desk))
            if not may(who, "story.look"):
                continue
            desks = desks_for(who, "story.look")
            seen = desks is None or "采访部" in desks
            stories = house.call("GET", "/stories", who=f"{role}-{where}").json()["stories"]
            sent = house.call("GET", "/deliveries", who=f"{role}-{where}").json()["deliveries"]
            assert (bool(stories), bool(sent)) == (seen, seen), (role, where)


def test_a_reviewer_bound_to_a_desk_signs_no_other_desks_story(tmp_path: Any) -> None:
    desk = Newsroom(tmp_path)
    with structlog.testing.capture_logs():
        filed(desk)
        copies = desk.call("GET", "/stories/1/copies", who="one").json()["copies_sha256"]
        signs = {**SIGNS, "copies_sha256": copies}
        for bound, status in ((["县水利局"], 403), (["采访部"], 201)):
            person = Person.model_validate(
                {"id": "b", "name": "b", "roles": ["reviewer1"], "bound": {"reviewer1": bound}}
                | {"id": "bound"}
            )
            with desk.centre.ledger.transaction() as tx:
                people.put(tx, person, "key-of-bound")
            answer = desk.call("POST", "/stories/1/signatures", who="bound", json=signs)
            assert answer.status_code == status, answer.text
    desk.close()


def test_forged_roles_and_flags_in_a_request_are_refused(house: Newsroom) -> None:
    before = house.state()
    for body in (
        {"story": STORY, "roles": ["reviewer3"]},
        {"story": STORY, "status": "approved"},
        {"story": {**STORY, "by": "duty", "desk": "总编室"}},
        {"story": {**STORY, "state": "approved"}},
    ):
        answer = house.call("POST", "/stories", who="reporter-own", json=body)
        assert answer.status_code == 422, answer.text
    assert house.state() == before


# -- the desk's cookie -----------------------------------------------------------------------------


@pytest.fixture
def cookie(house: Newsroom) -> str:
    ledger = house.centre.ledger
    with ledger.transaction() as tx:
        return sessions.begin(
            tx, "duty-own", at=ledger.now_ms(), longest_s=3600, address="127.0.0.1"
        )


def by_cookie(house: Newsroom, method: str, path: str, token: str, **more: str) -> httpx.Response:
    headers = {"Cookie": f"{sessions.COOKIE}={token}", **more}
    return house.call(method, path, who=None, headers=headers)


def test_a_page_signed_in_may_look_and_act_with_its_token(house: Newsroom, cookie: str) -> None:
    ledger = house.centre.ledger
    with ledger.snapshot() as view:
        session = sessions.find(view, cookie, at=ledger.now_ms(), idle_s=3600)
    assert session is not None
    assert by_cookie(house, "GET", "/status", cookie).status_code == 200
    act = "/stories/1/resume"
    assert by_cookie(house, "POST", act, cookie).status_code == 403
    assert by_cookie(house, "POST", act, cookie, **{"X-CSRF-Token": "guess"}).status_code == 403
    good = {"X-CSRF-Token": session.csrf}
    assert by_cookie(house, "POST", act, cookie, **good).status_code == 200
    assert by_cookie(house, "POST", act, cookie, Authorization="Bearer x").status_code == 401


def test_a_cookie_of_nobody_or_of_who_must_change_the_password_opens_nothing(
    house: Newsroom, cookie: str
) -> None:
    assert by_cookie(house, "GET", "/status", "nonsense").status_code == 401
    ledger = house.centre.ledger
    with ledger.transaction() as tx:
        accounts.set_password(tx, "duty-own", "x", must_change=True, at=1)
        token = sessions.begin(
            tx, "duty-own", at=ledger.now_ms(), longest_s=60, address="127.0.0.1"
        )
    assert by_cookie(house, "GET", "/status", cookie).status_code == 401
    assert by_cookie(house, "GET", "/status", token).status_code == 401


def test_the_table_is_in_the_manual() -> None:
    from schemas.settings import REPOSITORY

    page = (REPOSITORY / "docs" / "desk.md").read_text(encoding="utf-8")
    for role in ROLES:
        assert re.search(rf"\| `{role}` \|", page), role
