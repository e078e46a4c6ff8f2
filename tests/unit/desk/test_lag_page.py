"""The lag page, as a duty editor and an operator read it."""

import html
import re
from dataclasses import replace
from typing import Any

import pytest

from desk import lag_page, pages
from desk.app import install_board
from schemas.lag import NOTHING, GroupLag, LagSnapshot, Late, OutletLag, PartitionLag, WorkBacklog

NASTY = "<script>alert(1)</script>"


def outlet(channel: str, word: Any, **more: Any) -> OutletLag:
    fields: dict[str, Any] = {
        "channel": channel, "name": channel, "wave": 1, "word": word, "sentence": f"{channel}的一句话",
        "waiting": 0, "media": 0, "late": 0, "failed": 0, "oldest_s": None, "limit_s": 60.0,
        "since_ms": None, "eta_s": None, "status": "OK",
    }  # fmt: skip
    return OutletLag(**{**fields, **more})


def partition(number: int, **more: Any) -> PartitionLag:
    fields: dict[str, Any] = {
        "topic": "story-events", "partition": number, "start": 0, "end": 9, "committed": 9,
        "lag": 0, "why": "", "lag_s": 0.0, "lag_s_from": "caught_up", "lag_s_why": "", "lost": 0,
        "remade": 0, "rate_in": None, "rate_out": None, "trend": "steady", "eta_s": None,
        "status": "OK", "reason": "", "unmoved_s": None, "seen_ms": 1,
    }  # fmt: skip
    return PartitionLag(**{**fields, **more})


def snapshot(*outlets: OutletLag, **more: Any) -> LagSnapshot:
    return replace(NOTHING, at_ms=1_795_500_000_000, stale=False, outlets=outlets, **more)


def shown(told: LagSnapshot, late: tuple[Late, ...] = ()) -> str:
    page = pages.render("lag_part.html", **lag_page.context(told, late, "青禾"))
    return html.unescape(re.sub(r"<[^>]+>", " ", page))


def test_the_first_sentence_says_how_things_are() -> None:
    fine = snapshot(outlet("网站", "正常"), outlet("微信", "排队中", waiting=3))
    assert "各渠道都正常, 3 篇在等" in shown(fine)
    media = snapshot(outlet("网站", "正常"), outlet("报纸", "排队中", media=6))
    assert "各渠道都正常, 6 篇等转码" in shown(media)
    assert "微信 要人处理" in shown(snapshot(outlet("网站", "偏慢"), outlet("微信", "停滞")))
    assert "网站 偏慢" in shown(snapshot(outlet("网站", "偏慢")))
    assert "抖音 情况不明" in shown(snapshot(outlet("抖音", "未知"), outlet("网站", "正常")))


def test_no_figures_are_never_good_news() -> None:
    for blind in (NOTHING, replace(snapshot(outlet("网站", "未知")), stale=True)):
        assert "现在看不到积压情况" in shown(blind)
        assert "都正常" not in shown(blind)


def test_the_worst_outlet_stands_first() -> None:
    text = shown(snapshot(outlet("网站", "正常"), outlet("电视", "出错", wave=2)))
    assert text.index("电视的一句话") < text.index("网站的一句话")


def test_late_stories_stand_under_their_outlet_with_who_acts() -> None:
    late = Late(
        7,
        "id",
        f"大坝{NASTY}",
        "news",
        "网站",
        "网站",
        "refused",
        "标题太长 / too long",
        125.0,
        "值班编辑",
    )
    told = snapshot(outlet("网站", "出错"), outlet("微信", "正常"))
    text = shown(told, (late,))
    assert "《大坝<script>alert(1)</script>》" in text
    assert "已超时 2 分钟" in text
    assert "标题太长" in text
    assert "too long" not in text
    assert "值班编辑" in text
    raw = pages.render("lag_part.html", **lag_page.context(told, (late,), "青禾"))
    assert NASTY not in raw
    assert 'href="/board/stories/7"' in raw


def test_an_operator_reads_unknown_where_there_is_no_figure() -> None:
    group = GroupLag(
        "shoufa-core", "Stable", 2, "WARN", "积压在涨 / growing", None, None, None, 1, 0,
        (partition(0), partition(3, lag=None, why="uncommitted", lag_s=None, status="WARN")),
    )  # fmt: skip
    text = shown(snapshot(outlet("网站", "正常"), groups=(group,)))
    assert "story-events/3: uncommitted · 未知" in text
    assert "story-events/0" not in text
    assert "积压在涨" in text


def test_a_transcode_that_says_nothing_is_told() -> None:
    work = WorkBacklog(2, 1, 3700.0, 1.0, 3700.0, 900.0, progressing=False)
    text = shown(snapshot(outlet("网站", "正常"), work=work))
    assert "1 个在做, 2 个在等" in text
    assert "15 分钟没有进展" in text
    assert "没有进展" not in shown(snapshot(work=replace(work, progressing=True)))


@pytest.mark.parametrize("part", ["", "?part"])
def test_the_page_is_served_with_the_boards_policy(part: str, tmp_path: Any) -> None:
    import httpx
    from fastapi import FastAPI

    from tests.loopback import served
    from tests.unit.desk import newsroom_day as day

    app = FastAPI()
    told = snapshot(outlet("网站", "正常"))
    ledger = day.fresh_ledger(tmp_path)
    install_board(app, ledger, day.SPECS, day.NEWSROOM, lag=lambda: told)
    with served(app) as address:
        answer = httpx.get(f"{address}/lag{part}", cookies=day.sign_in(ledger))
        app.state.board.close()
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert ("<html" in answer.text) == (part == "")
    assert "各渠道都正常" in answer.text


def test_what_could_not_be_read_is_told_once_and_in_chinese() -> None:
    errors = (
        "有一部分没读到 / a-0: NotLeader",
        "有一部分没读到 / a-1: NotLeader",
        "读不到账本 / ledger: x",
    )
    text = shown(snapshot(outlet("网站", "正常"), errors=errors))
    assert text.count("有一部分没读到") == 1
    assert "读不到账本" in text
    assert "NotLeader" not in text
