"""The main job, end to end, on real parts: Kafka, S3, ffmpeg, HTTP, files."""

import json
import math
import signal
import time
from collections import Counter, defaultdict
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy import proc
from tests.e2e.demo_run import DemoRun, demo
from tests.e2e.drill import told_rows, wipe_and
from tests.monitoring.test_rules import program
from tests.monitoring.tools import QUERIES, ask, health_of_rules, scraping, wait_for

pytestmark = pytest.mark.slow

CHANNELS = {"web", "app", "wechat", "douyin", "tv", "newspaper"}


def ms(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp() * 1000


def by_story(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    stories: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        assert row["channel"] not in stories[row["story_id"]], "one row a story and channel"
        stories[row["story_id"]][row["channel"]] = row
    return stories


def check_outcome(rows: list[dict[str, Any]]) -> None:
    """Every applicable delivery live with a receipt; one story recalled everywhere; waves kept."""
    stories = by_story(rows)
    assert len(stories) >= 5
    withdrawn = 0
    for channels in stories.values():
        assert set(channels) == CHANNELS
        states = {row["state"] for row in channels.values()} - {"not_applicable"}
        assert states in ({"live"}, {"recalled"}), channels
        withdrawn += states == {"recalled"}
        first = min(
            ms(r["received_at"]) for r in channels.values() if r["wave"] == 1 and r["received_at"]
        )
        for row in channels.values():
            if row["state"] == "not_applicable":
                assert row["channel"] in {"douyin", "tv"}
                continue
            assert row["receipt_id"]
            assert ms(row["released_at"]) <= ms(row["requested_at"]) <= ms(row["received_at"])
            if row["wave"] > 1:
                assert first <= ms(row["requested_at"]), "a follower before the first wave"
    assert withdrawn == 1
    assert sum(row["channel"] == "tv" and row["state"] == "live" for row in rows) >= 3


def check_outlets(run: DemoRun, rows: list[dict[str, Any]]) -> None:
    """By the outlets' own books and clocks: nothing twice, nothing of the withdrawn one left."""
    live = {
        r["url"]
        for r in rows
        if r["state"] == "live" and r["channel"] in {"web", "wechat", "douyin"}
    }
    for url in live:
        assert httpx.get(url, timeout=10).status_code == 200
    gone = [r for r in rows if r["state"] == "recalled"]
    for row in gone:
        if row["channel"] in {"web", "app"}:
            assert httpx.get(row["url"], timeout=10).status_code == 410
    articles = run.outside(f"{run.settings.wechat_url}/_sim/items")["items"]
    clips = run.outside(f"{run.settings.douyin_url}/_sim/items")["items"]
    assert articles
    public = [a for a in articles if a.get("state") == "published"]
    creates = Counter(a["content_source_url"] for a in public)
    assert not creates or max(creates.values()) == 1, "an article stands twice"
    texts = Counter(c["text"] for c in clips)
    assert max(texts.values()) == 1, "a clip was posted twice"

    library = run.settings.data / "platforms" / "station" / "library.jsonl"
    taken = [json.loads(line) for line in library.read_text().split("\n") if line.strip()]
    fresh = Counter((t["desk"], t["id"]) for t in taken if t["result"] == "ok")
    assert max(fresh.values()) == 1, "the station took one delivery twice"
    first_live = min(ms(r["received_at"]) for r in rows if r["wave"] == 1 and r["received_at"])
    assert min(t["at"] for t in taken) >= first_live


def check_figures(address: str) -> None:
    """What a centre's own Prometheus saw of that day: all rules healthy, every panel of the
    dashboards with figures, no alert of a fault."""
    assert set(health_of_rules(address)) == {"ok"}
    for query in QUERIES:
        found = wait_for(address, query)
        assert any(math.isfinite(float(one["value"][1])) for one in found), query
    counted = ask(address, 'sum(increase(shoufa_release_latency_seconds_count{channel="web"}[1h]))')
    assert float(counted[0]["value"][1]) > 0.5, "the first arrivals were not seen"
    faults = "MonitorBlind|RecordsLost|OrderViolation|DeadLetters|Rewind"
    assert ask(address, f'ALERTS{{alertstate="firing", alertname=~"{faults}"}}') == []


def test_the_demo_brings_every_story_to_every_outlet(tmp_path: Path) -> None:
    """And its figures to Prometheus; then the restore drill on its data: all that was lost comes
    back, and nothing is open."""
    with demo(tmp_path) as run, ExitStack() as watching:
        run.wait_for_text("2. 三审")
        target = f"127.0.0.1:{run.settings.web_port}"
        prometheus = watching.enter_context(
            scraping(program("prometheus"), tmp_path / "prometheus", target)
        )
        run.wait_for_text("全部到位")
        rows = run.deliveries()
        check_outcome(rows)
        check_outlets(run, rows)
        check_figures(prometheus)
        watching.close()
        run.process.send_signal(signal.SIGINT)
        run.wait_end(60)
        left = proc.of_stack(str(run.settings.data))
    assert left == [], "Ctrl-C left processes behind"

    before = told_rows(run.settings)
    for command in (["restore", str(run.settings.data / "backups")], ["rebuild"]):
        told = wipe_and(run.settings, *command)
        assert (told["strange"], told["untold"], told["asked"]) == ([], [], 0)
        assert told_rows(run.settings) == before, command[0]


@pytest.mark.parametrize(
    "order",
    [("core", "publish", "work", "web"), ("kafka", "s3", "platforms", "publish")],
    ids=["ours", "neighbours"],
)
def test_killing_processes_does_not_change_the_outcome(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    with demo(tmp_path, "--once") as run:
        run.wait_for_text("2. 三审")
        for name in order:
            time.sleep(4)
            run.kill(name)
        assert run.wait_end() == 0, run.said()[-4000:]
        check_outcome(run.deliveries())
        assert proc.of_stack(str(run.settings.data)) == []
