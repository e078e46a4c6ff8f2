"""Who comes by the door of the desk, and who does not."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from desk.app import install_board
from schemas.newsroom import Person, SignInRules
from stores.ledger import accounts, audit_view, passwords, people, sessions
from stores.ledger.transaction import Ledger
from tests.loopback import served
from tests.unit.desk import newsroom_day as day

PASSWORD = "correct horse battery"
WORKERS = {
    "chief": ("administrator",),
    "duty": ("duty",),
    "ops": ("operator",),
    "pen": ("contributor",),
}


class Clock:
    """The ledger's, moved by hand."""

    def __init__(self, ledger: Ledger) -> None:
        real = ledger.now
        self.ahead_s = 0.0
        ledger.now = lambda: real() + __import__("datetime").timedelta(seconds=self.ahead_s)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = day.fresh_ledger(tmp_path)
    hashed = passwords.hashed(PASSWORD)
    with made.transaction() as tx:
        day.put_story(tx, 1, "别的部门的稿件")
        for name, roles in WORKERS.items():
            person = Person(id=name, name=f"某{name}", desk="县水利局", roles=roles)
            people.put(tx, person, None, source="desk")
            accounts.set_password(tx, name, hashed, must_change=False, at=made.now_ms())
    return made


@pytest.fixture
def address(ledger: Ledger) -> Iterator[str]:
    app = FastAPI()
    newsroom = day.NEWSROOM.model_copy(update={"sign_in": SignInRules(tries=3, wait_s=60)})
    install_board(app, ledger, day.SPECS, newsroom)
    with served(app) as where:
        yield where
        app.state.board.close()


@pytest.fixture
def browser(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=address, timeout=5, headers={"Sec-Fetch-Site": "same-origin"}
    ) as one:
        yield one


def sign_in(client: httpx.Client, who: str, word: str = PASSWORD, **more: str) -> httpx.Response:
    return client.post("/sign-in", data={"account": who, "password": word, "to": "/", **more})


def token(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" (?:content|value)="([^"]+)"', page.text)
    assert found is not None, page.text[:400]
    return found[1]


def done(ledger: Ledger) -> list[tuple[str, str]]:
    with ledger.snapshot() as tx:
        return [(row.person_id, row.act) for row in reversed(audit_view.search(tx))]


def test_no_page_is_open_but_the_sign_in(browser: httpx.Client, address: str) -> None:
    app_paths = ["/", "/mine", "/lag", "/board/letters", "/board/stories/1", "/people", "/audit",
                 "/password"]  # fmt: skip
    for path in app_paths:
        answer = browser.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/sign-in?to=")
    for path in ("/board/events", "/here", "/lag?part", "/board/stories/1?part"):
        assert browser.get(path).status_code == 401, path
    page = browser.get("/sign-in")
    assert page.status_code == 200
    assert "青禾县融媒体中心" in page.text
    assert "霜降" not in page.text


def test_every_route_of_the_desk_stands_behind_the_door(ledger: Ledger) -> None:
    """Also one that a later hand adds past ``Door.add``."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    install_board(app, ledger, day.SPECS, day.NEWSROOM)
    open_ones = {"/sign-in", "/enter/{token}", "/board/static/{name}"}
    with served(app) as where, httpx.Client(base_url=where) as client:
        for route in app.routes:
            path, methods = route.path, route.methods  # type: ignore[attr-defined]
            if path in open_ones:
                continue
            for method in methods - {"HEAD"}:
                made = client.request(method, re.sub(r"\{\w+\}", "x", path), data={"a": "b"})
                assert made.status_code in {303, 401}, (method, path)
        app.state.board.close()


def test_in_and_out(browser: httpx.Client, ledger: Ledger) -> None:
    answer = sign_in(browser, " Duty ", to="/lag")
    assert (answer.status_code, answer.headers["location"]) == (303, "/lag")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie, "plain HTTP on loopback"
    board = browser.get("/")
    assert "某duty" in board.text
    kept = {"Cookie": f"{sessions.COOKIE}={browser.cookies[sessions.COOKIE]}"}
    out = browser.post("/sign-out", data={"csrf": token(board)})
    assert out.status_code == 303
    assert browser.get("/", headers=kept).status_code == 303, "the old cookie opens nothing"
    assert done(ledger) == [("duty", "desk.signed_in"), ("duty", "desk.signed_out")]


def test_behind_a_proxy_with_tls_the_cookie_is_for_tls_alone(browser: httpx.Client) -> None:
    answer = browser.post(
        "/sign-in",
        data={"account": "duty", "password": PASSWORD},
        headers={"X-Forwarded-Proto": "https"},
    )
    assert "Secure" in answer.headers["set-cookie"]


def test_a_sign_in_never_goes_on_with_the_cookie_that_came(browser: httpx.Client) -> None:
    browser.cookies.set(sessions.COOKIE, "chosen-by-somebody-else")
    answer = sign_in(browser, "duty")
    given = answer.headers["set-cookie"]
    assert "chosen-by-somebody-else" not in given
    first = answer.cookies[sessions.COOKIE]
    again = sign_in(browser, "duty")
    assert again.cookies[sessions.COOKIE] != first
    assert httpx.get(f"{browser.base_url}/", cookies={sessions.COOKIE: first}).status_code == 303


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/a\nb"]
)
def test_after_the_sign_in_nobody_is_led_away(browser: httpx.Client, to: str) -> None:
    assert sign_in(browser, "duty", to=to).headers["location"] == "/"


def test_wrong_passwords_wait_and_say_for_how_long(browser: httpx.Client, ledger: Ledger) -> None:
    clock = Clock(ledger)
    for _ in range(3):
        answer = sign_in(browser, "duty", "wrong")
        assert answer.status_code == 401
        assert "账号或密码不对" in answer.text
        assert "wrong" not in answer.text.replace("wrong account", "")
    locked = sign_in(browser, "duty")
    assert locked.status_code == 429, "the right one has to wait as well"
    assert "请过 60 秒 再试" in locked.text
    assert sign_in(browser, "ops").status_code == 303, "another account does not"
    clock.ahead_s = 61
    assert sign_in(browser, "duty", "wrong").status_code == 401
    assert "请过 2 分钟 再试" in sign_in(browser, "duty").text
    clock.ahead_s = 61 + 121
    assert sign_in(browser, "duty").status_code == 303
    assert ("duty", "desk.wrong_password") in done(ledger)


def test_an_address_that_tries_many_accounts_waits_too(browser: httpx.Client) -> None:
    for number in range(12):
        assert sign_in(browser, f"nobody{number}").status_code == 401
    assert sign_in(browser, "duty").status_code == 429


def test_what_is_typed_as_an_account_is_not_written_down(
    browser: httpx.Client, ledger: Ledger
) -> None:
    sign_in(browser, "my-secret-password", "x")
    assert done(ledger) == [("", "desk.wrong_password")]


def test_a_session_ends_idle_and_in_any_case(browser: httpx.Client, ledger: Ledger) -> None:
    clock = Clock(ledger)
    sign_in(browser, "duty")
    for hours in (3, 6, 9):
        clock.ahead_s = hours * 3600
        assert browser.get("/lag").status_code == 200
    clock.ahead_s = 12 * 3600 + 5
    assert browser.get("/lag").status_code == 303, "twelve hours are over"
    clock.ahead_s = 0
    browser.cookies.clear()
    sign_in(browser, "duty")
    clock.ahead_s = 2 * 3600
    assert browser.get("/lag?part").status_code == 200
    clock.ahead_s = 4 * 3600 + 5
    assert browser.get("/lag").status_code == 303, "a page that draws itself keeps nobody in"


def test_a_form_without_its_token_or_from_elsewhere_changes_nothing(
    browser: httpx.Client, ledger: Ledger
) -> None:
    sign_in(browser, "chief")
    page = browser.get("/people")
    before = done(ledger)
    good = {"csrf": token(page)}
    for data, headers in (
        ({"x": "y"}, {}),
        ({"csrf": "guess"}, {}),
        (good, {"Sec-Fetch-Site": "cross-site"}),
        (good, {"Origin": "http://evil.example"}),
        (good, {"Origin": "null"}),
    ):
        answer = browser.post("/people/duty/bar", data=data, headers=headers)
        assert answer.status_code == 403, (data, headers)
    assert done(ledger) == before
    assert browser.post("/people/duty/bar", data=good).status_code == 200


def test_what_was_typed_when_the_session_ran_out_is_kept(
    browser: httpx.Client, ledger: Ledger
) -> None:
    sign_in(browser, "chief")
    csrf = token(browser.get("/people"))
    browser.cookies.clear()
    form = {"csrf": csrf, "id": "new-one", "name": "新人<b>", "role.reporter": "1"}
    ended = browser.post("/people", data=form)
    assert ended.status_code == 401
    assert "您填的内容还在" in ended.text
    kept = dict(re.findall(r'name="(kept\.[^"]+)" value="([^"]*)"', ended.text))
    assert kept == {"kept.id": "new-one", "kept.name": "新人&lt;b&gt;", "kept.role.reporter": "1"}
    again = sign_in(browser, "chief", to="/people", **{**kept, "kept.name": "新人<b>"})
    assert again.status_code == 200
    assert 'action="/people"' in again.text
    assert "新人&lt;b&gt;" in again.text
    form["csrf"] = token(again)
    assert browser.post("/people", data=form).status_code == 200
    with ledger.snapshot() as tx:
        assert people.by_id(tx, "new-one") is not None


def test_a_link_signs_in_once_and_only_when_pressed(browser: httpx.Client, ledger: Ledger) -> None:
    with ledger.transaction() as tx:
        made = accounts.ticket(tx, "duty", at=ledger.now_ms(), lasts_s=60)
    for _ in range(2):
        assert "某duty" in browser.get(f"/enter/{made}").text
    assert browser.post(f"/enter/{made}").status_code == 303
    assert browser.get("/lag").status_code == 200
    assert browser.post(f"/enter/{made}").status_code == 410
    assert browser.get("/enter/nonsense").status_code == 410


def test_roles_open_their_own_pages_alone(address: str) -> None:
    pages = {"/lag", "/board/letters", "/people", "/audit", "/mine", "/board/stories/1"}
    may: dict[str, set[str]] = {
        "chief": {"/people", "/audit"},
        "duty": {"/lag", "/board/letters", "/audit", "/mine", "/board/stories/1"},
        "ops": {"/lag", "/board/letters", "/people", "/audit", "/mine", "/board/stories/1"},
        "pen": {"/mine"},
    }
    for who, own in may.items():
        with httpx.Client(base_url=address) as client:
            sign_in(client, who)
            got = {path for path in pages if client.get(path).status_code == 200}
            assert got == own, who
            front = client.get("/")
            led = front.headers.get("location", "/")
            assert led == {"chief": "/people", "pen": "/mine"}.get(who, "/")
            links = set(re.findall(r'<nav class="rooms".*?</nav>', client.get(led).text, re.DOTALL))
            shown = set(re.findall(r'href="(/[\w/]*)"', "".join(links)))
            for path in shown - {"/", "/compose", "/upload"}:  # those are installed by the wiring
                assert client.get(path).status_code == 200, f"{who} is led to {path}"


def test_the_board_stream_ends_with_its_session(
    browser: httpx.Client, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.app.STILL_S", 0.0)
    sign_in(browser, "duty")
    with browser.stream("GET", "/board/events") as stream:
        lines = stream.iter_lines()
        next(lines)
        with ledger.transaction() as tx:
            accounts.bar(tx, "duty", at=1)
            day.put_story(tx, 2, "停用以后的稿件", at=day.NOW_MS + 5)
        assert not any("停用以后" in line for line in lines)


# -- people ----------------------------------------------------------------------------------------


def shown_password(page: httpx.Response) -> str:
    found = re.search(r'class="code">([a-z0-9]{4}(?:-[a-z0-9]{4}){3})<', page.text)
    assert found is not None
    return found[1]


def test_the_administrator_adds_somebody_who_must_choose_a_password(
    browser: httpx.Client, address: str, ledger: Ledger
) -> None:
    sign_in(browser, "chief")
    csrf = token(browser.get("/people"))
    form: dict[str, Any] = {
        "csrf": csrf, "id": "wang", "name": "新人王", "desk": "采访部", "role.reporter": "1",
        "role.reviewer1": "1", "bound.reviewer1": "县水利局、 采访部",
    }  # fmt: skip
    page = browser.post("/people", data=form)
    assert page.status_code == 200
    first = shown_password(page)
    assert first not in browser.get("/people").text, "shown once"
    again = browser.post("/people", data=form)
    assert (again.status_code, "已经有账号" in again.text) == (409, True)
    with httpx.Client(base_url=address) as other:
        sign_in(other, "wang", first)
        assert other.get("/lag").headers["location"] == "/password"
        page = other.get("/password")
        for wrong in ("short", "wang-is-my-name", "aaaaaaaaaaaa"):
            data = {"csrf": token(page), "old": first, "new": wrong, "again": wrong}
            assert other.post("/password", data=data).status_code == 422
        data = {"csrf": token(page), "old": first, "new": "long enough 1", "again": "long enough 1"}
        assert other.post("/password", data=data).status_code == 303
        assert other.get("/lag").status_code == 200
        assert sign_in(other, "wang", first).status_code == 401
    with ledger.snapshot() as tx:
        who = people.by_id(tx, "wang")
    assert who is not None
    assert dict(who.bound) == {"reviewer1": ("县水利局", "采访部")}
    assert ("chief", "people.added") in done(ledger)


def test_a_reset_or_shut_out_person_is_out_at_once(
    browser: httpx.Client, address: str, ledger: Ledger
) -> None:
    sign_in(browser, "chief")
    csrf = token(browser.get("/people"))
    with httpx.Client(base_url=address) as other:
        sign_in(other, "duty")
        reset = browser.post("/people/duty/password", data={"csrf": csrf})
        assert other.get("/lag").status_code == 303
        assert sign_in(other, "duty").status_code == 401
        assert sign_in(other, "duty", shown_password(reset)).status_code == 303
        assert browser.post("/people/duty/bar", data={"csrf": csrf}).status_code == 200
        assert other.get("/password").status_code == 303
        assert sign_in(other, "duty", shown_password(reset)).status_code == 401
        browser.post("/people/duty/admit", data={"csrf": csrf})
        assert sign_in(other, "duty", shown_password(reset)).status_code == 303


def test_the_last_administrator_stays_and_nobody_shuts_out_oneself(browser: httpx.Client) -> None:
    sign_in(browser, "chief")
    csrf = token(browser.get("/people"))
    assert browser.post("/people/chief/bar", data={"csrf": csrf}).status_code == 403
    form = {"csrf": csrf, "name": "某chief", "role.reporter": "1"}
    assert browser.post("/people/chief", data=form).status_code == 409
    assert browser.get("/people").status_code == 200


def test_only_the_administrator_changes_people(address: str) -> None:
    for who in ("duty", "ops", "pen"):
        with httpx.Client(base_url=address) as client:
            sign_in(client, who)
            csrf = token(client.get("/password"))
            form = {"csrf": csrf, "id": "evil", "name": "x", "role.administrator": "1"}
            for path in ("/people", "/people/duty", "/people/duty/bar", "/people/duty/password"):
                assert client.post(path, data=form).status_code == 403, (who, path)
