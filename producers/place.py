"""Where a picture was taken, taken out of it: its pixels are not touched.

JPEG alone: cameras and phones write no other format that reaches us with a place in it.
"""

import re
from pathlib import Path

from PIL import ExifTags
from PIL import Image as Pictures

_EXIF = b"Exif\x00\x00"
_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_GPS_ATTRIBUTE = re.compile(rb"(exif:GPS\w+=)(\"[^\"]*\"|'[^']*')")
_GPS_ELEMENT = re.compile(rb"(<exif:GPS\w+>)([^<]*)(</exif:GPS)")


def without_place(path: Path) -> bool:
    """Rewrite the file without its place; False: it is no JPEG, or its segments cannot be read."""
    data = path.read_bytes()
    if not data.startswith(b"\xff\xd8"):
        return False
    made = bytearray(data[:2])
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in {0xDA, 0xD9}:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2 or at + 2 + length > len(data):
            return False
        body = data[at + 4 : at + 2 + length]
        if data[at + 1] == 0xE1:
            body = _cleaned(body)
        if body and len(body) <= 0xFFFD:
            made += data[at : at + 2] + (len(body) + 2).to_bytes(2, "big") + body
        at += 2 + length
    made += data[at:]
    path.write_bytes(made)
    return True


def _cleaned(body: bytes) -> bytes:
    """An APP1 segment without its place; empty where it cannot be written anew."""
    if body.startswith(_EXIF):
        exif = Pictures.Exif()
        try:
            exif.load(body)
            exif.get_ifd(ExifTags.IFD.GPSInfo).clear()
            if ExifTags.IFD.GPSInfo in exif:
                del exif[ExifTags.IFD.GPSInfo]
            return bytes(exif.tobytes())
        except (OSError, SyntaxError, ValueError, KeyError, TypeError, OverflowError, EOFError):
            return b""
    if body.startswith(_XMP):
        body = _GPS_ATTRIBUTE.sub(rb'\1""', body)
        return _GPS_ELEMENT.sub(rb"\1\3", body)
    return body
