import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deploy.demo import pictures
from deploy.demo.pictures import PICTURES, draw, jpeg, write_pictures

SMALL = (480, 320)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_the_asked_size_light_and_shade_and_colour(name: str) -> None:
    picture = draw(name, SMALL)
    assert picture.size == SMALL
    assert picture.mode == "RGB"
    levels = np.asarray(picture, float)
    assert np.isfinite(levels).all()
    assert levels.std() > 20  # neither flat …
    assert 40 < levels.mean() < 220  # … nor burnt out or black
    assert (levels.max(axis=-1) - levels.min(axis=-1)).mean() > 15  # nor grey


@pytest.mark.parametrize("name", ["river", "lake"])
def test_the_same_picture_every_time(name: str) -> None:
    assert draw(name, SMALL).tobytes() == draw(name, SMALL).tobytes()


def test_pictures_differ() -> None:
    small = [draw(name, (120, 80)).tobytes() for name in PICTURES]
    assert len(set(small)) == len(PICTURES)


def test_the_jpeg_stays_under_its_limit_and_is_what_was_drawn() -> None:
    picture = draw("trays", SMALL)
    roomy, tight = jpeg(picture), jpeg(picture, 30_000)
    assert len(tight) <= 30_000 < len(roomy)
    shown = Image.open(io.BytesIO(tight))
    assert shown.format == "JPEG"
    gap = np.abs(np.asarray(shown, float) - np.asarray(picture, float)).mean()
    assert gap < 20


def test_what_is_there_already_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "SIZE", SMALL)
    monkeypatch.setattr(pictures, "PICTURES", {"lake": PICTURES["lake"], "tea": PICTURES["tea"]})
    monkeypatch.setattr(pictures.draw, "__defaults__", (SMALL,))
    (tmp_path / "tea.jpg").write_bytes(b"mine")
    written = write_pictures(tmp_path)
    assert written == {"lake": tmp_path / "lake.jpg", "tea": tmp_path / "tea.jpg"}
    assert (tmp_path / "tea.jpg").read_bytes() == b"mine"
    with Image.open(tmp_path / "lake.jpg") as picture:
        assert picture.size == SMALL
    assert sorted(p.name for p in tmp_path.iterdir()) == ["lake.jpg", "tea.jpg"]


def test_an_unknown_picture_is_refused() -> None:
    with pytest.raises(KeyError):
        draw("portrait", SMALL)
