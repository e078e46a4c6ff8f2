"""A small faults run as the checker sees it: two stories live everywhere, one withdrawn."""

import hashlib
import json
from typing import Any

Row = dict[str, Any]
CHANNELS: dict[str, Row] = {
    "web": {"module": "web", "wave": 1, "call_deadline_s": 10, "settle_s": 1},
    "wechat": {"module": "wechat", "wave": 1, "call_deadline_s": 10, "settle_s": 2},
    "tv": {"module": "tv", "wave": 2, "call_deadline_s": 10, "settle_s": 1, "applies_to": "video"},
}
BEGAN = 1_000_000
WITHDRAWN = 3


def a_run() -> Row:
    """Evidence without a fault in it; each test breaks one thing."""
    evidence: Row = {
        "channels": {name: dict(spec) for name, spec in CHANNELS.items()},
        "fallback_after_s": {"2": 45},
        "history": [],
        "sightings": [],
        "records": [],
        "ends": {"release-orders.web/0": 3},
        "committed": {"shoufa-publish-web": {"release-orders.web/0": 3}},
        "items": [],
        "requests": [],
        "objects": {},
        "ledger": {
            name: []
            for name in (
                "stories", "publications", "copies", "attempts", "assets", "outbox", "dead_letters"
            )
        },
        "healed_at": BEGAN + 60_000,
        "quiet_at": BEGAN + 90_000,
    }  # fmt: skip
    for key in (1, 2, WITHDRAWN):
        _story(evidence, key)
    return evidence


def item_of(evidence: Row, key: int, channel: str) -> Row:
    found: Row = next(i for i in evidence["items"] if (i["story"], i["channel"]) == (key, channel))
    return found


def row_of(evidence: Row, key: int, channel: str) -> Row:
    found: Row = next(
        r
        for r in evidence["ledger"]["publications"]
        if (r["story_id"], r["channel"]) == (f"s{key}", channel)
    )
    return found


def acts(evidence: Row, op: str, key: int) -> list[Row]:
    return [h for h in evidence["history"] if h["op"] == op and h.get("key") == key]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _story(evidence: Row, key: int) -> None:
    story_id, at = f"s{key}", BEGAN + key * 1000
    gone = key == WITHDRAWN
    ledger, media = evidence["ledger"], [sha(f"picture {key}"), sha(f"clip {key}")]
    ledger["stories"].append(
        {
            "id": story_id, "number": key, "headline": f"F{key:04d}V1 稿", "version": 1,
            "approved_version": 1, "withdrawn_at": at + 9000 if gone else None,
        }
    )  # fmt: skip
    for digest in media:
        ledger["assets"].append({"sha256": digest, "object_key": f"originals/{digest}"})
        evidence["objects"][f"originals/{digest}"] = digest
    copies = {channel: sha(f"{key} {channel}") for channel in CHANNELS}
    whole = sha(json.dumps(copies, sort_keys=True, separators=(",", ":")))
    for channel, digest in copies.items():
        evidence["objects"][f"copies/{digest}"] = digest
        ledger["copies"].append(
            {
                "story_id": story_id,
                "version": 1,
                "channel": channel,
                "sha256": digest,
                "refused": "",
            }
        )
    _act(evidence, "file", key, at, media=media, version=1)
    for level in (1, 2, 3):
        _act(
            evidence, "sign", key, at + 100 * level, version=1, level=level,
            person=f"reviewer-{level}", urgent=False, copies_sha256=whole,
        )  # fmt: skip
    if gone:
        _act(evidence, "withdraw", key, at + 9000)
    story = {"story_id": story_id, "story": {"version": 1}}
    _record(evidence, story_id, "cn.shoufa.story.filed.v1", story, at)
    for channel in CHANNELS:
        _delivery(evidence, key, channel, copies[channel], gone=gone)
    if gone:
        _record(evidence, story_id, "cn.shoufa.story.withdrawn.v1", {"story_id": story_id}, at)


def _delivery(evidence: Row, key: int, channel: str, copy: str, *, gone: bool) -> None:
    story_id, at = f"s{key}", BEGAN + key * 1000 + 1000 * CHANNELS[channel]["wave"]
    name, text, ledger = f"{channel} {key}", sha(f"text {key} {channel}"), evidence["ledger"]
    item: Row = {
        "channel": channel, "story": key, "item_id": name, "creates": [at + 50],
        "live_at": at + 60, "versions": [1], "live": not gone,
        "gone_at": at + 5000 if gone else None, "text_sha256": text,
    }  # fmt: skip
    if channel == "web":
        item |= {"creates": [], "live_at": None}
        evidence["sightings"].append({"channel": "web", "story": key, "version": 1, "at": at})
    evidence["items"].append(item)
    receipt = {"item_id": name, "payload_sha256": copy, "text_sha256": text, "data": {}}
    state = "recalled" if gone else "live"
    ledger["publications"].append(
        {
            "story_id": story_id, "channel": channel, "release": 1, "state": state, "reason": "",
            "live_version": 1, "receipt": json.dumps(receipt), "received_at": at,
        }
    )  # fmt: skip
    ledger["attempts"].append(
        {
            "story_id": story_id, "channel": channel, "release": 1, "verb": "create", "epoch": 1,
            "started_at": at, "ended_at": at + 60, "outcome": "live",
        }
    )  # fmt: skip
    told = {"story_id": story_id, "channel": channel, "release": 1, "state": state}
    _record(evidence, story_id, "cn.shoufa.delivery.changed.v1", told, at)
    if channel == "wechat":
        ids = {"media_id": f"d{key}"}
        linked = ids | {"source_url": f"http://127.0.0.1/a/{key}.html?r=x"}
        for path, start, said in (("draft/add", at, linked), ("freepublish/submit", at + 20, ids)):
            evidence["requests"].append(
                {
                    "channel": "wechat", "path": f"/cgi-bin/{path}", "at": start,
                    "done_at": start + 10, "outcome": "0", "ids": said,
                }
            )  # fmt: skip


def _act(evidence: Row, op: str, key: int, at: int, **facts: Any) -> None:
    evidence["history"].append(
        {
            "op": op, "key": key, "story_id": f"s{key}", "begun": at, "ended": at + 20,
            "outcome": "ok", **facts,
        }
    )  # fmt: skip


def _record(evidence: Row, story_id: str, kind: str, data: Row, at: int) -> None:
    seq = len(evidence["ledger"]["outbox"]) + 1
    evidence["ledger"]["outbox"].append(
        {"seq": seq, "type": kind, "topic": "story-events", "event_id": f"e{seq}", "sent_at": at}
    )
    evidence["records"].append(
        {
            "topic": "story-events", "partition": 0, "offset": seq, "at": at, "key": story_id,
            "type": kind, "id": f"e{seq}", "seq": seq, "data": data,
        }
    )  # fmt: skip
