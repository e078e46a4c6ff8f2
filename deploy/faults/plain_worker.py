"""A plain queue worker of the usual kind, to be put under the same faults beside the real one.

``python -m deploy.faults.plain_worker``. It does what most workers do, and does that well: it reads
an order, looks into its table of what is done, calls the outlet, retries with back-off until the
call succeeds, notes it as done, and commits the offset after the call. It writes no intent before
the call and asks nobody what became of a lost one. ``plain.wechat`` and ``plain.douyin`` hold
``{"token": "F0001V1", "act": "create" | "delete"}``.
"""

import json
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from kafka import KafkaConsumer
from kafka.errors import KafkaError

from bus.liveness import announce_ready, beat
from schemas.settings import Settings

BACK_OFF_S = (0.5, 1.0, 2.0, 3.0)
TIMEOUT_S = 2.5
V1 = "/api/douyin/v1/video/"
GONE = 28001007
"""Douyin's answer for an item that is there no more."""


class Failed(Exception):
    """No usable answer: the usual worker tries again."""


def main() -> None:
    """Work until SIGTERM."""
    settings = Settings()
    outlets: dict[str, Callable[[], Any]] = {"wechat": Wechat, "douyin": Douyin}
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    for name, outlet in outlets.items():
        threading.Thread(target=_work, args=(settings, name, outlet, stop), daemon=True).start()
    announce_ready(settings)
    while not stop.wait(1.0):
        beat(settings)


def _work(settings: Settings, name: str, outlet: Callable[[], Any], stop: threading.Event) -> None:
    done = Done(settings.data / "plain" / f"{name}.db")
    while not stop.is_set():
        try:
            _consume(settings, name, outlet(), done, stop)
        except (KafkaError, httpx.HTTPError, Failed):
            stop.wait(0.5)


def _consume(
    settings: Settings, name: str, outlet: Any, done: "Done", stop: threading.Event
) -> None:
    reader = KafkaConsumer(
        f"plain.{name}",
        bootstrap_servers=settings.kafka_bootstrap,
        group_id=f"plain-{name}",
        group_instance_id=f"plain-{name}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=1,
        metadata_max_age_ms=5_000,
        bootstrap_timeout_ms=5_000,
    )
    try:
        while not stop.is_set():
            for batch in reader.poll(timeout_ms=250).values():
                for record in batch:
                    _carry_out(outlet, json.loads(record.value), done, stop)
                    reader.commit()
    finally:
        reader.close()


def _carry_out(outlet: Any, order: dict[str, str], done: "Done", stop: threading.Event) -> None:
    token, act, tries = order["token"], order["act"], 0
    while not stop.is_set():
        item = done.item(token)
        if (act == "create") == (item is not None):
            return
        try:
            if act == "create":
                done.note(token, outlet.create(token))
            else:
                outlet.delete(item)
                done.forget(token)
            return
        except (httpx.HTTPError, Failed):
            stop.wait(BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])
            tries += 1


class Done:
    """What was carried out: token → the outlet's id, kept on the disk."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE IF NOT EXISTS done(token TEXT PRIMARY KEY, item TEXT)")

    def item(self, token: str) -> str | None:
        row = self._db.execute("SELECT item FROM done WHERE token=?", (token,)).fetchone()
        return None if row is None else str(row[0])

    def note(self, token: str, item: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO done VALUES(?,?)", (token, item))

    def forget(self, token: str) -> None:
        self._db.execute("DELETE FROM done WHERE token=?", (token,))


class Wechat:
    """Draft, submit, wait for the result: one create."""

    def __init__(self) -> None:
        self._client = httpx.Client(
            base_url=os.environ["PLAIN_WECHAT"], timeout=TIMEOUT_S, trust_env=False
        )
        self._secret = Path(os.environ["PLAIN_SECRETS"], "wechat.secret").read_text("utf-8").strip()
        self._token = ""
        self._cover = ""

    def create(self, token: str) -> str:
        if not self._cover:
            cover = Path(os.environ["PLAIN_COVER"])
            files = {"media": (cover.name, cover.read_bytes(), "image/jpeg")}
            said = self._call("/cgi-bin/material/add_material", files=files, kind="image")
            self._cover = said["media_id"]
        article = {
            "article_type": "news",
            "title": f"{token} 青禾县一号稿",
            "content": f"<p>{token}</p>",
            "content_source_url": f"http://127.0.0.1/a/{token}.html",
            "thumb_media_id": self._cover,
        }
        draft = self._call("/cgi-bin/draft/add", {"articles": [article]})["media_id"]
        job = self._call("/cgi-bin/freepublish/submit", {"media_id": draft})["publish_id"]
        while True:
            time.sleep(1.0)
            said = self._call("/cgi-bin/freepublish/get", {"publish_id": job})
            if said["publish_status"] == 0:
                return str(said["article_id"])
            if said["publish_status"] != 1:
                raise Failed(str(said))

    def delete(self, item: str) -> None:
        self._call("/cgi-bin/freepublish/delete", {"article_id": item}, fine={0, 53600})

    def _call(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        files: Any = None,
        fine: frozenset[int] | set[int] = frozenset({0}),
        kind: str = "",
    ) -> dict[str, Any]:
        if not self._token:
            asked = {
                "grant_type": "client_credential",
                "appid": "wxqinghe00000001",
                "secret": self._secret,
            }
            self._token = (
                self._client.post("/cgi-bin/stable_token", json=asked)
                .json()
                .get("access_token", "")
            )
        params = {"access_token": self._token} | ({"type": kind} if kind else {})
        answer = self._client.post(path, params=params, json=body, files=files)
        said: dict[str, Any] = _read(answer)
        if said.get("errcode", 0) not in fine:
            self._token = ""
            raise Failed(str(said))
        return said


class Douyin:
    """Upload, create: one create."""

    def __init__(self) -> None:
        self._client = httpx.Client(
            base_url=os.environ["PLAIN_DOUYIN"], timeout=TIMEOUT_S, trust_env=False
        )
        file = Path(os.environ["PLAIN_SECRETS"], "douyin.tokens.json")
        self._tokens = json.loads(file.read_text("utf-8"))

    def create(self, token: str) -> str:
        clip = Path(os.environ["PLAIN_CLIP"])
        files = {"video": (clip.name, clip.read_bytes(), "video/mp4")}
        video = self._call(f"{V1}upload_video/", files=files)["video"]["video_id"]
        body = {"video_id": video, "text": f"{token} 青禾县一号稿"}
        return str(self._call(f"{V1}create_video/", body)["item_id"])

    def delete(self, item: str) -> None:
        self._call("/video/delete/", {"item_id": item}, fine=(0, GONE))

    def _call(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        files: Any = None,
        fine: tuple[int, ...] = (0,),
    ) -> dict[str, Any]:
        answer = self._client.post(
            path,
            params={"open_id": self._tokens["open_id"]},
            headers={"access-token": self._tokens["access_token"]},
            json=body,
            files=files,
        )
        data: dict[str, Any] = _read(answer).get("data") or {}
        if data.get("error_code", 0) not in fine:
            raise Failed(str(data))
        return data


def _read(answer: httpx.Response) -> dict[str, Any]:
    try:
        said: dict[str, Any] = answer.json()
    except ValueError as error:
        raise Failed(f"HTTP {answer.status_code}") from error
    if answer.is_error:
        raise Failed(f"HTTP {answer.status_code}")
    return said


if __name__ == "__main__":
    main()
