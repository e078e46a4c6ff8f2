"""Packages with a manifest in a hot folder: the files and names of one delivery.

Package: ``<item>/`` with ``<item>`` = ``<prefix><number>_r<release>``, the same for all versions;
its acknowledgement is ``<item>.ack.json``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from consumers import print_package
from consumers.article import PrintCopy
from consumers.folder_delivery import delivered_record, hand_over, look, prior, withdraw
from consumers.folder_records import (
    Outlet,
    Placed,
    Record,
    Traces,
    Verb,
    id_of,
    item_of,
)
from consumers.hot_folder import reported
from consumers.print_manifest import MANIFEST, Sheet, closing, manifest, read_manifest
from consumers.print_package import Layout
from schemas.channel import (
    Absent,
    Accepted,
    Attempt,
    CannotRecall,
    CannotTell,
    Live,
    Recalled,
    Refused,
)
from schemas.hashing import sha256
from schemas.receipt import Receipt

_WORDS: dict[Verb, Literal["new", "update", "withdraw"]] = {
    "new": "new", "update": "update", "recall": "withdraw",
}  # fmt: skip


@dataclass(frozen=True)
class PackageFolder:
    """A page desk's folder."""

    outlet: Outlet
    prefix: str
    cut_off: str | None
    """Beijing time ``HH:MM`` at which an edition closes."""

    def close(self) -> None:
        """Nothing is held open."""


def deliver(
    box: PackageFolder, copy: PrintCopy, attempt: Attempt, verb: Verb
) -> Live | Accepted | Refused:
    """Hand over a new package or a correction in its place."""
    folder, item = box.outlet.folder, item_of(box.prefix, attempt)
    wanted = id_of(box.prefix, attempt, _WORDS[verb])
    told = prior(box.outlet, attempt, item, wanted, _traces(item), first=verb == "new")
    if told is not None:
        return told
    with reported(folder):
        layout = print_package.lay_out(copy, item, attempt)
        files = print_package.build(folder, item, copy, layout, attempt)
    record, data = _describe(box, copy, attempt, verb, files, layout)
    return hand_over(box.outlet, attempt, record, data, lambda: print_package.place(folder, item))


def find(
    box: PackageFolder, copy: PrintCopy, attempt: Attempt
) -> Live | Accepted | Absent | CannotTell:
    """Is a package of this release there?"""
    item = item_of(box.prefix, attempt)
    return look(
        box.outlet, attempt, item, _traces(item), lambda: _rebuilt(box, copy, attempt, item)
    )


def take_out(
    box: PackageFolder, receipt: Receipt, reason: str, attempt: Attempt
) -> Recalled | Accepted | CannotRecall:
    """Take the package back and leave a manifest with the verb withdraw in its place."""
    folder, item = box.outlet.folder, item_of(box.prefix, attempt)
    delivered = delivered_record(receipt)
    notes = delivered.notes if delivered else {}
    gone = PrintCopy(
        pieces=(),
        pictures=(),
        headline=attempt.headline,
        edition=notes.get("edition", ""),
        page=notes.get("page", ""),
        column=notes.get("column", ""),
    )
    record, data = _describe(box, gone, attempt, "recall", (), reason=reason)
    return withdraw(
        box.outlet, attempt, record, data, lambda: print_package.place_empty(folder, item)
    )


def _describe(
    box: PackageFolder,
    copy: PrintCopy,
    attempt: Attempt,
    verb: Verb,
    files: Sequence[Placed],
    layout: Layout | None = None,
    reason: str = "",
) -> tuple[Record, bytes]:
    """The record and the manifest of one delivery."""
    item, now = item_of(box.prefix, attempt), box.outlet.now()
    sheet = Sheet(
        id=id_of(box.prefix, attempt, _WORDS[verb]),
        verb=_WORDS[verb],
        item=item,
        story_id=str(attempt.story_id),
        number=attempt.number,
        release=attempt.release,
        version=attempt.version,
        copy_sha256=attempt.payload_sha256,
        placed_at=now,
        closes_at=closing(box.cut_off, now),
        reason=reason,
    )
    data = manifest(sheet, copy, files)
    record = Record(
        id=sheet.id,
        verb=verb,
        item=item,
        release=attempt.release,
        version=attempt.version,
        ack=f"{item}.ack.json",
        shown=f"{item}/{MANIFEST}",
        shown_sha256=sha256(data),
        payload_sha256=attempt.payload_sha256,
        text_sha256=layout.text_sha256 if layout else sha256(data),
        placed_at=now,
        files=tuple(f.model_copy(update={"name": f"{item}/{f.name}"}) for f in files),
        media=layout.media if layout else (),
        notes={"edition": copy.edition, "page": copy.page, "column": copy.column},
    )
    return record, data


def _rebuilt(box: PackageFolder, copy: PrintCopy, attempt: Attempt, item: str) -> list[Record]:
    """The records that this version would have, and what stands in the folder where it fits."""
    with reported(box.outlet.folder):
        layout = print_package.lay_out(copy, item, attempt)
        found = read_manifest(box.outlet.folder / item / MANIFEST)
    records = []
    verbs: tuple[Verb, ...] = ("new", "update")
    for verb in verbs:
        record, _ = _describe(box, copy, attempt, verb, (), layout)
        if found is not None:
            standing, data = found
            if (standing.id, standing.copy_sha256) == (record.id, attempt.payload_sha256):
                record, _ = _describe(box, copy, attempt, verb, standing.files, layout)
                told = {"shown_sha256": sha256(data), "placed_at": standing.placed_at}
                record = record.model_copy(update=told)
        records.append(record)
    return records


def _traces(item: str) -> Traces:
    return Traces(shown=f"{item}/{MANIFEST}", ack=f"{item}.ack.json")
