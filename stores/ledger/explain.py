"""Why a story is not there yet: the hop that each delivery is at, what waits there, how long."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from schemas.beijing import clock
from schemas.lag import GroupLag, LagSnapshot
from schemas.topics import release_orders
from stores.ledger import views
from stores.ledger.tables import outbox

CORE, TRANSCODE = "shoufa-core", "shoufa-transcode"


@dataclass(frozen=True)
class Hop:
    """Where a delivery is. Sentences: Chinese first, English after `` / ``."""

    channel: str
    state: str
    hop: str
    """relay, adapt, review, hold, transcode, decide, wave, queue, outlet, retry, person, done."""
    sentence: str
    waiting: int | None
    """Records that its consumer group has not taken; None where that is not what it waits for,
    or not known."""
    eta_s: float | None
    who: str
    """Who can move it on; empty: the system does by itself."""


_PERSON = {"needs_person", "awaiting_person", "refused", "removed_by_platform"}
_DONE = {"live", "recalled", "not_applicable", "superseded", "cancelled"}
_ASKED = {"intent", "accepted", "updating", "recalling", "unknown", "reconciling"}


def explain(
    tx: Connection, key: str, snapshot: LagSnapshot, contacts: dict[str, str]
) -> dict[str, Any]:
    """One hop for each delivery of the newest release; raises InvalidInput for no such story.

    ``contacts``: channel → who acts there.
    """
    story = views.story_detail(tx, key)
    unsent = tx.execute(
        select(func.count())
        .select_from(outbox)
        .where(outbox.c.sent_at.is_(None), outbox.c.key == story["story_id"])
    ).scalar_one()
    newest = {d["channel"]: d for d in sorted(story["deliveries"], key=lambda d: d["release"])}
    hops = [_hop(story, d, snapshot, contacts, unsent) for d in newest.values()]
    return {
        "story_id": story["story_id"],
        "number": story["number"],
        "headline": story["headline"],
        "figures_at_ms": None if snapshot.stale else snapshot.at_ms,
        "hops": [asdict(hop) for hop in sorted(hops, key=lambda h: (h.hop == "done", h.channel))],
    }


def _hop(
    story: dict[str, Any],
    delivery: dict[str, Any],
    snapshot: LagSnapshot,
    contacts: dict[str, str],
    unsent: int,
) -> Hop:
    channel, state, reason = delivery["channel"], delivery["state"], delivery["reason"]

    def at(hop: str, sentence: str, group: GroupLag | None = None, who: str = "") -> Hop:
        lag, eta_s = (None, None) if group is None else (group.lag, group.eta_s)
        return Hop(channel, state, hop, sentence, lag, eta_s, who)

    contact = contacts.get(channel, "值班编辑")
    if state in _DONE:
        return at("done", reason or "已送达 / done")
    if state in _PERSON:
        return at("person", reason, who=contact)
    if state in _ASKED:
        told = reason or f"已经交给渠道, 第{delivery['attempts']}次 / the outlet has it"
        return at("outlet", told)
    if state == "retry_wait":
        return at("retry", _again(reason, delivery["due_at"]))
    if state == "held":
        return at("hold", reason, who="" if "定时" in reason else "值班编辑")
    if state == "gated":
        return at("wave", delivery["gate"] or reason)
    if unsent:
        told = f"{unsent} 条消息还没进 Kafka / not yet on Kafka"
        return at("relay", told, who="运维: Kafka 是否在 / is Kafka there")
    if state == "ready":
        group = _group(snapshot, f"shoufa-publish-{channel}")
        told = f"已下单 ({release_orders(channel)}), 等发布进程 / ordered, waits for its publisher"
        return at("queue", told, group)
    return _planned(story, reason, snapshot, at)


def _again(reason: str, due_at: str | None) -> str:
    if due_at is None:
        return reason
    chinese, _, english = reason.partition(" / ")
    when = clock(round(datetime.fromisoformat(due_at).timestamp() * 1000))
    return f"{chinese}; {when} 再试 / {english or chinese}; tries again at {when} in Beijing"


def _planned(story: dict[str, Any], reason: str, snapshot: LagSnapshot, at: Any) -> Hop:
    """Before its order: the copy, the review, the media."""
    version = story["versions"][0]
    if version["state"] == "in_review" and version["copies_sha256"] is None:
        told = "等待渠道稿 / its copies are being made"
        hop: Hop = at("adapt", told, _group(snapshot, CORE))
        return hop
    if version["state"] in {"in_review", "returned"}:
        names = "、".join(version["waits_for"]) or "作者修改"
        made: Hop = at("review", reason or f"等待{names}", who=names)
        return made
    work = snapshot.work
    open_ = [r for r in story["renditions"] if r["state"] in {"ordered", "working"}]
    if open_:
        told = "、".join(f"{r['recipe']} {r['progress']}%" for r in open_[:6])
        group = _group(snapshot, TRANSCODE)
        transcode: Hop = at("transcode", f"{reason or '等待转码'}: {told}", group)
        if work is not None and not snapshot.stale:
            return Hop(**{**asdict(transcode), "eta_s": work.eta_s})
        return transcode
    rest: Hop = at("decide", reason or "等待调度 / waits for the conductor", _group(snapshot, CORE))
    return rest


def _group(snapshot: LagSnapshot, name: str) -> GroupLag | None:
    if snapshot.stale:
        return None
    return next((g for g in snapshot.groups if g.group == name), None)
