"""What becomes of the bytes that a program writes into a pipe: lines, or the first part."""

from collections.abc import Callable

_LINE_BYTES = 2000


class Lines:
    """Cuts bytes into lines; an over-long line is cut off, not kept."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        """An empty chunk is the end: what is left over is the last line."""
        *whole, rest = (self._rest + chunk).replace(b"\r", b"\n").split(b"\n")
        self._rest = rest[:_LINE_BYTES] if chunk else b""
        for line in whole if chunk else [*whole, rest]:
            if line.strip():
                self._take(line[:_LINE_BYTES].decode("utf-8", "replace").rstrip())


class Kept:
    """Keeps the first bytes; what is beyond the limit is read and dropped."""

    def __init__(self, kept: bytearray, limit: int) -> None:
        self._kept = kept
        self._limit = limit

    def feed(self, chunk: bytes) -> None:
        self._kept.extend(chunk[: self._limit - len(self._kept)])
