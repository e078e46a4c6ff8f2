"""Files of a static tree: written whole or not at all, media under names of their content."""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from schemas.channel import MediaFile
from schemas.hashing import fingerprint

_TEMPORARY = ".part-"


def write_group(root: Path, files: Mapping[str, bytes], *, flush: bool = True) -> None:
    """Write files (path below ``root`` → bytes) so that a reader sees each old or new, never half.

    All temporaries are on disk before the first one is renamed; renames keep the mapping's order;
    the folders are flushed before it returns. Raises OSError, then no temporary is left.
    ``flush=False`` leaves the moment of writing to the system, for what can be made again: only a
    power cut loses it.
    """
    waiting: list[tuple[Path, Path, int]] = []
    try:
        for name, data in files.items():
            path = inside(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f"{_TEMPORARY}{path.name}")
            opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            waiting.append((temporary, path, opened))
            _write(opened, data)
        if flush:
            for _, _, opened in waiting:
                os.fsync(opened)
        for temporary, path, _ in waiting:
            temporary.replace(path)
    except OSError:
        for temporary, _, _ in waiting:
            temporary.unlink(missing_ok=True)
        raise
    finally:
        for _, _, opened in waiting:
            os.close(opened)
    if flush:
        _flush_folders({path.parent for _, path, _ in waiting})


@dataclass(frozen=True)
class Placed:
    """Where a rendition lies in the tree: a folder of its own, named by its content."""

    placeholder: str
    folder: str
    """``m/<16 hex digits>``: of the file's SHA-256, or of all members' for a folder such as HLS."""
    files: tuple[MediaFile, ...]

    @property
    def entry(self) -> str:
        """Path of the entry file below the root."""
        return f"{self.folder}/{self.files[0].name}"


def place(placeholder: str, files: list[MediaFile]) -> Placed:
    """Decide where a rendition goes: the same bytes always to the same address."""
    if len(files) == 1:
        digest = files[0].sha256
    else:
        digest = fingerprint([[file.name, file.sha256] for file in files])
    return Placed(placeholder, f"m/{digest[:16]}", tuple(files))


def copy_media(root: Path, placed: Placed) -> None:
    """Copy a rendition to its place unless it is there. OSError.

    A rendition of several files appears as a whole folder; a single file may share its folder
    with the same bytes under another name.
    """
    folder = inside(root, placed.folder)
    missing = [f for f in placed.files if not _same_size(folder / f.name, f.size_bytes)]
    if not missing:
        return
    if len(placed.files) == 1:
        folder.mkdir(parents=True, exist_ok=True)
        _copy(missing[0], folder / f"{_TEMPORARY}{missing[0].name}")
        (folder / f"{_TEMPORARY}{missing[0].name}").replace(folder / missing[0].name)
        _flush_folders({folder, folder.parent})
        return
    temporary = folder.with_name(f"{_TEMPORARY}{folder.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for file in placed.files:
        _copy(file, temporary / file.name)
    _flush_folders({temporary})
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)
    _flush_folders({folder.parent})


def remove_folders(root: Path, names: Iterable[str]) -> None:
    """Delete media folders; those already gone are no fault."""
    for name in names:
        shutil.rmtree(inside(root, name), ignore_errors=True)
        if inside(root, name).exists():
            raise OSError(f"cannot delete {name}")


def remove_temporaries(root: Path) -> None:
    """Delete what a writer that died left behind: it may hold text that was withdrawn since."""
    for folder in (root, *(path for path in root.glob("*") if path.is_dir())):
        for path in folder.glob(f"{_TEMPORARY}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def media_folders(root: Path) -> set[str]:
    """All media folders that stand in the tree, left-over temporaries included."""
    return {f"m/{path.name}" for path in (root / "m").glob("*")} if (root / "m").is_dir() else set()


def inside(root: Path, name: str) -> Path:
    """The path of ``name`` below the root; raises ValueError where it would leave it."""
    path = root / name
    if not path.is_relative_to(root) or ".." in path.parts:
        raise ValueError(f"{name!r} leads out of the tree")
    return path


def _write(opened: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(opened, left) :]


def _copy(file: MediaFile, target: Path) -> None:
    shutil.copyfile(file.path, target)
    with target.open("rb") as copied:
        os.fsync(copied.fileno())


def _same_size(path: Path, size_bytes: int) -> bool:
    return path.is_file() and path.stat().st_size == size_bytes


def _flush_folders(folders: Iterable[Path]) -> None:
    for folder in folders:
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
