"""What the desk shows of a delivery that waits for a person, and where its acts go."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from desk.app import install_board
from stores.ledger.transaction import Ledger
from tests.loopback import served
from tests.unit.desk import newsroom_day as day

NASTY = '"><script>alert(1)</script>'


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = day.fresh_ledger(tmp_path)
    with made.transaction() as tx:
        story = day.put_story(tx, 1, f"断网那一条 {NASTY}")
        day.deliver(tx, story, "wechat", "needs_person", reason="答复丢失")
        day.deliver(tx, story, "web", "live")
        day.put_story(tx, 2, "好的那一条")
    return made


@pytest.fixture
def client(ledger: Ledger) -> Iterator[httpx.Client]:
    app = FastAPI()
    install_board(app, ledger, day.SPECS, day.NEWSROOM)
    with (
        served(app) as address,
        httpx.Client(base_url=address, timeout=5, cookies=day.sign_in(ledger)) as made,
    ):
        yield made
        app.state.board.close()


def forms(page: str) -> dict[str, tuple[str, str]]:
    """Answer → (where it goes, as of when)."""
    found = re.findall(
        r'<form class="act" data-act="([^"]+)" data-answer="(\w+)" data-as-of="([^"]+)"', page
    )
    return {answer: (unescape(act), as_of) for act, answer, as_of in found}


def test_a_row_that_needs_a_person_leads_to_its_answers(client: httpx.Client) -> None:
    board = client.get("/").text
    assert board.count('class="out settle"') == 1, "the live one asks nothing"
    story = re.search(r'class="out settle" href="/board/stories/([0-9a-f-]{36})"', board)
    assert story is not None
    page = client.get(f"/board/stories/{story[1]}").text

    asked = forms(page)
    assert set(asked) == {"live", "absent", "give_up"}
    assert {act for act, _ in asked.values()} == {f"/v1/deliveries/{story[1]}/wechat/1/settle"}
    assert all(as_of.endswith("+00:00") for _, as_of in asked.values())
    assert re.search(r'class="code">sf[0-9a-f]{16}<', page), "the marker"
    assert "值班编辑" in page
    assert "青禾发布公众号" in page
    assert f'data-act="/v1/stories/{story[1]}/resend"' in page
    assert "<script>alert" not in page


def test_a_story_where_nothing_failed_asks_nothing(client: httpx.Client) -> None:
    page = client.get("/board/stories/2").text
    assert forms(page) == {}
    assert "/resend" not in page


def test_the_page_of_dead_letters_holds_none_of_them(client: httpx.Client) -> None:
    """Not everybody may read them: the page asks the API with the person's key."""
    page = client.get("/board/letters")
    assert page.status_code == 200
    assert 'href="/board/letters"' in client.get("/").text
    scripts = re.findall(r'<script nonce="[^"]+" src="([^"]+)"', page.text)
    assert [name.partition("?")[0] for name in scripts] == [
        "/board/static/keys.js",
        "/board/static/hands.js",
        "/board/static/letters.js",
    ]
    for name in scripts:
        assert client.get(name).status_code == 200


def test_the_pages_themselves_take_nothing(client: httpx.Client) -> None:
    for path in ("/", "/board/letters", "/board/stories/1"):
        assert client.post(path, json={}).status_code == 405
