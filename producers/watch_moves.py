"""Where files of the watched folder go, and what is written beside them.

A move of several files is written down first, outside the shared folder, and carried out again
after a crash: half a story left behind would look like another story.
"""

import json
import os
import stat
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import structlog
from pydantic import BaseModel, ValidationError

from producers.filing import Filed
from producers.watch_names import Seen
from schemas.errors import Fault
from stores.ledger.ids import new_id

log = structlog.get_logger("watch")

STEM_BYTES = 150


class Moving(BaseModel):
    """Files of one folder on their way into a new one below it."""

    id: str
    folder: str
    """Below the watched folder: a person's id, or empty for the top."""
    shelf: str
    """New folder below that: ``accepted/2026-11-24/128-name``."""
    files: list[tuple[str, int, int]]
    """Name, size in bytes, time of change in ns."""
    notes: dict[str, str]
    """File name → text, written beside them."""


def new_moving(
    root: Path, folder: str, shelf: str, name: str, files: Sequence[Seen], notes: dict[str, str]
) -> Moving:
    """``name`` is made unique below the shelf, and no note takes the name of a file."""
    free, number = name, 2
    while os.path.lexists(root / folder / shelf / free):
        free, number = f"{name}-{number}", number + 1
    taken = {file.name for file in files}
    named = {}
    for note, text in notes.items():
        while note in taken:
            note = f"_{note}"  # noqa: PLW2901  # a sender's own receipt.json stays as it is
        named[note] = text
    return Moving(
        id=str(new_id()),
        folder=folder,
        shelf=f"{shelf}/{free}",
        files=[(file.name, *file.stamp) for file in files],
        notes=named,
    )


class Journal:
    """Moves that were decided and are not finished, one file each."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder = folder
        self._root = root
        self.open: dict[str, Moving] = {}
        self._told: set[str] = set()

    def load(self) -> None:
        """Take up what a former process left."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in sorted(self._folder.glob("*.json")):
            try:
                moving = Moving.model_validate_json(path.read_bytes())
            except (ValidationError, ValueError) as error:
                log.warning("watch.journal_unreadable", file=path.name, error=type(error).__name__)
                path.rename(path.with_suffix(".unreadable"))
            else:
                self.open[moving.id] = moving

    def begin(self, moving: Moving) -> None:
        """Durable before it returns; from then on the files count as gone."""
        self.open[moving.id] = moving
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{moving.id}.json"
        part = path.with_suffix(".new")
        with part.open("w", encoding="ascii") as file:
            # ASCII: a name that is no Unicode comes back as it was
            json.dump(moving.model_dump(), file)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)

    def carry_out(self) -> None:
        """Finish all open moves; one that cannot be finished now stays open."""
        for moving in list(self.open.values()):
            try:
                _carry_out(self._root, moving)
            except OSError as error:
                if moving.id not in self._told:
                    log.warning("watch.move_waits", folder=moving.folder, error=error.strerror)
                self._told.add(moving.id)
                continue
            (self._folder / f"{moving.id}.json").unlink(missing_ok=True)
            del self.open[moving.id]

    def holds(self, folder: str, entry: Seen) -> bool:
        """This very file is on its way out."""
        return any(
            moving.folder == folder and (entry.name, *entry.stamp) in moving.files
            for moving in self.open.values()
        )


def _carry_out(root: Path, moving: Moving) -> None:
    place = root / moving.folder if moving.folder else root
    shelf = place
    for part in Path(moving.shelf).parts:
        shelf /= part
        _own_folder(shelf)
    for name, text in moving.notes.items():
        (shelf / name).write_bytes(text.encode("utf-8", "replace"))
    for name, size, mtime_ns in moving.files:
        source = place / name
        try:
            found = source.lstat()
        except FileNotFoundError:
            continue  # moved before a crash, or taken back by its owner
        if (found.st_size, found.st_mtime_ns) == (size, mtime_ns):
            source.rename(shelf / name)


def _own_folder(path: Path) -> None:
    """A folder and no link to one: nobody can lead our files elsewhere."""
    try:
        path.mkdir()
    except FileExistsError:
        if not stat.S_ISDIR(path.lstat().st_mode):
            raise NotADirectoryError(20, "a file or link stands in the way", path.name) from None


def folder_name(stem: str) -> str:
    """A stem as part of a folder's name: printable, and short enough."""
    text = "".join(
        "_" if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn"} or c in "/\\" else c
        for c in stem
    )
    return text.encode()[:STEM_BYTES].decode(errors="ignore").strip(" .") or "_"


def readable(text: str) -> str:
    """For a screen: what is no Unicode is shown as a question mark."""
    return text.encode("utf-8", "replace").decode()


def receipt_note(filed: Filed, person: str, files: Sequence[Seen], now: datetime) -> dict[str, str]:
    """``receipt.json``: what the API answers to a filing, and from which files it came."""
    told = {
        **filed.body,
        "filed_by": person,
        "received_at": now.isoformat(timespec="seconds"),
        "files": [readable(file.key) for file in files],
        "taken_before": filed.replayed,
    }
    return {"receipt.json": json.dumps(told, ensure_ascii=False, indent=2) + "\n"}


def reason_notes(files: Sequence[Seen], faults: Sequence[Fault], at: datetime) -> dict[str, str]:
    """``reason.txt`` for people, in a form that old editors on Windows open; ``reason.json``."""
    names = [file.key for file in files]
    lines = ["没有收下 / not taken", f"时间: {at:%Y-%m-%d %H:%M:%S} (北京时间)", ""]
    lines += [f"文件: {readable(name)}" for name in names] + [""]
    for number, fault in enumerate(faults, 1):
        lines.append(f"{number}. {readable(fault.reason)}")
        if fault.field:
            lines.append(f"   位置 / field: {readable(fault.field)}")
        step = fault.next_step or "改好后重新放进您的文件夹 / mend it and put it in again"
        lines += [f"   下一步 / next: {readable(step)}", ""]
    told = {
        "at": at.isoformat(timespec="seconds"),
        "files": [readable(name) for name in names],
        "faults": [
            {
                "code": fault.code,
                "field": readable(fault.field),
                "reason": readable(fault.reason),
                "next_step": readable(fault.next_step),
            }
            for fault in faults
        ],
    }
    return {
        "reason.txt": "\ufeff" + "\r\n".join(lines),
        "reason.json": json.dumps(told, ensure_ascii=False, indent=2) + "\n",
    }
