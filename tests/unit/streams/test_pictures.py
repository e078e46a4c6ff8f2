"""Picture recipes: upright, sRGB, without metadata, inside the limits."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from streams.pictures import (
    Unreadable,
    look,
    original_or_copy,
    read_picture,
    write_picture,
)
from streams.recipes import RECIPES, Picture

RED, BLUE = (220, 20, 20), (20, 20, 220)
LIMIT = 40_000_000


def recipe(name: str) -> Picture:
    found = RECIPES[name]
    assert isinstance(found, Picture)
    return found


def halves(width: int, height: int) -> Image.Image:
    """Red above, blue below."""
    picture = Image.new("RGB", (width, height), BLUE)
    picture.paste(RED, (0, 0, width, height // 2))
    return picture


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(7).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def near(pixel: object, colour: tuple[int, int, int], within: int = 30) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= within for a, b in zip(pixel, colour, strict=True))


def phone_jpeg(path: Path, size: tuple[int, int] = (400, 300)) -> Path:
    """Stored lying on its side, to be turned by 90° clockwise, with the place it was taken at."""
    stored = halves(*size).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "PhoneMaker"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (30.0, 15.0, 0.0)
    stored.save(path, "JPEG", exif=exif, quality=95)
    return path


def test_a_phone_picture_stands_upright_and_tells_no_place(tmp_path: Path) -> None:
    source = phone_jpeg(tmp_path / "in.jpg", (800, 600))
    assert look(source, "JPEG", LIMIT) == (800, 600)
    made = write_picture(
        recipe("web_image"), read_picture(source, "JPEG", LIMIT, (1920, 1920)), tmp_path
    )
    with Image.open(made) as picture:
        assert picture.size == (800, 600)
        assert near(picture.getpixel((400, 100)), RED)
        assert near(picture.getpixel((400, 500)), BLUE)
        assert not picture.getexif()
    data = made.read_bytes()
    assert b"PhoneMaker" not in data
    assert b"Exif" not in data


def test_colours_are_read_by_the_pictures_own_profile(tmp_path: Path) -> None:
    """In a profile whose red and blue primaries are swapped, red pixels mean blue."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for old, new in ((b"rXYZ", b"-XYZ"), (b"bXYZ", b"rXYZ"), (b"-XYZ", b"bXYZ")):
        profile = profile.replace(old, new)
    source = tmp_path / "in.png"
    halves(64, 64).save(source, icc_profile=profile)
    picture = read_picture(source, "PNG", LIMIT, None)
    assert near(picture.getpixel((32, 10)), BLUE)
    assert picture.info == {}


def test_a_broken_profile_is_no_reason_to_refuse(tmp_path: Path) -> None:
    source = tmp_path / "in.png"
    halves(64, 64).save(source, icc_profile=b"no profile at all")
    assert near(read_picture(source, "PNG", LIMIT, None).getpixel((32, 10)), RED, 2)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "I;16"])
def test_every_mode_becomes_rgb_on_white(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        pixels = np.full((40, 40), 50_000, dtype=np.uint16)
        shown = Image.fromarray(pixels)
        bright = 50_000 // 257
    else:
        shown = Image.new("RGB", (40, 40), (200, 200, 200)).convert(mode)
        bright = 255 if mode == "1" else 200
    kind = "JPEG" if mode == "CMYK" else "PNG"
    source = tmp_path / "in.bin"
    shown.save(source, kind)
    picture = read_picture(source, kind, LIMIT, None)
    assert picture.mode == "RGB"
    assert near(picture.getpixel((20, 20)), (bright, bright, bright), 12)


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    source = tmp_path / "in.png"
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(source)
    assert read_picture(source, "PNG", LIMIT, None).getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("name", "source", "wanted"),
    [
        ("web_image", (3000, 2000), (1920, 1280)),
        ("web_image", (800, 600), (800, 600)),  # never enlarged
        ("web_thumb", (1080, 1920), (360, 640)),
        ("wechat_cover", (1600, 1200), (900, 383)),
        ("wechat_cover", (300, 900), (900, 383)),
        ("web_poster", (1920, 1080), (1280, 720)),
        ("web_poster", (1080, 1920), (720, 1280)),
        ("vertical_cover", (1920, 1080), (1080, 1920)),
        ("vertical_cover", (1080, 1920), (1080, 1920)),
        ("wechat_image", (1440, 4000), (518, 1440)),
    ],
)
def test_sizes(tmp_path: Path, name: str, source: tuple[int, int], wanted: tuple[int, int]) -> None:
    made = write_picture(recipe(name), halves(*source), tmp_path)
    with Image.open(made) as picture:
        assert (picture.size, picture.format) == (wanted, "JPEG")


@pytest.mark.parametrize("name", ["wechat_image", "wechat_cover"])
def test_the_worst_picture_stays_under_wechats_limit(tmp_path: Path, name: str) -> None:
    made = write_picture(recipe(name), noise(1440, 1440), tmp_path)
    limit = recipe(name).max_bytes
    assert limit is not None
    assert made.stat().st_size <= limit


def test_a_cover_before_blur_shows_the_whole_picture(tmp_path: Path) -> None:
    made = write_picture(recipe("vertical_cover"), halves(1920, 1080), tmp_path)
    with Image.open(made) as picture:
        assert near(picture.getpixel((540, 700)), RED)  # the picture lies between 656 and 1264
        assert near(picture.getpixel((540, 1200)), BLUE)
        page = picture.getpixel((540, 100))
    assert isinstance(page, tuple)
    assert page[0] < 200  # the page behind it is darker


def test_the_newspaper_gets_the_senders_own_bytes(tmp_path: Path) -> None:
    source = phone_jpeg(tmp_path / "in.jpg")
    made = original_or_copy(recipe("print_image"), source, "JPEG", LIMIT, tmp_path)
    assert made.name == "print_image.jpg"
    assert made.read_bytes() == source.read_bytes()


def test_a_layout_program_cannot_place_webp(tmp_path: Path) -> None:
    source = tmp_path / "in.webp"
    halves(400, 300).save(source, "WEBP", quality=95)
    made = original_or_copy(recipe("print_image"), source, "WEBP", LIMIT, tmp_path)
    with Image.open(made) as picture:
        assert (picture.format, picture.size) == ("JPEG", (400, 300))


def test_a_still_is_png_until_it_grows_too_large(tmp_path: Path) -> None:
    assert write_picture(recipe("print_still"), halves(1920, 1080), tmp_path).suffix == ".png"
    tight = replace(recipe("print_still"), max_bytes=100_000)
    made = write_picture(tight, noise(400, 300), tmp_path)
    assert made.suffix == ".jpg"
    with Image.open(made) as picture:
        assert picture.size == (400, 300)


def test_a_cut_picture_is_told_from_a_broken_one(tmp_path: Path) -> None:
    whole = io.BytesIO()
    noise(600, 400).save(whole, "JPEG")
    source = tmp_path / "in.jpg"
    source.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    with pytest.raises(Unreadable) as cut:
        look(source, "JPEG", LIMIT)
    assert cut.value.truncated
    source.write_bytes(b"\xff\xd8\xff\xe0" + bytes(400))
    with pytest.raises(Unreadable) as broken:
        look(source, "JPEG", LIMIT)
    assert not broken.value.pixels
    assert str(source) not in str(broken.value)


def test_a_pixel_flood_is_refused_by_its_header(tmp_path: Path) -> None:
    source = tmp_path / "in.png"
    Image.new("1", (30_000, 5_000)).save(source)
    with pytest.raises(Unreadable) as flood:
        look(source, "PNG", LIMIT)
    assert flood.value.pixels
    narrow = tmp_path / "narrow.png"
    Image.new("1", (25_000, 10)).save(narrow)
    with pytest.raises(Unreadable) as long:
        look(narrow, "PNG", LIMIT)
    assert long.value.pixels
