"""The master playlist says what the files hold."""

from fractions import Fraction
from pathlib import Path

import pytest

from streams.hls import Track, avc_codec, master, read_track

PLAYLIST = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:6
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI="v360.mp4",BYTERANGE="1080@0"
#EXTINF:6.000000,
#EXT-X-BYTERANGE:300000@1080
v360.mp4
#EXTINF:6.000000,
#EXT-X-BYTERANGE:600000@301080
v360.mp4
#EXTINF:0.040000,
#EXT-X-BYTERANGE:20000@901080
v360.mp4
#EXT-X-ENDLIST
"""


def test_rates_are_measured_and_a_crumb_at_the_end_is_no_peak(tmp_path: Path) -> None:
    playlist = tmp_path / "v360.m3u8"
    playlist.write_text(PLAYLIST, encoding="utf-8")
    track = read_track(playlist)
    assert track.name == "v360"
    assert track.duration_s == pytest.approx(12.04)
    assert track.average_bps == round(8 * 920_000 / 12.04)
    assert track.peak_bps == round(8 * 620_000 / 6.04)


def test_an_unfinished_playlist_is_refused(tmp_path: Path) -> None:
    playlist = tmp_path / "v360.m3u8"
    playlist.write_text(PLAYLIST.replace("#EXT-X-ENDLIST", ""), encoding="utf-8")
    with pytest.raises(ValueError, match=r"v360\.m3u8"):
        read_track(playlist)


def test_codec_comes_from_the_decoder_configuration(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(bytes(100) + b"avcC\x01\x64\x00\x28\xff" + bytes(50))
    assert avc_codec(path) == "avc1.640028"
    path.write_bytes(bytes(200))
    with pytest.raises(ValueError, match=r"v\.mp4"):
        avc_codec(path)


def test_master_lists_sizes_and_shares_the_sound() -> None:
    small = Track("v360", ((6.0, 300_000),), 6)
    sound = Track("a", ((6.0, 96_000),), 6)
    text = master([(small, "avc1.64001E", (640, 360))], sound, Fraction(30000, 1001))
    assert "BANDWIDTH=528000,AVERAGE-BANDWIDTH=528000" in text
    assert 'CODECS="avc1.64001E,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=29.970' in text
    assert text.count('URI="a.m3u8"') == 1
    assert text.splitlines()[-1] == "v360.m3u8"
    assert "a.m3u8" not in text.splitlines()  # the sound is no variant


def test_a_silent_clip_promises_no_sound() -> None:
    small = Track("v360", ((6.0, 300_000),), 6)
    text = master([(small, "avc1.64001E", (640, 360))], None, Fraction(25))
    assert "AUDIO" not in text
    assert "mp4a" not in text
