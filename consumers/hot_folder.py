"""Writing into a watched folder (热文件夹) so that nothing half done is ever seen as finished.

A station picks a delivery up when one particular file appears: the sidecar of a clip, the manifest
of a package. Everything else is written before it, and that file comes last by one rename:
``stage`` writes it as ``….part``, ``reveal`` renames it. A crash at any moment leaves files that
nobody looks at; the next attempt overwrites them.

The folder is often a network share. Whatever goes wrong before ``reveal`` is a TransientError that
names the folder; ``reveal`` alone may end in UnknownOutcome.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from schemas.channel import Attempt, MediaFile
from schemas.errors import TransientError, UnknownOutcome

_CHUNK = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES}


@dataclass(frozen=True)
class Digests:
    """Size and hashes (hex) of a file's bytes."""

    size_bytes: int
    md5: str
    sha256: str


def part_of(target: Path) -> Path:
    """Under which name a file is written before it gets its own."""
    return target.with_name(f"{target.name}.part")


def digests_of(data: bytes) -> Digests:
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return Digests(len(data), md5, hashlib.sha256(data).hexdigest())


def read_digests(path: Path, attempt: Attempt) -> Digests:
    """Read a file through; raises TransientError when the attempt's time is over."""
    with path.open("rb") as file:
        return _drain(file, None, attempt)


def require(folder: Path, proof: str = "") -> None:
    """Raise TransientError naming the folder unless it is there and may be written.

    ``proof`` is a file that must lie in it: on a share that is not mounted the bare mount point
    would otherwise swallow the delivery.
    """
    with reported(folder):
        if not folder.is_dir():
            raise TransientError(f"没有文件夹 {folder} / folder {folder} is missing")
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise TransientError(f"文件夹 {folder} 不可写 / folder {folder} is not writable")
        if proof and not (folder / proof).exists():
            raise TransientError(
                f"文件夹 {folder} 里没有 {proof}，共享盘可能没有挂上 / "
                f"{proof} is not in {folder}: the share may not be mounted"
            )


@contextmanager
def reported(folder: Path) -> Iterator[None]:
    """Turn an OSError into a TransientError that names the folder."""
    try:
        yield
    except OSError as error:
        detail = f"{error.strerror or type(error).__name__} {error.filename or ''}".rstrip()
        if error.errno in _FULL:
            raise TransientError(f"文件夹 {folder} 磁盘已满 / no space in {folder}") from error
        raise TransientError(
            f"文件夹 {folder} 读写失败：{detail} / cannot use {folder}: {detail}"
        ) from error


def copy_part(source: MediaFile, target: Path, attempt: Attempt) -> Digests:
    """Copy a rendition durably as ``target.part`` and check the copy by reading it back.

    A whole copy that an earlier attempt left is kept: a long clip need not fit twice into one
    attempt's time. Raises TransientError when the source changed on the way, the copy differs, or
    time is over.
    """
    part = part_of(target)
    if part.exists() and part.stat().st_size == source.size_bytes:
        left = read_digests(part, attempt)
        if left.sha256 == source.sha256:
            return left
    try:
        with source.path.open("rb") as origin, part.open("wb") as copy:
            sent = _drain(origin, copy, attempt)
            _force(copy)
        if sent.sha256 != source.sha256 or sent.size_bytes != source.size_bytes:
            raise TransientError(
                f"转码件 {source.name} 与登记的校验值不符 / {source.name} is not what was recorded"
            )
        if read_digests(part, attempt) != sent:
            raise TransientError(
                f"写入 {part} 后读回不一致 / {part} read back differs from what was written"
            )
    except Exception:
        with suppress(OSError):  # room for others where the disk is full
            part.unlink(missing_ok=True)
        raise
    return sent


def stage(data: bytes, part: Path) -> None:
    """Write ``part`` durably; it may be there already, from an attempt that ended early."""
    with part.open("wb") as file:
        file.write(data)
        _force(file)
    sync_folder(part.parent)


def write(data: bytes, target: Path) -> None:
    """Write a file durably by way of ``target.part``."""
    part = part_of(target)
    stage(data, part)
    part.replace(target)
    sync_folder(target.parent)


def reveal(part: Path, shown: Path) -> None:
    """The one rename after which the station sees the delivery.

    Raises TransientError when it surely did not happen, UnknownOutcome when nobody can tell.
    """
    try:
        part.replace(shown)
        sync_folder(shown.parent)
    except OSError as error:
        with suppress(OSError):
            if part.exists() and not shown.exists():
                with reported(shown.parent):
                    raise
        raise UnknownOutcome(
            f"{shown.name} 是否已放入 {shown.parent} 无法确定 / "
            f"cannot tell whether {shown.name} reached {shown.parent}: {error.strerror}"
        ) from error


def remove(path: Path) -> None:
    """Remove a file or a folder of ours; nothing happens where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable, where its file system knows of such a thing."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def _force(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _drain(source: BinaryIO, target: BinaryIO | None, attempt: Attempt) -> Digests:
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    size = 0
    while chunk := source.read(_CHUNK):
        attempt.remaining_s()
        md5.update(chunk)
        sha256.update(chunk)
        size += len(chunk)
        if target is not None:
            target.write(chunk)
    return Digests(size, md5.hexdigest(), sha256.hexdigest())
