"""The manifest of a package for the page desk: what it is, where it goes, which files it has."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from consumers.article import PrintCopy, effective_ppi, widest_mm
from consumers.folder_records import Placed
from schemas.beijing import SHANGHAI

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Sheet:
    """What the manifest says beside the copy and the files."""

    id: str
    verb: Literal["new", "update", "withdraw"]
    item: str
    story_id: str
    number: int
    release: int
    version: int
    copy_sha256: str
    placed_at: datetime
    closes_at: datetime | None
    """When the edition that this reaches closes; for information."""
    reason: str = ""


class Standing(BaseModel):
    """What a manifest that stands in the folder says of itself."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    copy_sha256: str
    placed_at: AwareDatetime
    files: tuple[Placed, ...]


def closing(cut_off: str | None, now: datetime) -> datetime | None:
    """When the edition that a story placed now reaches closes (Beijing time); None without one."""
    if cut_off is None:
        return None
    local = now.astimezone(SHANGHAI)
    today = datetime.combine(local.date(), time.fromisoformat(cut_off), SHANGHAI)
    return today if local < today else today + timedelta(days=1)


def manifest(sheet: Sheet, copy: PrintCopy, files: Sequence[Placed]) -> bytes:
    """The manifest's bytes."""
    told: dict[str, Any] = {
        "id": sheet.id,
        "verb": sheet.verb,
        "item": sheet.item,
        "story_id": sheet.story_id,
        "number": sheet.number,
        "release": sheet.release,
        "version": sheet.version,
        "headline": copy.headline,
        "edition": copy.edition,
        "page": copy.page,
        "column": copy.column,
        "desk": copy.desk,
        "copy_sha256": sheet.copy_sha256,
        "placed_at": sheet.placed_at.astimezone(SHANGHAI).isoformat(timespec="milliseconds"),
    }
    if sheet.closes_at is not None:
        told["closes_at"] = sheet.closes_at.isoformat(timespec="minutes")
    if sheet.verb == "withdraw":
        told["reason"] = sheet.reason
    else:
        told["characters"] = sum(len(piece.text) for piece in copy.pieces)
        told["pictures"] = _pictures(copy)
    told["files"] = [{"name": f.name, "size": f.size, "sha256": f.sha256} for f in files]
    return json.dumps(told, ensure_ascii=False, indent=1).encode() + b"\n"


def _pictures(copy: PrintCopy) -> list[dict[str, Any]]:
    return [
        {
            "number": picture.number,
            "caption": picture.caption,
            "credit": picture.credit,
            "width_px": picture.width,
            "height_px": picture.height,
            "printed_width_mm": copy.print_width_mm,
            "effective_ppi": effective_ppi(picture, copy.print_width_mm),
            "widest_mm_at_300_ppi": widest_mm(picture),
        }
        for picture in copy.pictures
    ]


def read_manifest(path: Path) -> tuple[Standing, bytes] | None:
    """A manifest of ours and its bytes; None where there is none or it is not readable."""
    with suppress(FileNotFoundError, ValidationError):
        data = path.read_bytes()
        return Standing.model_validate_json(data), data
    return None
