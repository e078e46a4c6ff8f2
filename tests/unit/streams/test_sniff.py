"""What a file is by its first bytes."""

import pytest

from streams.sniff import kind_by_name, playlist_in_disguise, sniff

TS = (b"\x47" + bytes(187)) * 5
M2TS = (bytes(4) + b"\x47" + bytes(187)) * 5


@pytest.mark.parametrize(
    ("head", "kind", "reader"),
    [
        (b"\xff\xd8\xff\xe0" + bytes(80), "image", "JPEG"),
        (b"\x89PNG\r\n\x1a\n" + bytes(80), "image", "PNG"),
        (b"RIFF\x10\0\0\0WEBPVP8 " + bytes(80), "image", "WEBP"),
        (b"RIFF\x10\0\0\0WAVEfmt " + bytes(80), "audio", "wav"),
        (b"RIFF\x10\0\0\0AVI LIST" + bytes(80), "video", "avi"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(80), "video", "mov"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + bytes(80), "video", "mov"),
        (b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom" + bytes(80), "audio", "mov"),
        (b"\0\0\0\x18ftypavif\0\0\0\0avifmif1" + bytes(80), "image", "AVIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(80), "image", ""),
        (b"\0\0\0\x08wide\0\0\0\0mdat" + bytes(80), "video", "mov"),
        (b"\x1aE\xdf\xa3" + bytes(80), "video", "matroska"),
        (TS, "video", "mpegts"),
        (M2TS, "video", "mpegts"),
        (b"ID3\x04" + bytes(80), "audio", "mp3"),
        (b"\xff\xfb\x90\x64" + bytes(80), "audio", "mp3"),
        (b"%PDF-1.7" + bytes(80), "file", ""),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml" + bytes(80), "file", ""),
    ],
)
def test_content_decides(head: bytes, kind: str, reader: str) -> None:
    found = sniff(head)
    assert found is not None
    assert (found.kind, found.reader) == (kind, reader)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0",
        b"plain text, long enough to be looked at" * 4,
        "\ufeff文字".encode("utf-16") * 30,
        b"RIFF\x10\0\0\0RMIDdata" + bytes(80),
        b"GGGG" + bytes(600),  # one sync byte is not a transport stream
        b"PK\x03\x04" + bytes(26) + b"clip.mp4" + bytes(80),  # archives are not taken
        b"BM" + bytes(80),
        b"#!/bin/sh\n" * 20,
    ],
)
def test_nothing_we_take(head: bytes) -> None:
    assert sniff(head) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"#EXTM3U\n#EXTINF:5,\nfile:///etc/passwd\n", "an HLS playlist"),
        (b"\xef\xbb\xbf\n#EXTM3U\n", "an HLS playlist"),
        (b"ffconcat version 1.0\nfile other.mp4\n", "an ffconcat list"),
        (b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">', "a DASH manifest"),
        (b'<?xml version="1.0"?><SVG xmlns="http://www.w3.org/2000/svg">', "an SVG drawing"),
        (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", "an SDP session description"),
        (b"<!DOCTYPE html><title>404</title>", "a web page"),
    ],
)
def test_playlists_are_named_and_have_no_reader(text: bytes, name: str) -> None:
    assert sniff(text) is None
    found = playlist_in_disguise(text)
    assert found is not None
    assert found[1] == name


def test_a_name_promises_a_kind() -> None:
    assert kind_by_name("新闻.MP4") == "video"
    assert kind_by_name("a.b.jpeg") == "image"
    assert kind_by_name("mp4") is None
    assert kind_by_name("notes.xyz") is None
