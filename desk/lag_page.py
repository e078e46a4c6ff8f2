"""积压: one word an outlet for the duty editor, the titles of late stories, the figures below."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.lag import SEVERITY, WORD_ENGLISH, GroupLag, LagSnapshot, Late, OutletLag, Word

Stories = Callable[[], Sequence[Late]]
"""The deliveries past their limit, worst first."""

LOOKS: dict[Word, tuple[str, str]] = {
    "正常": ("good", "check"),
    "排队中": ("work", "queue"),
    "偏慢": ("warn", "clock"),
    "停滞": ("bad", "pause"),
    "出错": ("bad", "cross"),
    "未知": ("gone", "question"),
}
"""Word → (tone, icon); a colour never stands alone."""
MOST_TITLES = 50


@dataclass(frozen=True)
class Line:
    """One outlet as the page shows it."""

    outlet: OutletLag
    tone: str
    icon: str
    english: str
    late: tuple[Late, ...]


def context(snapshot: LagSnapshot, late: Sequence[Late], centre: str) -> dict[str, Any]:
    """What ``lag_part.html`` needs; worst outlet first, then in wave order."""
    order = ["出错", "停滞", "未知", "偏慢", "排队中", "正常"]
    lines = [
        Line(
            outlet,
            *LOOKS[outlet.word],
            WORD_ENGLISH[outlet.word],
            tuple(one for one in late if one.channel == outlet.channel)[:MOST_TITLES],
        )
        for outlet in sorted(
            snapshot.outlets, key=lambda o: (order.index(o.word), o.wave, o.channel)
        )
    ]
    return {
        "centre": centre,
        "snapshot": snapshot,
        "now": round(time.time() * 1000),
        "lines": lines,
        "groups": sorted(snapshot.groups, key=lambda g: (-_severity(g), g.group)),
        "summary": _summary(snapshot, lines),
    }


def _severity(group: GroupLag) -> int:
    return SEVERITY[group.status]


def _summary(snapshot: LagSnapshot, lines: Sequence[Line]) -> str:
    """The whole state in one sentence, as the page's first line and its title say it."""
    if snapshot.stale or not lines:
        return "现在看不到积压情况"
    bad = [line.outlet.name for line in lines if line.outlet.word in {"出错", "停滞"}]
    slow = [line.outlet.name for line in lines if line.outlet.word == "偏慢"]
    unknown = [line.outlet.name for line in lines if line.outlet.word == "未知"]
    if bad:
        return f"{'、'.join(bad)} 要人处理"
    if unknown:
        return f"{'、'.join(unknown)} 情况不明"
    if slow:
        return f"{'、'.join(slow)} 偏慢"
    waiting = sum(line.outlet.waiting for line in lines)
    media = sum(line.outlet.media for line in lines)
    queues = [f"{waiting} 篇在等"] if waiting else []
    queues += [f"{media} 篇等转码"] if media else []
    return f"各渠道都正常, {', '.join(queues) or '没有等着发的稿件'}"
