"""Whether a file is as long as its own outermost frame says: exact, and without any program.

A transfer that broke off, or a camera that lost power, leaves a file whose frame claims more than
is there, or whose index was never written.
"""

from pathlib import Path
from typing import BinaryIO

from streams import refusals

_SEGMENT = b"\x18\x53\x80\x67"
_MOST_BOXES = 100_000


def check_whole(path: Path, reader: str, size_bytes: int) -> None:
    """Raise Refused when the file was cut short. Formats without a frame pass."""
    with path.open("rb") as file:
        if reader == "mov":
            _check_boxes(file, size_bytes)
        elif reader == "matroska":
            _check_end(_segment_end(file.read(4096)), size_bytes)
        elif reader in {"avi", "wav"}:
            # RIFF pads odd sizes, and some writers forget to.
            _check_end(_riff_end(file.read(8)), size_bytes, slack=1)


def _check_end(claimed: int | None, size_bytes: int, *, slack: int = 0) -> None:
    if claimed is not None and claimed > size_bytes + slack:
        raise refusals.truncated(f"{(claimed - size_bytes + 999) // 1000:,} KB")


def _check_boxes(file: BinaryIO, size_bytes: int) -> None:
    """ISO/IEC 14496-12: walk the top boxes. A cut file ends inside one, or has no ``moov``."""
    at, boxes, index = 0, 0, False
    while at + 8 <= size_bytes and boxes < _MOST_BOXES:
        file.seek(at)
        header = file.read(16)
        name, length = header[4:8], int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length == 0:
            length = size_bytes - at
        if length < 8 or not name.isalnum():
            break  # padding after the last box: some cameras leave it
        at, boxes, index = at + length, boxes + 1, index or name == b"moov"
        if name in {b"mdat", b"moov", b"moof"}:
            _check_end(at, size_bytes)
    if not index:
        raise refusals.truncated("索引 moov / its index (moov)")


def _segment_end(head: bytes) -> int | None:
    """RFC 8794, RFC 9559: end of the segment; ``None`` where it was left open, as in a stream."""
    at = 4 + _width(head[4:5])
    at += _number(head[4:at])
    if head[at : at + 4] != _SEGMENT:
        return None
    width = _width(head[at + 4 : at + 5])
    size = head[at + 4 : at + 4 + width]
    unknown = _number(size) == (1 << 7 * width) - 1
    return None if unknown else at + 4 + width + _number(size)


def _width(first: bytes) -> int:
    """Bytes of a variable-size integer, by its first one."""
    return 9 - first[0].bit_length() if first and first[0] else 1


def _number(field: bytes) -> int:
    return int.from_bytes(field, "big") & ((1 << 7 * len(field)) - 1)


def _riff_end(head: bytes) -> int | None:
    size = int.from_bytes(head[4:8], "little")
    return None if size in {0, 0xFFFFFFFF} else 8 + size
