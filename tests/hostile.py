"""Files that a newsroom must never be hurt by, made here byte by byte; no corpus is needed.

Each is a name as the sender would give it, bytes, and what is to become of it: a code of refusal,
or ``taken`` where an honest part of it may be used.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_LIST = "disguised_playlist"


@dataclass(frozen=True)
class Hostile:
    """One crafted upload."""

    name: str
    file_name: str
    data: bytes
    becomes: frozenset[str]


def hostile_set(folder: Path, clip: Path, canary: str) -> list[Hostile]:
    """All of them. ``clip`` is an honest short MP4 (index last), ``folder`` holds ``secret.mp4``
    and ``secret.ts``, which some name; others name ``canary``, an address."""
    made: list[Hostile] = []
    for name, file_name, data, becomes in (
        *_playlists(folder, canary),
        *_scripts(folder, canary),
        *_references(folder, clip, canary),
        *_other_kinds(clip),
        *_broken(clip),
        *_bombs(clip),
    ):
        made.append(Hostile(name, file_name, data, frozenset(becomes.split("|"))))
    return made


_Row = tuple[str, str, bytes, str]


def _hls(*lines: str, before: str = "") -> bytes:
    head = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:10"]
    return (before + "\n".join([*head, *lines, "#EXT-X-ENDLIST", ""])).encode()


def _mpd(base: str, declaration: str = '<?xml version="1.0"?>\n') -> bytes:
    return (
        f'{declaration}<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">'
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="v" bandwidth="1" '
        f'codecs="avc1.64001f"><BaseURL>{base}</BaseURL></Representation></AdaptationSet></Period>'
        "</MPD>"
    ).encode()


def _playlists(folder: Path, canary: str) -> Iterator[_Row]:
    ts, mp4 = folder / "secret.ts", folder / "secret.mp4"
    inner = ("#EXTINF:1,", f"file://{ts}")
    yield "hls local", "a.mp4", _hls(*inner), _LIST
    yield "hls local as m3u8", "a.m3u8", _hls(*inner), _LIST
    yield "hls relative", "a.mov", _hls("#EXTINF:1,", "secret.ts"), _LIST
    yield "hls byte order mark", "a.mp4", b"\xef\xbb\xbf" + _hls(*inner), _LIST
    yield "hls after blanks", "a.mp4", _hls(*inner, before=" \r\n\t"), _LIST
    yield "hls address", "a.mp4", _hls("#EXTINF:1,", f"{canary}/hls.ts"), _LIST
    yield (
        "hls master address",
        "a.mp4",
        (f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{canary}/v.m3u8\n".encode()),
        _LIST,
    )
    yield "hls key", "a.mp4", _hls(f'#EXT-X-KEY:METHOD=AES-128,URI="file://{mp4}"', *inner), _LIST
    yield "hls concat", "a.mp4", _hls("#EXTINF:1,", f"concat:{ts}|{ts}"), _LIST
    yield "hls subfile", "a.mp4", _hls("#EXTINF:1,", f"subfile,,start,0,end,9,,:{ts}"), _LIST
    yield "hls data", "a.mp4", _hls("#EXTINF:1,", "data:video/mp2t;base64,R0A="), _LIST
    yield "hls map", "a.m4v", _hls(f'#EXT-X-MAP:URI="{mp4}"', "#EXTINF:1,", str(mp4)), _LIST
    yield "ffconcat relative", "a.mp4", b"ffconcat version 1.0\nfile secret.mp4\n", _LIST
    yield "ffconcat absolute", "a.mkv", f"ffconcat version 1.0\nfile '{mp4}'\n".encode(), _LIST
    yield "ffconcat address", "a.mp4", f"ffconcat version 1.0\nfile {canary}/c\n".encode(), _LIST
    yield "concat without its mark", "a.mp4", b"file 'secret.mp4'\n" * 9, "not_media"
    yield "dash local", "a.mp4", _mpd(f"file://{mp4}"), _LIST
    yield "dash address", "a.mp4", _mpd(f"{canary}/d.mp4"), _LIST
    yield "dash bare", "a.mpd", _mpd("secret.mp4", ""), _LIST
    yield (
        "sdp",
        "a.mp4",
        (
            b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            b"m=video 5004 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
        ),
        _LIST,
    )
    yield "sdp unix lines", "a.sdp", b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nt=0 0\n", _LIST
    yield "pls", "a.mp4", f"[playlist]\nFile1={canary}/p\nNumberOfEntries=1\n".encode(), "not_media"
    yield "real media", "a.mp4", b"rtsp://127.0.0.1:9/a.rm\n" * 8, "not_media"
    yield "rtsp text", "a.mov", b"RTSPtextrtsp://127.0.0.1:9/a.mov\r\n" + bytes(80), "not_media"
    yield (
        "asx",
        "a.wmv",
        f"<asx><entry><ref href='{canary}/x'/></entry></asx>".encode(),
        "not_media",
    )
    yield (
        "xspf",
        "a.mp4",
        (
            f"<playlist><trackList><track><location>{canary}/s</location></track></trackList>"
            "</playlist>".encode()
        ),
        "not_media",
    )
    yield "smil", "a.mp4", f"<smil><body><video src='{mp4}'/></body></smil>".encode(), "not_media"
    yield (
        "imf",
        "a.mxf",
        (
            b'<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/'
            b'2016"><Id>urn:uuid:0</Id></CompositionPlaylist>'
        ),
        "not_media",
    )
    yield (
        "svg local",
        "a.svg",
        (f"<svg xmlns='http://www.w3.org/2000/svg'><image href='file://{mp4}'/></svg>".encode()),
        _LIST,
    )
    yield (
        "svg address as picture",
        "a.png",
        (f"<?xml version='1.0'?>\n<!-- --><svg><image href='{canary}/i.png'/></svg>".encode()),
        _LIST,
    )


def _scripts(folder: Path, canary: str) -> Iterator[_Row]:
    mp4 = folder / "secret.mp4"
    yield "avisynth", "a.avs", f'AVISource("{mp4}")\n'.encode() * 4, "not_media"
    yield "vapoursynth", "a.vpy", b"import vapoursynth\nopen('/etc/passwd')\n" * 4, "not_media"
    yield "filter graph", "a.mp4", f"movie={mp4}[out0]\n".encode() * 4, "not_media"
    yield "ffmetadata", "a.mp4", b";FFMETADATA1\ntitle=x\n" * 6, "not_media"
    yield "vobsub", "a.idx", b"# VobSub index file, v7\nid: en, index: 0\n" * 4, "not_media"
    yield "subtitles", "a.srt", b"1\n00:00:00,000 --> 00:00:01,000\nx\n\n" * 5, "not_media"
    yield "ass", "a.mp4", b"[Script Info]\nScriptType: v4.00+\n[Fonts]\nfontname: x\n", "not_media"
    yield "sami", "a.mp4", f"<SAMI><BODY><img src='{canary}/s'></BODY></SAMI>".encode(), "not_media"
    yield "web page", "a.mp4", f"<!DOCTYPE html><img src='{canary}/h'>".encode(), _LIST
    yield "php", "a.mp4", b"<?php system($_GET['x']); ?>" * 4, "not_media"
    yield "shell", "a.mp4", b"#!/bin/sh\nrm -rf ~\n" * 4, "not_media"
    yield "program", "a.mp4", b"\x7fELF\x02\x01\x01" + bytes(200), "not_media"
    yield "xbin", "a.mp4", b"XBIN\x1a" + b"\x50\x00\x19\x00\x10\x00" + bytes(4000), "not_media"


def _references(folder: Path, clip: Path, canary: str) -> Iterator[_Row]:
    """QuickTime's own ways to lie elsewhere, and the classic playlist inside an AVI."""
    data = clip.read_bytes()
    mp4 = str(folder / "secret.mp4").encode()
    used = "taken|unreadable|truncated|no_video_stream"
    yield "dref alias", "a.mov", _with_reference(data, b"alis", _alias(mp4)), used
    yield "dref address", "a.mov", _with_reference(data, b"url ", f"{canary}/r\0".encode()), used
    yield "dref file url", "a.mov", _with_reference(data, b"url ", b"file://" + mp4 + b"\0"), used
    movie = _box(b"ftyp", b"qt  \0\0\2\0qt  ")
    for kind, where in ((b"url ", f"{canary}/q\0".encode()), (b"alis", _alias(mp4))):
        rdrf = _box(b"rdrf", bytes(4) + kind + struct.pack(">I", len(where)) + where)
        far = movie + _box(b"moov", _box(b"rmra", _box(b"rmda", rdrf)))
        yield f"reference movie {kind.decode().strip()}", "a.mov", far, "unreadable|no_video_stream"
    playlist = _hls("#EXTINF:1,", f"file://{folder}/secret.ts")
    gab2 = b"GAB2\0\2\0" + bytes(5) + playlist
    chunk = b"01tx" + struct.pack("<I", len(gab2)) + gab2 + b"\0" * (len(gab2) % 2)
    movi = b"LIST" + struct.pack("<I", len(chunk) + 4) + b"movi" + chunk
    avi = b"RIFF" + struct.pack("<I", len(movi) + 4) + b"AVI " + movi
    yield "playlist in an avi", "a.avi", avi, "unreadable|no_video_stream|truncated"
    yield (
        "picture before a list",
        "a.jpg",
        b"\xff\xd8\xff\xe0" + playlist,
        "damaged_picture|truncated",
    )
    yield (
        "gif before a list",
        "a.mp4",
        b"GIF89a" + playlist,
        "damaged_picture|truncated|too_many_pixels",
    )
    yield (
        "pattern for a name",
        "%03d.jpg",
        b"\xff\xd8\xff\xe0" + bytes(90),
        "damaged_picture|truncated",
    )
    yield "glob for a name", "*.mp4", playlist, _LIST


def _other_kinds(clip: Path) -> Iterator[_Row]:
    data = clip.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.mp4", data)
    yield "zip", "a.zip", packed.getvalue(), "not_media"
    yield "zip as clip", "a.mp4", packed.getvalue(), "not_media"
    yield "gzip", "a.mp4", zlib.compress(bytes(5000), wbits=31), "not_media"
    yield "clip with a zip behind", "a.mp4", data + packed.getvalue(), "taken|truncated"
    yield "clip with a page behind", "a.mp4", data + b"<html><script>x</script></html>", "taken"
    yield "document as clip", "a.mp4", b"%PDF-1.7\n" + bytes(300), "wrong_kind"
    yield (
        "office as clip",
        "a.mp4",
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml" + bytes(200)),
        "wrong_kind",
    )
    yield "document before a clip", "a.pdf.mp4", b"%PDF-1.7\n" + data, "wrong_kind"
    yield "clip as picture", "a.jpg", data, "wrong_kind"
    yield "picture as clip", "a.mp4", _png(8, 8), "wrong_kind"


def _broken(clip: Path) -> Iterator[_Row]:
    data = clip.read_bytes()
    noise = np.random.default_rng(7).bytes(60_000)
    moov, mdat = _find(data, b"moov"), _find(data, b"mdat")
    yield "empty", "a.mp4", b"", "empty_file"
    yield "one byte", "a.mp4", b"\0", "not_media"
    yield "noise", "a.mp4", noise, "not_media"
    yield (
        "noise in a frame",
        "a.mp4",
        _box(b"ftyp", b"isom\0\0\2\0") + noise,
        "truncated|unreadable",
    )
    yield "cut late index", "a.mp4", data[: len(data) // 2], "truncated"
    yield "cut at the end", "a.mp4", data[:-40], "truncated|unreadable"
    yield "no index", "a.mp4", data[: moov[0]], "truncated"
    yield (
        "index alone",
        "a.mp4",
        data[: mdat[0]] + data[moov[0] :],
        (
            "truncated|unreadable|no_video_stream|taken"  # its samples now lie inside the index
        ),
    )
    yield (
        "noise for an index",
        "a.mp4",
        (data[: moov[0] + 8] + noise[: moov[1] - 8] + data[moov[0] + moov[1] :]),
        "unreadable|truncated|no_video_stream",
    )
    for claimed in (4 * 3600, 60):
        yield f"claims {claimed} s", "a.mp4", _claims(data, claimed), "taken|too_long|truncated"
    yield "container claims 136 years", "a.mp4", _claims(data, 0, header_only=True), "taken"
    yield "no size", "a.mp4", _sized(data, 0, 0), "unreadable|no_video_stream|taken"
    yield (
        "box without end",
        "a.mp4",
        data[: moov[0]] + struct.pack(">I4sQ", 1, b"moov", 2**63),
        ("truncated|unreadable"),
    )
    yield "matroska of nothing", "a.mkv", b"\x1a\x45\xdf\xa3" + bytes(3000), "unreadable"
    yield (
        "transport stream of nothing",
        "a.ts",
        (b"\x47" + bytes(187)) * 50,
        ("unreadable|truncated|no_video_stream"),
    )
    yield (
        "wav of four gigabytes",
        "a.wav",
        (b"RIFF" + struct.pack("<I", 0xFFFFFFF0) + b"WAVEfmt " + bytes(40)),
        "truncated|unreadable",
    )
    yield (
        "tag of a quarter gigabyte",
        "a.mp3",
        b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(900),
        ("unreadable|truncated|no_video_stream"),
    )


def _bombs(clip: Path) -> Iterator[_Row]:
    data = clip.read_bytes()
    yield (
        "clip of 16000 by 16000",
        "a.mp4",
        _sized(data, 16_000, 16_000),
        ("too_many_pixels|unreadable|taken"),
    )
    yield (
        "png movie of 16000 by 16000",
        "a.mov",
        _png_movie(16_000),
        ("too_many_pixels|unreadable|no_video_stream"),
    )
    yield "png movie of 64 by 64", "a.mov", _png_movie(64), "taken"  # the other one is well made
    yield "picture of 20000 by 20000", "a.png", _png(20_000, 20_000), "too_many_pixels"
    yield (
        "five thousand streams",
        "a.mp4",
        _many_tracks(data, 5000),
        ("unreadable|too_many_streams|no_video_stream|truncated"),
    )
    yield (
        "two thousand million samples",
        "a.mp4",
        _sample_count(data, 2**31 - 1),
        ("unreadable|truncated|no_video_stream|taken"),
    )
    deep = b""
    for _ in range(3000):
        deep = _box(b"moov", deep)
    yield (
        "boxes in boxes",
        "a.mp4",
        _box(b"ftyp", b"isom\0\0\2\0isom") + deep,
        ("unreadable|truncated|no_video_stream"),
    )
    yield (
        "a million empty boxes",
        "a.mp4",
        _box(b"ftyp", b"isom\0\0\2\0isom") + (_box(b"free", b"") * 300_000),
        "truncated|unreadable",
    )
    yield "a hundred thousand frames a second", "a.mp4", _fast(data), "taken|truncated|too_fast"


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + name + body


def _find(data: bytes, name: bytes) -> tuple[int, int]:
    """Offset and length of a box at the top."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == name:
            return at, size
        at += size
    raise ValueError(name)


def _alias(path: bytes) -> bytes:
    """Enough of a Macintosh alias record for a player to take the path out of it."""
    record = bytearray(150)
    tail = struct.pack(">hh", 2, len(path)) + path + b"\0" * (len(path) % 2)
    tail += struct.pack(">hh", 18, len(path)) + path + b"\0" * (len(path) % 2)
    return bytes(record) + tail + struct.pack(">hh", -1, 0)


def _with_reference(data: bytes, kind: bytes, where: bytes) -> bytes:
    """The clip with a data reference that names ``where`` in place of: in this file. Every box
    around it grows; the samples lie before the index, so no offset moves."""
    old = b"\0\0\0\x0curl \0\0\0\x01"
    new = _box(kind, bytes(4) + where)
    grown, at = bytearray(data), data.find(old)
    while at >= 0:
        grown[at : at + len(old)] = new
        for name in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
            start = bytes(grown).rfind(name, 0, at) - 4
            size = int.from_bytes(grown[start : start + 4], "big") + len(new) - len(old)
            grown[start : start + 4] = size.to_bytes(4, "big")
        at = bytes(grown).find(old, at + len(new))
    return bytes(grown)


def _claims(data: bytes, seconds: int, *, header_only: bool = False) -> bytes:
    """Durations in mvhd, tkhd and mdhd that are not so; ``header_only``: the largest in mvhd."""
    changed = bytearray(data)
    for name, scale_at, at in ((b"mvhd", 16, 20), (b"mdhd", 16, 20), (b"tkhd", None, 24)):
        start = data.find(name)
        scale = 1000
        while start >= 0:
            if scale_at is not None:
                scale = int.from_bytes(data[start + scale_at : start + scale_at + 4], "big")
            value = 0xFFFFFFFE if header_only else min(seconds * scale, 0xFFFFFFFE)
            if not header_only or name == b"mvhd":
                changed[start + at : start + at + 4] = value.to_bytes(4, "big")
            start = data.find(name, start + 4)
    return bytes(changed)


def _sized(data: bytes, width: int, height: int) -> bytes:
    at = data.find(b"avc1", data.find(b"stsd")) + 28
    size = struct.pack(">HH", width, height)
    return data[:at] + size + data[at + 4 :]


def _sample_count(data: bytes, count: int) -> bytes:
    at = data.find(b"stsz") + 12
    return data[:at] + struct.pack(">I", count) + data[at + 4 :]


def _fast(data: bytes) -> bytes:
    at = data.find(b"stts") + 16
    return data[:at] + struct.pack(">I", 1) + data[at + 4 :]


def _many_tracks(data: bytes, count: int) -> bytes:
    at, size = _find(data, b"moov")
    moov = data[at + 8 : at + size]
    track = moov.find(b"trak") - 4
    one = moov[track : track + int.from_bytes(moov[track : track + 4], "big")]
    return data[:at] + _box(b"moov", moov + one * count) + data[at + size :]


def _png(width: int, height: int) -> bytes:
    lines = zlib.compressobj(9)
    body = b"".join(lines.compress(bytes(1 + width // 8)) for _ in range(height)) + lines.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    made = b"\x89PNG\r\n\x1a\n"
    for name, part in ((b"IHDR", head), (b"IDAT", body), (b"IEND", b"")):
        made += (
            struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part))
        )
    return made


def _png_movie(side: int) -> bytes:
    """One frame of PNG in a QuickTime file: little on the disk, gigabytes in memory."""
    frame = _png(side, side)
    head = _box(b"ftyp", b"qt  \0\0\2\0qt  ")
    entry = _box(
        b"png ",
        bytes(6) + b"\0\1" + bytes(16) + struct.pack(">HH", side, side)
        + struct.pack(">IIIH", 0x480000, 0x480000, 0, 1) + bytes(32) + b"\0\x18\xff\xff",
    )  # fmt: skip
    table = (
        _box(b"stsd", bytes(4) + b"\0\0\0\1" + entry)
        + _box(b"stts", bytes(4) + struct.pack(">III", 1, 1, 1000))
        + _box(b"stsc", bytes(4) + struct.pack(">IIII", 1, 1, 1, 1))
        + _box(b"stsz", bytes(4) + struct.pack(">II", len(frame), 1))
        + _box(b"stco", bytes(4) + struct.pack(">II", 1, len(head) + 8))
    )
    dinf = _box(b"dinf", _box(b"dref", bytes(4) + b"\0\0\0\1" + _box(b"url ", b"\0\0\0\1")))
    minf = _box(b"minf", _box(b"vmhd", bytes(12)) + dinf + _box(b"stbl", table))
    mdia = _box(
        b"mdia",
        _box(b"mdhd", bytes(12) + struct.pack(">III", 1000, 1000, 0))
        + _box(b"hdlr", bytes(8) + b"vide" + bytes(13))
        + minf,
    )
    tkhd = _box(
        b"tkhd", b"\0\0\0\x0f" + bytes(8) + struct.pack(">II", 1, 0) + struct.pack(">I", 1000)
        + bytes(16) + _MATRIX + struct.pack(">II", side << 16, side << 16),
    )  # fmt: skip
    mvhd = _box(
        b"mvhd",
        bytes(12) + struct.pack(">IIIH", 1000, 1000, 0x10000, 0x100) + bytes(10) + _MATRIX
        + bytes(24) + struct.pack(">I", 2),
    )  # fmt: skip
    return head + _box(b"mdat", frame) + _box(b"moov", mvhd + _box(b"trak", tkhd + mdia))


_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
