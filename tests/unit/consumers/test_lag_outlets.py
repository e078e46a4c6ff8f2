"""One word an outlet, and work in seconds."""

from dataclasses import replace
from typing import Any

import pytest

from consumers.lag_math import Job
from consumers.lag_outlets import (
    NewsroomSeen,
    OutletSeen,
    backlog,
    blanked,
    done_s,
    outlet,
)
from schemas.beijing import span, time_of_day
from schemas.lag import (
    NOTHING,
    WORD_ENGLISH,
    GroupLag,
    OutletLag,
    PartitionLag,
    Status,
    Word,
    WorkBacklog,
)

NOW = 1_700_000_000_000  # 06:13:20 in Beijing
QUIET = OutletSeen("web", "网站", 1, "shoufa-publish-web", limit_s=600.0)
WORK = WorkBacklog(3, 1, 120.0, 0.5, 240.0, 1.0, progressing=True)


def group(status: Status = "OK", lag: int | None = 0, **changes: Any) -> GroupLag:
    found = GroupLag("shoufa-publish-web", "Stable", 1, status, "", lag, 0.0, None, 0, 0, ())
    return replace(found, **changes)


def partition(status: Status, unmoved_s: float | None) -> PartitionLag:
    return PartitionLag(
        "t", 0, 0, 9, 1, 8, "", 90.0, "record", "", 0, 0, 0.0, 0.0, "steady", None, status, "",
        unmoved_s, NOW,
    )  # fmt: skip


def ago(*seconds: float) -> tuple[int, ...]:
    return tuple(NOW - round(s * 1000) for s in seconds)


CASES: list[tuple[str, OutletSeen, GroupLag | None, Word, str]] = [
    ("nothing waits", QUIET, group(), "正常", "没有积压"),
    ("under way", replace(QUIET, waiting=ago(20, 5)), group(lag=2, eta_s=30.0), "排队中",
     "2 篇在等, 约 30 秒发完"),
    ("waits for media", replace(QUIET, media=ago(9)), group(), "排队中", "1 篇等转码, 约 4 分钟发完"),
    ("over half of its limit", replace(QUIET, waiting=ago(301)), group(lag=1), "偏慢",
     "最早一篇已等 5 分钟, 1 篇在等"),
    ("late", replace(QUIET, waiting=ago(601, 5)), group(lag=2), "偏慢",
     "1 篇超过时限 10 分钟, 2 篇在等"),
    ("late for want of its media", replace(QUIET, media=ago(601, 601)), group(), "偏慢",
     "2 篇超过时限 10 分钟, 2 篇等转码, 约 4 分钟发完"),
    ("falling behind", replace(QUIET, waiting=ago(5)), group("WARN", 9), "偏慢",
     "等着发的越来越多, 或在重发, 1 篇在等"),
    ("went back", QUIET, group("REWIND", 9), "偏慢", "等着发的越来越多, 或在重发"),
    ("stuck", replace(QUIET, waiting=ago(700)),
     group("STALL", 8, partitions=(partition("STALL", 200.0),)), "停滞",
     "自 06:10 起没有进展, 1 篇在等, 请找运维"),
    ("its outlet is away", replace(QUIET, waiting=ago(700), resting="停歇中, 06:15:00 再试"),
     group("STALL", 8), "停滞", "对方不通, 停歇中, 06:15:00 再试, 1 篇在等, 久不恢复请找运维"),
    ("nobody reads", replace(QUIET, waiting=ago(60)), group("STOP", 1), "停滞",
     "自 06:12 起没有进展, 1 篇在等, 请找运维"),
    ("needs a person", replace(QUIET, failed=2), group(), "出错", "2 篇未送达, 要人处理"),
    ("stuck is worse than failed", replace(QUIET, failed=2), group("STOP", 1), "停滞",
     "自 06:13 起没有进展, 请找运维"),
    ("no answer", QUIET, group("UNKNOWN", None), "未知", "读不到它的队列, 请找运维"),
    ("no such group", QUIET, group("NOTFOUND", None), "未知", "读不到它的队列, 请找运维"),
    ("nothing known", QUIET, None, "未知", "读不到它的队列, 请找运维"),
    ("what failed is known all the same", replace(QUIET, failed=1), None, "出错",
     "1 篇未送达, 要人处理"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c[0])
def test_the_word_and_the_sentence(
    case: tuple[str, OutletSeen, GroupLag | None, Word, str],
) -> None:
    _, seen, its, word, sentence = case
    found = outlet(seen, its, WORK, NOW)
    assert (found.word, found.sentence) == (word, sentence)
    assert (found.waiting, found.failed, found.media) == (
        len(seen.waiting),
        seen.failed,
        len(seen.media),
    )
    assert found.word in WORD_ENGLISH


def test_an_order_of_the_future_is_no_negative_wait() -> None:
    found = outlet(replace(QUIET, waiting=ago(-30)), group(lag=1), None, NOW)
    assert (found.oldest_s, found.late, found.word) == (0.0, 0, "排队中")


def test_an_eta_needs_both_the_queue_and_the_media() -> None:
    both = replace(QUIET, waiting=ago(5), media=ago(5))
    assert outlet(both, group(lag=1, eta_s=10.0), WORK, NOW).eta_s == 240.0
    assert outlet(both, group(lag=1, eta_s=None), WORK, NOW).eta_s is None
    assert outlet(both, group(lag=1, eta_s=10.0), None, NOW).eta_s is None
    assert outlet(QUIET, group(), None, NOW).eta_s == 0.0


def jobs(**found: Job) -> NewsroomSeen:
    return NewsroomSeen(NOW, (), {(name, "mp4"): job for name, job in found.items()})


def test_a_backlog_is_in_seconds_of_work() -> None:
    seen = jobs(a=Job(True, 60.0, 50, 3.0), b=Job(False, 3600.0, 0, 90.0))
    found = backlog(seen, 2.0, 0.0)
    assert found is not None
    assert (found.waiting, found.working, found.work_s, found.eta_s) == (1, 1, 3630.0, 1815.0)
    assert (found.silent_s, found.progressing) == (3.0, True)
    unknown = backlog(seen, None, 0.0)
    assert unknown is not None
    assert unknown.eta_s is None
    assert backlog(NewsroomSeen(NOW), 1.0, 0.0) is None
    idle = backlog(jobs(), None, 0.0)
    assert idle is not None
    assert (idle.eta_s, idle.progressing) == (0.0, False)


@pytest.mark.parametrize(
    ("found", "idle_s", "progressing"),
    [
        ({"a": Job(True, 7200.0, 10, 1400.0)}, 9999.0, True),  # 5 % of two hours take six minutes
        ({"a": Job(True, 7200.0, 10, 1500.0)}, 0.0, False),
        ({"a": Job(True, 10.0, 0, 119.0), "b": Job(True, 10.0, 0, 130.0)}, 0.0, False),
        ({"a": Job(False, 10.0, 0, 500.0)}, 30.0, True),  # between two
        ({"a": Job(False, 10.0, 0, 500.0)}, 61.0, False),  # nobody takes it
    ],
)
def test_long_work_progresses_while_it_reports(
    found: dict[str, Job], idle_s: float, progressing: bool
) -> None:
    made = backlog(jobs(**found), 1.0, idle_s)
    assert made is not None
    assert made.progressing is progressing


def test_work_done_is_what_got_on_and_what_ended_well() -> None:
    before = jobs(
        a=Job(True, 100.0, 10, 0.0), b=Job(True, 50.0, 50, 0.0), c=Job(True, 80.0, 0, 0.0)
    )
    after = replace(
        jobs(a=Job(True, 100.0, 30, 0.0), new=Job(False, 500.0, 0, 0.0)),
        finished=frozenset({("b", "mp4")}),
    )
    assert done_s(before, after) == pytest.approx(20.0 + 25.0)  # c failed: nothing was done
    back = jobs(a=Job(False, 100.0, 30, 0.0))
    assert done_s(after, back) == 0.0  # given back: not minus


def test_an_old_snapshot_has_no_figures() -> None:
    fine = OutletLag(
        "web", "网站", 1, "排队中", "1 篇在等", 1, 0, 0, 0, 5.0, 600.0, None, 9.0, "OK"
    )
    known = group("OK", 8, lag_s=3.0, eta_s=9.0, partitions=(partition("OK", 1.0),))
    told = replace(NOTHING, at_ms=NOW, stale=False, groups=(known,), outlets=(fine,), work=WORK)
    old = blanked(told)
    (part,) = old.groups[0].partitions
    assert (old.stale, old.status, old.work) == (True, "UNKNOWN", None)
    assert (old.groups[0].lag, old.groups[0].lag_s, old.groups[0].eta_s) == (None, None, None)
    assert (part.lag, part.lag_s, part.rate_in, part.rate_out, part.eta_s) == (None,) * 5
    assert (part.why, part.status, part.end, part.committed) == ("stale", "UNKNOWN", 9, 1)
    assert (old.outlets[0].word, old.outlets[0].eta_s) == ("未知", None)


def test_times_as_people_say_them() -> None:
    assert time_of_day(NOW) == "06:13"
    told = [span(s) for s in (0.2, 59.0, 100.0, 7200.0, 9000.0)]
    assert told == ["1 秒", "59 秒", "2 分钟", "2 小时", "2.5 小时"]
