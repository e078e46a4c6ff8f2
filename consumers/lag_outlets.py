"""One word for each outlet, made of its consumer group and of what the ledger says. Pure.

The duty editor reads: 正常 · 排队中 · 偏慢 · 停滞 · 出错, and 未知 where nobody can tell. The worst
that holds decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from consumers.lag_math import Job, work_left_s
from schemas.beijing import span, time_of_day
from schemas.lag import GroupLag, LagSnapshot, OutletLag, Status, Word, WorkBacklog


@dataclass(frozen=True, slots=True)
class OutletSeen:
    """One outlet in the ledger."""

    channel: str
    name: str
    wave: int
    group: str
    limit_s: float
    waiting: tuple[int, ...] = ()
    """When each delivery was ordered that has no receipt yet (ms)."""
    media: tuple[int, ...] = ()
    """When each approved delivery was released whose media files are still being made (ms)."""
    failed: int = 0
    moved_ms: int | None = None
    """When its publisher last began or finished a call."""
    resting: str = ""
    """Why it rests and until when, in Chinese; empty where its outlet is not known to be away."""


@dataclass(frozen=True, slots=True)
class NewsroomSeen:
    """The ledger at one moment; ``jobs`` by (source, recipe)."""

    at_ms: int
    outlets: tuple[OutletSeen, ...] = ()
    jobs: Mapping[tuple[str, str], Job] | None = None
    finished: frozenset[tuple[str, str]] = frozenset()
    """Transcodes that ended well lately."""


BETWEEN_S = 60.0
"""From the end of one transcode to the first report of the next: fetching and looking at it."""


def backlog(seen: NewsroomSeen, speed: float | None, idle_s: float) -> WorkBacklog | None:
    """Transcodes in seconds of work; ``speed`` as measured, ``idle_s`` since the last progress."""
    if seen.jobs is None:
        return None
    jobs = list(seen.jobs.values())
    working = [job for job in jobs if job.working]
    left = work_left_s(jobs)
    eta = 0.0 if not jobs else left / speed if speed else None
    return WorkBacklog(
        waiting=len(jobs) - len(working),
        working=len(working),
        work_s=left,
        speed=speed,
        eta_s=eta,
        silent_s=max((job.silent_s for job in working), default=None),
        progressing=all(j.silent_s <= j.silence_limit_s for j in working)
        if working
        else bool(jobs) and idle_s <= BETWEEN_S,
    )


def done_s(before: NewsroomSeen, now: NewsroomSeen) -> float:
    """Seconds of work done between two looks: of each transcode that is still there what it has
    got on, of each that ended well what had been left of it."""
    was, jobs = before.jobs or {}, now.jobs or {}
    done = 0.0
    for key, job in was.items():
        if key in jobs:
            done += max(0.0, job.left_s - jobs[key].left_s)
        elif key in now.finished:
            done += job.left_s
    return done


def outlet(
    seen: OutletSeen, group: GroupLag | None, work: WorkBacklog | None, now_ms: int
) -> OutletLag:
    """An outlet's word and sentence. ``group`` None: nothing is known of its consumer."""
    ages = [max(0.0, (now_ms - at) / 1000) for at in (*seen.waiting, *seen.media)]
    oldest = max(ages, default=None)
    late = sum(age > seen.limit_s for age in ages)
    status: Status = "UNKNOWN" if group is None else group.status
    eta = _eta(seen, group, work)
    word = _word(seen, status, oldest, late)
    stuck_s = _stuck_s(group) if word == "停滞" else None
    since = None
    if word == "停滞":
        since = now_ms - round((stuck_s if stuck_s is not None else oldest or 0.0) * 1000)
    elif late and oldest is not None:
        since = now_ms - round((oldest - seen.limit_s) * 1000)
    return OutletLag(
        channel=seen.channel,
        name=seen.name,
        wave=seen.wave,
        word=word,
        sentence=_sentence(seen, word, late, eta, oldest, since),
        waiting=len(seen.waiting),
        media=len(seen.media),
        late=late,
        failed=seen.failed,
        oldest_s=oldest,
        limit_s=seen.limit_s,
        since_ms=since,
        eta_s=eta,
        status=status,
    )


def _word(seen: OutletSeen, status: Status, oldest: float | None, late: int) -> Word:
    if status in {"STALL", "STOP"}:
        return "停滞"
    if seen.failed:
        return "出错"
    if status in {"UNKNOWN", "NOTFOUND"}:
        return "未知"
    if late or status in {"WARN", "REWIND"} or (oldest or 0.0) > seen.limit_s / 2:
        return "偏慢"
    return "排队中" if oldest is not None else "正常"


def _eta(seen: OutletSeen, group: GroupLag | None, work: WorkBacklog | None) -> float | None:
    """Until all is out: the queue, and the media that it waits for. None where either is unknown."""
    parts = []
    if seen.waiting:
        parts.append(group.eta_s if group is not None and group.lag else None)
    if seen.media:
        parts.append(work.eta_s if work is not None else None)
    if not parts:
        return 0.0
    return None if None in parts else max(p for p in parts if p is not None)


def _stuck_s(group: GroupLag | None) -> float | None:
    stuck = (
        [p.unmoved_s for p in group.partitions if p.status in {"STALL", "STOP"}] if group else []
    )
    return max((s for s in stuck if s is not None), default=None)


def _sentence(
    seen: OutletSeen,
    word: Word,
    late: int,
    eta: float | None,
    oldest: float | None,
    since: int | None,
) -> str:
    queue = f"{len(seen.waiting)} 篇在等" if seen.waiting else ""
    media = f"{len(seen.media)} 篇等转码" if seen.media else ""
    parts = [part for part in (queue, media) if part]
    if seen.resting and word in {"停滞", "偏慢", "排队中"}:
        parts.insert(0, f"对方不通, {seen.resting}")
    elif word == "停滞":
        parts.insert(0, f"自 {time_of_day(since)} 起没有进展" if since is not None else "没有进展")
    elif word == "出错":
        parts.insert(0, f"{seen.failed} 篇未送达, 要人处理")
    elif word == "偏慢" and late:
        parts.insert(0, f"{late} 篇超过时限 {span(seen.limit_s)}")
    elif word == "偏慢" and oldest is not None and oldest > seen.limit_s / 2:
        parts.insert(0, f"最早一篇已等 {span(oldest)}")
    elif word == "偏慢":
        parts.insert(0, "等着发的越来越多, 或在重发")
    elif word == "未知":
        parts.insert(0, "读不到它的队列")
    if eta and word in {"排队中", "偏慢"}:
        parts.append(f"约 {span(eta)}发完")
    if word in {"停滞", "未知"}:
        parts.append("久不恢复请找运维" if seen.resting else "请找运维")
    return ", ".join(parts) or "没有积压"


def blanked(snapshot: LagSnapshot) -> LagSnapshot:
    """The snapshot without its figures, because they are old: what was known of the logs stays,
    what would mislead goes."""
    groups = tuple(
        replace(
            group,
            status="UNKNOWN",
            reason="数字过时 / the figures are old",
            lag=None,
            lag_s=None,
            eta_s=None,
            partitions=tuple(
                replace(
                    part,
                    lag=None,
                    why="stale",
                    lag_s=None,
                    lag_s_from="",
                    lag_s_why="stale",
                    rate_in=None,
                    rate_out=None,
                    trend="unknown",
                    eta_s=None,
                    status="UNKNOWN",
                    reason="数字过时 / the figures are old",
                    unmoved_s=None,
                )
                for part in group.partitions
            ),
        )
        for group in snapshot.groups
    )
    outlets = blank_outlets(snapshot.outlets, "读不到消息总线")
    return replace(
        snapshot, stale=True, status="UNKNOWN", groups=groups, outlets=outlets, work=None
    )


def blank_outlets(outlets: tuple[OutletLag, ...], why: str) -> tuple[OutletLag, ...]:
    """Nobody can tell how they stand, and ``why``; their numbers are those of the last look."""
    return tuple(
        replace(
            one,
            word="未知",
            sentence=f"{why}, 上一次的情况见下, 请找运维",
            eta_s=None,
            since_ms=None,
            status="UNKNOWN",
        )
        for one in outlets
    )
