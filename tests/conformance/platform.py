"""What the cases of outside platforms share: a clock moved by hand, the simulator's test routes."""

import html
import time
from dataclasses import dataclass
from typing import Any, Self

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send


class MovedClock:
    """Milliseconds of wall time, some time ahead."""

    def __init__(self) -> None:
        self._ahead_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self._ahead_ms

    def advance(self, seconds: float) -> None:
        self._ahead_ms += int(seconds * 1000)


@dataclass
class Switch:
    """One server for many tests, each with a platform of its own."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class PlatformDesk:
    """Looks into a simulated platform past its API, and provokes its faults."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._client = httpx.Client(base_url=base, trust_env=False, verify=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def items(self) -> list[dict[str, Any]]:
        """Everything that was ever created, deleted ones included."""
        found: list[dict[str, Any]] = self._client.get("/_sim/items").json()["items"]
        return found

    def calls(self, path: str = "") -> list[dict[str, Any]]:
        """The platform's own log of requests."""
        answer = self._client.get("/_sim/requests", params={"path": path})
        found: list[dict[str, Any]] = answer.json()["requests"]
        return found

    def control(self, **switches: Any) -> None:
        answer = self._client.post("/_sim/control", json=switches)
        assert answer.status_code == 200, answer.text

    def page(self, url: str) -> str:
        """What a reader gets at a public address."""
        answer = self._client.get(url)
        assert answer.status_code == 200, url
        return html.unescape(answer.text)
