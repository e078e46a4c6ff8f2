"""What the figures mean: the status of a partition, a group and an outlet. Pure.

The rules are Burrow's (github.com/linkedin/Burrow, wiki "Consumer Lag Evaluation Rules"), put to
our own samples: a commit is seen when we look, not when it was made, so nothing here depends on
how often a consumer commits. ``docs/lag.md`` lists each deviation with its reason.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from consumers.lag_math import Point, add_point, recent, trend_of
from schemas.beijing import span
from schemas.lag import SEVERITY, Status, Trend, Why

MOST_POINTS = 60
MOST_GAPS = 10
REBALANCING = frozenset({"PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling"})
"""Kafka's words for a group that is being shared out anew."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits of one kind of consumer."""

    deadline_s: float = 60.0
    """One record may be in hand this long."""
    window_s: float = 100.0
    """Trend, rates and "caught up lately" look back this far."""
    reset: Literal["earliest", "unknown"] = "unknown"
    """Where it begins on a partition without a commit."""
    work: bool = False
    """Long work that reports its progress in the ledger; the collector passes the report."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found of a partition."""

    at: float
    """Seconds of the monotonic clock."""
    start: int | None
    end: int | None
    committed: int | None
    lag: int | None
    why: Why
    owned: bool | None
    """A member has it; None when members cannot be told (simple consumer, no answer)."""
    members: int | None
    topic_read: bool
    """Some partition of its topic has an owner in this group."""
    rebalancing: bool


@dataclass(slots=True)
class Track:
    """What is remembered of a partition of a group between looks."""

    commits: list[Point] = field(default_factory=list)
    lags: list[Point] = field(default_factory=list)
    since: float | None = None
    """Since when records wait and the commit has not moved, as far as we looked."""
    looks: int = 0
    """Looks in a row that found it so."""
    grown: bool = False
    """Records came in while it had an owner and no commit."""
    first_end: int | None = None
    gaps: list[float] = field(default_factory=list)
    """How long it took over its last moves while records waited."""
    high: int | None = None
    """Highest commit."""
    rewound_from: int | None = None
    counted_to: int = 0
    lost: int = 0
    remade: int = 0


def forget(track: Track) -> None:
    """The topic was made again: nothing of its former life counts."""
    lost, remade = track.lost, track.remade + 1
    fresh = Track(lost=lost, remade=remade)
    for name in Track.__slots__:
        setattr(track, name, getattr(fresh, name))


def observe(track: Track, seen: Seen) -> None:
    """Fold one look into the track. A look without figures changes nothing but what it shows."""
    if seen.end is None or seen.start is None:
        return
    before = track.commits[-1][1] if track.commits else None
    moved = False
    if seen.committed is not None and seen.why != "beyond_end":
        moved = before != seen.committed
        if before is not None and seen.committed < before and track.rewound_from is None:
            track.rewound_from = track.high
        track.high = max(track.high or 0, seen.committed)
        if track.rewound_from is not None and seen.committed >= track.rewound_from:
            track.rewound_from = None
        add_point(track.commits, seen.at, seen.committed, MOST_POINTS)
    if seen.lag is not None:
        add_point(track.lags, seen.at, seen.lag, MOST_POINTS)
    if track.first_end is None:
        track.first_end = seen.end
    track.grown = track.grown or (seen.owned is True and seen.end > track.first_end)
    waits = seen.lag > 0 if seen.lag is not None else seen.end > seen.start
    if moved and track.since is not None:
        track.gaps = [*track.gaps, seen.at - track.since][-MOST_GAPS:]
    if not waits or moved:
        track.since, track.looks = (seen.at, 1) if waits else (None, 0)
        return
    if track.since is None:
        track.since = seen.at
    track.looks += 1


def unmoved_s(track: Track, now: float) -> float | None:
    """How long records wait and the commit does not move."""
    return None if track.since is None else max(0.0, now - track.since)


def patience_s(track: Track, rules: Rules) -> float:
    """How long it may take over one move: its deadline, or twice the longest of its last moves,
    at most ten deadlines."""
    usual = 2 * max(track.gaps, default=0.0)
    return max(rules.deadline_s, min(usual, 10 * rules.deadline_s))


def trend(track: Track, rules: Rules, now: float) -> tuple[Trend, float | None]:
    return trend_of(recent(track.lags, now - rules.window_s))


@dataclass(frozen=True, slots=True)
class Verdict:
    status: Status
    reason: str
    """Without the number of records: a group shows its worst partition's sentence beside the sum
    of all, and two different numbers would contradict each other."""


NO_FIGURE: dict[Why, Verdict] = {
    "no_end": Verdict("UNKNOWN", "读不到队尾 / the end of the log could not be had"),
    "no_start": Verdict("UNKNOWN", "读不到队头 / the start of the log could not be had"),
    "group_error": Verdict("UNKNOWN", "消费组没有答复 / the group's offsets could not be had"),
    "no_topic": Verdict("NOTFOUND", "主题已不存在 / the topic is gone"),
    "stale": Verdict("UNKNOWN", "数字过时 / the figures are old"),
}
_BEYOND = Verdict(
    "WARN",
    "已提交位置在队尾之后, 主题被重建或截断 / the commit lies past the end: "
    "the topic was made again or cut",
)


def judge(
    seen: Seen, track: Track, rules: Rules, *, progressing: bool = False, age_s: float | None = None
) -> Verdict:
    """Status of one partition. ``progressing``: what it has in hand has reported progress within
    its own limit; ``age_s``: age of the first record that waits, where it is known."""
    if seen.why in NO_FIGURE:
        return NO_FIGURE[seen.why]
    if seen.why == "beyond_end":
        return _BEYOND
    still = unmoved_s(track, seen.at)
    if still is None:
        return _nothing_waits(seen)
    if seen.why == "uncommitted":
        return _uncommitted(seen, track, rules, still, progressing)
    return (
        _nobody_reads(seen, track, still)
        or _stands(seen, track, rules, still, progressing)
        or _moves(seen, track, rules, None if progressing else age_s)
    )


def _nothing_waits(seen: Seen) -> Verdict:
    if seen.members == 0:
        return Verdict("EMPTY", "没有成员, 也没有积压 / no members, and nothing waits")
    if seen.why == "uncommitted":
        return Verdict("OK", "还没有记录, 尚未提交 / nothing written and nothing committed yet")
    return Verdict("OK", "已跟上 / caught up")


def _uncommitted(
    seen: Seen, track: Track, rules: Rules, still: float, progressing: bool
) -> Verdict:
    """No commit, and records are there. Whether they wait depends on where it would begin."""
    if seen.members == 0:
        return Verdict("EMPTY", "没有成员, 从未提交 / no members, never committed")
    if progressing or still <= patience_s(track, rules):
        return Verdict("OK", "尚未提交 / not committed yet")
    if track.grown or rules.reset == "earliest":
        text = f"{span(still)}没有任何提交, 记录在等 / records wait, no commit for {still:.0f} s"
        return Verdict("STALL", text)
    return Verdict(
        "WARN", "有记录但从未提交, 或许只读新的 / never committed; it may begin at the end"
    )


def _nobody_reads(seen: Seen, track: Track, still: float) -> Verdict | None:
    """Members can be told, and none of them has this partition."""
    if seen.owned is not False or seen.rebalancing:
        return None
    if seen.members and not seen.topic_read:
        return Verdict("WARN", "组内已无人订阅该主题 / no member reads this topic any more")
    if track.looks >= 2:
        whom = "没有成员" if seen.members == 0 else "没有成员分到该分区"
        return Verdict(
            "STOP",
            f"{whom}, 积压已 {span(still)} / nobody has it, records wait for {still:.0f} s",
        )
    return Verdict("EMPTY", "成员刚离开, 还有积压 / members just left, records wait")


def _stands(
    seen: Seen, track: Track, rules: Rules, still: float, progressing: bool
) -> Verdict | None:
    """Somebody has it (or we cannot tell), and the commit does not move."""
    if still > patience_s(track, rules):
        if progressing:
            return Verdict("OK", "长任务有进展 / long work that reports progress")
        if seen.owned is None and seen.members == 0:
            text = f"{span(still)}没有提交 / no commit for {still:.0f} s, no members"
            return Verdict("STOP", text)
        why = " (重新分配不止 / rebalancing on and on)" if seen.rebalancing else ""
        text = f"{span(still)}没有进展 / no move for {still:.0f} s"
        return Verdict("STALL", text + why)
    if seen.rebalancing:
        return Verdict("REBALANCING", "正在重新分配 / being shared out anew")
    return None


def _moves(seen: Seen, track: Track, rules: Rules, age_s: float | None) -> Verdict:
    """It moves, or not long enough is known: rewound, falling behind, or fine."""
    if track.rewound_from is not None:
        return Verdict(
            "REWIND",
            f"退回过, 未到原处 {track.rewound_from} / went back, not at "
            f"{track.rewound_from} again; duplicates possible",
        )
    points = recent(track.lags, seen.at - rules.window_s)
    way, net = trend_of(points)
    caught_up = any(value == 0 for _, value in points)
    if way == "growing" and not caught_up and net is not None:
        return Verdict("WARN", f"积压在涨, 每分钟 {net * 60:.1f} 条 / grows by {net * 60:.1f}/min")
    watched = seen.at - track.lags[0][0] if track.lags else 0.0
    too_short = watched < rules.deadline_s and track.looks >= 2
    if too_short and age_s is not None and age_s > rules.deadline_s:
        return Verdict(
            "WARN",
            f"最早一条已等 {span(age_s)}, 观察时间尚短 / the first record waits for "
            f"{age_s:.0f} s; watched too short a time to tell more",
        )
    return Verdict("OK", "在处理 / under way")


def worst(statuses: Iterable[Status], default: Status) -> Status:
    """The most severe; ``default`` of none."""
    return max(statuses, key=SEVERITY.__getitem__, default=default)


def group_verdict(
    state: str, members: int | None, error: str, partitions: list[Verdict]
) -> Verdict:
    """Worst partition decides, of equals the first; a group without partitions has none of its own
    to judge."""
    if error:
        return Verdict("UNKNOWN", error)
    if not partitions:
        if state in {"", "Dead"} or members == 0:
            return Verdict("NOTFOUND", "没有这个消费组, 或没有提交 / no such group, or no commits")
        return Verdict("OK", "尚无分区 / no partitions yet")
    found = max(partitions, key=lambda v: SEVERITY[v.status])
    if state in REBALANCING and SEVERITY[found.status] < SEVERITY["REBALANCING"]:
        return Verdict("REBALANCING", "正在重新分配 / being shared out anew")
    return found
