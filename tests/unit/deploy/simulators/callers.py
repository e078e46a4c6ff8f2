"""A clock that stands still and callers that speak to a simulator in process."""

import asyncio
import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from starlette.types import ASGIApp

from deploy.simulators import douyin, wechat
from deploy.simulators.douyin_account import Tokens
from deploy.simulators.douyin_rules import DouyinLimits
from deploy.simulators.platform_state import BEIJING
from deploy.simulators.probe import NotAVideo, VideoFacts

BASE = "http://127.0.0.1:7420"
NOON_MS = int(datetime(2026, 11, 24, 12, 0, tzinfo=BEIJING).timestamp() * 1000)


class StandingClock:
    """Milliseconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now_ms = NOON_MS

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)

    def go_to(self, year: int, month: int, day: int, hour: int, minute: int) -> None:
        """A time in Beijing."""
        then = datetime(year, month, day, hour, minute, tzinfo=BEIJING)
        self.now_ms = int(then.timestamp() * 1000)


class Caller:
    """One HTTP client of one simulator."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                return await client.request(method, path, **arguments)

        return asyncio.run(send())

    def control(self, **switches: Any) -> dict[str, Any]:
        response = self.request("POST", "/_sim/control", json=switches)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def requests(self, path: str = "") -> list[dict[str, Any]]:
        found = self.request("GET", "/_sim/requests", params={"path": path}).json()["requests"]
        assert isinstance(found, list)
        return found

    def items(self) -> list[dict[str, Any]]:
        found = self.request("GET", "/_sim/items").json()["items"]
        assert isinstance(found, list)
        return found


class WechatCaller(Caller):
    """Calls below ``/cgi-bin/`` with the account's token."""

    def __init__(self, folder: Path, clock: StandingClock, **options: Any) -> None:
        super().__init__(
            wechat.create_app(folder, app_id="wxapp", secret="s3cret", clock=clock, **options)
        )

    def stable_token(self, **changes: Any) -> dict[str, Any]:
        body = {"grant_type": "client_credential", "appid": "wxapp", "secret": "s3cret"} | changes
        answer: dict[str, Any] = self.request("POST", "/cgi-bin/stable_token", json=body).json()
        return answer

    def call(
        self, name: str, body: dict[str, Any] | bytes | None = None, **arguments: Any
    ) -> dict[str, Any]:
        method = arguments.pop("method", "POST")
        params = {"access_token": self.stable_token()["access_token"]}
        params |= arguments.pop("params", {})
        if isinstance(body, dict):
            body = json.dumps(body, ensure_ascii=False).encode()
        response = self.request(
            method, f"/cgi-bin/{name}", params=params, content=body, **arguments
        )
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def upload(
        self, name: str, media: bytes, file_name: str = "a.jpg", **arguments: Any
    ) -> dict[str, Any]:
        return self.call(name, files={"media": (file_name, media)}, **arguments)

    def cover(self) -> str:
        answer = self.upload("material/add_material", picture(), params={"type": "image"})
        return str(answer["media_id"])

    def article(self, **changes: Any) -> dict[str, Any]:
        article = {
            "title": "青禾县新开三条乡村公交线",
            "author": "融媒记者",
            "content": "<p>今天上午,三条线路同时发车。</p>",
            "content_source_url": "http://127.0.0.1:7401/a/0192.html",
        }
        if "thumb_media_id" not in changes:
            article["thumb_media_id"] = self.cover()
        return article | changes

    def draft(self, **changes: Any) -> str:
        answer = self.call("draft/add", {"articles": [self.article(**changes)]})
        assert "media_id" in answer, answer
        return str(answer["media_id"])

    def submit(self, media_id: str) -> dict[str, Any]:
        return self.call("freepublish/submit", {"media_id": media_id})

    def status(self, publish_id: str) -> dict[str, Any]:
        return self.call("freepublish/get", {"publish_id": publish_id})


class DouyinCaller(Caller):
    """Calls of the content interfaces with the account's token."""

    def __init__(self, folder: Path, clock: StandingClock, **options: Any) -> None:
        options.setdefault("probe", pretend_probe)
        options.setdefault("limits", DouyinLimits(part_bytes_least=50, calls_per_second=1000))
        tokens = Tokens("act.first", "rft.first", "open-id-1")
        super().__init__(
            douyin.create_app(
                folder,
                client_key="awkey",
                client_secret="s3cret",
                tokens=tokens,
                clock=clock,
                **options,
            )
        )
        self.access_token = "act.first"

    def api(self, name: str, method: str = "POST", **arguments: Any) -> dict[str, Any]:
        path = name if name.startswith("/") else f"/api/douyin/v1/video/{name}/"
        params = {"open_id": "open-id-1"} | arguments.pop("params", {})
        headers = {"access-token": self.access_token} | arguments.pop("headers", {})
        response = self.request(method, path, params=params, headers=headers, **arguments)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        assert answer["data"]["error_code"] == answer["extra"]["error_code"]
        return answer

    def code(self, name: str, method: str = "POST", **arguments: Any) -> int:
        return int(self.api(name, method, **arguments)["extra"]["error_code"])

    def oauth(self, name: str, **form: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.request("POST", f"/oauth/{name}/", data=form).json()
        return answer

    def clip(self, data: bytes = b"clip 720x1280 12") -> str:
        answer = self.api("upload_video", files={"video": ("v.mp4", data)})
        return str(answer["data"]["video"]["video_id"])

    def create(self, video_id: str, text: str = "开镰啦") -> str:
        answer = self.api("create_video", json={"video_id": video_id, "text": text})
        assert answer["data"]["error_code"] == 0, answer
        return str(answer["data"]["item_id"])

    def shown(self, item_id: str) -> list[dict[str, Any]]:
        found = self.api("video_data", json={"item_ids": [item_id]})["data"]["list"]
        assert isinstance(found, list)
        return found


def pretend_probe(file: Path) -> VideoFacts:
    """A stand-in for ffprobe: a clip is the text ``clip WIDTHxHEIGHT SECONDS`` and any padding."""
    words = file.read_bytes().split()
    if len(words) < 3 or words[0] != b"clip":
        raise NotAVideo("no MP4 header")
    width, height = words[1].split(b"x")
    return VideoFacts(int(width), int(height), float(words[2]))


def picture(kind: str = "JPEG", side: int = 64) -> bytes:
    """A picture that every decoder takes."""
    out = io.BytesIO()
    Image.new("RGB", (side, side), (46, 160, 90)).save(out, kind)
    return out.getvalue()


def padded(data: bytes, size_bytes: int) -> bytes:
    """A JPEG of exactly this size: decoders do not read past its end."""
    return data + b"\0" * (size_bytes - len(data))
