"""``./run preview`` of a clip, with the real ffmpeg and without any stack."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from schemas.settings import Settings
from shoufa import app
from streams.programs import find_programs
from tests.clips import Lab

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(find_programs(Settings()), tmp_path_factory.mktemp("clips"))


def test_a_clip_comes_with_a_contact_sheet(lab: Lab, tmp_path: Path) -> None:
    """Red, then green, then blue: the sheet shows them in that order."""
    source = lab.draw(
        "colours.mp4",
        size="320x180",
        picture="color=red",
        vf="drawbox=color=lime:t=fill:enable='between(t,1,1.99)',"
        "drawbox=color=blue:t=fill:enable='gte(t,1.99)'",
    )
    told = CliRunner().invoke(
        app, ["preview", str(source), "--recipe", "wechat_clip", "--out", str(tmp_path)]
    )
    assert told.exit_code == 0, told.output
    assert "视频 320×180" in told.output
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "wechat_clip-sheet.jpg",
        "wechat_clip.mp4",
    ]
    with Image.open(tmp_path / "wechat_clip" / "wechat_clip-sheet.jpg") as opened:
        sheet = np.asarray(opened.convert("RGB")).astype(int)
    height, width = sheet.shape[:2]
    seen = [
        int(sheet[height * (2 * row + 1) // 6, width * (2 * column + 1) // 8].argmax())
        for row in range(3)
        for column in range(4)
    ]
    assert seen == sorted(seen)
    assert {0, 1, 2} == set(seen)


def test_what_is_asked_for_must_exist(lab: Lab, tmp_path: Path) -> None:
    source = lab.draw("x.mp4", size="320x180", seconds=1)
    told = CliRunner().invoke(
        app, ["preview", str(source), "--recipe", "x", "--out", str(tmp_path)]
    )
    assert told.exit_code == 2
    assert "tv_xdcam_hd422" in told.output
