"""What the lag monitor knows at one moment: the snapshot that page, metrics, API and terminal share.

积压 (lag). A figure is right or it is None with the reason beside it: there is no -1, no NaN, no
infinity, and no figure that was right a while ago. Everything here is frozen and safe to hand to
any thread; times are UTC milliseconds (``…_ms``) or seconds (``…_s``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Status = Literal[
    "OK", "EMPTY", "REBALANCING", "WARN", "UNKNOWN", "NOTFOUND", "REWIND", "STALL", "STOP"
]
"""OK · EMPTY nobody reads and nothing waits · REBALANCING · WARN falling behind · UNKNOWN no right
figure · NOTFOUND no such group, or its topics are gone · REWIND went back and has not come to its
old place again · STALL has the partition, takes nothing · STOP nobody has it, and records wait."""

SEVERITY: dict[Status, int] = {
    "OK": 0,
    "EMPTY": 1,
    "REBALANCING": 2,
    "WARN": 3,
    "UNKNOWN": 4,
    "NOTFOUND": 5,
    "REWIND": 6,
    "STALL": 7,
    "STOP": 8,
}
"""The worst partition gives the group its status."""

Why = Literal[
    "", "uncommitted", "no_end", "no_start", "no_topic", "beyond_end", "group_error", "stale"
]
"""Why there is no offset lag. ``beyond_end``: the commit lies past the end of the log, which was
made again or cut; only the consumer knows where it will go on."""

TimeWhy = Literal["", "no_lag", "not_read", "no_timestamp", "future_timestamp", "stale"]
"""Why there is no time lag: no offset lag to begin with, the record could not be read (yet), it
carries no timestamp, or one in the future."""

TimeFrom = Literal["", "caught_up", "record", "history"]
Trend = Literal["growing", "shrinking", "steady", "unknown"]
Word = Literal["正常", "排队中", "偏慢", "停滞", "出错", "未知"]

WORD_ENGLISH: dict[Word, str] = {
    "正常": "fine",
    "排队中": "queueing",
    "偏慢": "slow",
    "停滞": "stuck",
    "出错": "failed",
    "未知": "unknown",
}


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition as one group stands on it."""

    topic: str
    partition: int
    start: int | None
    """First offset that is still there."""
    end: int | None
    """Offset of the next record (high watermark)."""
    committed: int | None
    lag: int | None
    """Records not consumed: max(0, end - max(committed, start, first record that is there))."""
    why: Why
    lag_s: float | None
    """Age of the first record not consumed; 0 when caught up."""
    lag_s_from: TimeFrom
    lag_s_why: TimeWhy
    lost: int
    """Records that retention or deletion took before they were consumed, since the monitor began."""
    remade: int
    """How often the topic was seen made again (or cut back) since the monitor began."""
    rate_in: float | None
    """Records a second, over the window."""
    rate_out: float | None
    trend: Trend
    eta_s: float | None
    """Until caught up at the net rate of the window; None unless it drains."""
    status: Status
    reason: str
    """One sentence, Chinese first, English after `` / ``."""
    unmoved_s: float | None
    """How long the commit has not moved while records waited, by the monitor's own clock."""
    seen_ms: int | None
    """When this partition last had all its figures."""


@dataclass(frozen=True, slots=True)
class GroupLag:
    """One consumer group; sums are over the partitions that have a figure."""

    group: str
    state: str
    """Kafka's own word: Stable, Empty, PreparingRebalance …; empty where it could not be had."""
    members: int | None
    status: Status
    reason: str
    lag: int | None
    """Sum; None when no partition has a figure."""
    lag_s: float | None
    """Largest."""
    eta_s: float | None
    """Largest; None as soon as one partition that lags does not drain."""
    uncommitted: int
    """Partitions that hold or may get records and have no commit."""
    lost: int
    partitions: tuple[PartitionLag, ...]


@dataclass(frozen=True, slots=True)
class WorkBacklog:
    """Transcodes in seconds of work: three clips may be half a minute or two hours."""

    waiting: int
    working: int
    work_s: float
    """Estimated ffmpeg seconds still to do, the done share of those in hand taken off."""
    speed: float | None
    """Estimated seconds done in one second of the clock, over the window; None until known."""
    eta_s: float | None
    silent_s: float | None
    """Since the last progress of what is in hand; None when nothing is in hand."""
    progressing: bool
    """What is in hand has reported progress within its own limit, or one has just ended and the
    next is being fetched: no stall, however long."""


@dataclass(frozen=True, slots=True)
class OutletLag:
    """One outlet in one word, for the duty editor; made of its group and of the ledger."""

    channel: str
    name: str
    wave: int
    word: Word
    sentence: str
    """One plain Chinese sentence."""
    waiting: int
    """Deliveries ordered and not received."""
    media: int
    """Approved deliveries whose media files are still being made."""
    late: int
    """Of both, those past the outlet's limit."""
    failed: int
    """Deliveries that a person must see to (needs a person, refused, taken down by the outlet)."""
    oldest_s: float | None
    """How long the oldest of both waits."""
    limit_s: float
    """``late_after_s`` of the outlet."""
    since_ms: int | None
    """Since when it is stuck, or late."""
    eta_s: float | None
    status: Status
    """Of its consumer group."""


@dataclass(frozen=True, slots=True)
class Late:
    """A delivery that is over its outlet's limit and has not arrived."""

    number: int
    story_id: str
    headline: str
    kind: str
    channel: str
    outlet: str
    state: str
    reason: str
    late_s: float
    """Seconds past the limit."""
    who: str
    """Who can act, in Chinese."""


@dataclass(frozen=True, slots=True)
class LagSnapshot:
    """All of it. ``age_s`` and ``stale`` are filled in when it is asked for."""

    at_ms: int | None
    """When the figures were taken; None before the first cycle that succeeded."""
    age_s: float | None
    """By the monitor's own clock, which no step of the wall clock moves."""
    stale: bool
    """Older than three cycles: every figure below is then None, every word 未知."""
    cycle: int
    """Cycles that succeeded."""
    cycle_s: float
    """Seconds between cycles."""
    took_s: float | None
    """How long the collection took."""
    requests: int
    """Requests that it sent to the brokers."""
    status: Status
    """Worst group."""
    groups: tuple[GroupLag, ...]
    outlets: tuple[OutletLag, ...]
    work: WorkBacklog | None
    """None where the ledger is not known (the collector alone) or away."""
    errors: tuple[str, ...]
    """What could not be had in the last cycle, and why; empty when all went well."""


Latest = Callable[[], LagSnapshot]
"""The last snapshot; never waits for Kafka."""

NOTHING = LagSnapshot(
    at_ms=None,
    age_s=None,
    stale=True,
    cycle=0,
    cycle_s=0.0,
    took_s=None,
    requests=0,
    status="UNKNOWN",
    groups=(),
    outlets=(),
    work=None,
    errors=(),
)
"""Before the first cycle."""
