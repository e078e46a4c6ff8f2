"""A publisher process with one invented outlet, for test_standby: the real ``run_publish``.

``python -m tests.integration.standby_publisher OUTLET_LOG``; the rest by environment. The outlet
appends a line for each create that reaches it. The channel looks at its deadline just before it
sends, as the contract of channels asks.
"""

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cli import logs, processes
from cli.wiring import Centre
from consumers import publish
from schemas.channel import Absent, ChannelSpec, Live
from schemas.errors import TransientError
from schemas.newsroom import Newsroom
from schemas.settings import Settings
from tests.centre import PEOPLE, CopyPayload, Outlet

SPEC: dict[str, Any] = {"call_deadline_s": 3.0, "settle_s": 0.5}
PREPARATION_S = 0.8
"""Of each call, before anything is sent: time enough to be stopped in."""


class NoRing:
    """In place of the order loop, which would ask for a broker all the time."""

    alive = True

    def __init__(self, *_: object) -> None:
        pass

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass


def outlet(log: Path) -> Any:
    """The channel module."""
    base = Outlet("web", 1)

    def submit(_account: Any, _payload: CopyPayload, attempt: Any) -> Live:
        note(log, f"begin {attempt.marker} {os.getpid()}")
        time.sleep(PREPARATION_S)
        if time.monotonic() > attempt.monotonic_end:
            raise TransientError("no time left to send")
        note(log, f"create {attempt.marker} {os.getpid()}")
        return Live(base.receipt(attempt))

    def find(_account: Any, _payload: CopyPayload, attempt: Any) -> Live | Absent:
        there = f"create {attempt.marker} " in log.read_text()
        return Live(base.receipt(attempt)) if there else Absent()

    return SimpleNamespace(**{**vars(base.module()), "submit": submit, "find": find})


def note(log: Path, line: str) -> None:
    with log.open("a") as file:
        file.write(f"{line}\n")


def main() -> int:
    settings = Settings()
    logs.configure(settings.process)
    spec = ChannelSpec(id="web", module="web", name="web", family="web", wave=1, **SPEC)
    newsroom = Newsroom(county="青禾县", centre="青禾", people=PEOPLE)
    centre = Centre(settings, newsroom, {"web": spec}, {"web": outlet(Path(sys.argv[1]))})
    # there is no Kafka: the ledger ranks without a ring
    processes._topics = lambda centre: None
    vars(publish)["OrderLoop"] = NoRing
    return processes.run_publish(centre, None)


if __name__ == "__main__":
    sys.exit(main())
