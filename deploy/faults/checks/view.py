"""The evidence with the indexes that the checks ask for. Standard library only."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Row = dict[str, Any]
TOKEN = re.compile(r"F(\d{4,})V(\d+)")
SLACK_MS = 1_500
"""Between the clocks of different processes of one machine, and for looking every so often."""


@dataclass(frozen=True)
class Violation:
    """One broken promise: which, where, and what was seen."""

    promise: str
    place: str
    told: str

    def __str__(self) -> str:
        return f"{self.promise} {self.place}: {self.told}"


class View:
    """Evidence by story. ``story`` is the harness's own number of a story, its key."""

    def __init__(self, evidence: dict[str, Any]) -> None:
        self.evidence = evidence
        self.channels: dict[str, Row] = evidence["channels"]
        self.history: list[Row] = evidence["history"]
        self.records: list[Row] = evidence["records"]
        self.items: list[Row] = evidence["items"]
        self.ledger: dict[str, list[Row]] = evidence["ledger"]
        self.objects: dict[str, str] = evidence["objects"]

    @cached_property
    def slack_ms(self) -> int:
        """With the largest step that the ledger's clock was set by."""
        steps = [abs(h.get("step_s", 0)) for h in self.faults("clock_step")]
        return SLACK_MS + 1000 * max(steps, default=0)

    def faults(self, kind: str) -> list[Row]:
        """Faults of that kind that struck."""
        return [h for h in self.history if h["op"] == "fault" and h["kind"] == kind and h["struck"]]

    @cached_property
    def key_of(self) -> dict[str, int]:
        """story id → key, by what the ledger holds as headline."""
        found = {}
        for row in self.ledger["stories"]:
            token = TOKEN.search(row["headline"])
            if token:
                found[row["id"]] = int(token[1])
        return found

    @cached_property
    def stories(self) -> dict[int, Row]:
        """Key → row of the ledger."""
        rows = {row["id"]: row for row in self.ledger["stories"]}
        return {key: rows[story_id] for story_id, key in self.key_of.items()}

    def acts(self, op: str, key: int | None = None) -> Iterator[Row]:
        """What people did, of one story or of all."""
        for line in self.history:
            if line["op"] == op and (key is None or line.get("key") == key):
                yield line

    @cached_property
    def signs(self) -> dict[tuple[int, int], list[Row]]:
        """(story, version) → signatures that were given or may have been."""
        found: dict[tuple[int, int], list[Row]] = defaultdict(list)
        for line in self.acts("sign"):
            if line["outcome"] != "fail":
                found[line["key"], line["version"]].append(line)
        return found

    def approved_from(self, key: int, version: int) -> int | None:
        """Earliest time (ms) at which people can have approved a version; None: they never did.

        Three levels by three persons over the same copies, or one urgent signature of the third.
        """
        by_copies: dict[str, list[Row]] = defaultdict(list)
        for line in self.signs.get((key, version), []):
            by_copies[line["copies_sha256"]].append(line)
        times = []
        for lines in by_copies.values():
            urgent = [s["begun"] for s in lines if s["urgent"] and s["level"] == 3]
            if urgent:
                times.append(min(urgent))
            first = {
                level: min((s["begun"] for s in lines if s["level"] == level), default=None)
                for level in (1, 2, 3)
            }
            persons = {s["person"] for s in lines}
            if all(at is not None for at in first.values()) and len(persons) >= 3:
                times.append(max(at for at in first.values() if at is not None))
        return min(times, default=None)

    def released_from(self, key: int) -> int | None:
        """Earliest time (ms) at which any version can have been approved: latest times of waves
        count from the first release, a correction moves none."""
        versions = [version for story, version in self.signs if story == key]
        times = [self.approved_from(key, version) for version in versions]
        return min((at for at in times if at is not None), default=None)

    def surely_approved(self, key: int) -> int:
        """Newest version whose signatures were all answered with ok; 0: none."""
        newest = 0
        for (story, version), lines in self.signs.items():
            levels = {s["level"] for s in lines if s["outcome"] == "ok"}
            urgent = any(s["urgent"] for s in lines if s["outcome"] == "ok")
            if story == key and (levels == {1, 2, 3} or urgent):
                newest = max(newest, version)
        return newest

    def withdrawn_at(self, key: int) -> int | None:
        """When a withdrawal was acknowledged; None: it never was."""
        times = [h["ended"] for h in self.acts("withdraw", key) if h["outcome"] == "ok"]
        return min(times, default=None)

    @cached_property
    def clips(self) -> set[int]:
        """Stories with a clip."""
        return {h["key"] for h in self.acts("file") if len(h["media"]) > 1}

    def applies(self, key: int, channel: str) -> bool:
        return self.channels[channel].get("applies_to") != "video" or key in self.clips

    @cached_property
    def items_of(self) -> dict[tuple[int, str], list[Row]]:
        """(story, channel) → its items."""
        found: dict[tuple[int, str], list[Row]] = defaultdict(list)
        for item in self.items:
            found[item["story"], item["channel"]].append(item)
        return found

    @cached_property
    def publications(self) -> dict[tuple[int, str], list[Row]]:
        """(story, channel) → rows, oldest release first."""
        found: dict[tuple[int, str], list[Row]] = defaultdict(list)
        for row in sorted(self.ledger["publications"], key=lambda r: r["release"]):
            found[self.key_of.get(row["story_id"], 0), row["channel"]].append(row)
        return found

    def receipt(self, row: Row) -> Row | None:
        """The receipt of a publication, read."""
        if not row["receipt"]:
            return None
        read: Row = json.loads(row["receipt"])
        return read
