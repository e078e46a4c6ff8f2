"""What the people of a newsroom do, over the API: file, wait for the copies, sign."""

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from sqlalchemy import func, select

from bench._stack import Stack
from stores.ledger.tables import publications, signatures
from stores.ledger.transaction import Ledger

CHANNELS = ("web", "app")
PLAN = {"channels": list(CHANNELS)}
PEOPLE = ("reporter", "reviewer-1", "reviewer-2", "reviewer-3")


def clients(stack: Stack) -> dict[str, httpx.Client]:
    """One client a person."""
    return {person: stack.client(person) for person in PEOPLE}


def file(client: httpx.Client, number: int) -> str:
    """File a text story; returns its id."""
    text = "青禾县今天上午召开秋收调度会，部署抢收工作。" * 8
    story = {
        "headline": f"秋收快讯第{number}号",
        "body": [{"kind": "paragraph", "spans": [{"text": text}]}] * 5,
    }
    answer = client.post("/stories", json={"story": story, "plan": PLAN})
    answer.raise_for_status()
    return str(answer.json()["story_id"])


def copies(client: httpx.Client, story: str, *, every_s: float = 0.01) -> str:
    """Wait for the copies; returns the hash to sign."""
    while True:
        found = client.get(f"/stories/{story}/copies").json()["copies_sha256"]
        if found:
            return str(found)
        time.sleep(every_s)


def sign(client: httpx.Client, story: str, sha256: str, level: int) -> None:
    body = {"version": 1, "level": level, "copies_sha256": sha256}
    client.post(f"/stories/{story}/signatures", json=body).raise_for_status()


def first_receipt_ms(client: httpx.Client, story: str) -> float:
    """Wait for the first outlet; wall clock of its receipt."""
    while True:
        rows = client.get("/deliveries", params={"story": story}).json()["deliveries"]
        times = [r["received_at"] for r in rows if r["received_at"]]
        if times:
            return min(datetime.fromisoformat(t).timestamp() for t in times) * 1000
        time.sleep(0.05)


def waits_ms(ledger: Ledger, since_ms: float, until_ms: float) -> list[float]:
    """Release → first receipt of each story released in that time, by the ledger's own times."""
    first = (
        select(publications.c.story_id, func.min(publications.c.received_at).label("at"))
        .group_by(publications.c.story_id)
        .subquery()
    )
    with ledger.snapshot() as view:
        rows = view.execute(
            select(signatures.c.at, first.c.at)
            .join(first, first.c.story_id == signatures.c.story_id)
            .where(signatures.c.level == 3, signatures.c.at.between(since_ms, until_ms))
        )
        return [float(received - released) for released, received in rows if received is not None]


@dataclass
class Crowd:
    """Many reporters and reviewers at a steady pace, whatever the answers take.

    ``per_s`` stories a second over ``threads`` threads; one who meets a failure waits a moment and
    does the same again, as a person would (the idempotency of it is the API's business).
    """

    stack: Stack
    per_s: float
    threads: int = 8

    def __post_init__(self) -> None:
        self.stories: list[str] = []
        self.failures = 0
        self.behind_s = 0.0
        self._next = 0
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._crew = [threading.Thread(target=self._work, daemon=True) for _ in range(self.threads)]

    def start(self) -> None:
        self._began = time.monotonic()
        for member in self._crew:
            member.start()

    def stop(self) -> None:
        self._stop.set()
        for member in self._crew:
            member.join(timeout=60)

    def _work(self) -> None:
        people = clients(self.stack)
        while not self._stop.is_set():
            with self._lock:
                number, self._next = self._next, self._next + 1
            late_s = time.monotonic() - self._began - number / self.per_s
            self.behind_s = late_s
            if self._stop.wait(max(0.0, -late_s)):
                return
            story = self._until_done(lambda n=number: file(people["reporter"], n))
            sha = self._until_done(lambda s=story: copies(people["reviewer-1"], s, every_s=0.1))
            for level in (1, 2, 3):
                self._until_done(self._signing(people[f"reviewer-{level}"], story, sha, level))
            if not self._stop.is_set():
                self.stories.append(story)

    @staticmethod
    def _signing(client: httpx.Client, story: str, sha: str, level: int) -> Any:
        def act() -> str:
            try:
                sign(client, story, sha, level)
            except httpx.HTTPStatusError as error:
                if error.response.status_code != 409:  # signed already: the answer was lost
                    raise
            return story

        return act

    def _until_done(self, act: Any) -> str:
        while not self._stop.is_set():
            try:
                return str(act())
            except (httpx.HTTPError, KeyError, ValueError):
                self.failures += 1
                self._stop.wait(0.2)
        return ""
