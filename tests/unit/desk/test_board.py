"""What a duty editor reads off a row."""

import re
from pathlib import Path

import pytest

from desk.board import SHORT_REASON, BoardRow, Cell, row_of, waves_of
from desk.pages import environment
from desk.words import EMBARGO, STATES, word_of
from schemas.newsroom import DefaultPlan
from stores.ledger import board_view, publications
from stores.ledger.transaction import Ledger
from streams.story_state import REPLACEABLE
from tests.unit.desk import newsroom_day as day

NOW = day.NOW_MS


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return day.fresh_ledger(tmp_path)


def rows(ledger: Ledger) -> dict[int, BoardRow]:
    waves = waves_of(day.SPECS, (), day.NEWSROOM.plan)
    names = {p.id: p.name for p in day.NEWSROOM.people}
    with ledger.snapshot() as tx:
        found = board_view.on_board(tx, board_view.newest(tx, limit=50).values())
    return {story.number: row_of(story, waves, names) for story in found}


def cells(row: BoardRow) -> dict[str, Cell]:
    return {cell.column.id: cell for cell in row.cells}


def test_columns_stand_in_wave_order_and_in_the_files_order_within_a_wave() -> None:
    waves = waves_of(day.SPECS, (), DefaultPlan(fallback_after_s={"2": 900, "3": 1800}))

    assert [(w.title, w.hint, [c.name for c in w.columns]) for w in waves] == [
        ("第一波 首发", "", ["青禾网", "爱青禾 App", "青禾发布公众号", "抖音"]),
        ("第二波 跟进", "最迟 15 分钟", ["青禾电视台"]),
        ("第三波 跟进", "最迟 30 分钟", ["青禾日报"]),
    ]


def test_a_channel_that_left_the_file_or_is_off_keeps_its_column_while_a_story_uses_it() -> None:
    off = day.spec("weibo", "微博", 1, active=False)

    unused = waves_of([*day.SPECS, off], (), DefaultPlan())
    used = waves_of([*day.SPECS, off], ("weibo", "gone"), DefaultPlan())

    assert "weibo" not in {c.id for w in unused for c in w.columns}
    assert [c.id for c in used[0].columns][-1] == "weibo"
    assert [(c.id, c.active) for c in used[-1].columns] == [("gone", False)]


@pytest.mark.parametrize(
    ("columns", "sent", "word", "waits"),
    [
        ({"state": "in_review", "levels": (1,)}, "planned", "审核中", "等复审、终审"),
        ({"state": "returned", "levels": ()}, "planned", "已退回", ""),
        ({"released_at": None}, "held", "定时待发", ""),
        ({}, "intent", "已签发", "发布中"),
        ({}, "live", "已发布", ""),
        ({"urgent": True, "levels": (3,)}, "live", "已发布", "先发后补, 待补初审、复审"),
        ({}, "refused", "已签发", "没有一个渠道上线"),
        ({"held_reason": "等口径"}, "held", "暂缓", "等口径"),
        (
            {"withdrawn_at": NOW, "withdrawn_reason": "有误 / wrong"},
            "recalling",
            "撤稿中",
            "有误",
        ),
        ({"withdrawn_at": NOW, "withdrawn_reason": "有误"}, "recalled", "已撤稿", "有误"),
    ],
)
def test_the_step_of_a_story(
    ledger: Ledger, columns: dict[str, object], sent: str, word: str, waits: str
) -> None:
    with ledger.transaction() as tx:
        story = day.put_story(tx, 1, "霜降开镰", **columns)  # type: ignore[arg-type]
        day.deliver(tx, story, "web", sent)

    step = rows(ledger)[1].step

    assert (step.word, step.waits) == (word, waits)


def test_an_older_version_that_is_live_is_named_while_the_newer_one_is_in_review(
    ledger: Ledger,
) -> None:
    with ledger.transaction() as tx:
        story = day.put_story(
            tx, 1, "更正", version=2, state="in_review", levels=(1,), approved_version=1
        )
        day.deliver(tx, story, "web", "live")

    row = rows(ledger)[1]

    assert (row.step.word, row.step.waits) == ("审核中", "等复审、终审 · v1 已签发")
    assert cells(row)["web"].note == "v1"


def test_the_newest_release_of_a_channel_is_the_cell(ledger: Ledger) -> None:
    with ledger.transaction() as tx:
        story = day.put_story(tx, 1, "更正后重发")
        day.deliver(tx, story, "tv", "live", release=2, at=NOW + 5)
        day.deliver(tx, story, "tv", "superseded", release=1)

    cell = cells(rows(ledger)[1])["tv"]

    assert (cell.state, cell.since) == ("live", NOW + 5)


def test_a_cell_tells_state_age_reason_and_where_the_item_is(ledger: Ledger) -> None:
    with ledger.transaction() as tx:
        story = day.put_story(tx, 1, "开镰", kind="video")
        day.deliver(tx, story, "web", "live", at=NOW)
        publications.change(tx, story, "web", 1, at=NOW + 9_000, tries=1)
        day.deliver(tx, story, "douyin", "gated", gate="等第1波 / waits for wave 1", wave=2)

    row = rows(ledger)[1]
    web, douyin, paper = (cells(row)[c] for c in ("web", "douyin", "newspaper"))

    assert (web.since, web.url) == (NOW, "http://127.0.0.1:9281/web/000001")
    assert (douyin.reason, douyin.short) == ("等第1波 / waits for wave 1", "等第1波")
    assert douyin.note == "第2波"
    assert (paper.state, paper.word) == ("none", None)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil.example/"])
def test_an_address_that_is_no_web_address_is_not_offered(ledger: Ledger, url: str) -> None:
    with ledger.transaction() as tx:
        story = day.put_story(tx, 1, "开镰")
        day.deliver(tx, story, "web", "live", receipt=day.receipt("web", story, url))

    assert cells(rows(ledger)[1])["web"].url == ""


def test_an_embargo_is_not_called_a_hold(ledger: Ledger) -> None:
    with ledger.transaction() as tx:
        timed = day.put_story(tx, 1, "定时", released_at=None)
        day.deliver(tx, timed, "web", "held", reason="定时 18:00:00 发布 / embargo")
        held = day.put_story(tx, 2, "暂缓", held_reason="等口径")
        day.deliver(tx, held, "web", "held", reason="暂缓: 等口径")

    found = rows(ledger)

    assert cells(found[1])["web"].word == EMBARGO
    assert cells(found[1])["web"].reason.startswith("定时 18:00:00")
    assert cells(found[2])["web"].word == STATES["held"]
    assert cells(found[2])["web"].reason == ""  # said once, beside the headline


@pytest.mark.parametrize(
    ("state", "late"),
    [("ready", True), ("unknown", True), ("accepted", True), ("live", False), ("gated", False)],
)
def test_what_is_on_its_way_becomes_late_and_what_waits_by_design_does_not(
    ledger: Ledger, state: str, late: bool
) -> None:
    with ledger.transaction() as tx:
        story = day.put_story(tx, 1, "开镰")
        day.deliver(tx, story, "web", state, at=NOW)

    late_at = cells(rows(ledger)[1])["web"].late_at

    assert (late_at is not None) == late
    if late_at is not None:
        assert NOW + 50_000 < late_at <= NOW + 600_000


@pytest.mark.parametrize(
    ("state", "wanted"),
    [("needs_person", True), ("awaiting_person", True), ("refused", True), ("unknown", False)],
)
def test_rows_on_which_somebody_must_act(ledger: Ledger, state: str, wanted: bool) -> None:
    with ledger.transaction() as tx:
        story = day.put_story(tx, 1, "开镰")
        day.deliver(tx, story, "web", state)

    assert rows(ledger)[1].for_person == wanted


def test_every_state_that_the_system_writes_has_its_word() -> None:
    assert REPLACEABLE | set(publications.OPEN) | set(publications.CREATING) <= set(STATES)
    assert word_of("new_state").chinese == "new_state"


def test_every_icon_is_drawn_and_no_two_states_look_and_read_the_same() -> None:
    drawn = set(re.findall(r'id="i-(\w+)"', environment().get_template("icons.html").render()))

    assert {word.icon for word in STATES.values()} <= drawn
    assert len({word.chinese for word in STATES.values()}) == len(STATES)
    assert max(len(word.chinese) for word in STATES.values()) <= 5


def test_a_long_reason_is_cut_and_kept_whole_behind_it(ledger: Ledger) -> None:
    reason = "标题太长" * 20 + " / the headline is too long"
    with ledger.transaction() as tx:
        story = day.put_story(tx, 1, "开镰")
        day.deliver(tx, story, "web", "refused", reason=reason)

    cell = cells(rows(ledger)[1])["web"]

    assert len(cell.short) == SHORT_REASON
    assert cell.short.endswith("…")
    assert cell.reason == reason
