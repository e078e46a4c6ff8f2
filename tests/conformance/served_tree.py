"""The world of the static trees: a folder served by the product's own site server."""

import errno
import html
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import httpx
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from schemas.channel import Attempt, Channel, ChannelSpec
from tests.conformance.contract import Fault, Item, World
from tests.fakes import FakeMedia, outside, text_story
from tests.loopback import served


@dataclass
class _Gate:
    """Stands before the site server; answers 503 to the next requests when told so."""

    app: ASGIApp
    shut: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.shut > 0:
            self.shut -= 1
            await PlainTextResponse("away\n", 503)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def served_world(
    folder: Path,
    module: Channel,
    app: ASGIApp,
    entry: Callable[[str], ChannelSpec],
    path_of: Callable[[int], str],
) -> Iterator[World]:
    """``entry``: the channel's spec for a server address; ``path_of``: a story's path in it."""
    gate = _Gate(app)
    with served(gate) as url, httpx.Client(trust_env=False, verify=False) as reader:
        spec = entry(url)

        def items(attempt: Attempt) -> list[Item]:
            path = path_of(attempt.number)
            answer = reader.get(f"{spec.public_url}/{path}")  # type: ignore[attr-defined]
            if answer.status_code == 404:
                return []
            live = answer.status_code == 200
            return [Item(path, live, html.unescape(answer.text) if live else "")]

        def inject(fault: Fault) -> None:
            if fault == "lost_answer":
                gate.shut = 1
            elif fault == "transient":
                _full_disk_once()
            else:
                (spec.root / path_of(text_story().number)).unlink()  # type: ignore[attr-defined]

        module.connect(spec, outside(folder / "state")).close()  # lays out the empty tree
        yield World(
            module=module,
            spec=spec,
            story=text_story(),
            connect=lambda: module.connect(spec, outside(folder / "state")),
            items=items,
            media=FakeMedia(folder / "media"),
            faults=frozenset({"lost_answer", "transient", "removed"}),
            inject=inject,
        )


def _full_disk_once() -> None:
    """The next flush finds no room; the one after it does."""

    def full(_descriptor: int) -> None:
        patch.stop()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    patch = mock.patch("consumers.static_files.os.fsync", full)
    patch.start()
