"""The display matrix of an MP4 file: how a phone says that a picture lies on its side.

Written straight into the track header (ISO/IEC 14496-12, ``tkhd``), because ffmpeg's own option
for it exists only since version 6.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

ONE, LAST = 1 << 16, 1 << 30
"""1.0 in the matrix: 16.16 fixed point, and 2.30 in its last column."""


def boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes side by side in ``data[start:end]``: kind, start of the content, end."""
    at = start
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        stop = end if size == 0 else at + size
        if (size and size < head) or stop > end:
            raise ValueError(f"not an MP4 file: box {kind!r} at {at} has size {size}")
        yield kind, at + head, stop
        at = stop


def inner(data: bytes, path: tuple[bytes, ...]) -> tuple[int, int]:
    """Content of the first box along the path; raises ValueError when there is none."""
    start, end = 0, len(data)
    for wanted in path:
        for kind, content, stop in boxes(data, start, end):
            if kind == wanted:
                start, end = content, stop
                break
        else:
            raise ValueError(f"not an MP4 file with a track: no {wanted!r}")
    return start, end


def turn_clockwise(path: Path) -> None:
    """Make players turn the first track by 90 degrees clockwise; the coded picture stays.

    The file is changed in place. Raises ValueError when it is no MP4 with a track.
    """
    data = bytearray(path.read_bytes())
    start, _ = inner(bytes(data), (b"moov", b"trak", b"tkhd"))
    matrix_at = start + (52 if data[start] == 1 else 40)
    coded_height = struct.unpack_from(">I", data, matrix_at + 40)[0]
    # x' = -y + height, y' = x: what was up points to the right
    matrix = (0, ONE, 0, -ONE, 0, 0, coded_height, 0, LAST)
    struct.pack_into(">9i", data, matrix_at, *matrix)
    path.write_bytes(data)
