"""One partition of one group: its figures out of what was seen and what is remembered. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from consumers.lag_look import First, GroupSeen, Look, Place
from consumers.lag_math import (
    Point,
    eta_s,
    newly_lost,
    offset_lag,
    rate,
    reached_at,
    recent,
    trend_of,
)
from consumers.lag_status import REBALANCING, Rules, Seen, Track, Verdict, judge, observe, unmoved_s
from schemas.lag import PartitionLag, TimeFrom, TimeWhy, Why

RulesOf = Callable[[str, str], Rules]
"""(group, topic) → its rules."""

Spot = tuple[Place, int]
"""A place and the offset at which some group stands there."""


@dataclass(frozen=True, slots=True)
class Held:
    """A record that somebody has not consumed: its age when it was read, and when that was. From
    then on it ages by the monotonic clock, whatever the wall clock does."""

    first: First
    age_s: float | None
    read_at: float


@dataclass(slots=True)
class Memory:
    """What is kept between cycles."""

    groups: dict[str, dict[Place, Track]] = field(default_factory=dict)
    ends: dict[Place, list[Point]] = field(default_factory=dict)
    topic_ids: dict[str, Any] = field(default_factory=dict)
    held: dict[Spot, Held] = field(default_factory=dict)
    seen_ms: dict[Place, int] = field(default_factory=dict)
    missing: dict[str, float] = field(default_factory=dict)
    """Group → since when it is not listed."""


def partition_lag(
    memory: Memory,
    look: Look,
    group: GroupSeen,
    place: Place,
    track: Track,
    rules: Rules,
    read: set[str] | None,
    *,
    progressing: bool,
) -> tuple[PartitionLag, Verdict]:
    start, end = look.starts.get(place), look.ends.get(place)
    committed = group.commits.get(place)
    held = None
    if committed is not None and start is not None:
        held = memory.held.get((place, max(committed, start)))
    lag, why = _lag(look, group, place, held)
    if lag is not None and committed is not None and start is not None and start > committed:
        # what it had consumed before it went back is not lost
        counted = max(track.counted_to, track.high or 0)
        more, track.counted_to = newly_lost(start, committed, counted)
        track.lost += more
    seen = Seen(
        at=look.at,
        start=start,
        end=end,
        committed=committed,
        lag=lag,
        why=why,
        owned=None if group.owned is None else place in group.owned,
        members=group.members,
        topic_read=read is None or place[0] in read,
        rebalancing=group.state in REBALANCING,
    )
    if not group.error:
        observe(track, seen)
    lag_s, source, time_why = _age(memory, look, place, lag, held)
    verdict = judge(seen, track, rules, progressing=progressing, age_s=lag_s)
    since = look.at - rules.window_s
    way, net = trend_of(recent(track.lags, since)) if lag is not None else ("unknown", None)
    known = lag is not None
    return PartitionLag(
        topic=place[0],
        partition=place[1],
        start=start,
        end=end,
        committed=committed,
        lag=lag,
        why=why,
        lag_s=lag_s,
        lag_s_from=source,
        lag_s_why=time_why,
        lost=track.lost,
        remade=track.remade,
        rate_in=rate(recent(memory.ends[place], since)) if end is not None else None,
        rate_out=rate(recent(track.commits, since)) if known else None,
        trend=way,
        eta_s=eta_s(lag, way, net),
        status=verdict.status,
        reason=verdict.reason,
        unmoved_s=unmoved_s(track, look.at) if known or why == "uncommitted" else None,
        seen_ms=memory.seen_ms.get(place),
    ), verdict


def _lag(look: Look, group: GroupSeen, place: Place, held: Held | None) -> tuple[int | None, Why]:
    if group.error:
        return None, "group_error"
    start, end = look.starts.get(place), look.ends.get(place)
    gone = place[0] not in look.partitions or place[1] not in look.partitions[place[0]]
    if gone and not any(error.startswith(f"topic {place[0]}:") for error in look.errors):
        return None, "no_topic"
    first = held.first.offset if held is not None else None
    return offset_lag(start, end, group.commits.get(place), first)


def _age(
    memory: Memory, look: Look, place: Place, lag: int | None, held: Held | None
) -> tuple[float | None, TimeFrom, TimeWhy]:
    if lag is None:
        return None, "", "no_lag"
    if lag == 0:
        return 0.0, "caught_up", ""
    if held is not None and held.age_s is not None:
        return held.age_s + (look.at - held.read_at), "record", ""
    end = look.ends[place]
    offset = held.first.offset if held is not None else end - lag
    written = reached_at(memory.ends[place], offset)
    if written is not None:
        return max(0.0, look.at - written), "history", ""
    if held is None:
        return None, "", "not_read"
    return None, "", "no_timestamp" if held.first.timestamp_ms is None else "future_timestamp"
