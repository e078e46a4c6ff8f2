"""The API and the desk over a newsroom in memory, served on loopback, with people who can sign in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from cli.desk_acts import acts_of
from desk.app import install_board
from schemas.checks import CheckRules, WatchedWord
from schemas.newsroom import Person
from stores.ledger import accounts, passwords, people, sessions
from tests.centre import Outlet
from tests.loopback import served
from tests.unit.producers.newsroom import STORY, Newsroom

PASSWORD = "a long pass phrase"
WORKERS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "pen": ("通讯员乙", "县水利局", ("contributor",)),
    "reporter": ("记者甲", "采访部", ("reporter",)),
    "first": ("责任编辑丙", "编辑部", ("editor", "reviewer1")),
    "second": ("部门主任丁", "编辑部", ("reviewer2",)),
    "third": ("值班总编戊", "总编室", ("reviewer3",)),
    "watch": ("值班编辑己", "指挥调度", ("duty",)),
    "ops": ("运维庚", "技术部", ("operator",)),
    "chief": ("管理员", "", ("administrator",)),
}
RULES = CheckRules(
    banned_hosts=("bad.example",),
    words=(WatchedWord(word="最佳", weight="warn", why="广告法第九条", instead="优秀"),
           WatchedWord(word="绝密", weight="block", why="保密规定")),
)  # fmt: skip
SCRIPT = "<script>window.struck=1</script><img src=x onerror=window.struck=1>"


@cache
def _hashed() -> str:
    return passwords.hashed(PASSWORD)


class House:
    """``address`` of the desk; ``newsroom`` moves on by itself in the background."""

    def __init__(self, folder: Path) -> None:
        self.newsroom = Newsroom(folder, [Outlet("web", 1), Outlet("tv", 2), Outlet("paper", 3)])
        self.address = ""
        centre = self.newsroom.centre
        centre.newsroom = centre.newsroom.model_copy(update={"checks": RULES})
        centre.desk = replace(centre.desk, newsroom=centre.newsroom)
        self.newsroom.remake()
        hashed = _hashed()
        with centre.ledger.transaction() as tx:
            for who, (name, desk, roles) in WORKERS.items():
                person = Person.model_validate(
                    {"id": who, "name": name, "desk": desk, "roles": roles}
                )
                people.put(tx, person, f"key-of-{who}", source="desk")
                accounts.set_password(tx, who, hashed, must_change=False, at=1)
        specs = list(centre.specs.values())
        install_board(
            self.newsroom.app, centre.ledger, specs, centre.newsroom, acts=acts_of(centre.desk)
        )

    def session(self, who: str) -> str:
        """The cookie's value of somebody who has just signed in."""
        ledger = self.newsroom.centre.ledger
        with ledger.transaction() as tx:
            return sessions.begin(tx, who, at=ledger.now_ms(), longest_s=3600, address="127.0.0.1")

    def call(self, method: str, path: str, *, who: str = "reporter", **more: Any) -> httpx.Response:
        """The API, over the wire: a browser's test holds this thread's event loop."""
        headers = {"Authorization": f"Bearer key-of-{who}", **more.pop("headers", {})}
        address = f"{self.address}/v1{path}"
        return httpx.request(method, address, headers=headers, timeout=20, **more)

    def file(self, headline: str = "梯田开镰", who: str = "reporter", **fields: Any) -> int:
        """Its number."""
        story = {**STORY, "headline": headline, **fields}
        answer = self.call("POST", "/stories", who=who, json={"story": story})
        assert answer.status_code == 201, answer.text
        self.move_on()
        return int(answer.json()["number"])

    def revise(self, number: int, headline: str, *paragraphs: str) -> None:
        """The reporter's second version."""
        body = [{"kind": "paragraph", "spans": [{"text": text}]} for text in paragraphs]
        story = {"headline": headline, "body": body}
        answer = self.call(
            "PUT", f"/stories/{number}", json={"story": story}, headers={"If-Match": "1"}
        )
        assert answer.status_code == 200, answer.text
        self.move_on()

    def move_on(self) -> None:
        """Until nothing moves; a second passes, or the board would see no change in the times."""
        self.newsroom.centre.pump()
        self.newsroom.centre.pass_time(1)

    def signatures(self, number: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", f"/stories/{number}").json()["signatures"]
        return found

    def sign(self, number: int, *levels: int) -> None:
        for level in levels:
            who = {1: "first", 2: "second", 3: "third"}[level]
            copies = self.call("GET", f"/stories/{number}/copies", who=who).json()
            body = {
                "version": copies["version"],
                "level": level,
                "copies_sha256": copies["copies_sha256"],
            }
            answer = self.call("POST", f"/stories/{number}/signatures", who=who, json=body)
            assert answer.status_code == 201, answer.text
        self.move_on()

    def release(self, headline: str, **fields: Any) -> int:
        number = self.file(headline, **fields)
        self.sign(number, 1, 2, 3)
        return number


@contextmanager
def open_house(folder: Path) -> Iterator[House]:
    made = House(folder)
    with served(made.newsroom.app) as address:
        made.address = address
        try:
            yield made
        finally:
            made.newsroom.app.state.board.close()
    made.newsroom.close()
