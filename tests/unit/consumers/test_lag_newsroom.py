"""The ledger's side of lag, on a centre that works through stories."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers.lag_newsroom import groups_of, progressing, publish_group, reader, rules_of
from consumers.lag_outlets import NewsroomSeen, OutletSeen
from schemas.channel import Refused
from stores.ledger import renditions, rests
from tests.centre import CentreInMemory, Outlet


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[CentreInMemory]:
    made = CentreInMemory(
        tmp_path, [Outlet("web", 1), Outlet("tv", 2)], call_deadline_s=5.0, late_after_s=60
    )
    yield made
    made.close()


def look(centre: CentreInMemory, before_ms: int = 0) -> NewsroomSeen:
    return reader(centre.ledger, list(centre.specs.values()))(before_ms)


def of(seen: NewsroomSeen, channel: str) -> OutletSeen:
    return next(o for o in seen.outlets if o.channel == channel)


def test_an_idle_centre_waits_for_nothing(centre: CentreInMemory) -> None:
    seen = look(centre)
    assert [(o.channel, o.wave, o.group, o.limit_s) for o in seen.outlets] == [
        ("web", 1, "shoufa-publish-web", 60.0),
        ("tv", 2, "shoufa-publish-tv", 60.0),
    ]
    assert all((o.waiting, o.media, o.failed) == ((), (), 0) for o in seen.outlets)
    assert seen.jobs == {}


def test_a_story_waits_where_it_is_ordered_and_not_before(centre: CentreInMemory) -> None:
    story = centre.file()
    centre.pump()
    assert of(look(centre), "web").waiting == ()
    centre.sign_all(story)
    ordered_ms = centre.ledger.now_ms()
    centre.pump(publish=False)
    (since,) = of(look(centre), "web").waiting
    assert since >= ordered_ms
    assert of(look(centre), "tv").waiting == ()  # its wave is shut
    centre.pump()
    done = look(centre)
    assert (of(done, "web").waiting, of(done, "tv").waiting) == ((), ())
    assert of(done, "web").moved_ms is not None


def test_what_was_refused_needs_somebody_for_a_day(centre: CentreInMemory) -> None:
    centre.outlets["web"].answers = [lambda: Refused("标题含有禁用词", "45166")]
    centre.publish("水库大坝加固完工")
    assert (of(look(centre), "web").failed, of(look(centre), "tv").failed) == (1, 0)
    centre.pass_time(86_500)
    assert of(look(centre), "web").failed == 0


def test_transcodes_with_their_progress_and_those_that_ended(centre: CentreInMemory) -> None:
    story = centre.file()
    now = centre.ledger.now_ms()
    with centre.ledger.transaction() as tx:
        for recipe, cost in (("vertical", 90), ("web", 30), ("cover", 5)):
            renditions.need(tx, story, "s" * 64, recipe, wave=1, urgency=5, cost_s=cost, at=now)
        renditions.change(tx, "s" * 64, "vertical", at=now, state="working", progress=40)
        renditions.change(tx, "s" * 64, "cover", at=now, state="done", progress=100)
    centre.pass_time(7)
    seen = look(centre, before_ms=now)
    assert seen.jobs is not None
    assert {recipe: (j.working, j.left_s) for (_, recipe), j in seen.jobs.items()} == {
        "vertical": (True, 54.0),
        "web": (False, 30.0),
    }
    assert seen.jobs["s" * 64, "vertical"].silent_s >= 7.0
    assert seen.finished == {("s" * 64, "cover")}
    assert look(centre, before_ms=now + 1).finished == frozenset()


def test_a_publisher_that_calls_is_at_work(centre: CentreInMemory) -> None:
    rules = rules_of(list(centre.specs.values()), 100.0)
    web = publish_group("web")
    limit_s = rules(web, "release-orders.web").deadline_s
    assert limit_s == 5.0 + centre.specs["web"].settle_s + 15
    waiting = OutletSeen("web", "", 1, web, 60.0, waiting=(1,), moved_ms=100_000)

    def at(seconds: float, seen: OutletSeen = waiting) -> bool:
        now = 100_000 + round(seconds * 1000)
        return progressing(NewsroomSeen(now, (seen,)), rules)[web]

    assert at(limit_s)
    assert not at(limit_s + 1)
    assert not at(1, OutletSeen("web", "", 1, web, 60.0, waiting=(1,)))
    assert not at(1, OutletSeen("web", "", 1, web, 60.0, moved_ms=100_000))


def test_our_groups_begin_at_the_start_and_others_may_not(centre: CentreInMemory) -> None:
    specs = list(centre.specs.values())
    rules = rules_of(specs, 100.0)
    for topic, group in groups_of(specs).items():
        assert rules(group, topic).reset == "earliest"
    assert rules("billing", "story-events").reset == "unknown"
    assert set(groups_of(specs)) == {
        "story-events",
        "adapt-orders",
        "transcode-orders",
        "release-orders.web",
        "release-orders.tv",
    }


def test_a_channel_whose_outlet_is_away_says_until_when_it_rests(centre: CentreInMemory) -> None:
    at = centre.ledger.now_ms()
    with centre.ledger.transaction() as tx:
        rests.put(tx, rests.Rest("web", 1, at, at + 60_000, "no answer"))
    found = look(centre)
    assert of(found, "web").resting.startswith("停歇中, ")
    assert of(found, "tv").resting == ""
