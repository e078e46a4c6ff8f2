"""What is known of a delivery into a watched folder: its record and the acknowledgement.

A :class:`Record` is remembered (as a checkpoint in the ledger and as a file of the account) before
the delivery is revealed, so that its state can always be told afterwards:

* ``shown``: the file that makes it visible stands there, with this delivery's bytes;
* ``staged``: its ``.part`` is still there, so the delivery was surely not revealed;
* ``fetched``: neither, the station took it away or a later delivery replaced it.

An acknowledgement is ``<name>.ack.json`` in the folder of acknowledgements: ``{"id", "result":
"ok"|"error", "reason", "at", "name", "md5"}``. It counts only with the record's own id, which
differs for each release, version and verb, so that a stale one is never taken for a new one.
"""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from consumers.hot_folder import digests_of, read_digests, reported, write
from schemas.channel import Attempt
from schemas.receipt import Substitution

Verb = Literal["new", "update", "recall"]
Prefix = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]{0,11}$")]
"""House letters before the story's number in every file name."""
_ACK_BYTES = 64 * 1024
_MOMENT: TypeAdapter[datetime] = TypeAdapter(AwareDatetime)


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Placed(_Kept):
    """One file of a delivery, its name relative to the folder."""

    name: str
    size: int = 0
    md5: str = ""
    sha256: str = ""


class Record(_Kept):
    """One delivery: everything needed to recognise, confirm, update and recall it."""

    id: str
    """Unique for (release, version, verb); the acknowledgement repeats it."""
    verb: Verb
    item: str
    """The same for all versions of a release: ``QH000007_r1``."""
    release: int
    version: int
    ack: str
    """Name of the acknowledgement's file."""
    shown: str
    """The file whose appearance is the delivery, relative to the folder."""
    shown_sha256: str
    payload_sha256: str
    text_sha256: str
    placed_at: AwareDatetime
    files: tuple[Placed, ...] = ()
    media: tuple[Substitution, ...] = ()
    notes: dict[str, str] = {}
    """What a withdrawal repeats of the item."""
    unfetched: bool = False
    """Of a recall: the station had not fetched the item when it was taken back."""

    @property
    def part(self) -> str:
        """``shown`` before it is revealed; a name of its own for each delivery."""
        return f"{self.id}.part"


def _words(value: Any) -> str:
    return "" if value is None else str(value)


def _lower(value: Any) -> str:
    return _words(value).lower()


def _moment(value: Any) -> datetime | None:
    with suppress(ValidationError):
        return _MOMENT.validate_python(value)
    return None


class Ack(_Kept):
    """What the station wrote back; all but id and result may be missing or odd."""

    id: str
    result: Annotated[Literal["ok", "error", "unreadable"], BeforeValidator(_lower)]
    reason: Annotated[str, BeforeValidator(_words)] = ""
    at: Annotated[datetime | None, BeforeValidator(_moment)] = None
    md5: Annotated[str, BeforeValidator(_lower)] = ""


@dataclass(frozen=True)
class Outlet:
    """The folders of one account and who stands behind them."""

    folder: Path
    ack_folder: Path | None
    proof: str
    """File that proves that the share is mounted; empty for none."""
    state_dir: Path
    people: str
    """Chinese name of those who fetch: 编播系统, 版面编辑."""
    contact: str
    now: Callable[[], datetime]


def item_of(prefix: str, attempt: Attempt) -> str:
    return f"{prefix}{attempt.number:06d}_r{attempt.release}"


def id_of(prefix: str, attempt: Attempt, verb: str) -> str:
    """Of one delivery; the marker keeps a house that starts its numbers anew from meeting itself."""
    number = f"{prefix}{attempt.number:06d}"
    return f"{number}-r{attempt.release}-v{attempt.version}-{verb}-{attempt.marker}"


def remember(outlet: Outlet, attempt: Attempt, record: Record) -> None:
    """Durable beside the account and in the ledger before it returns; call before revealing."""
    kept = record.model_dump(mode="json")
    path = outlet.state_dir / "deliveries" / f"{record.id}.json"
    with reported(outlet.state_dir):
        path.parent.mkdir(parents=True, exist_ok=True)
        write(json.dumps(kept, ensure_ascii=False).encode(), path)
    attempt.checkpoint(f"delivery {record.id}", kept)


def remembered(outlet: Outlet, attempt: Attempt, item: str) -> list[Record]:
    """All deliveries of one release: a recall first, then the newest version first."""
    kept: list[Any] = [v for k, v in attempt.checkpoints.items() if k.startswith("delivery ")]
    with reported(outlet.state_dir):
        for path in (outlet.state_dir / "deliveries").glob(f"{item.replace('_', '-')}-v*.json"):
            with suppress(json.JSONDecodeError):
                kept.append(json.loads(path.read_bytes()))
    found: dict[str, Record] = {}
    for value in kept:
        with suppress(ValidationError):
            record = Record.model_validate(value)
            if record.item == item:
                found[record.id] = record
    return sorted(found.values(), key=lambda r: (r.verb == "recall", r.version), reverse=True)


def where(outlet: Outlet, record: Record) -> Literal["shown", "staged", "fetched"]:
    """Where a remembered delivery stands; raises TransientError when the folder is away."""
    with reported(outlet.folder):
        shown = outlet.folder / record.shown
        if shown.exists() and digests_of(shown.read_bytes()).sha256 == record.shown_sha256:
            return "shown"
        return "staged" if (outlet.folder / record.part).exists() else "fetched"


def acknowledged(outlet: Outlet, record: Record) -> Ack | None:
    """The acknowledgement of exactly this delivery; None where there is none or another one's."""
    if outlet.ack_folder is None:
        return None
    path = outlet.ack_folder / record.ack
    with reported(outlet.ack_folder):
        if not path.exists():
            return None
        with path.open("rb") as file:
            data = file.read(_ACK_BYTES)
    try:
        ack = Ack.model_validate_json(data.decode("utf-8-sig", "replace"))
    except ValidationError:
        return Ack(id=record.id, result="unreadable")
    return ack if ack.id == record.id else None


def intact(outlet: Outlet, record: Record, attempt: Attempt) -> bool:
    """Whether a delivery stands in the folder as it was written; of a recall its notice alone."""
    if where(outlet, record) != "shown":
        return False
    with reported(outlet.folder):
        for placed in () if record.verb == "recall" else record.files:
            path = outlet.folder / placed.name
            if not path.exists() or read_digests(path, attempt).sha256 != placed.sha256:
                return False
    return True


@dataclass(frozen=True)
class Traces:
    """Globs for what deliveries of one item leave: the visible file and the acknowledgement."""

    shown: str
    ack: str


def strangers(outlet: Outlet, traces: Traces, known: Iterable[Record]) -> list[Path]:
    """Visible files and acknowledgements of an item that no record names."""
    names = {record.shown for record in known} | {record.ack for record in known}
    found: list[Path] = []
    with reported(outlet.folder):
        found += [
            p for p in outlet.folder.glob(traces.shown) if _below(p, outlet.folder) not in names
        ]
    if outlet.ack_folder is not None:
        with reported(outlet.ack_folder):
            found += [p for p in outlet.ack_folder.glob(traces.ack) if p.name not in names]
    return found


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
