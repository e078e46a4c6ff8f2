"""I8 to I11: each request rests on an intent, one owner at a time, within its quota."""

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from deploy.faults.checks.view import Row, View, Violation

NUMBER = re.compile(r"/a/(\d+)\.html")
USED_UP = {"45009", "28003017"}


def intents_come_first(view: View) -> Iterator[Violation]:
    """I8: before an outlet took a create, an attempt to create was in the ledger."""
    for (key, channel), items in view.items_of.items():
        begun = [
            row["started_at"]
            for row in view.ledger["attempts"]
            if view.key_of.get(row["story_id"]) == key
            and (row["channel"], row["verb"]) == (channel, "create")
        ]
        for item in items:
            for at in item["creates"]:
                if not any(start <= at + view.slack_ms for start in begun):
                    told = f"{item['item_id']} came before any intent"
                    yield Violation("I8", f"F{key:04d} {channel}", told)


def one_owner(view: View) -> Iterator[Violation]:
    """I9: an epoch is one attempt's; nothing is left open once all is quiet."""
    epochs: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    for row in view.ledger["attempts"]:
        epochs[row["story_id"], row["channel"], row["release"]].append(row["epoch"])
        if row["ended_at"] is None:
            key = view.key_of.get(row["story_id"], 0)
            yield Violation("I9", f"F{key:04d} {row['channel']}", "an attempt never ended")
    for (story_id, channel, release), numbers in epochs.items():
        if len(set(numbers)) != len(numbers):
            place = f"F{view.key_of.get(story_id, 0):04d} {channel} r{release}"
            yield Violation("I9", place, f"two attempts had one epoch: {sorted(numbers)}")


def no_two_at_once(view: View) -> Iterator[Violation]:
    """I10: an outlet never saw two creates of one story at the same time."""
    numbers = {row["number"]: view.key_of.get(row["id"], 0) for row in view.ledger["stories"]}
    drafts: dict[str, int] = {}
    spans: dict[int, list[Row]] = defaultdict(list)
    for row in view.evidence["requests"]:
        if row["channel"] != "wechat":
            continue
        ids = row["ids"]
        named = NUMBER.search(str(ids.get("source_url", "")))
        if named and "media_id" in ids:
            drafts[ids["media_id"]] = numbers.get(int(named[1]), 0)
        if row["path"].endswith("freepublish/submit") and ids.get("media_id") in drafts:
            spans[drafts[ids["media_id"]]].append(row)
    for key, rows in spans.items():
        rows.sort(key=lambda row: row["at"])
        for one, other in pairwise(rows):
            if other["at"] < (one["done_at"] or one["at"]):
                yield Violation("I10", f"F{key:04d} wechat", "two submits at the same time")


def quotas_kept(view: View) -> Iterator[Violation]:
    """I11: no outlet had to say that its quota is used up (the run's quotas are ample)."""
    for row in view.evidence["requests"]:
        if str(row["outcome"]).rpartition(":")[2] in USED_UP:
            yield Violation("I11", row["channel"], f"{row['path']} was over its quota")
