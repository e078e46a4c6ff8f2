"""./run settle, resend, dead-letters against a served API: what the duty editor reads and does."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog
from typer.testing import CliRunner, Result

import shoufa
from bus.dead_letters import Origin, bury_alone
from cli.tables import STYLES
from cli.wiring import Centre, ensure_people
from desk.words import STATES
from schemas.channel import Refused
from schemas.events import StoryHeld
from schemas.newsroom import Newsroom as NewsroomFile
from schemas.newsroom import Person
from schemas.settings import Settings
from stores.ledger import outbox, people
from stores.ledger.migrate import migrate
from stores.ledger.transaction import open_ledger
from tests.centre import Outlet
from tests.loopback import served
from tests.unit.producers.newsroom import Newsroom
from tests.unit.producers.test_settle import Blind, lost

Run = Callable[..., Result]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Newsroom]:
    with structlog.testing.capture_logs():
        made = Newsroom(tmp_path, [Blind("web", 1), Outlet("tv", 2)], hosts=("outlet.example",))
        yield made
    made.close()


@pytest.fixture
def run(desk: Newsroom) -> Iterator[Run]:
    with served(desk.app) as address:
        port = urlsplit(address).port

        def call(*words: str, key: str = "key-of-three") -> Result:
            given = [*words, "--key", key, "--port-base", str(port)]
            return CliRunner().invoke(shoufa.app, given)

        yield call


def plain(result: Result) -> str:
    return " ".join(result.output.split())


def test_settle_teaches_what_to_look_at_and_then_records_the_answer(
    desk: Newsroom, run: Run
) -> None:
    lost(desk)
    told = run("settle", "1", "web")
    assert told.exit_code == 0
    for part in (
        "是否已发布",
        "值班编辑",
        "断网那一条",
        "outlet.example",
        "--live",
        "--absent",
        "--give-up",
    ):
        assert part in plain(told), part
    assert "11-24 09:00:00" in plain(told), "when it was sent, by Beijing's clock"
    assert "--still-up" not in plain(told)

    done = run("settle", "1", "web", "--live", "https://outlet.example/1", "--json")
    assert json.loads(done.output)["typed_by"] == "总编"
    again = run("settle", "1", "web", "--absent")
    assert again.exit_code == 1
    assert "moved_on" not in plain(again)
    assert "总编" in plain(again), "who was faster"
    assert "不用登记" in plain(run("settle", "1", "web"))


def test_settle_refuses_what_it_cannot_mean(desk: Newsroom, run: Run) -> None:
    lost(desk)
    assert run("settle", "1", "web", "--absent", "--still-up").exit_code == 1
    assert "radio" in plain(run("settle", "1", "radio"))
    wrong = run("settle", "1", "web", "--live", "https://evil.example/1")
    assert wrong.exit_code == 1
    assert "outlet.example" in plain(wrong), "where it must lie"


def test_resend_shows_the_plan_and_does_it_when_told(desk: Newsroom, run: Run) -> None:
    desk.centre.outlets["web"].answers = [lambda: Refused("IP 不在白名单")]
    story_id = desk.centre.publish()
    plan = run("resend", "1", "--failed")
    assert "--yes" in plain(plan)
    assert "IP 不在白名单" in plain(plan)
    desk.centre.pump()
    assert desk.centre.states(story_id)["web"] == "refused"
    assert "已做 1 项" in plain(run("resend", "1", "--channel", "web", "--yes"))
    desk.centre.pump()
    assert desk.centre.states(story_id)["web"] == "live"
    assert "没有可做的" in plain(run("resend", "1", "--yes"))
    assert run("resend", "1", "--failed", "--channel", "web").exit_code == 1


def letter(desk: Newsroom, offset: int) -> None:
    story_id = desk.centre.file()
    with desk.centre.ledger.transaction() as tx:
        made = outbox.append(tx, StoryHeld(story_id=story_id, by="three", reason="核实"), at=1)
        rows = outbox.unsent(tx, 100)
        (row,) = (r for r in rows if dict(r.headers)["ce_id"] == made.encode())
    origin = Origin("story-events", 1, offset, "conductor")
    key, value, headers = row.key.encode(), row.value, row.headers
    bury_alone(desk.centre.ledger, origin, key, value, "坏了", headers=headers)


def test_dead_letters_are_listed_shown_replayed_and_discarded(desk: Newsroom, run: Run) -> None:
    for offset in (1, 2):
        letter(desk, offset)
    rows = json.loads(run("dead-letters", "list", "--json").output)["letters"]
    assert {row["offset"] for row in rows} == {1, 2}
    table = plain(run("dead-letters", "list"))
    assert "story-events/1/1" in table
    assert "坏了" in table
    one, other = rows[0]["id"][:8], rows[1]["id"][:8]
    assert "核实" in run("dead-letters", "show", one).output

    assert run("dead-letters", "replay").exit_code == 1, "which ones?"
    assert "--yes" in plain(run("dead-letters", "replay", one))
    assert "已做 1 项" in plain(run("dead-letters", "replay", one, "--yes"))
    assert "--yes" in plain(run("dead-letters", "discard", other, "--reason", "误发"))
    assert "已做 1 项" in plain(run("dead-letters", "discard", other, "--reason", "误发", "--yes"))
    assert "没有可做的" in plain(run("dead-letters", "replay", "--all", "--yes"))
    closed = json.loads(run("dead-letters", "list", "--closed", "--json").output)["letters"]
    assert {row["closed_how"] for row in closed} == {"replayed", "discarded"}
    assert run("dead-letters", "list", key="key-of-reporter").exit_code == 1


def test_every_state_has_the_boards_word_and_a_style() -> None:
    assert {word.tone for word in STATES.values()} <= set(STYLES)


def test_who_left_the_newsroom_file_opens_nothing_any_more(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    migrate(ledger, tmp_path / "backups")
    first, second = (Person(id=i, name=i, roles=("editor",)) for i in ("first", "second"))

    def start(*staff: Person) -> None:
        newsroom = NewsroomFile(county="青禾县", centre="青禾", people=staff)
        ensure_people(Centre(settings, newsroom, {}, {}), ledger)

    def knows(person: str) -> Any:
        key = (settings.secrets_dir / "keys" / f"{person}.key").read_text().strip()
        with ledger.snapshot() as view:
            return people.by_key(view, key)

    start(first, second)
    assert knows("second")
    start(first)
    assert knows("first")
    assert knows("second") is None
    start(first, second)
    assert knows("second"), "who comes back has the same key"
    ledger.close()
