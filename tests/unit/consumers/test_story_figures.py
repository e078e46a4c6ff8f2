"""Figures in stories: promptness, lateness, order, each counted once whatever restarts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from consumers.story_figures import StoryFigures, bounds_of
from schemas.channel import Refused
from schemas.errors import TransientError
from schemas.lag import Late
from schemas.story import Plan
from stores.ledger.tables import publications, stories
from tests.centre import REVIEWERS, CentreInMemory, Outlet


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[CentreInMemory]:
    made = CentreInMemory(
        tmp_path, [Outlet("web", 1), Outlet("tv", 2)], call_deadline_s=5.0, late_after_s=60
    )
    yield made
    made.close()


@pytest.fixture
def figures(centre: CentreInMemory) -> StoryFigures:
    return StoryFigures(centre.ledger, centre.specs.values())


def _late(figures: StoryFigures, channel: str) -> Late:
    return next(one for one in figures.figures.late if one.channel == channel)


def _later(centre: CentreInMemory, figures: StoryFigures, seconds: float = 10) -> None:
    centre.pass_time(seconds)
    figures.refresh()


def test_a_prompt_story_counts_once_at_each_outlet(
    centre: CentreInMemory, figures: StoryFigures
) -> None:
    story = centre.file()
    centre.pump()
    centre.pass_time(40)
    centre.sign_all(story)
    centre.pump()
    for _ in range(3):
        _later(centre, figures)

    assert figures.figures.kept == {"web": 1, "tv": 1}
    assert figures.figures.missed == {"web": 0, "tv": 0}
    filed = figures.figures.since_filed["web", "news"]
    released = figures.figures.since_released["web", "news"]
    assert dict(filed.cumulative())["30.0"] == 0
    assert dict(filed.cumulative())["60.0"] == 1
    assert dict(released.cumulative())["5.0"] == 1
    assert figures.figures.late == ()
    assert figures.figures.breached == []


def test_a_delivery_past_its_limit_is_late_with_who_can_act(
    centre: CentreInMemory, figures: StoryFigures
) -> None:
    centre.outlets["web"].answers = [lambda: Refused("标题含有禁用词", "45166")]
    centre.publish("水库大坝加固完工")
    _later(centre, figures, 59)
    assert figures.figures.late == ()
    _later(centre, figures, 6)

    late = _late(figures, "web")
    assert late.headline == "水库大坝加固完工"
    assert late.state == "refused"
    assert "禁用词" in late.reason
    assert late.who == "值班编辑"
    assert late.late_s == pytest.approx(5)
    _later(centre, figures)
    assert figures.figures.missed["web"] == 1
    assert figures.figures.kept["web"] == 0


def test_what_arrives_after_its_limit_stays_a_miss_and_is_no_longer_late(
    centre: CentreInMemory, figures: StoryFigures
) -> None:
    def away() -> None:
        raise TransientError("away")

    centre.outlets["web"].answers = [away]
    centre.publish()
    _later(centre, figures, 120)
    assert [one.channel for one in figures.figures.late] == ["web"]
    centre.pump()
    _later(centre, figures)
    _later(centre, figures)

    assert figures.figures.late == ()
    assert (figures.figures.kept["web"], figures.figures.missed["web"]) == (0, 1)
    assert dict(figures.figures.since_released["web", "news"].cumulative())["60.0"] == 0


def test_a_restarted_monitor_comes_to_the_same_totals(
    centre: CentreInMemory, figures: StoryFigures
) -> None:
    centre.outlets["tv"].answers = [lambda: Refused("没有画面")]
    for number in range(3):
        centre.publish(f"第{number}篇")
        _later(centre, figures, 30)
    _later(centre, figures, 90)
    again = StoryFigures(centre.ledger, centre.specs.values())
    again.refresh()

    assert again.figures.kept == figures.figures.kept == {"web": 3, "tv": 2}
    assert again.figures.missed == figures.figures.missed == {"web": 0, "tv": 1}
    assert again.figures.since_filed == figures.figures.since_filed


def test_a_follower_that_waits_for_its_wave_is_not_late(
    centre: CentreInMemory, figures: StoryFigures
) -> None:
    centre.outlets["web"].answers = [lambda: Refused("不行")]
    centre.publish(plan=Plan(fallback_after_s=3600))
    _later(centre, figures, 600)

    assert [one.channel for one in figures.figures.late] == ["web"]
    assert figures.figures.waiting["tv", "gated"] == 1


def test_a_withdrawn_story_is_owed_to_nobody(centre: CentreInMemory, figures: StoryFigures) -> None:
    centre.outlets["web"].answers = [lambda: Refused("不行")]
    story = centre.publish()
    centre.withdraw(story)
    centre.pump()
    _later(centre, figures, 600)

    assert figures.figures.late == ()


def test_an_order_breach_is_found_and_an_override_is_none(
    centre: CentreInMemory, figures: StoryFigures
) -> None:
    centre.outlets["web"].answers = [lambda: Refused("不行")] * 2
    opened = centre.publish("人工开闸", plan=Plan(fallback_after_s=3600))
    from producers import acts

    asked = acts.OpenWaveIn(wave=2, reason="要闻")
    acts.open_wave(centre.desk, REVIEWERS[3], str(opened), asked)
    centre.pump()
    _later(centre, figures)
    assert centre.states(opened)["tv"] == "live"
    assert figures.figures.breached == []

    wrong = centre.publish("抢跑")
    with centre.ledger.transaction() as tx:
        tx.execute(
            update(publications)
            .where(publications.c.story_id == str(wrong), publications.c.channel == "tv")
            .values(
                gate="第1波已上线 / wave 1 live: web",
                requested_at=centre.ledger.now_ms(),
                updated_at=centre.ledger.now_ms(),
            )
        )
        number = tx.execute(stories.select().where(stories.c.id == str(wrong))).one().number
    _later(centre, figures)
    assert figures.figures.breached == [("tv", number)]
    assert figures.figures.breaches == {"tv": 1}


def test_each_outlets_own_limit_is_a_bucket() -> None:
    assert 77.0 in bounds_of(77.0)
    assert list(bounds_of(60.0)) == sorted(set(bounds_of(60.0)))


def test_a_clock_that_is_set_back_counts_nothing_twice(
    centre: CentreInMemory, figures: StoryFigures
) -> None:
    centre.publish()
    _later(centre, figures, 10)
    centre.pass_time(-300)
    figures.refresh()
    _later(centre, figures, 400)

    assert figures.figures.kept["web"] == 1
    assert figures.figures.since_released["web", "news"].counts.count(1) == 1
