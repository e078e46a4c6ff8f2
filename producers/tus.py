"""The tus 1.0.0 protocol as words: headers read and written, nothing done. Pure.

Source: tus.io/protocols/resumable-upload (1.0.0) with its extensions creation, checksum, expiration
and termination.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from schemas.errors import Fault, InvalidInput
from schemas.newsroom import UploadLimits

VERSION = "1.0.0"
EXTENSIONS = "creation,checksum,expiration,termination"
ALGORITHMS = ("sha1", "sha256")
CONTENT_TYPE = "application/offset+octet-stream"
CHECKSUM_MISMATCH = 460
MOST_METADATA_BYTES = 8192
ENDINGS = {
    "image": frozenset({"jpg", "jpeg", "png", "gif", "webp", "bmp", "tif", "tiff"}),
    "video": frozenset({"mp4", "m4v", "mov", "mkv", "webm", "avi", "ts", "mts", "m2ts", "mpg",
                        "mpeg", "mxf", "flv", "wmv", "3gp"}),
}  # fmt: skip
"""By a file's name we can refuse before a byte is sent; what it is we see when it is here."""


@dataclass(frozen=True)
class Announced:
    """A creation request that can be taken."""

    length: int
    file_name: str
    metadata: str
    remove_place: bool


@dataclass(frozen=True)
class Checksum:
    algorithm: str
    digest: bytes

    def hasher(self) -> Any:
        return hashlib.new(self.algorithm, usedforsecurity=False)


def check_version(headers: Mapping[str, str]) -> None:
    """Raises InvalidInput (412) unless the sender speaks our version."""
    if headers.get("tus-resumable") != VERSION:
        told = f"只支持 tus {VERSION} / only tus {VERSION} is spoken here"
        raise InvalidInput(Fault("tus_version", "Tus-Resumable", told), status=412)


def read_creation(headers: Mapping[str, str], limits: UploadLimits) -> Announced:
    """Raises InvalidInput: 413 too large, 415 no picture or clip by its name, 422 anything else."""
    if "upload-defer-length" in headers:
        told = "要先说明文件多大 / the length must be known"
        raise InvalidInput(Fault("length_deferred", "Upload-Defer-Length", told))
    length = _number(headers, "upload-length")
    if length == 0:
        told = "文件是空的 (0 字节) / the file is empty (0 bytes)"
        raise InvalidInput(Fault("empty_file", "Upload-Length", told))
    text = headers.get("upload-metadata", "")
    metadata = read_metadata(text)
    name = metadata.get("filename", metadata.get("name", "upload"))
    kind = kind_of(name, metadata.get("filetype", ""))
    if kind is None:
        told = f"不是图片也不是视频: {name[:80]} / neither a picture nor a clip"
        step = "文稿请用导入 / a document is imported, not uploaded"
        raise InvalidInput(Fault("wrong_kind", "Upload-Metadata", told, step), status=415)
    most = limits.image_bytes if kind == "image" else limits.video_bytes
    if length > most:
        told = f"文件 {_mib(length)}, 上限 {_mib(most)} / larger than {most} bytes"
        step = "压缩或裁短后再传 / make it smaller or shorter"
        raise InvalidInput(Fault("too_large", "Upload-Length", told, step), status=413)
    return Announced(length, name, text, metadata.get("place") == "remove")


def kind_of(name: str, content_type: str) -> str | None:
    """``image`` or ``video`` as the name promises; ``video`` where it promises nothing."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    family = content_type.partition("/")[0].lower()
    for kind, endings in ENDINGS.items():
        if ending in endings or (not ending and family == kind):
            return kind
    return "video" if not ending and not family else None


def read_metadata(text: str) -> dict[str, str]:
    """``key base64,key base64``; raises InvalidInput."""
    fault = InvalidInput(
        Fault("bad_metadata", "Upload-Metadata", "读不懂 / must be pairs of key and Base64")
    )
    if len(text) > MOST_METADATA_BYTES:
        raise fault
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        key, _, value = pair.partition(" ")
        if not key.isascii() or key in found:
            raise fault
        try:
            found[key] = base64.b64decode(value, validate=True).decode("utf-8")
        except (binascii.Error, ValueError) as error:
            raise fault from error
    return found


def read_offset(headers: Mapping[str, str]) -> int:
    """Of a PATCH; raises InvalidInput (415 for another content type)."""
    if headers.get("content-type", "").partition(";")[0].strip() != CONTENT_TYPE:
        told = f"应为 {CONTENT_TYPE} / must be this content type"
        raise InvalidInput(Fault("content_type", "Content-Type", told), status=415)
    return _number(headers, "upload-offset")


def read_checksum(headers: Mapping[str, str]) -> Checksum | None:
    """Raises InvalidInput (400) for an algorithm that is not known here."""
    text = headers.get("upload-checksum")
    if text is None:
        return None
    algorithm, _, value = text.partition(" ")
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if algorithm not in ALGORITHMS or not digest:
        told = f"校验和应为 {'、'.join(ALGORITHMS)} 加 Base64 / one of these with Base64"
        raise InvalidInput(Fault("bad_checksum", "Upload-Checksum", told), status=400)
    return Checksum(algorithm, digest)


def mismatch() -> InvalidInput:
    told = "校验和不符, 这一段没有收 / the checksum differs: this part was not taken"
    fault = Fault("checksum", "Upload-Checksum", told, "再发这一段 / send this part again")
    return InvalidInput(fault, status=CHECKSUM_MISMATCH)


def http_date(at_ms: int) -> str:
    return formatdate(at_ms / 1000, usegmt=True)


def _number(headers: Mapping[str, str], name: str) -> int:
    text = headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        field = "-".join(part.capitalize() for part in name.split("-"))
        told = "缺少或不是数字 / is missing or no number"
        raise InvalidInput(Fault("bad_number", field, told))
    return int(text)


def _mib(size: int) -> str:
    return f"{size / 1024**2:,.1f} MiB"
