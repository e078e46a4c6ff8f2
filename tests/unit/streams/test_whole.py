"""Files that were cut short, told by their outermost frame alone."""

import contextlib
import struct
from pathlib import Path

import pytest

from streams.refusals import Refused
from streams.whole import check_whole


def box(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


MP4 = box(b"ftyp", b"isom") + box(b"moov", bytes(50)) + box(b"mdat", bytes(200))
LARGE = box(b"ftyp", b"isom") + box(b"moov") + struct.pack(">I4sQ", 1, b"mdat", 216) + bytes(200)
EBML = b"\x1aE\xdf\xa3\x84\x42\x82\x81\x00"
MKV = EBML + b"\x18\x53\x80\x67" + b"\x01\0\0\0\0\0\x01\x00" + bytes(256)
SHORT = EBML + b"\x18\x53\x80\x67" + b"\x41\x00" + bytes(256)
OPEN = EBML + b"\x18\x53\x80\x67" + b"\x01" + b"\xff" * 7 + bytes(256)
AVI = b"RIFF" + struct.pack("<I", 300) + b"AVI " + bytes(296)


def check(folder: Path, reader: str, data: bytes) -> None:
    path = folder / "file"
    path.write_bytes(data)
    check_whole(path, reader, len(data))


@pytest.mark.parametrize(
    ("reader", "data"),
    [("mov", MP4), ("mov", LARGE), ("matroska", MKV), ("matroska", SHORT), ("avi", AVI)],
)
def test_a_cut_file_is_told_from_a_whole_one(tmp_path: Path, reader: str, data: bytes) -> None:
    check(tmp_path, reader, data)
    for length in (len(data) - 2, len(data) * 2 // 3):
        with pytest.raises(Refused) as refused:
            check(tmp_path, reader, data[:length])
        assert refused.value.code == "truncated"


def test_an_mp4_without_its_index(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="moov"):
        check(tmp_path, "mov", box(b"ftyp", b"isom") + box(b"mdat", bytes(200)))


def test_what_claims_nothing_passes(tmp_path: Path) -> None:
    check(tmp_path, "matroska", OPEN[:100])  # recorded by a browser: the size was left open
    check(tmp_path, "wav", b"RIFF\xff\xff\xff\xffWAVE" + bytes(20))
    check(tmp_path, "mpegts", b"\x47" * 100)
    check(tmp_path, "mov", MP4 + bytes(5))  # padding after the last box
    check(tmp_path, "mov", box(b"moov") + struct.pack(">I4s", 0, b"mdat") + bytes(9))


@pytest.mark.parametrize("reader", ["mov", "matroska", "avi", "wav"])
@pytest.mark.parametrize("data", [b"", b"\0", bytes(100), b"\xff" * 100, MP4[:7]])
def test_rubbish_breaks_nothing(tmp_path: Path, reader: str, data: bytes) -> None:
    with contextlib.suppress(Refused):
        check(tmp_path, reader, data)
