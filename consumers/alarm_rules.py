"""What the newsroom is told of, in plain Chinese sentences. Pure.

The same conditions as in ``deploy/monitoring/alerts.rules.yml``, for a centre without Prometheus.
A single late story is told to the duty editor; it pages nobody.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from consumers.story_figures import Figures
from schemas.alarm import Alarm, Severity
from schemas.lag import LagSnapshot, Late

HOLD_S: dict[str, float] = {
    "late": 30,
    "stuck": 180,
    "nobody": 120,
    "lost": 0,
    "order": 0,
    "letters": 0,
    "blind": 60,
    "probe": 60,
    "ledger": 60,
}
"""Kind → seconds for which a condition must hold before anybody is told."""
CLEAR_S = 60.0
"""… and for which it must be gone before its end is told: a flicker is one alarm."""
PROBE_SILENT_S = 900.0
"""Longer than any call that a publisher may be busy with."""
EVENTS = frozenset({"lost", "order"})
"""Things that happened: they can stop happening, but nothing is well again by that."""
TITLES = 3
"""So many headlines stand in a sentence; the rest is a number."""


@dataclass(frozen=True)
class Condition:
    """Something that is wrong now. ``key`` names it for as long as it lasts."""

    key: str
    kind: str
    severity: Severity
    sentence: str


LEDGER_AWAY = Condition(
    "ledger",
    "ledger",
    "page",
    "账本 (数据库) 读不了或写不了, 收稿、审稿和发布都在等它, 请运维立即查看",
)
"""Told from memory: the book of alarms is in the ledger too."""


def conditions(
    figures: Figures,
    lag: LagSnapshot,
    *,
    breaches: int,
    lost: Mapping[str, int] | None = None,
    probe_silent_s: float = 0.0,
) -> list[Condition]:
    """Everything that is wrong now. ``breaches``: followers of the last minutes that were early;
    ``lost``: group → records that it lost in the last minutes; ``probe_silent_s``: since the outlet
    that waits longest took a probe."""
    found = list(_late(figures))
    if lag.stale:
        told = "看不到积压情况: Kafka 或监测停了, 没有数据不等于正常, 请运维查看"
        found.append(Condition("blind", "blind", "page", told))
    else:
        found += _stuck(lag)
    found += _lost(lag, lost or {})
    if breaches:
        told = f"有 {breaches} 篇稿件在新媒体首发之前就发到了跟进渠道, 请值班编辑核对"
        found.append(Condition("order", "order", "editor", told))
    if probe_silent_s > PROBE_SILENT_S:
        told = f"探测稿 {round(probe_silent_s / 60)} 分钟没有走完全程, 稿件可能也走不通, 请运维查看"
        found.append(Condition("probe", "probe", "page", told))
    if figures.letters_open:
        told = f"有 {figures.letters_open} 条消息无法处理, 请运维看死信 (./run dead-letters list)"
        found.append(Condition("letters", "letters", "ticket", told))
    return found


def _late(figures: Figures) -> Iterator[Condition]:
    by_outlet: dict[str, list[Late]] = defaultdict(list)
    for late in figures.late:
        by_outlet[late.channel].append(late)
    for channel, all_late in by_outlet.items():
        titles = "".join(f"《{late.headline[:24]}》" for late in all_late[:TITLES])
        rest = "等" if len(all_late) > TITLES else ""
        who = "、".join(dict.fromkeys(late.who for late in all_late))
        told = f"{all_late[0].outlet}有 {len(all_late)} 篇稿件超时未送达: {titles}{rest} ({who})"
        yield Condition(f"late:{channel}", "late", "editor", told)


def _stuck(lag: LagSnapshot) -> Iterator[Condition]:
    names = {outlet.channel: outlet.name for outlet in lag.outlets}
    sentences = {outlet.name: outlet.sentence for outlet in lag.outlets if outlet.word == "停滞"}
    for group in lag.groups:
        place = _place(group.group, names)
        if group.members == 0 and group.lag:
            told = f"{place}没有进程在处理, 已积压 {group.lag} 条, 请运维查看"
            yield Condition(f"nobody:{group.group}", "nobody", "page", told)
        elif group.status in {"STALL", "STOP"}:
            behind = f", 积压 {group.lag} 条" if group.lag else ""
            general = f"{group.reason.partition(' / ')[0]}{behind}, 请运维查看"
            told = f"{place}停滞不前: {sentences.get(place, general)}"
            yield Condition(f"stuck:{group.group}", "stuck", "page", told)


def _lost(lag: LagSnapshot, lost: Mapping[str, int]) -> Iterator[Condition]:
    names = {outlet.channel: outlet.name for outlet in lag.outlets}
    for group, count in lost.items():
        told = f"{_place(group, names)}有 {count} 条消息没有处理就被 Kafka 清除, 请运维立即查看"
        yield Condition(f"lost:{group}", "lost", "page", told)


def _place(group: str, names: Mapping[str, str]) -> str:
    channel = group.removeprefix("shoufa-publish-")
    known = {"shoufa-core": "调度与渠道稿", "shoufa-transcode": "转码"}
    return names.get(channel) or known.get(group) or group


def follow(
    book: Mapping[str, Alarm], present: list[Condition], now: int
) -> tuple[dict[str, Alarm], list[Alarm], list[Alarm]]:
    """The new book, and what is to be told: (begun, ended).

    Told when a condition has held for its time, and again as ended only if it was told.
    """
    following: dict[str, Alarm] = {}
    begun, ended = [], []
    for condition in present:
        old = book.get(condition.key)
        began = old.began_at if old else now
        alarm = Alarm(
            condition.key,
            condition.kind,
            condition.severity,
            condition.sentence,
            began,
            now,
            old.told_at if old else None,
        )
        if alarm.told_at is None and now - began >= HOLD_S[condition.kind] * 1000:
            begun.append(alarm)
        following[condition.key] = alarm
    for key, old in book.items():
        if key in following:
            continue
        if now - old.seen_at < CLEAR_S * 1000:
            following[key] = old
        elif old.told_at is not None:
            ended.append(replace(old, ended_at=old.seen_at))
    return following, begun, ended


def message(begun: list[Alarm], ended: list[Alarm], centre: str) -> str:
    """One message for all of it, worst first; short enough for a robot (2,048 bytes of UTF-8)."""
    order = {"page": 0, "editor": 1, "ticket": 2}
    lines = [f"【{centre}】"]
    lines += [f"● {a.sentence}" for a in sorted(begun, key=lambda a: order[a.severity])]
    for alarm in ended:
        minutes = max(1, round(((alarm.ended_at or 0) - alarm.began_at) / 60_000))
        what = re.split("[:,]", alarm.sentence, maxsplit=1)[0]
        over = "没有再发生" if alarm.kind in EVENTS else f"已恢复 (历时 {minutes} 分)"
        lines.append(f"○ {over}: {what}")
    return _cut(lines, 2000)


def _cut(lines: list[str], most: int) -> str:
    """Whole lines as long as they fit; what is left out is counted."""
    kept: list[str] = []
    size = 0
    for index, line in enumerate(lines):
        size += len(line.encode()) + 1
        if size > most - 60:
            return "\n".join([*kept, f"… 另有 {len(lines) - index} 条, 见积压页"])
        kept.append(line)
    return "\n".join(kept)
