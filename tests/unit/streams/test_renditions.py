"""What each recipe must look like for a given source."""

import dataclasses
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.rendition import RecipeName
from streams import renditions
from streams.media_facts import MediaFacts, VideoFacts
from streams.recipes import RECIPES, Hls, Mp4, Station
from streams.renditions import applies, fields_of, ladder, mp4_shape, output_rate, recipe_key


def clip(width: int, height: int, rate: float = 25.0, **video: Any) -> MediaFacts:
    shown = VideoFacts(
        stream=0,
        codec="h264",
        coded_width=width,
        coded_height=height,
        rate=rate,
        frames=100,
        **video,
    )
    return MediaFacts(
        kind="video",
        content_type="video/mp4",
        reader="mov",
        size_bytes=1,
        width=width,
        height=height,
        duration_s=12.0,
        fps=rate,
        video=shown,
    )


def hls() -> Hls:
    recipe = RECIPES["web_hls"]
    assert isinstance(recipe, Hls)
    return recipe


def sizes(width: int, height: int) -> list[tuple[str, int, int]]:
    return [(level.name, level.width, level.height) for level in ladder(hls(), clip(width, height))]


def test_every_recipe_name_can_be_made() -> None:
    assert set(RECIPES) == set(get_args(RecipeName))
    assert all(name == recipe.name for name, recipe in RECIPES.items())


@pytest.mark.parametrize(
    ("width", "height", "wanted"),
    [
        (1920, 1080, [("v360", 640, 360), ("v720", 1280, 720), ("v1080", 1920, 1080)]),
        (3840, 2160, [("v360", 640, 360), ("v720", 1280, 720), ("v1080", 1920, 1080)]),
        (1080, 1920, [("v360", 360, 640), ("v720", 720, 1280), ("v1080", 1080, 1920)]),
        (1440, 1080, [("v360", 480, 360), ("v720", 960, 720), ("v1080", 1440, 1080)]),
        (1024, 576, [("v360", 640, 360), ("v576", 1024, 576)]),  # a size of its own in between
        (1300, 731, [("v360", 640, 360), ("v720", 1280, 720)]),  # too near to the rung below
        (320, 240, [("v240", 320, 240)]),
        (1080, 2400, [("v360", 288, 640), ("v720", 576, 1280), ("v1080", 864, 1920)]),
    ],
)
def test_ladder(width: int, height: int, wanted: list[tuple[str, int, int]]) -> None:
    assert sizes(width, height) == wanted


@given(st.integers(16, 5400), st.integers(16, 5400))
def test_a_ladder_never_enlarges_and_has_even_sizes(width: int, height: int) -> None:
    levels = ladder(hls(), clip(width, height))
    assert levels
    assert len({level.name for level in levels}) == len(levels)
    for level in levels:
        assert level.width % 2 == level.height % 2 == 0
        assert level.width <= width + 1
        assert level.height <= height + 1
        assert max(level.width, level.height) <= 1920
        assert min(level.width, level.height) <= 1080
    rates = [level.kbps for level in levels]
    assert rates == sorted(rates)


@pytest.mark.parametrize(
    ("rate", "variable", "highest", "wanted"),
    [
        (25.0, False, 60, Fraction(25)),
        (29.97, False, 60, Fraction(30000, 1001)),
        (30.0003, False, 60, Fraction(30)),
        (23.978, False, 60, Fraction(24000, 1001)),
        (59.94, False, 30, Fraction(30000, 1001)),
        (50.0, False, 30, Fraction(25)),
        (120.0, False, 60, Fraction(60)),
        (240.0, False, 30, Fraction(30)),
        (27.3, True, 60, Fraction(30000, 1001)),  # a phone in the dark
        (15.0, False, 60, Fraction(15)),  # a screen recording keeps its rate
        (0.4, False, 60, Fraction(1)),
    ],
)
def test_output_rate(rate: float, variable: bool, highest: int, wanted: Fraction) -> None:
    assert output_rate(clip(1280, 720, rate, variable_rate=variable), highest) == wanted


def mp4(name: str) -> Mp4:
    recipe = RECIPES[name]
    assert isinstance(recipe, Mp4)
    return recipe


@given(st.floats(1, 300), st.sampled_from(["vertical", "vertical_crop", "wechat_clip"]))
def test_a_clip_stays_under_its_limit(duration_s: float, name: str) -> None:
    recipe = mp4(name)
    facts = clip(1920, 1080).model_copy(update={"duration_s": duration_s})
    (width, height), kbps = mp4_shape(recipe, facts)
    assert 100 < kbps <= recipe.kbps
    assert width % 2 == height % 2 == 0
    # A rate cap lets two seconds through at once (bufsize) and no more.
    worst = (kbps * (duration_s + 2) + recipe.audio_kbps * duration_s) * 1000 / 8
    assert worst <= recipe.max_bytes


def test_a_small_file_gets_fewer_pixels_not_mush() -> None:
    def size(seconds: float, *shape: int) -> tuple[int, int]:
        facts = clip(*shape).model_copy(update={"duration_s": seconds})
        return mp4_shape(mp4("wechat_clip"), facts)[0]

    assert size(10, 1920, 1080) == (1280, 720)
    assert size(10, 1080, 1920) == (720, 1280)
    assert size(10, 640, 360) == (640, 360)  # never enlarged
    assert size(290, 1920, 1080)[0] < 600


def test_how_thirty_frames_become_fifty_fields() -> None:
    recipe = RECIPES["tv_xdcam_hd422"]
    assert isinstance(recipe, Station)
    by_frame = dataclasses.replace(recipe, thirty="nearest_frame")
    for rate, fields, frames in ((25, False, False), (29.97, True, False), (50, True, True)):
        assert fields_of(recipe, clip(1920, 1080, rate)) is fields
        assert fields_of(by_frame, clip(1920, 1080, rate)) is frames
    assert fields_of(by_frame, clip(1920, 1080, 25, interlaced=True, field_order="tff"))


def test_only_a_hardly_visible_crop_fills_the_box() -> None:
    assert renditions.fills(1080, 1920, (1080, 1920))
    assert renditions.fills(1080, 2000, (1080, 1920))
    assert not renditions.fills(1080, 2400, (1080, 1920))
    assert not renditions.fills(1920, 1080, (1080, 1920))
    assert not renditions.fills(1440, 1080, (1920, 1080))


def test_untagged_colours_go_by_the_number_of_lines() -> None:
    def matrix(*size: int, tag: str = "") -> str:
        video = clip(*size, matrix=tag).video
        assert video is not None
        return renditions.matrix_of(video)

    assert matrix(1920, 1080) == "bt709"
    assert matrix(720, 576) == "bt601"
    assert matrix(1080, 1920) == "bt709"
    assert matrix(1920, 1080, tag="smpte170m") == "bt601"
    assert matrix(720, 576, tag="bt709") == "bt709"


def test_a_key_changes_with_the_program_and_differs_by_recipe() -> None:
    old, new = SimpleNamespace(version="5.1"), SimpleNamespace(version="8.0")
    assert recipe_key("vertical", old) == recipe_key("vertical", old)
    assert recipe_key("vertical", old) != recipe_key("vertical", new)
    assert len({recipe_key(name, old) for name in get_args(RecipeName)}) == len(RECIPES)


def test_what_can_be_made_of_a_picture() -> None:
    made = {name for name in get_args(RecipeName) if applies(name, "image")}
    assert made == {"web_image", "web_thumb", "wechat_image", "wechat_cover", "print_image"}
    heard = {name for name in get_args(RecipeName) if applies(name, "audio")}
    assert heard == {"radio_bwf", "radio_m4a"}
    assert not applies("print_image", "video")
