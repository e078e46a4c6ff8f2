"""Kill each part of a busy stack, then all: how long until everything goes on again, and on what
the time was spent.

"Everything" is: every process ready, each story that was released before the kill live at its
outlets, and a story filed after the kill released and live too. The rows below each part say
what was waited for: until the supervisor had it ready again, and what the processes logged as
waiting, with the time from the first to the last such line.
"""

import json
import os
import signal
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from bench._newsroom import CHANNELS, Crowd
from bench._stack import Stack, processes, row, running
from stores.ledger.tables import publications, signatures
from stores.ledger.transaction import Ledger, open_ledger

PARTS = ("kafka", "s3", "core", "publish", "web", "work")
STORIES_PER_S = 2.0
WARM_UP_S = 15.0
BETWEEN_S = 8.0
PATIENCE_S = 180.0
ALLOWED_S = 120.0


def measure() -> list[dict[str, Any]]:
    """For each part, and all: seconds from the kill to everything going on, beside 120."""
    rows: list[dict[str, Any]] = []
    with running() as stack:
        ledger = open_ledger(stack.settings.ledger_url)
        crowd = Crowd(stack, STORIES_PER_S)
        crowd.start()
        time.sleep(WARM_UP_S)
        for parts in (*((part,) for part in PARTS), PARTS):
            rows += _kill(stack, ledger, parts)
            time.sleep(BETWEEN_S)
        crowd.stop()
        ledger.close()
    return rows


def _kill(stack: Stack, ledger: Ledger, parts: tuple[str, ...]) -> list[dict[str, Any]]:
    name = "all" if len(parts) > 1 else parts[0]
    before = processes(stack)
    killed = time.time()
    for part in parts:
        os.kill(int(before[part]["pid"]), signal.SIGKILL)
    old = {part: int(before[part]["pid"]) for part in parts}
    ready_s: dict[str, float] = {}
    went_on_s = None
    while time.time() - killed < PATIENCE_S:
        took = time.time() - killed
        now = processes(stack)
        for part in parts:
            new = now[part]["pid"] not in {old[part], 0, None}
            if new and now[part]["state"] == "ready":
                ready_s.setdefault(part, took)
        if len(ready_s) == len(parts) and _goes_on(ledger, killed * 1000):
            went_on_s = took
            break
        time.sleep(0.1)
    total = row("recovery", name, went_on_s or float("inf"), "s", ALLOWED_S)
    return [
        total,
        *(row("recovery", f"{name}: {part} ready", s, "s") for part, s in ready_s.items()),
        *_said(stack, name, killed),
    ]


def _goes_on(ledger: Ledger, killed_ms: float) -> bool:
    live = (
        select(publications.c.story_id)
        .where(publications.c.state == "live")
        .group_by(publications.c.story_id)
        .having(func.count() == len(CHANNELS))
    )
    released = select(func.count()).where(signatures.c.level == 3)
    with ledger.snapshot() as view:
        not_live = signatures.c.story_id.not_in(live)
        owed = view.execute(released.where(signatures.c.at <= killed_ms, not_live)).scalar_one()
        if owed:
            return False
        fresh = released.where(signatures.c.at > killed_ms, signatures.c.story_id.in_(live))
        return bool(view.execute(fresh).scalar_one())


def _said(stack: Stack, name: str, killed: float) -> Iterable[dict[str, Any]]:
    """What the processes waited for since the kill, by their logs."""
    spans: dict[str, list[float]] = {}
    for path in sorted(stack.settings.log_dir.glob("*.log")):
        for line in path.read_text(errors="replace").splitlines():
            try:
                told = json.loads(line)
                at = datetime.fromisoformat(told["timestamp"]).timestamp()
                what = str(told["event"])
            except (ValueError, KeyError, TypeError):
                continue
            waits = any(word in what for word in ("wait", "adopted", "sent_again", "lost"))
            if at >= killed and waits:
                spans.setdefault(f"{path.stem} {what}", []).append(at - killed)
    for what, times in spans.items():
        yield row("recovery", f"{name}: {what} ×{len(times)}, until", max(times), "s")
