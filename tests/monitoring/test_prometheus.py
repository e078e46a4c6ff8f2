"""Debian's Prometheus scrapes the figures, loads the rules and answers every dashboard query."""

import itertools
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from consumers import lag_metrics, story_metrics
from consumers.story_figures import Figures, Histogram
from schemas.channel import ChannelSpec
from schemas.lag import NOTHING, GroupLag, OutletLag, PartitionLag, WorkBacklog
from schemas.settings import Settings
from tests.loopback import served
from tests.monitoring.test_rules import program
from tests.monitoring.tools import (
    BOARDS,
    FOLDER,
    QUERIES,
    ask,
    health_of_rules,
    scraping,
    wait_for,
)

pytestmark = pytest.mark.slow
SPEC = ChannelSpec(id="web", module="web", name="网站", family="web", wave=1)


def sample(turn: int) -> Iterator[Any]:
    """Figures of a busy centre; the totals grow from scrape to scrape."""
    partition = PartitionLag(
        "story-events", 0, 0, 90, 80, 10, "", 12.0, "record", "", turn, 0, 2.0, 3.0, "shrinking",
        10.0, "OK", "", None, 1,
    )  # fmt: skip
    group = GroupLag("shoufa-core", "Stable", 1, "OK", "", 10, 12.0, 10.0, 0, turn, (partition,))
    outlet = OutletLag("web", "网站", 1, "排队中", "", 2, 0, 0, 0, 3.0, 60.0, None, 5.0, "OK")
    told = replace(
        NOTHING, at_ms=round(time.time() * 1000), stale=False, took_s=0.1, groups=(group,),
        outlets=(outlet,), work=WorkBacklog(1, 1, 60.0, 1.0, 60.0, 1.0, progressing=True),
    )  # fmt: skip
    histogram = Histogram((10.0, 60.0), [turn, turn, 0], 20.0 * turn)
    figures = Figures(
        at_ms=round(time.time() * 1000),
        since_filed={("web", "news"): histogram},
        since_released={("web", "news"): histogram},
        kept={"web": turn},
        missed={"web": turn},
        waiting={("web", "live"): 3, ("web", "needs_person"): 1},
    )
    yield from lag_metrics.families(told)
    yield from story_metrics.families(figures, {"web": SPEC})
    yield from story_metrics.probe_families({"web": (0.2, time.time())})


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    turns = itertools.count()

    class Sample(Collector):
        def collect(self) -> Iterator[Any]:
            return sample(next(turns))

    registry = CollectorRegistry()
    registry.register(Sample())
    app = Starlette(routes=[Route("/metrics", lambda _r: Response(generate_latest(registry)))])
    assert f"127.0.0.1:{Settings().web_port}" in (FOLDER / "prometheus.yml").read_text("utf-8")
    folder = tmp_path_factory.mktemp("prometheus")
    with (
        served(app) as target,
        scraping(program("prometheus"), folder, target.removeprefix("http://")) as address,
    ):
        wait_for(address, "count_over_time(shoufa:burn:rate1h[1m]) >= 3")
        yield address


@pytest.mark.parametrize("query", QUERIES)
def test_every_dashboard_query_has_an_answer(prometheus: str, query: str) -> None:
    assert ask(prometheus, query), query


def test_all_rules_are_loaded_and_healthy(prometheus: str) -> None:
    found = health_of_rules(prometheus)
    assert set(found) == {"ok"}
    told = sum(
        len(re.findall(r"- (?:alert|record):", p.read_text("utf-8")))
        for p in FOLDER.glob("*.rules.yml")
    )
    assert len(found) == told


@pytest.mark.parametrize("board", BOARDS, ids=lambda b: b.stem)
def test_a_board_can_be_imported(board: Path) -> None:
    made = json.loads(board.read_text("utf-8"))
    assert {"uid", "title", "schemaVersion", "panels"} <= made.keys()
    ids = [panel["id"] for panel in made["panels"]]
    assert len(ids) == len(set(ids))
    for panel in made["panels"]:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        assert panel["targets"]
