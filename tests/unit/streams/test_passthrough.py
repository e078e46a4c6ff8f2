"""What need not be encoded again."""

from typing import Any

import pytest

from streams.media_facts import AudioFacts, Loudness, MediaFacts, VideoFacts
from streams.passthrough import copied_level, copies_pictures, copies_sound, levels_of
from streams.recipes import RECIPES, Clip, Hls, Mp4, Station


def facts(
    *, video: dict[str, Any] | None = None, audio: dict[str, Any] | None = None, **changes: Any
) -> MediaFacts:
    """A clip as a telephone or we ourselves write it; ``changes`` make it another."""
    shown = {
        "stream": 0,
        "codec": "h264",
        "profile": "High",
        "level": 40,
        "pixel_format": "yuv420p",
        "coded_width": 1920,
        "coded_height": 1080,
        "rate": 25.0,
        "frames": 300,
        "duration_s": 12.0,
        "key_every_s": 2.0,
        "even_keys": True,
        "bit_rate": 3_000_000,
        "peak_bit_rate": 4_000_000,
        "matrix": "bt709",
    }
    heard = {
        "stream": 1,
        "codec": "aac",
        "profile": "LC",
        "channels": 2,
        "sample_rate": 48_000,
        "duration_s": 12.0,
    }
    return MediaFacts(
        **{
            "kind": "video",
            "content_type": "video/mp4",
            "reader": "mov",
            "size_bytes": 5_000_000,
            "width": 1920,
            "height": 1080,
            "duration_s": 12.0,
            "has_audio": True,
            "video": VideoFacts(**{**shown, **(video or {})}),
            "audio": AudioFacts(**{**heard, **(audio or {})}),
            "loudness": Loudness(lufs=-16.4, true_peak_db=-2.0),
            **changes,
        }
    )


def recipe(name: str) -> Clip:
    found = RECIPES[name]
    assert isinstance(found, Hls | Mp4 | Station)
    return found


def level(clip: MediaFacts) -> str | None:
    hls = recipe("web_hls")
    assert isinstance(hls, Hls)
    found = copied_level(hls, clip)
    return found.name if found else None


def names(clip: MediaFacts) -> list[str]:
    hls = recipe("web_hls")
    assert isinstance(hls, Hls)
    return [one.name for one in levels_of(hls, clip)]


def test_a_conforming_clip_is_its_own_top_size() -> None:
    assert level(facts()) == "v1080"
    assert names(facts()) == ["v360", "v1080"]  # lean: the size between is left out
    assert names(facts(video={"peak_bit_rate": 6_500_000})) == ["v360", "v720", "v1080"]
    assert copies_sound(recipe("web_hls"), facts())


@pytest.mark.parametrize(
    "video",
    [
        {"codec": "hevc"},
        {"profile": "High 10"},
        {"pixel_format": "yuv422p"},
        {"level": 51},
        {"rotation": 90},
        {"interlaced": True, "field_order": "tff"},
        {"sample_aspect": "4:3"},
        {"hdr": "hlg"},
        {"full_range": True},
        {"matrix": "smpte170m"},
        {"uneven_steps": 1},
        {"hidden_frames": 3},
        {"start_s": 0.2},
        {"key_every_s": 4.0},
        {"even_keys": False},
        {"peak_bit_rate": 9_000_000},
        {"rate": 120.0},
    ],
)
def test_one_thing_that_does_not_fit_and_it_is_encoded(video: dict[str, Any]) -> None:
    assert level(facts(video=video)) is None


def test_other_sizes_and_readers_are_encoded() -> None:
    assert level(facts(width=3840, height=2160)) is None
    assert level(facts(reader="matroska")) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"loudness": Loudness(lufs=-20.0, true_peak_db=-6.0)},
        {"loudness": Loudness(lufs=-16.0, true_peak_db=-0.2)},
        {"loudness": None},
        {"audio": {"codec": "mp3"}},
        {"audio": {"channels": 6}},
        {"audio": {"start_s": 0.5}},
        {"audio": {"duration_s": 9.0}},
        {"duration_s": 900.0},  # heard for ten minutes only
    ],
)
def test_sound_that_is_not_right_is_encoded_while_pictures_are_copied(
    changes: dict[str, Any],
) -> None:
    assert not copies_sound(recipe("web_hls"), facts(**changes))
    assert level(facts(**changes)) == "v1080"


def test_an_upright_clip_for_the_platforms() -> None:
    vertical = recipe("vertical")
    assert isinstance(vertical, Mp4)
    upright: dict[str, Any] = {"width": 1080, "height": 1920}
    assert copies_pictures(vertical, facts(**upright))
    assert not copies_pictures(vertical, facts())
    assert not copies_pictures(vertical, facts(**upright, video={"rate": 60.0}))
    assert not copies_pictures(vertical, facts(**upright, size_bytes=200_000_000))


def test_the_stations_own_format() -> None:
    station = recipe("tv_xdcam_hd422")
    assert isinstance(station, Station)
    xdcam = {
        "codec": "mpeg2video",
        "pixel_format": "yuv422p",
        "interlaced": True,
        "field_order": "tff",
        "bit_rate": 50_100_000,
        "key_every_s": 0.48,
    }
    assert copies_pictures(station, facts(reader="mxf", video=xdcam))
    assert not copies_pictures(station, facts(reader="mxf", video=xdcam | {"field_order": "bff"}))
    assert not copies_pictures(station, facts(reader="mov", video=xdcam))
    assert not copies_sound(station, facts(reader="mxf", video=xdcam))
