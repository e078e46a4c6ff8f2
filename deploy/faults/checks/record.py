"""I12 to I14: uploads are kept, the topics tell the ledger, every record is accounted for."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from deploy.faults.checks.view import TOKEN, View, Violation

TOLD = {"live", "recalled"}


def uploads_are_kept(view: View) -> Iterator[Violation]:
    """I12, promise 1: what was answered with 2xx is in S3, in the ledger and on story-events."""
    keys = {row["sha256"]: row["object_key"] for row in view.ledger["assets"]}
    filed = {(r["key"], _version(r["data"])) for r in view.records if _is_filing(r["type"])}
    known = {row["id"]: row["version"] for row in view.ledger["stories"]}
    for op in ("file", "correct"):
        for act in view.acts(op):
            if act["outcome"] != "ok":
                continue
            place = f"F{act['key']:04d} v{act['version']}"
            if known.get(act["story_id"], 0) < act["version"]:
                yield Violation("I12", place, "was accepted and is not in the ledger")
            if (act["story_id"], act["version"]) not in filed:
                yield Violation("I12", place, "was accepted and is not on story-events")
            for sha256 in act["media"]:
                if view.objects.get(keys.get(sha256, "")) != sha256:
                    yield Violation("I12", place, f"media {sha256[:12]} is not in S3")


def filed_once(view: View) -> Iterator[Violation]:
    """Promise 1: sent twice with one key, a story is one story."""
    tokens = [TOKEN.search(row["headline"]) for row in view.ledger["stories"]]
    for key, times in Counter(int(t[1]) for t in tokens if t).items():
        if times > 1:
            yield Violation("P1", f"F{key:04d}", f"is in the ledger {times} times")


def _is_filing(kind: str) -> bool:
    return kind.startswith(("cn.shoufa.story.filed.", "cn.shoufa.story.revised."))


def _version(data: object) -> int:
    story = data.get("story") if isinstance(data, dict) else None
    return int(story["version"]) if isinstance(story, dict) else 0


def outbox_is_sent(view: View) -> Iterator[Violation]:
    """Promises 1, 13: every row of the outbox is on its topic, whatever the broker lost."""
    there = {(r["topic"], r["id"]) for r in view.records}
    for row in view.ledger["outbox"]:
        place = f"outbox {row['seq']} {row['type']}"
        if row["sent_at"] is None:
            yield Violation("P1", place, "was never sent")
        elif (row["topic"], row["event_id"]) not in there:
            yield Violation("P1", place, f"is not on {row['topic']}")


def events_tell_the_ledger(view: View) -> Iterator[Violation]:
    """I13, promise 11: folded in outbox order, the events say what the ledger says is live."""
    last: dict[tuple[str, str, int], dict[str, object]] = {}
    withdrawn = set()
    ours = [r for r in view.records if r["topic"] == "story-events" and r["seq"]]
    for record in sorted(ours, key=lambda r: r["seq"]):
        data = record["data"]
        if record["type"].startswith("cn.shoufa.delivery.changed."):
            last[data["story_id"], data["channel"], data["release"]] = data
        if record["type"].startswith("cn.shoufa.story.withdrawn."):
            withdrawn.add(data["story_id"])
    for row in view.ledger["publications"]:
        told = last.get((row["story_id"], row["channel"], row["release"]))
        key = view.key_of.get(row["story_id"], 0)
        place = f"F{key:04d} {row['channel']} r{row['release']}"
        if row["state"] in TOLD and (told is None or told["state"] != row["state"]):
            said = told and told["state"]
            yield Violation("I13", place, f"ledger {row['state']}, events {said}")
    for story in view.ledger["stories"]:
        if (story["withdrawn_at"] is not None) != (story["id"] in withdrawn):
            key = view.key_of.get(story["id"], 0)
            yield Violation("I13", f"F{key:04d}", "ledger and events differ about its withdrawal")


def all_read(view: View) -> Iterator[Violation]:
    """I14, promise 10: once all is quiet nobody is behind."""
    for group, offsets in view.evidence["committed"].items():
        for place, offset in offsets.items():
            end = view.evidence["ends"].get(place, 0)
            if offset < end:
                yield Violation("I14", f"{group} {place}", f"stands at {offset} of {end}")


def poison_is_buried(view: View) -> Iterator[Violation]:
    """I14, promise 10: each broken record is one dead letter of its reader, and nothing else is."""
    letters: dict[tuple[str, int, int], list[str]] = defaultdict(list)
    for row in view.ledger["dead_letters"]:
        place = (row["topic"], row["kafka_partition"], row["kafka_offset"])
        letters[place].append(f"{row['consumer']}: {row['cause'][:120]}")
    cuts = [fault["begun"] for fault in view.faults("power_cut")]
    planted = set()
    for act in view.acts("poison"):
        place = (act["topic"], act["partition"], act["offset"])
        planted.add(place)
        # what a power cut took from the broker's log was never there
        lost = any(act["begun"] < cut for cut in cuts)
        if len(letters[place]) != 1 and not (lost and not letters[place]):
            told = f"{len(letters[place])} dead letters for one broken record"
            yield Violation("I14", "/".join(map(str, place)), told)
    for place, told_of in letters.items():
        if place not in planted:
            for told in told_of:
                yield Violation("I14", "/".join(map(str, place)), f"unexpected dead letter: {told}")
