"""Why a story is not there yet, at each hop of its way."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.channel import Refused
from schemas.errors import TransientError
from schemas.lag import NOTHING, GroupLag
from schemas.story import Plan
from stores.ledger.explain import explain
from tests.centre import CentreInMemory, Outlet

FRESH = replace(
    NOTHING,
    at_ms=1,
    stale=False,
    groups=(
        GroupLag("shoufa-publish-web", "Stable", 1, "OK", "", 4, 2.0, 6.0, 0, 0, ()),
        GroupLag("shoufa-core", "Stable", 1, "OK", "", 9, 2.0, None, 0, 0, ()),
    ),
)


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[CentreInMemory]:
    made = CentreInMemory(tmp_path, [Outlet("web", 1), Outlet("tv", 2)])
    yield made
    made.close()


def hops(centre: CentreInMemory, story: object, snapshot=FRESH) -> dict[str, dict[str, object]]:  # type: ignore[no-untyped-def]
    with centre.ledger.snapshot() as view:
        told = explain(view, str(story), snapshot, {"web": "新媒体编辑", "tv": "播出部"})
    return {hop["channel"]: hop for hop in told["hops"]}


def test_each_hop_in_turn(centre: CentreInMemory) -> None:
    story = centre.file()
    centre.pump()
    assert hops(centre, story)["web"]["hop"] == "review"
    assert "初审" in str(hops(centre, story)["web"]["who"])
    centre.sign_all(story)
    assert hops(centre, story)["web"]["hop"] in {"relay", "decide"}
    centre.pump(publish=False)
    web, tv = hops(centre, story)["web"], hops(centre, story)["tv"]
    assert (web["hop"], web["waiting"], web["eta_s"]) == ("queue", 4, 6.0)
    assert tv["hop"] == "wave"
    assert "第1波" in str(tv["sentence"])
    centre.pump()
    assert {hop["hop"] for hop in hops(centre, story).values()} == {"done"}


def test_a_story_not_on_kafka_yet_waits_for_the_relay(centre: CentreInMemory) -> None:
    story = centre.file()
    centre.pump()
    centre.sign_all(story)
    assert hops(centre, story)["web"]["hop"] in {"relay", "decide"}
    assert "Kafka" in str(hops(centre, story)["web"])


def test_a_refusal_names_who_acts_and_a_retry_its_time(centre: CentreInMemory) -> None:
    def away() -> None:
        raise TransientError("连接超时")

    centre.outlets["web"].answers = [away]
    retried = centre.publish()
    hop = hops(centre, retried)["web"]
    assert hop["hop"] == "retry"
    assert "连接超时" in str(hop["sentence"])
    centre.outlets["web"].answers = [lambda: Refused("标题违规")]
    refused = centre.publish("另一篇", plan=Plan(fallback_after_s=600))
    hop = hops(centre, refused)["web"]
    assert (hop["hop"], hop["who"]) == ("person", "新媒体编辑")


def test_figures_that_are_old_are_not_told(centre: CentreInMemory) -> None:
    story = centre.file()
    centre.pump()
    centre.sign_all(story)
    centre.pump(publish=False)
    web = hops(centre, story, NOTHING)["web"]
    assert (web["hop"], web["waiting"], web["eta_s"]) == ("queue", None, None)
