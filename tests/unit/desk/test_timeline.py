"""A story's timeline and evidence."""

from pathlib import Path
from typing import Any

import pytest

from desk.timeline import evidence, moments
from stores.ledger import board_view, publications, stories, views
from stores.ledger.board_view import AttemptMade
from stores.ledger.transaction import Ledger
from tests.unit.desk import newsroom_day as day

NOW = day.NOW_MS
CHANNELS = {s.id: s.name for s in day.SPECS}
PEOPLE = {p.id: p.name for p in day.NEWSROOM.people}


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return day.fresh_ledger(tmp_path)


def read(ledger: Ledger, story: str) -> tuple[dict[str, Any], list[AttemptMade]]:
    with ledger.snapshot() as tx:
        return views.story_detail(tx, story), board_view.attempts_made(tx, story)


def test_what_happened_in_order_with_the_time_since_release(ledger: Ledger) -> None:
    with ledger.transaction() as tx:
        story = day.put_story(tx, 1, "开镰", at=NOW, released_at=NOW + 10)
        day.deliver(tx, story, "web", "live", at=NOW + 2_010, released_at=NOW + 20)
        stories.change(tx, story, at=NOW, withdrawn_at=NOW + 9_000, withdrawn_reason="有误")

    told = moments(*read(ledger, story), CHANNELS, PEOPLE)

    assert [(m.what, m.after_ms) for m in told] == [
        ("提交 v1", None),
        ("初审签字 v1", None),
        ("复审签字 v1", None),
        ("终审签字 v1", None),
        ("签发", 0),
        ("青禾网 放行", 10),
        ("青禾网 上线", 2_000),
        ("撤稿", 8_990),
    ]
    assert told[0].note == "记者甲"
    assert told[6].note == "回执 web-000001"


def test_attempts_that_failed_alike_are_one_line(ledger: Ledger) -> None:
    with ledger.transaction() as tx:
        story = day.put_story(tx, 1, "开镰")
        for epoch in range(1, 8):
            day.attempt(
                tx, story, "wechat", epoch, "retry_wait", at=NOW + epoch, reason="连接被重置"
            )
        day.attempt(tx, story, "wechat", 8, "unknown", at=NOW + 100, reason="没有回音")

    told = moments(*read(ledger, story), CHANNELS, PEOPLE)

    assert [(m.what, m.note) for m in told if "公众号" in m.what] == [
        ("青禾发布公众号 开始发布", "第1–7次"),
        ("青禾发布公众号 开始发布", "第8次"),
        ("青禾发布公众号 发布: 待重试", "连接被重置"),
        ("青禾发布公众号 发布: 结果不明", "没有回音"),
    ]


def test_a_voided_sign_off_is_told_with_its_cause(ledger: Ledger) -> None:
    with ledger.transaction() as tx:
        story = day.put_story(tx, 1, "开镰", state="in_review", levels=(1,))
        stories.void_signatures(tx, story, why="稿件已修改 / edited", at=NOW + 50)

    told = moments(*read(ledger, story), CHANNELS, PEOPLE)

    assert ("初审签字 v1 作废", "稿件已修改 / edited") in [(m.what, m.note) for m in told]


def test_evidence_stands_in_the_boards_order_with_its_hashes(ledger: Ledger) -> None:
    with ledger.transaction() as tx:
        story = day.put_story(tx, 1, "开镰")
        for channel in ("tv", "app_feed", "web"):
            day.deliver(tx, story, channel, "live", at=NOW)

    found = evidence(read(ledger, story)[0], CHANNELS)

    assert [one.channel for one in found] == ["青禾网", "爱青禾 App", "青禾电视台"]
    assert [name for name, _ in found[0].hashes] == ["渠道稿", "发出的文字"]
    assert found[0].received is not None
    assert found[0].requested is not None
    assert found[0].received - found[0].requested == 1_500


def test_what_a_person_settled_stands_in_the_timeline_with_the_name(ledger: Ledger) -> None:
    with ledger.transaction() as tx:
        story = day.put_story(tx, 1, "开镰")
        day.deliver(tx, story, "wechat", "live", at=NOW)
        settled = {
            "question": "published",
            "answer": "live",
            "by": "duty",
            "by_name": "值班编辑己",
            "at": "2026-11-24T09:00:00.000+00:00",
            "note": "后台可见",
            "version": 1,
        }
        publications.change(tx, story, "wechat", 1, at=NOW, settled=settled)
    detail, attempts = read(ledger, story)
    (found,) = (m for m in moments(detail, attempts, CHANNELS, PEOPLE) if "人工登记" in m.what)
    assert found.what.startswith("青禾发布公众号 人工登记: 已上线")
    assert found.note == "值班编辑己 · 后台可见"
