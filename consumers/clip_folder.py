"""Clips with a sidecar in a hot folder: the files and names of one delivery.

Media: ``<item>.mxf``, ``<item>_2.mxf`` … with ``<item>`` = ``<prefix><number>_r<release>``; a
correction replaces them. Sidecar, last: ``<item>_v<version>.xml``, for a withdrawal
``<item>_v<version>_delete.xml``; its acknowledgement has the same base name and ``.ack.json``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jinja2 import Template
from pydantic import BaseModel, ConfigDict

from consumers import sidecar
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
from consumers.hot_folder import (
    Digests,
    copy_part,
    part_of,
    read_digests,
    remove,
    reported,
    sync_folder,
)
from schemas.channel import (
    Absent,
    Accepted,
    Attempt,
    CannotRecall,
    CannotTell,
    Live,
    MediaFile,
    Recalled,
    Refused,
)
from schemas.hashing import sha256
from schemas.receipt import Receipt, Substitution

_WORDS: dict[Verb, Literal["new", "update", "delete"]] = {
    "new": "new", "update": "update", "recall": "delete",
}  # fmt: skip


class Clip(BaseModel):
    """One clip of a copy."""

    model_config = ConfigDict(frozen=True)

    media: str
    """Placeholder."""
    caption: str = ""
    credit: str = ""
    duration_s: float | None = None


@dataclass(frozen=True)
class ClipFolder:
    """A station's folder and how its sidecars are written."""

    outlet: Outlet
    prefix: str
    template: Template
    station: Mapping[str, str]
    encoding: sidecar.Encoding
    fps: int
    start_timecode: str

    def close(self) -> None:
        """Nothing is held open."""


def deliver(
    box: ClipFolder, story: Any, clips: Sequence[Clip], attempt: Attempt, verb: Verb
) -> Live | Accepted | Refused:
    """Hand over a new clip or a correction; ``story`` is what the sidecar's template reads."""
    folder, item = box.outlet.folder, item_of(box.prefix, attempt)
    wanted = id_of(box.prefix, attempt, _WORDS[verb])
    told = prior(box.outlet, attempt, item, wanted, _traces(item), first=verb == "new")
    if told is not None:
        return told
    with reported(folder):
        files = [
            _placed(name, copy_part(source, folder / name, attempt))
            for name, source in _sources(clips, attempt, item).items()
        ]
    record, data = _describe(box, story, clips, attempt, verb, files)
    names = [placed.name for placed in files]
    return hand_over(box.outlet, attempt, record, data, lambda: _place(folder, item, names))


def find(
    box: ClipFolder, story: Any, clips: Sequence[Clip], attempt: Attempt
) -> Live | Accepted | Absent | CannotTell:
    """Is a clip of this release there?"""
    item = item_of(box.prefix, attempt)

    def rebuild() -> list[Record]:
        sources = _sources(clips, attempt, item)
        with reported(box.outlet.folder):
            files = [_placed(name, read_digests(m.path, attempt)) for name, m in sources.items()]
        verbs: tuple[Verb, ...] = ("new", "update")
        return [_describe(box, story, clips, attempt, verb, files)[0] for verb in verbs]

    return look(box.outlet, attempt, item, _traces(item), rebuild)


def take_out(
    box: ClipFolder, story: Any, receipt: Receipt, reason: str, attempt: Attempt
) -> Recalled | Accepted | CannotRecall:
    """Take our files back and hand over a sidecar with the verb delete."""
    folder, item = box.outlet.folder, item_of(box.prefix, attempt)
    delivered = delivered_record(receipt)
    files = list(delivered.files) if delivered else [Placed(name=f"{item}.mxf")]
    record, data = _describe(box, story, (), attempt, "recall", files, reason)
    return withdraw(box.outlet, attempt, record, data, lambda: _clear(folder, item, keep=()))


def _describe(
    box: ClipFolder,
    story: Any,
    clips: Sequence[Clip],
    attempt: Attempt,
    verb: Verb,
    files: Sequence[Placed],
    reason: str = "",
) -> tuple[Record, bytes]:
    """The record and the sidecar of one delivery; the same input gives the same sidecar."""
    item = item_of(box.prefix, attempt)
    name = f"{item}_v{attempt.version}" + ("_delete" if verb == "recall" else "")
    known = clips or [Clip(media="")] * len(files)
    delivery = sidecar.Sidecar(
        id=id_of(box.prefix, attempt, _WORDS[verb]),
        verb=_WORDS[verb],
        item=item,
        number=attempt.number,
        release=attempt.release,
        version=attempt.version,
        story_id=str(attempt.story_id),
        payload_sha256=attempt.payload_sha256,
        story=story,
        files=tuple(_file(box, placed, clip) for placed, clip in zip(files, known, strict=True)),
        reason=reason,
    )
    data = sidecar.write(box.template, delivery, box.station, box.encoding)
    record = Record(
        id=delivery.id,
        verb=verb,
        item=item,
        release=attempt.release,
        version=attempt.version,
        ack=f"{name}.ack.json",
        shown=f"{name}.xml",
        shown_sha256=sha256(data),
        payload_sha256=attempt.payload_sha256,
        text_sha256=sha256(data),
        placed_at=box.outlet.now(),
        files=tuple(files),
        media=tuple(
            Substitution(placeholder=clip.media, sha256=placed.sha256, address=placed.name)
            for clip, placed in zip(known, files, strict=True)
            if clip.media
        ),
    )
    return record, data


def _file(box: ClipFolder, placed: Placed, clip: Clip) -> sidecar.SidecarFile:
    times: dict[str, Any] = {}
    if clip.duration_s is not None:
        start = sidecar.seconds_of(box.start_timecode, box.fps)
        times = {
            "duration_s": clip.duration_s,
            "start": box.start_timecode,
            "end": sidecar.timecode(start + clip.duration_s, box.fps),
            "duration": sidecar.timecode(clip.duration_s, box.fps),
        }
    return sidecar.SidecarFile(
        placed.name, placed.size, placed.md5, placed.sha256, clip.caption, clip.credit, **times
    )


def _sources(clips: Sequence[Clip], attempt: Attempt, item: str) -> dict[str, MediaFile]:
    """File name in the hot folder → rendition."""
    found = {}
    for number, clip in enumerate(clips, 1):
        source = attempt.media.files(clip.media)[0]
        tail = "" if number == 1 else f"_{number}"
        found[f"{item}{tail}{Path(source.name).suffix.lower()}"] = source
    return found


def _placed(name: str, digests: Digests) -> Placed:
    return Placed(name=name, size=digests.size_bytes, md5=digests.md5, sha256=digests.sha256)


def _place(folder: Path, item: str, names: Sequence[str]) -> None:
    """A clip gets its name only when no sidecar of an older version can be read with it."""
    _clear(folder, item, keep=[*names, *(part_of(folder / name).name for name in names)])
    for name in names:
        part_of(folder / name).replace(folder / name)
    sync_folder(folder)


def _clear(folder: Path, item: str, *, keep: Sequence[str]) -> None:
    """Remove our files of this item but those to keep, sidecars first."""
    found = [p for p in folder.glob(f"{item}[._]*") if not p.name.endswith(".ack.json")]
    for path in sorted(found, key=lambda p: p.suffix != ".xml"):
        if path.name not in keep:
            remove(path)
    sync_folder(folder)


def _traces(item: str) -> Traces:
    return Traces(shown=f"{item}_v*.xml", ack=f"{item}_v*.ack.json")
