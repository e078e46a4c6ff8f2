"""The people of a faults run: they file, sign, correct and withdraw through the API, and write down
each answer. They never give up on what they began, as people would not."""

import contextlib
import json
import queue
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx

from deploy.faults.history import History, now_ms
from deploy.faults.stories import CLIP_EVERY, Library, Medium, media_of, story

WORKERS = 6
PATIENCE_S = 240.0
PAUSE_S = 0.4
SURE = {503, 507}
"""Statuses that say that nothing was taken."""


@dataclass
class Told:
    """One story as its people know it."""

    key: int
    media: list[Medium]
    story_id: str = ""
    number: int = 0
    version: int = 0
    approved: int = 0
    withdrawn: bool = False
    busy: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True)
class Job:
    """Something that somebody means to do: file, correct, withdraw, hold."""

    act: str
    told: Told


class Newsroom:
    """Workers that take jobs from one queue."""

    def __init__(
        self, api_url: str, keys: Path, library: Library, history: History, seed: int
    ) -> None:
        self.api_url = api_url
        self.keys = keys
        self.library = library
        self.history = history
        self.random = Random(f"newsroom {seed}")  # noqa: S311 - a schedule, no secret
        self.stories: list[Told] = []
        self.stop = threading.Event()
        self._jobs: queue.PriorityQueue[tuple[float, int, Job]] = queue.PriorityQueue()
        self._count = 0
        self._lock = threading.Lock()
        self._open = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"people {n}", daemon=True)
            for n in range(WORKERS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self.stop.set()
        for thread in self._threads:
            if thread.ident is not None:  # a stack that never came up was never worked on
                thread.join(timeout=10)

    def file(self, count: int = 1) -> None:
        """Let somebody file new stories; what follows for each is drawn by the seed."""
        for _ in range(count):
            with self._lock:
                key = len(self.stories) + 1
                clip = key % CLIP_EVERY == 2
                told = Told(key, media_of(self.library, key, clip=clip, random=self.random))
                self.stories.append(told)
                chance = self.random.random()
                later = 2 + self.random.random() * 20
            self._put(Job("urgent" if chance > 0.97 else "file", told), 0)
            if chance < 0.15:
                self._put(Job("correct", told), later)
            elif chance < 0.25:
                self._put(Job("withdraw", told), later / 3)
            elif chance < 0.29:
                self._put(Job("hold", told), 0.3)

    def file_unsigned(self) -> Told:
        """A story that nobody signs: nothing of it may ever go out."""
        with self._lock:
            key = len(self.stories) + 1
            told = Told(key, media_of(self.library, key, clip=False, random=self.random))
            self.stories.append(told)
        self._put(Job("unsigned", told), 0)
        return told

    def burst(self, act: str, count: int) -> int:
        """Correct or withdraw many of the newest released stories at once; how many."""
        with self._lock:
            fit = [t for t in self.stories if t.approved and not t.withdrawn][-3 * count :]
            chosen = self.random.sample(fit, min(count, len(fit)))
        for told in chosen:
            self._put(Job(act, told), 0)
        return len(chosen)

    @property
    def unfinished(self) -> int:
        """Jobs that wait or are being done."""
        with self._lock:
            return self._open

    def _put(self, job: Job, in_s: float) -> None:
        with self._lock:
            self._count += 1
            self._open += 1
            self._jobs.put((time.monotonic() + in_s, self._count, job))

    def _work(self) -> None:
        with contextlib.ExitStack() as stack:
            people = People(self.api_url, self.keys, self.history, self.stop, stack)
            while not self.stop.is_set():
                with contextlib.suppress(queue.Empty):
                    due, count, job = self._jobs.get(timeout=0.2)
                    if due > time.monotonic():
                        self._jobs.put((due, count, job))
                        self.stop.wait(min(0.1, due - time.monotonic()))
                        continue
                    done = _in_turn(people, job)
                    if not done and not self.stop.is_set():
                        self._jobs.put((time.monotonic() + 1.0, count, job))
                    else:
                        with self._lock:
                            self._open -= 1


def _in_turn(people: "People", job: Job) -> bool:
    """Versions of one story one after the other; a withdrawal or a hold may come at any time."""
    if job.act in {"withdraw", "hold"}:
        return _carry_out(people, job)
    if not job.told.busy.acquire(blocking=False):
        return False
    try:
        return _carry_out(people, job)
    finally:
        job.told.busy.release()


def _carry_out(people: "People", job: Job) -> bool:
    """False: not yet, ask again a little later."""
    told = job.told
    if job.act in {"file", "urgent", "unsigned"}:
        people.send(told)
        if job.act != "unsigned":
            people.review(told, urgent=job.act == "urgent")
        return True
    if not told.story_id:
        return False
    if job.act == "withdraw":
        people.act(told, "withdraw", "duty", {"reason": "测试撤稿 / withdrawn in a test"})
        told.withdrawn = True
    elif job.act == "hold":
        people.act(told, "hold", "duty", {"reason": "测试暂缓 / held in a test"})
        people.stop.wait(3.0)
        people.act(told, "resume", "duty", {})
    elif not told.withdrawn:
        people.send(told)
        people.review(told, urgent=False)
    return True


class People:
    """Each person's own connection, for one worker."""

    def __init__(
        self,
        api_url: str,
        keys: Path,
        history: History,
        stop: threading.Event,
        stack: contextlib.ExitStack,
    ) -> None:
        self.history = history
        self.stop = stop
        self._clients = {}
        for person in ("reporter", "reviewer-1", "reviewer-2", "reviewer-3", "duty"):
            key = (keys / f"{person}.key").read_text(encoding="utf-8").strip()
            self._clients[person] = stack.enter_context(
                httpx.Client(
                    base_url=f"{api_url}/v1",
                    headers={"Authorization": f"Bearer {key}"},
                    timeout=httpx.Timeout(20, connect=2),
                    trust_env=False,
                )
            )

    def send(self, told: Told) -> None:
        """File the story, or its next version, until it is taken; the key makes that safe."""
        version = told.version + 1
        fields = story(told.key, version, told.media, first=version == 1)
        parts: list[tuple[str, Any]] = [
            ("story", (None, json.dumps(fields, ensure_ascii=False), "application/json"))
        ]
        sent = told.media if version == 1 else []
        for medium in sent:
            data = medium.path.read_bytes()
            parts.append(("file", (medium.path.name, data, "application/octet-stream")))
        method, path = "POST", "/stories"
        headers = {"Idempotency-Key": f"faults {told.key} {version}"}
        if version > 1:
            method, path = "PUT", f"/stories/{told.story_id}"
            headers["If-Match"] = str(told.version)
        answer = self._insist(
            "reporter",
            method,
            path,
            {"files": parts, "headers": headers},
            {
                "op": "file" if version == 1 else "correct",
                "key": told.key,
                "version": version,
                "story_id": told.story_id,
                "media": [medium.sha256 for medium in sent],
            },
            ends={409},
        )
        if answer is not None and answer.is_success:
            body = answer.json()
            told.story_id, told.number, told.version = body["story_id"], body["number"], version

    def review(self, told: Told, *, urgent: bool) -> None:
        """Three people sign the copies that are there; with ``urgent`` the third alone."""
        version = told.version
        for level in (3,) if urgent else (1, 2, 3):
            if not self._sign(told, version, level, urgent=urgent):
                return
        told.approved = version

    def _sign(self, told: Told, version: int, level: int, *, urgent: bool) -> bool:
        person = f"reviewer-{level}"
        end = time.monotonic() + PATIENCE_S
        while not self.stop.is_set() and time.monotonic() < end:
            shown = self._ask(person, f"/stories/{told.story_id}")
            if shown is None:
                self.stop.wait(PAUSE_S)
                continue
            newest = shown["versions"][0]
            if shown["withdrawn_at"] is not None or newest["version"] != version:
                return False
            if level not in newest["missing_levels"]:
                return True
            if newest["copies_sha256"] is None:
                self.stop.wait(PAUSE_S / 2)
                continue
            body = {"version": version, "level": level, "copies_sha256": newest["copies_sha256"]}
            if urgent:
                body |= {"urgent": True, "note": "测试: 先发后补 / urgent in a test"}
            facts = {
                "op": "sign",
                "key": told.key,
                "story_id": told.story_id,
                "version": version,
                "level": level,
                "person": person,
                "urgent": urgent,
                "copies_sha256": newest["copies_sha256"],
            }
            answer = self._once(
                person, "POST", f"/stories/{told.story_id}/signatures", {"json": body}, facts
            )
            if answer is not None and answer.is_success:
                return True
            self.stop.wait(PAUSE_S)
        return False

    def act(self, told: Told, what: str, person: str, body: dict[str, Any]) -> None:
        """Withdraw, hold or resume until it is answered; repeating it changes nothing."""
        facts = {"op": what, "key": told.key, "story_id": told.story_id, "person": person}
        path = f"/stories/{told.story_id}/{what}"
        self._insist(person, "POST", path, {"json": body}, facts, ends={409})

    def _insist(
        self,
        person: str,
        method: str,
        path: str,
        options: dict[str, Any],
        facts: dict[str, Any],
        *,
        ends: set[int],
    ) -> httpx.Response | None:
        end = time.monotonic() + PATIENCE_S
        while not self.stop.is_set() and time.monotonic() < end:
            answer = self._once(person, method, path, options, facts)
            if answer is not None and (answer.is_success or answer.status_code in ends):
                return answer
            self.stop.wait(PAUSE_S)
        return None

    def _once(
        self, person: str, method: str, path: str, options: dict[str, Any], facts: dict[str, Any]
    ) -> httpx.Response | None:
        begun = now_ms()
        try:
            answer = self._clients[person].request(method, path, **options)
        except httpx.HTTPError as error:
            never_left = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            outcome = "fail" if never_left else "unknown"
            self.history.note(
                **facts, begun=begun, outcome=outcome, status=0, error=type(error).__name__
            )
            return None
        status = answer.status_code
        sure = answer.is_client_error or status in SURE
        outcome = "ok" if answer.is_success else "fail" if sure else "unknown"
        told: dict[str, Any] = {}
        with contextlib.suppress(ValueError):
            body = answer.json()
            if answer.is_success and facts["op"] == "file":
                told = {"story_id": body["story_id"], "number": body["number"]}
            if not answer.is_success:
                told = {"code": body.get("code", "")}
        self.history.note(**(facts | told), begun=begun, outcome=outcome, status=status)
        return answer

    def _ask(self, person: str, path: str) -> dict[str, Any] | None:
        try:
            answer = self._clients[person].get(path)
        except httpx.HTTPError:
            return None
        if not answer.is_success:
            return None
        shown: dict[str, Any] = answer.json()
        return shown
