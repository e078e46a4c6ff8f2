"""ffmpeg's arguments: what must be in every one of them, whatever the source."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from streams import commands, soundings
from streams.media_facts import AudioFacts, MediaFacts, VideoFacts
from streams.programs import Programs
from streams.recipes import RECIPES, Clip, Picture

PROGRAMS = Programs("/bin/ffmpeg", "/bin/ffprobe", "x")
SOURCE = Path("/media/a b:c%d'.mp4")


def facts(*, sound: bool = True, aigc: str | None = None, **video: Any) -> MediaFacts:
    shown = {"stream": 1, "codec": "h264", "rate": 25.0, "frames": 300, **video}
    return MediaFacts(
        kind="video",
        content_type="video/mp4",
        reader="mov",
        size_bytes=1,
        width=1920,
        height=1080,
        duration_s=12.0,
        has_audio=sound,
        fps=25.0,
        video=VideoFacts(coded_width=1920, coded_height=1080, **shown),
        audio=AudioFacts(stream=0, codec="aac", channels=2, sample_rate=48000) if sound else None,
        aigc=aigc,
    )


def argv(recipe: str, source: MediaFacts) -> list[str]:
    found = RECIPES[recipe]
    assert not isinstance(found, Picture)
    return commands.encode(PROGRAMS, SOURCE, source, found, "out", 1.5)


def after(arguments: list[str], option: str) -> list[str]:
    return [value for name, value in pairwise(arguments) if name == option]


CLIPS = [recipe.name for recipe in RECIPES.values() if not isinstance(recipe, Picture)]
MOVING = [name for name in CLIPS if not name.startswith("radio")]


@pytest.mark.parametrize("recipe", CLIPS)
def test_a_source_can_reach_nothing_but_itself(recipe: str) -> None:
    made = argv(recipe, facts())
    at = made.index("-i")
    reading = made[:at]
    assert after(reading, "-protocol_whitelist") == ["file"]
    assert after(reading, "-format_whitelist") == ["mov,mp4,m4a,3gp,3g2,mj2"]
    assert after(reading, "-f") == ["mov"]
    assert after(reading, "-max_pixels") == ["40000000"]
    assert made[at + 1] == str(SOURCE)
    assert "-nostdin" in made


@pytest.mark.parametrize(
    ("recipe", "outputs", "labelled"),
    [
        ("web_hls", 4, True),
        ("vertical", 1, True),
        ("wechat_clip", 1, True),
        ("radio_m4a", 1, True),
        ("tv_h264", 1, True),
        ("tv_xdcam_hd422", 1, False),
    ],
)
def test_no_metadata_goes_out_but_the_label(recipe: str, outputs: int, labelled: bool) -> None:
    made = argv(recipe, facts(aigc='{"Label":"1"}'))
    assert after(made, "-map_metadata") == ["-1"] * outputs
    assert after(made, "-metadata") == (['AIGC={"Label":"1"}'] * outputs if labelled else [])


def test_the_web_may_be_silent_and_the_others_may_not() -> None:
    assert "a.m3u8" not in " ".join(argv("web_hls", facts(sound=False)))
    for recipe in ("vertical", "tv_xdcam_hd422"):
        made = argv(recipe, facts(sound=False))
        assert "anullsrc=r=48000:cl=stereo" in made
        assert "out/a.m3u8" not in made


def graph(recipe: str, **video: Any) -> str:
    return after(argv(recipe, facts(**video)), "-filter_complex")[0]


def test_only_what_is_interlaced_is_deinterlaced() -> None:
    assert "bwdif" not in graph("web_hls")
    combed = graph("web_hls", interlaced=True, field_order="tff")
    assert "bwdif=deint=all:mode=send_frame:parity=tff" in combed


def test_the_station_gets_real_fields_where_there_are_fifty_movements() -> None:
    assert "setfield=tff" in graph("tv_xdcam_hd422")
    for moving in ({"interlaced": True}, {"rate": 50.0}, {"rate": 59.94}):
        fields = graph("tv_xdcam_hd422", **moving)
        assert "fps=50/1" in fields
        assert "interlace=scan=tff" in fields
    assert "mode=send_field" in graph("tv_xdcam_hd422", interlaced=True, field_order="bff")
    assert "parity=bff" in graph("tv_xdcam_hd422", interlaced=True, field_order="bff")


def test_sound_and_pictures_are_never_set_to_zero_apart() -> None:
    """That would lose a real offset; both start at the file's own zero."""
    for recipe in CLIPS:
        made = graph(recipe)
        assert "setpts" not in made
        assert ("start_time=0" in made) is (recipe in MOVING)
        assert ("first_pts=0" in made) is (recipe != "screen_loop")


def test_the_stations_sound_goes_on_past_the_last_picture() -> None:
    assert "atrim=end=12.200" in graph("tv_xdcam_hd422")
    assert "atrim=end=12.000" in graph("vertical")


def test_the_streams_are_those_that_were_looked_at() -> None:
    made = graph("vertical")
    assert "[0:1]fps" in made
    assert "[0:0]aresample" in made


def test_hdr_is_mapped_before_anything_else() -> None:
    assert "tonemap=mobius" in graph("vertical", hdr="hlg", matrix="bt2020nc")
    assert "tonemap" not in graph("vertical", matrix="bt709")


def test_listening_runs_the_same_gain_and_limiter() -> None:
    recipe = RECIPES["tv_xdcam_hd422"]
    assert not isinstance(recipe, Picture)
    clip: Clip = recipe
    heard = after(soundings.listen(PROGRAMS, SOURCE, facts(), clip, -2.5), "-filter_complex")[0]
    made = after(commands.encode(PROGRAMS, SOURCE, facts(), clip, "out", -2.5), "-filter_complex")[
        0
    ]
    chain = [part.split("]", 1)[1].rsplit("[", 1)[0] for part in heard.split(";")]
    assert "volume=-2.50dB" in chain
    wanted = chain[: chain.index("atrim=end=12.200") + 1]
    assert [step for step in wanted if step in made] == wanted
