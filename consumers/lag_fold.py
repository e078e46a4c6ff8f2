"""Folds a look at the brokers into what is remembered, and says what each group's lag is. Pure."""

from collections.abc import Mapping
from itertools import islice

from consumers.lag_look import First, GroupSeen, Look, Place
from consumers.lag_math import (
    add_point,
    record_age_s,
)
from consumers.lag_partition import Held, Memory, RulesOf, Spot, partition_lag
from consumers.lag_status import (
    MOST_POINTS,
    Track,
    Verdict,
    forget,
    group_verdict,
)
from schemas.lag import GroupLag, PartitionLag

MISSING_S = 30.0
"""A group that is not listed is gone only after so long: a broker that has just started lists
none, without an error, until it has read its log."""

MOST_READS = 500
"""Records looked at in one cycle; the others wait for the next one."""


def to_read(memory: Memory, look: Look, most: int = MOST_READS) -> dict[Spot, int]:
    """Spots whose first record is not known yet, with the end of their log; drops from memory the
    spots at which nobody stands any more."""
    wanted: dict[Spot, int] = {}
    standing: dict[Spot, Held] = {}
    remade = _remade(memory, look)
    for group in look.groups.values():
        for place, committed in group.commits.items():
            end, start = look.ends.get(place), look.starts.get(place)
            if end is None or start is None or committed >= end:
                continue
            spot = place, max(committed, start)
            held = memory.held.get(spot) if place not in remade else None
            if held is not None:
                standing[spot] = held
            if spot[1] < end and (
                held is None or (held.first.none_left and end > held.first.offset)
            ):
                wanted[spot] = end
    memory.held = standing
    return dict(islice(wanted.items(), most))


def hold(memory: Memory, look: Look, firsts: Mapping[Spot, First]) -> None:
    """Keep what was read."""
    for spot, first in firsts.items():
        age = None if first.timestamp_ms is None else record_age_s(first.timestamp_ms, look.wall_ms)
        memory.held[spot] = Held(first, age, look.at)


def fold(
    memory: Memory, look: Look, rules_of: RulesOf, progressing: Mapping[str, bool]
) -> tuple[GroupLag, ...]:
    """Take a look into memory; returns every group's lag, by name. ``progressing``: group → what
    it has in hand reports progress elsewhere."""
    remade = _remade(memory, look)
    _remember_missing(memory, look)
    sure = _sure(look)
    for place, end in look.ends.items():
        if place in remade:
            memory.ends.pop(place, None)
        add_point(memory.ends.setdefault(place, []), look.at, end, MOST_POINTS)
        if place in look.starts:
            memory.seen_ms[place] = look.wall_ms
    groups = tuple(
        _group(
            memory,
            look,
            name,
            rules_of,
            remade,
            sure=sure,
            progressing=progressing.get(name, False),
        )
        for name in sorted(look.groups)
    )
    memory.topic_ids |= {name: kept for name, kept in look.topics.items() if kept is not None}
    if sure:  # what is not there is gone, not hidden
        memory.groups = {n: t for n, t in memory.groups.items() if n in look.groups}
        memory.ends = {p: e for p, e in memory.ends.items() if p in look.ends}
        memory.seen_ms = {p: m for p, m in memory.seen_ms.items() if p in look.ends}
        memory.topic_ids = {n: i for n, i in memory.topic_ids.items() if n in look.topics}
    return groups


def _remember_missing(memory: Memory, look: Look) -> None:
    """Groups of before that this look did not list stand in it without figures, for a while."""
    missing = [name for name in memory.groups if name not in look.groups]
    memory.missing = {name: memory.missing.get(name, look.at) for name in missing}
    for name, since in memory.missing.items():
        if look.at - since <= MISSING_S or look.failed:
            error = "这次没有列出 / not listed in this look"
            look.groups[name] = GroupSeen("", "consumer", None, None, {}, error)


def _sure(look: Look) -> bool:
    """The lists of groups and topics are whole."""
    whole = not look.failed and not any(g.error for g in look.groups.values())
    return whole and not any(error.startswith("topic ") for error in look.errors)


def _remade(memory: Memory, look: Look) -> set[Place]:
    """Partitions whose log is another one than before: a new topic id, or an end that fell."""
    changed = {
        name
        for name, kept in look.topics.items()
        if kept is not None and memory.topic_ids.get(name, kept) != kept
    }
    return {
        place
        for place, end in look.ends.items()
        if place[0] in changed or (place in memory.ends and end < memory.ends[place][-1][1])
    }


def _group(
    memory: Memory,
    look: Look,
    name: str,
    rules_of: RulesOf,
    remade: set[Place],
    *,
    sure: bool,
    progressing: bool,
) -> GroupLag:
    group = look.groups[name]
    tracks = memory.groups.setdefault(name, {})
    places = set(group.commits) | (group.owned or frozenset())
    if group.kind:  # one that subscribes reads all of a topic; a simple consumer picks its own
        topics = {topic for topic, _ in places}
        places |= {(t, p) for t in topics for p in look.partitions.get(t, ())}
    if group.error:
        places |= set(tracks)
    elif sure:
        for gone in set(tracks) - places:
            del tracks[gone]
    read = None if group.owned is None else {topic for topic, _ in group.owned}
    partitions: list[PartitionLag] = []
    verdicts: list[Verdict] = []
    for place in sorted(places):
        track = tracks.setdefault(place, Track())
        if place in remade:
            forget(track)
        rules = rules_of(name, place[0])
        made, verdict = partition_lag(
            memory, look, group, place, track, rules, read, progressing=progressing
        )
        partitions.append(made)
        verdicts.append(verdict)

    def first(number: int) -> tuple[int, bool]:
        """Of equals the one with the most to say: what waits, then what is known."""
        lag = partitions[number].lag
        return -(lag or 0), lag is None

    order = sorted(range(len(verdicts)), key=first)
    verdict = group_verdict(group.state, group.members, group.error, [verdicts[i] for i in order])
    return summed(name, group.state, group.members, verdict, tuple(partitions))


def summed(
    name: str,
    state: str,
    members: int | None,
    verdict: Verdict,
    partitions: tuple[PartitionLag, ...],
) -> GroupLag:
    """A group from its partitions."""
    lags = [p.lag for p in partitions if p.lag is not None]
    ages = [p.lag_s for p in partitions if p.lag_s is not None]
    etas = [p.eta_s for p in partitions if p.lag]
    drains = bool(lags) and all(e is not None for e in etas)
    return GroupLag(
        group=name,
        state=state,
        members=members,
        status=verdict.status,
        reason=verdict.reason,
        lag=sum(lags) if lags else None,
        lag_s=max(ages, default=None),
        eta_s=max((e for e in etas if e is not None), default=0.0) if drains else None,
        uncommitted=sum(p.why == "uncommitted" for p in partitions),
        lost=sum(p.lost for p in partitions),
        partitions=partitions,
    )
