"""What the chat group is told: once, in a plain sentence, grouped, with an end."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.telling import Telling
from consumers import robot
from consumers.alarm_rules import CLEAR_S, conditions, follow, message
from consumers.alarms import GROUP_S, PAUSE_S, Alarms
from consumers.story_figures import Figures
from deploy.simulators.wecom_robot import MOST_BYTES, create_app
from schemas.alarm import Alarm
from schemas.errors import InvalidInput, TransientError, Unavailable
from schemas.lag import NOTHING, GroupLag, LagSnapshot, Late, OutletLag
from schemas.newsroom import Robot
from stores.ledger import alarms as kept
from stores.ledger.transaction import Ledger
from tests.centre import CentreInMemory, Outlet
from tests.loopback import served

FINE = replace(NOTHING, stale=False, at_ms=1)
LATE = Late(7, "id", "水库大坝加固完工", "news", "web", "网站", "refused", "", 5.0, "值班编辑")


def group(name: str, **more: Any) -> GroupLag:
    fields: dict[str, Any] = {
        "group": name, "state": "Stable", "members": 1, "status": "OK", "reason": "", "lag": 0,
        "lag_s": 0.0, "eta_s": None, "uncommitted": 0, "lost": 0, "partitions": (),
    }  # fmt: skip
    return GroupLag(**{**fields, **more})


def told(figures: Figures = Figures(), lag: LagSnapshot = FINE, breaches: int = 0) -> list[str]:  # noqa: B008
    return [c.sentence for c in conditions(figures, lag, breaches=breaches)]


def test_nothing_wrong_is_nothing_told() -> None:
    assert told(lag=replace(FINE, groups=(group("shoufa-core"),))) == []


def test_a_late_story_is_told_by_title_outlet_and_who_acts() -> None:
    (sentence,) = told(Figures(late=(LATE, replace(LATE, headline="另一篇"))))
    for part in ("网站", "2 篇", "《水库大坝加固完工》", "《另一篇》", "值班编辑"):
        assert part in sentence


def test_many_late_stories_are_one_sentence() -> None:
    (sentence,) = told(Figures(late=tuple(replace(LATE, number=n) for n in range(90))))
    assert "90 篇" in sentence
    assert sentence.count("《") == 3


@pytest.mark.parametrize(
    ("lag", "part"),
    [
        (NOTHING, "没有数据不等于正常"),
        (replace(FINE, groups=(group("shoufa-publish-web", members=0, lag=3),)), "没有进程"),
        (
            replace(FINE, groups=(group("shoufa-core", status="STALL", reason="不动了 / x"),)),
            "停滞",
        ),
    ],
)
def test_what_stands_still_is_told(lag: LagSnapshot, part: str) -> None:
    (sentence,) = told(lag=lag)
    assert part in sentence
    assert " / " not in sentence


def test_a_stuck_group_says_how_much_waits() -> None:
    stuck = group("shoufa-transcode", status="STALL", reason="90 秒没有进展 / no move", lag=7)
    (sentence,) = told(lag=replace(FINE, groups=(stuck,)))
    assert sentence == "转码停滞不前: 90 秒没有进展, 积压 7 条, 请运维查看"


def test_a_stuck_outlet_is_told_in_the_words_of_the_page() -> None:
    stuck = group("shoufa-publish-wx", status="STALL", reason="90 秒没有进展 / no move", lag=7)
    away = OutletLag(
        "wx", "微信", 1, "停滞", "对方不通, 停歇中, 06:15:00 再试, 3 篇在等", 3, 0, 0, 0, 9.0, 60.0,
        1, None, "STALL",
    )  # fmt: skip
    (sentence,) = told(lag=replace(FINE, groups=(stuck,), outlets=(away,)))
    assert sentence == "微信停滞不前: 对方不通, 停歇中, 06:15:00 再试, 3 篇在等"


def test_an_end_says_what_is_over_and_asks_for_nothing() -> None:
    alarms = [
        Alarm("late:web", "late", "editor", "网站有 1 篇稿件超时未送达: 《甲, 乙》 (编辑)", 0, 0),
        Alarm("nobody:x", "nobody", "page", "转码没有进程在处理, 已积压 3 条, 请运维查看", 0, 0),
        Alarm("lost:x", "lost", "page", "转码有 2 条消息没有处理就被 Kafka 清除, 请运维", 0, 0),
    ]
    ended = [replace(alarm, ended_at=300_000) for alarm in alarms]
    assert message([], ended, "青禾").split("\n") == [
        "【青禾】",
        "○ 已恢复 (历时 5 分): 网站有 1 篇稿件超时未送达",
        "○ 已恢复 (历时 5 分): 转码没有进程在处理",
        "○ 没有再发生: 转码有 2 条消息没有处理就被 Kafka 清除",
    ]


def test_no_processes_explain_why_a_group_stands_still() -> None:
    both = group("shoufa-core", members=0, lag=3, status="STOP")
    assert len(told(lag=replace(FINE, groups=(both,)))) == 1


def test_a_flicker_is_one_alarm_and_a_moment_is_none() -> None:
    (late,) = conditions(Figures(late=(LATE,)), FINE, breaches=0)
    book, begun, _ = follow({}, [late], 0)
    assert begun == []
    book, begun, _ = follow(book, [late], 31_000)
    assert [a.key for a in begun] == ["late:web"]
    book = {k: replace(a, told_at=31_000) for k, a in book.items()}
    book, begun, ended = follow(book, [], 40_000)
    assert (begun, ended) == ([], [])
    book, begun, ended = follow(book, [late], 50_000)
    assert (begun, ended) == ([], [])
    book, begun, ended = follow(book, [], 50_000 + int(CLEAR_S * 1000))
    assert [a.ended_at for a in ended] == [50_000]
    assert book == {}


def test_what_was_never_told_ends_in_silence() -> None:
    (late,) = conditions(Figures(late=(LATE,)), FINE, breaches=0)
    book, _, _ = follow({}, [late], 0)
    assert follow(book, [], 100_000)[2] == []


def test_the_longest_message_fits_the_robot() -> None:
    alarm = Alarm("k", "late", "page", "很长的一句话, " * 12, 0, 0)
    text = message([alarm] * 40, [alarm] * 40, "青禾县融媒体中心")
    assert len(text.encode()) <= MOST_BYTES
    assert "另有" in text


class Group:
    """The chat group, and a clock."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.away = False
        self.clock = 1000.0

    def say(self, text: str) -> None:
        if self.away:
            raise TransientError("away")
        self.shown.append(text)


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[CentreInMemory]:
    made = CentreInMemory(tmp_path, [Outlet("web", 1)])
    yield made
    made.close()


def _pass(centre: CentreInMemory, chat: Group, seconds: float) -> None:
    centre.pass_time(seconds)
    chat.clock += seconds


def test_told_once_and_its_end_once_across_restarts(centre: CentreInMemory) -> None:
    chat = Group()

    def turn(figures: Figures, *, times: int = 8) -> None:
        for _ in range(times):
            _pass(centre, chat, 10)
            alarms.turn(figures, FINE)

    alarms = Alarms(centre.ledger, "青禾", chat.say, clock=lambda: chat.clock)
    turn(Figures(late=(LATE,)))
    assert len(chat.shown) == 1
    assert "网站有 1 篇稿件超时" in chat.shown[0]
    alarms = Alarms(centre.ledger, "青禾", chat.say, clock=lambda: chat.clock)
    turn(Figures(late=(LATE,)))
    assert len(chat.shown) == 1
    turn(Figures(), times=20)
    assert len(chat.shown) == 2
    assert "已恢复" in chat.shown[1]
    turn(Figures(), times=20)
    assert len(chat.shown) == 2


def test_a_group_that_cannot_be_reached_is_told_later(centre: CentreInMemory) -> None:
    chat = Group()
    chat.away = True
    alarms = Alarms(centre.ledger, "青禾", chat.say, clock=lambda: chat.clock)
    for _ in range(20):
        _pass(centre, chat, 10)
        alarms.turn(Figures(late=(LATE,)), FINE)
    chat.away = False
    for _ in range(20):
        _pass(centre, chat, 10)
        alarms.turn(Figures(late=(LATE,)), FINE)
    assert len(chat.shown) == 1


def test_what_begins_together_is_one_message(centre: CentreInMemory) -> None:
    chat = Group()
    alarms = Alarms(centre.ledger, "青禾", chat.say, clock=lambda: chat.clock)
    others = [replace(LATE, channel=f"c{n}", outlet=f"渠道{n}") for n in range(5)]
    for _ in range(int((30 + GROUP_S + PAUSE_S) / 10)):
        _pass(centre, chat, 10)
        alarms.turn(Figures(late=tuple(others)), FINE)
    assert len(chat.shown) == 1
    assert chat.shown[0].count("超时未送达") == 5


def test_lost_records_are_told_once_and_are_not_news_for_ever(centre: CentreInMemory) -> None:
    chat = Group()
    alarms = Alarms(centre.ledger, "青禾", chat.say, clock=lambda: chat.clock)

    def turn(lost: int, *, times: int) -> None:
        for _ in range(times):
            _pass(centre, chat, 10)
            alarms.turn(Figures(), replace(FINE, groups=(group("shoufa-core", lost=lost),)))

    turn(2, times=3)
    assert chat.shown == []  # of before this process
    turn(5, times=80)
    assert ["3 条消息没有处理" in text for text in chat.shown] == [True, True]
    assert "没有再发生" in chat.shown[1]


class Away:
    """A ledger that answers when it is told to."""

    def __init__(self, ledger: Ledger) -> None:
        self.real = ledger
        self.reads = self.writes = True
        self.now_ms = ledger.now_ms
        self.shared = ledger.shared

    def snapshot(self) -> Any:
        if not self.reads:
            raise Unavailable("ledger", "gone")
        return self.real.snapshot()

    def transaction(self) -> Any:
        if not self.writes:
            raise Unavailable("ledger", "disk full")
        return self.real.transaction()


def test_a_ledger_that_is_away_is_told_and_so_is_its_return(centre: CentreInMemory) -> None:
    chat, ledger = Group(), Away(centre.ledger)
    alarms = Alarms(ledger, "青禾", chat.say, clock=lambda: chat.clock)  # type: ignore[arg-type]

    def turn(times: int) -> None:
        for _ in range(times):
            _pass(centre, chat, 10)
            alarms.turn(Figures(), FINE)

    turn(2)
    ledger.reads = False
    turn(5)
    assert chat.shown == []  # not yet a minute
    turn(30)
    assert [text.count("账本 (数据库) 读不了") for text in chat.shown] == [1]
    ledger.reads = True
    turn(30)
    assert len(chat.shown) == 2
    assert "已恢复" in chat.shown[1]
    assert "请运维" not in chat.shown[1]


def test_a_book_that_cannot_be_written_repeats_no_message(centre: CentreInMemory) -> None:
    chat, ledger = Group(), Away(centre.ledger)
    alarms = Alarms(ledger, "青禾", chat.say, clock=lambda: chat.clock)  # type: ignore[arg-type]

    def turn(figures: Figures, times: int) -> None:
        for _ in range(times):
            _pass(centre, chat, 10)
            alarms.turn(figures, FINE)

    ledger.writes = False
    turn(Figures(late=(LATE,)), 40)
    texts = "".join(chat.shown)
    assert (texts.count("网站有 1 篇"), texts.count("账本 (数据库)")) == (1, 1)
    ledger.writes = True
    turn(Figures(late=(LATE,)), 20)
    with centre.ledger.snapshot() as view:
        assert kept.book(view)["late:web"].told_at is not None
    turn(Figures(), 20)
    texts = "".join(chat.shown)
    assert (texts.count("● "), texts.count("○ ")) == (2, 2)


def test_of_several_hosts_one_tells_and_the_last_one_watches_the_ledger(
    centre: CentreInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lease:
        """Handed on by the test."""

        owner: Any = None

        def __init__(self, ledger: Any, _settings: Any, _name: str) -> None:
            self.ledger = ledger

        def mine(self) -> Any:
            return self.ledger if Lease.owner is self else None

    monkeypatch.setattr("cli.telling.OneHost", Lease)
    chat = Group()
    hosts = []
    for _ in range(2):
        made = Telling(Away(centre.ledger), centre.settings, centre.newsroom)  # type: ignore[arg-type]
        made.alarms = Alarms(made._turn.ledger, "青禾", chat.say, clock=lambda: chat.clock)
        hosts.append(made)

    def turn(figures: Figures, times: int) -> None:
        for _ in range(times):
            _pass(centre, chat, 10)
            for host in hosts:
                host.turn(figures, FINE, probe_silent_s=0.0)

    Lease.owner = hosts[0]._turn
    turn(Figures(late=(LATE,)), 15)
    Lease.owner = hosts[1]._turn  # it goes on from the same book
    turn(Figures(late=(LATE,)), 15)
    assert len(chat.shown) == 1
    Lease.owner = None  # the ledger is away, and nobody can own anything
    for host in hosts:
        host._turn.ledger.reads = False  # type: ignore[attr-defined]
    turn(Figures(), 20)
    assert [text.count("账本 (数据库)") for text in chat.shown] == [0, 1]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with served(create_app(tmp_path / "state", key="a-key")) as base:
        yield base


def _robot(tmp_path: Path, address: str) -> Robot:
    key = tmp_path / "robot.key"
    key.write_text("a-key\n")
    return Robot(kind="wecom", api_base=address, key_file=str(key))


def test_the_robot_shows_what_was_said(tmp_path: Path, address: str) -> None:
    robot.say(_robot(tmp_path, address), "网站有 1 篇稿件超时 <b>")
    assert httpx.get(f"{address}/_sim/items").json()["items"][0]["content"].endswith("<b>")
    assert "&lt;b&gt;" in httpx.get(f"{address}/group").text


def test_the_robots_limits_are_told_apart(tmp_path: Path, address: str) -> None:
    mine = _robot(tmp_path, address)
    for number in range(20):
        robot.say(mine, f"第{number}条")
    with pytest.raises(TransientError, match="45009"):
        robot.say(mine, "第二十一条")
    with pytest.raises(TransientError, match="44004"):
        robot.say(mine, "长" * 700)
    (tmp_path / "robot.key").write_text("another")
    with pytest.raises(TransientError, match="93000"):
        robot.say(mine, "谁")


def test_a_robot_that_is_away_or_speaks_rubbish_is_told_later(tmp_path: Path, address: str) -> None:
    mine = _robot(tmp_path, address)
    httpx.post(f"{address}/_sim/control", json={"drop_answer_next": {"path": "/send", "times": 1}})
    with pytest.raises(TransientError, match="did not answer"):
        robot.say(mine, "x")
    with pytest.raises(TransientError, match="404"):
        robot.say(mine.model_copy(update={"kind": "dingtalk"}), "x")


def test_a_missing_key_names_the_field(tmp_path: Path, address: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        robot.say(
            _robot(tmp_path, address).model_copy(update={"key_file": str(tmp_path / "no")}), "x"
        )
    assert refused.value.faults[0].field == "robot.key_file"


def test_a_dingtalk_signature_is_the_platforms_own() -> None:
    signed = robot._signed("SEC000", 1_700_000_000.0)
    # openssl dgst -sha256 -hmac SEC000 over "1700000000000\nSEC000", base64
    assert signed["timestamp"] == "1700000000000"
    assert signed["sign"] == "ltBBey5eZrWKh1cPzFIdz3v3xpkc4Tjx4lLsPSHqdtA="
