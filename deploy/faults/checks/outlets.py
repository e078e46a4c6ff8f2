"""I1 to I7: what stands at the outlets, how often it was made, and in which order."""

import hashlib
import json
from collections.abc import Iterator

from deploy.faults.checks.view import Row, View, Violation

ENDS = {"live", "recalled", "superseded", "cancelled", "not_applicable"}


def live_once(view: View) -> Iterator[Violation]:
    """I1, promise 2: one live item of the newest approved version, none of a withdrawn story."""
    for key, story in view.stories.items():
        wanted = story["approved_version"] if story["withdrawn_at"] is None else None
        for channel in view.channels:
            place = f"F{key:04d} {channel}"
            items = [item for item in view.items_of.get((key, channel), []) if item["live"]]
            due = wanted if view.applies(key, channel) else None
            if due is None and items:
                yield Violation("I1", place, f"{len(items)} live, none is due: {_short(items)}")
            elif due is not None and len(items) != 1:
                yield Violation(
                    "I1", place, f"{len(items)} live, one is due; {_rows(view, key, channel)}"
                )
            elif due is not None and items[0]["versions"][-1:] != [due]:
                yield Violation("I6", place, f"v{items[0]['versions']} stands, v{due} is approved")


def states_end(view: View) -> Iterator[Violation]:
    """I1, promise 2: with healthy outlets no row is left to a person, refused, or under way."""
    for (key, channel), rows in view.publications.items():
        for row in rows:
            waits = row["state"] in {"planned", "held"} and not _due(view, key)
            if row["state"] not in ENDS and not waits:
                told = f"r{row['release']} {row['state']}: {row['reason']}"
                yield Violation("I1", f"F{key:04d} {channel}", told)


def _due(view: View, key: int) -> bool:
    story = view.stories.get(key)
    return story is not None and story["approved_version"] is not None


def acknowledged_acts_count(view: View) -> Iterator[Violation]:
    """Promises 1, 5, 8: what people were told was done is done, and nothing else is."""
    for key, story in view.stories.items():
        sure = view.surely_approved(key)
        if (story["approved_version"] or 0) < sure:
            told = f"v{sure} was signed three times, v{story['approved_version']} is approved"
            yield Violation("P5", f"F{key:04d}", told)
        for version in {story["approved_version"]} - {None}:
            if view.approved_from(key, version) is None:
                yield Violation("I4", f"F{key:04d}", f"v{version} is approved and nobody signed it")
        if view.withdrawn_at(key) is not None and story["withdrawn_at"] is None:
            yield Violation("I7", f"F{key:04d}", "a withdrawal was acknowledged and forgotten")


def created_once(view: View) -> Iterator[Violation]:
    """I2, promise 3: accepted creates for a version and in all, deleted ones included."""
    for (key, channel), items in view.items_of.items():
        place = f"F{key:04d} {channel}"
        for item in items:
            if len(item["creates"]) > 1:
                told = f"{item['item_id']} was taken as new {len(item['creates'])} times"
                yield Violation("I2", place, told)
        made = [i for i in items if i["creates"]]
        releases = len(view.publications.get((key, channel), []))
        if len(made) > releases:
            yield Violation(
                "I2", place, f"{len(made)} created, {releases} released: {_short(made)}"
            )
        if view.channels[channel]["module"] in {"wechat", "douyin"}:
            versions = [item["versions"][0] for item in made]
            for version in {v for v in versions if versions.count(v) > 1}:
                told = f"v{version} was created {versions.count(version)} times"
                yield Violation("I2", place, told)


def receipts_are_true(view: View) -> Iterator[Violation]:
    """I3, promise 4: a live row's receipt names a live item with these bytes; no item without one."""
    for (key, channel), rows in view.publications.items():
        items = {item["item_id"]: item for item in view.items_of.get((key, channel), [])}
        named = set()
        for row in rows:
            receipt = view.receipt(row)
            if receipt is None:
                continue
            place = f"F{key:04d} {channel} r{row['release']}"
            named.add(receipt["item_id"])
            item = items.get(receipt["item_id"])
            if row["state"] != "live":
                continue
            if item is None or not item["live"]:
                yield Violation(
                    "I3", place, f"the receipt names {receipt['item_id']}, which is not live"
                )
            elif not _same_bytes(item, receipt):
                yield Violation("I3", place, "the item's bytes are not those of the receipt")
        for name, item in items.items():
            if item["live"] and name not in named:
                yield Violation("I3", f"F{key:04d} {channel}", f"{name} is live without a receipt")


def _same_bytes(item: Row, receipt: Row) -> bool:
    if shown := item.get("shown_sha256"):
        return bool(receipt["data"].get("shown_sha256") == shown)
    return bool(item["text_sha256"] == receipt["text_sha256"])


def only_approved(view: View) -> Iterator[Violation]:
    """I4, promise 5: every item was signed by three before it came, over exactly its copy."""
    for item in view.items:
        place = f"F{item['story']:04d} {item['channel']}"
        first = min(item["creates"], default=None)
        for version in item["versions"]:
            since = view.approved_from(item["story"], version)
            if since is None:
                yield Violation("I4", place, f"v{version} went out and nobody can have approved it")
            elif (
                first is not None
                and first < since - view.slack_ms
                and version == item["versions"][0]
            ):
                yield Violation("I4", place, f"v{version} went out {since - first} ms too early")
    yield from _copies_are_signed(view)


def _copies_are_signed(view: View) -> Iterator[Violation]:
    copies: dict[tuple[str, int], dict[str, Row]] = {}
    for row in view.ledger["copies"]:
        copies.setdefault((row["story_id"], row["version"]), {})[row["channel"]] = row
    for (key, channel), rows in view.publications.items():
        for row in rows:
            receipt = view.receipt(row)
            if receipt is None or row["live_version"] is None:
                continue
            place = f"F{key:04d} {channel} r{row['release']}"
            mine = copies.get((row["story_id"], row["live_version"]), {})
            told = {c: r["sha256"] or f"refused {r['refused']}" for c, r in mine.items()}
            whole = hashlib.sha256(_canonical(told)).hexdigest()
            signed = {s["copies_sha256"] for s in view.signs.get((key, row["live_version"]), [])}
            sha256 = receipt["payload_sha256"]
            if sha256 != (mine.get(channel) or {}).get("sha256") or whole not in signed:
                yield Violation("I4", place, "the copy that went out is not among the signed ones")
            elif view.objects.get(f"copies/{sha256}") != sha256:
                yield Violation("I4", place, "the signed copy is not in S3")


def _canonical(value: dict[str, str]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def waves_in_order(view: View) -> Iterator[Violation]:
    """I5, promise 6: nothing of a later wave before an item of the wave before, or its time."""
    for item in view.items:
        wave = view.channels[item["channel"]]["wave"]
        if wave == 1 or not item["creates"]:
            continue
        key, first = item["story"], min(item["creates"])
        released = view.released_from(key)
        fallback_s = view.evidence["fallback_after_s"][str(wave)]
        earlier = [t for t in _live_times(view, key, wave) if t <= first + view.slack_ms]
        in_time = released is not None and first >= released + fallback_s * 1000 - view.slack_ms
        if not earlier and not in_time:
            yield Violation(
                "I5", f"F{key:04d} {item['channel']}", "went out before an earlier wave was live"
            )


def _live_times(view: View, key: int, wave: int) -> Iterator[int]:
    waves = {view.channels[c]["wave"] for c in view.channels if view.applies(key, c)}
    before = max((w for w in waves if w < wave), default=0)
    for item in view.items:
        if item["story"] == key and view.channels[item["channel"]]["wave"] == before:
            yield from [item["live_at"]] if item["live_at"] else []
            yield from item["creates"]
    for seen in view.evidence["sightings"]:
        if seen["story"] == key and view.channels[seen["channel"]]["wave"] == before:
            yield seen["at"]


def versions_rise(view: View) -> Iterator[Violation]:
    """I6, promise 7: in the order in which an outlet took them, versions never go down."""
    for (key, channel), items in view.items_of.items():
        order = sorted((i for i in items if i["creates"]), key=lambda i: min(i["creates"]))
        versions = [version for item in order for version in item["versions"]]
        if versions != sorted(versions):
            yield Violation("I6", f"F{key:04d} {channel}", f"versions came as {versions}")
    seen: dict[tuple[int, str], int] = {}
    for line in view.evidence["sightings"]:
        at = (line["story"], line["channel"])
        if line["version"] < seen.get(at, 0):
            told = f"v{line['version']} stood there after v{seen[at]}"
            yield Violation("I6", f"F{at[0]:04d} {at[1]}", told)
        seen[at] = max(line["version"], seen.get(at, 0))


def withdrawn_stays_down(view: View) -> Iterator[Violation]:
    """I7, promise 8: nothing is created later than one deadline after the acknowledgement."""
    for key in view.stories:
        since = view.withdrawn_at(key)
        if since is None:
            continue
        for channel, spec in view.channels.items():
            last = since + 1000 * (spec["call_deadline_s"] + spec["settle_s"]) + view.slack_ms
            late = [
                at
                for item in view.items_of.get((key, channel), [])
                for at in item["creates"]
                if at > last
            ]
            if late:
                told = f"created {late[0] - since} ms after the withdrawal was acknowledged"
                yield Violation("I7", f"F{key:04d} {channel}", told)


def _short(items: list[Row]) -> str:
    return ", ".join(f"{i['item_id']} v{i['versions']}" for i in items)[:300]


def _rows(view: View, key: int, channel: str) -> str:
    rows = view.publications.get((key, channel), [])
    return "; ".join(f"r{r['release']} {r['state']} {r['reason']}" for r in rows)[:300] or "no row"
