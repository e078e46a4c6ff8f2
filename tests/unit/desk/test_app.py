"""The board over HTTP, as a browser meets it."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from desk import live as live_module
from desk.app import install_board
from desk.live import Board
from desk.screen import Screen
from stores.ledger import publications
from stores.ledger.transaction import Ledger
from tests.loopback import served
from tests.unit.desk import newsroom_day as day

NOW = day.NOW_MS
NASTY = "<script>alert(1)</script>“引号”&\"'"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = day.fresh_ledger(tmp_path)
    with made.transaction() as tx:
        story = day.put_story(tx, 1, f"霜降开镰 {NASTY}")
        day.deliver(tx, story, "web", "live")
        day.deliver(tx, story, "tv", "refused", reason=f"画质不达标 {NASTY} / {NASTY}")
    return made


@pytest.fixture
def app(ledger: Ledger) -> FastAPI:
    made = FastAPI()
    install_board(made, ledger, day.SPECS, day.NEWSROOM)
    return made


def caller(address: str, ledger: Ledger) -> httpx.Client:
    """The duty editor's browser."""
    return httpx.Client(base_url=address, timeout=5, verify=False, cookies=day.sign_in(ledger))


@pytest.fixture
def client(app: FastAPI, ledger: Ledger) -> Iterator[httpx.Client]:
    with served(app) as address, caller(address, ledger) as made:
        yield made
        app.state.board.close()


def events(response: httpx.Response) -> Iterator[tuple[str, str, Any]]:
    """(event, id, data) of each frame."""
    event = last = ""
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            event = value
        elif name == "id":
            last = value
        elif name == "data":
            yield event, last, json.loads(value)


def test_the_page_stands_alone_and_runs_nothing_but_its_own(client: httpx.Client) -> None:
    page = client.get("/")
    policy = page.headers["content-security-policy"]

    assert page.status_code == 200
    nonces = set(re.findall(r'<script nonce="([^"]+)"', page.text))
    assert len(nonces) == 1
    assert f"script-src 'nonce-{nonces.pop()}';" in policy
    assert policy != client.get("/").headers["content-security-policy"], "a nonce serves once"
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["cache-control"] == "no-store"
    assert "青禾县融媒体中心" in page.text
    assert "霜降开镰 &lt;script&gt;" in page.text
    assert "<script>alert" not in page.text
    assert not re.search(r"<script(?! nonce=\S+ src=)|\son\w+=|style=", page.text)
    outside = [a for a in re.findall(r'(?:src|href)="([^"#]+)"', page.text) if a[0] != "/"]
    assert outside == ["http://127.0.0.1:9281/web/000001"]
    for address in set(re.findall(r'(?:src|href)="(/board/static/[^"]+)"', page.text)):
        found = client.get(address)
        assert found.status_code == 200
        assert "immutable" in found.headers["cache-control"]
        assert found.headers["x-content-type-options"] == "nosniff"


def test_each_cell_says_its_state_in_words(client: httpx.Client) -> None:
    text = re.sub(r"<[^>]+>", " ", client.get("/").text)

    for words in ("已上线", "被拒", "第一波 首发", "青禾发布公众号", "已发布"):
        assert words in text


def test_one_story_with_its_evidence_by_id_and_by_number(client: httpx.Client) -> None:
    whole = client.get("/board/stories/1")
    part = client.get("/board/stories/1?part")

    assert "<html" in whole.text
    assert "<html" not in part.text
    for page in (whole, part):
        assert "web-000001" in page.text
        assert "终审签字 v1" in page.text
        assert "<script>alert" not in page.text
    assert client.get("/board/stories/77").status_code == 404
    assert client.get("/board/stories/" + "%3Cscript%3E").status_code == 404


def test_only_named_files_are_served(client: httpx.Client) -> None:
    assert client.get("/board/static/..%2Fapp.py").status_code == 404
    assert client.get("/board/static/app.py").status_code == 404


def test_older_stories_are_one_link_further(client: httpx.Client) -> None:
    page = client.get("/", params={"before": "2"})

    assert "霜降开镰" in page.text
    assert 'data-live="no"' in page.text
    assert client.get("/", params={"before": "0"}).status_code == 200
    assert client.get("/", params={"before": "x' OR 1"}).status_code == 200


def test_a_snapshot_first_then_what_changed(client: httpx.Client, ledger: Ledger) -> None:
    with client.stream("GET", "/board/events") as stream:
        assert stream.headers["x-accel-buffering"] == "no"
        assert stream.headers["cache-control"] == "no-store"
        assert stream.headers["content-type"].startswith("text/event-stream")
        frames = events(stream)
        first = next(frames)
        with ledger.transaction() as tx:
            story = day.put_story(tx, 2, "第二条", at=NOW + 5)
            day.deliver(tx, story, "web", "ready", at=NOW + 5)
        began = time.monotonic()
        second = next(frames)
        took = time.monotonic() - began

    assert (first[0], list(first[2]["rows"])) == ("snapshot", ["1"])
    assert (second[0], list(second[2]["rows"])) == ("rows", ["2"])
    assert second[2]["order"] == [2, 1]
    assert took < 2.0


def test_a_reader_that_comes_back_gets_what_it_missed_and_no_more(
    client: httpx.Client, ledger: Ledger
) -> None:
    with client.stream("GET", "/board/events") as stream:
        _, cursor, _ = next(events(stream))
    with ledger.transaction() as tx:
        for number in (2, 3):
            day.put_story(tx, number, f"第{number}条", at=NOW + number)
    with client.stream("GET", "/board/events", headers={"Last-Event-ID": cursor}) as stream:
        missed = next(events(stream))
    with client.stream("GET", "/board/events", params={"after": missed[1]}) as stream:
        nothing = next(events(stream))

    assert (missed[0], sorted(missed[2]["rows"])) == ("rows", ["2", "3"])
    assert nothing[2]["rows"] == {}


@pytest.mark.parametrize("cursor", ["", "00000000-1", "nonsense", "%0d%0a", "9" * 500])
def test_a_cursor_of_another_process_gets_a_snapshot(client: httpx.Client, cursor: str) -> None:
    with client.stream("GET", "/board/events", params={"after": cursor}) as stream:
        event, _, told = next(events(stream))

    assert (event, list(told["rows"])) == ("snapshot", ["1"])


def test_the_page_names_the_cursor_from_which_its_stream_goes_on(client: httpx.Client) -> None:
    page = client.get("/").text
    found = re.search(r'data-cursor="([^"]+)" data-layout="([^"]+)"', page)
    assert found is not None
    with client.stream("GET", "/board/events", params={"after": found[1]}) as stream:
        event, _, told = next(events(stream))

    assert (event, told["rows"], told["layout"]) == ("rows", {}, found[2])


def test_a_slow_reader_skips_to_the_newest_state(ledger: Ledger) -> None:
    """It reads one frame, sleeps through two hundred changes, and gets one frame for them."""
    app = FastAPI()
    install_board(app, ledger, day.SPECS, day.NEWSROOM)
    screen: Screen = app.state.board.screen
    with served(app) as address, caller(address, ledger) as client:
        with client.stream("GET", "/board/events") as stream:
            frames = events(stream)
            next(frames)
            for change in range(200):
                with ledger.transaction() as tx:
                    at = NOW + change
                    publications.change(tx, screen.view.drawn[1].row.id, "web", 1, at=at, tries=1)
                    publications.change(
                        tx, screen.view.drawn[1].row.id, "tv", 1, at=at, reason=f"第{change}次"
                    )
            time.sleep(0.8)
            seen = []
            for _, _, told in frames:
                seen.append(told)
                if "第199次" in told["rows"].get("1", ""):
                    break
        app.state.board.close()

    assert len(seen) < 20


def test_a_quiet_stream_beats(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "HEARTBEAT_S", 0.1)
    monkeypatch.setattr(Board.__init__, "__kwdefaults__", {"poll_s": 0.3, "heartbeat_s": 0.1})
    app = FastAPI()
    install_board(app, ledger, day.SPECS, day.NEWSROOM)
    with served(app) as address, caller(address, ledger) as client:
        with client.stream("GET", "/board/events") as stream:
            lines = stream.iter_lines()
            assert next(line for line in lines if line.startswith(":")) == ": beat"
        app.state.board.close()


def test_close_ends_every_stream_and_takes_no_new_one(app: FastAPI, ledger: Ledger) -> None:
    with served(app) as address, caller(address, ledger) as client:
        with client.stream("GET", "/board/events") as stream:
            frames = events(stream)
            next(frames)
            began = time.monotonic()
            app.state.board.close()
            assert list(frames) == []
            assert time.monotonic() - began < 1.0
        assert client.get("/board/events").status_code == 503
        assert client.get("/").status_code == 200


def test_readers_are_counted_out_and_limited(
    app: FastAPI, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "READERS", 1)
    with client.stream("GET", "/board/events") as stream:
        frames = events(stream)  # kept: a generator that is dropped closes the stream
        next(frames)
        assert client.get("/board/events").status_code == 503
    end = time.monotonic() + 3
    while client.get("/").status_code == 200 and time.monotonic() < end:
        with client.stream("GET", "/board/events") as stream:
            if stream.status_code == 200:
                return
        time.sleep(0.05)
    pytest.fail("the reader that left is still counted")
