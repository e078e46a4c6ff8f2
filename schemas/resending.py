"""Which failed deliveries of a story may be tried again by hand, and how. Pure.

Never one that is live, and never one of which nobody knows whether it is there: that one is
settled first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from schemas.settling import fate_unknown, given_up

Way = Literal["again", "new_release", "correct", "recall"]

SAYS: dict[Way, str] = {
    "again": "重新准备后发送 / made ready and sent",
    "new_release": "作为新的一次发布 / sent as a new release",
    "correct": "再更正一次 / corrected again",
    "recall": "再撤一次 / taken down again",
}


@dataclass(frozen=True)
class Failed:
    """The newest release of a story at a channel, as far as this goes."""

    state: str
    verb: str
    reason: str
    epoch: int
    version: int
    live_version: int | None
    approved_version: int | None
    withdrawn: bool
    copy_refused: str
    """Why the approved version's copy cannot go to this outlet; empty: it can."""
    settled: Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """What a resend does with a row: a way, or why there is none."""

    way: Way | None
    says: str
    failed: bool = True
    """False: nothing is wrong with this one."""


def step_of(row: Failed) -> Step:
    """What trying this one again would mean."""
    if row.state == "live" and (row.withdrawn or not _stuck(row)):
        return Step(None, "已上线, 不会再发 / live: never sent again", failed=False)
    if row.state == "needs_person" and row.verb == "recall":
        return _way("recall")
    if row.withdrawn:
        return Step(None, "已撤稿 / withdrawn", failed=False)
    if row.approved_version is None:
        return Step(None, "还没有签发 / not approved yet", failed=False)
    if row.copy_refused and row.state in {"refused", "removed_by_platform", "cancelled"}:
        told = f"请修改稿件后更正 / mend the story and correct it: {row.copy_refused}"
        return Step(None, told)
    return _by_state(row)


def _by_state(row: Failed) -> Step:
    """Of a story that is approved and not withdrawn, with a copy for the outlet."""
    given_up = row.settled.get("answer") == "give_up"
    match row.state:
        case "live":
            return _way("correct")
        case "needs_person" if row.verb == "update":
            return _way("correct")
        case "cancelled" if given_up and not fate_unknown(row.settled):
            return _way("new_release")
        case "needs_person" | "cancelled" if row.state == "needs_person" or given_up:
            told = "不知道是否已发布, 请先登记 / nobody knows whether it is there: settle it first"
            return Step(None, told)
        case "removed_by_platform":
            return _way("new_release")
        case "refused":
            return _way("new_release" if row.epoch else "again")
        case "awaiting_person":
            return Step(None, "等人投递, 做完请登记 / waits for a person: settle it", failed=False)
    return Step(None, f"没有失败: {row.state} / not failed", failed=False)


def _stuck(row: Failed) -> bool:
    """Live in an older version, whose correction somebody gave up."""
    newest = row.approved_version or 0
    return (row.live_version or 0) < newest and (given_up(row.settled) or 0) >= newest


def _way(way: Way) -> Step:
    return Step(way, SAYS[way])
