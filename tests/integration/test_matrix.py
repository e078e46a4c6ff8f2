"""Every kind of clip that a newsroom is sent: what comes out shows and sounds the same."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from schemas.settings import Settings
from streams.inspect import inspect
from streams.programs import Programs, find_programs
from streams.recipes import RECIPES, Mp4
from streams.transcode import make
from tests.clips import Lab, flash_s, onset_s
from tests.debian import ffmpeg_5_1
from tests.matrix import BLUE, FLASH_S, SECONDS, Kind, draw, kinds
from tests.missing import without

pytestmark = pytest.mark.slow
KINDS = kinds()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(find_programs(Settings()), tmp_path_factory.mktemp("matrix"))


@pytest.fixture(scope="module", params=["as installed", "5.1"])
def programs(request: pytest.FixtureRequest) -> Programs:
    found = find_programs(Settings()) if request.param == "as installed" else ffmpeg_5_1()
    if found is None:
        without("neither installed nor to be had from Debian")
    return found


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same recipe in a small box: the checks are about content, not about pixels."""
    recipe = RECIPES["wechat_clip"]
    assert isinstance(recipe, Mp4)
    monkeypatch.setitem(RECIPES, "wechat_clip", replace(recipe, box=(360, 288), preset="ultrafast"))


def test_at_least_forty() -> None:
    assert len(KINDS) >= 40
    assert len({kind.file_name for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_same_scene_comes_out(lab: Lab, programs: Programs, kind: Kind, tmp_path: Path) -> None:
    source = lab.folder / kind.file_name
    if not source.exists():
        draw(lab, kind)
    facts = inspect(source, programs, file_name=kind.file_name, listen=True)
    made = make(
        "wechat_clip", source, facts, tmp_path, programs,
        on_progress=lambda _: None, cancelled=lambda: False, nice=0,
    )  # fmt: skip
    path = made.files[0].path
    assert (made.width, made.height) == pytest.approx(kind.seen, abs=2)
    assert made.duration_s == pytest.approx(SECONDS, abs=0.1)

    width, height = made.width or 0, made.height or 0
    frames = lab.pixels(path, "-s", f"{width}x{height}")
    rate = len(frames) / made.duration_s if made.duration_s else 0
    assert rate == pytest.approx(kind.out_rate, abs=0.05 * kind.out_rate)
    first = frames[2].astype(int)
    assert corner(first) == kind.corner
    assert uncombed(first)
    middle = first[height // 2 - 4 : height // 2 + 4, width // 2 - 4 : width // 2 + 4]
    found = middle.mean(axis=(0, 1))
    if kind.colour:
        assert np.abs(found - BLUE).max() <= kind.slack
    else:  # tone mapped: the same lightness, white stays light and nothing is burnt or drowned
        assert found.mean() == pytest.approx(np.mean(BLUE), abs=10)
        assert first.max() > 190

    sound = lab.samples(path)
    assert len(sound) / 48_000 == pytest.approx(made.duration_s, abs=0.06)
    if kind.silent:
        assert np.abs(sound).max() == 0
        return
    shown_s, heard_s = flash_s(frames, float(rate)), onset_s(sound)
    assert shown_s == pytest.approx(FLASH_S, abs=0.045)
    assert abs(heard_s - shown_s) <= 0.04
    assert isinstance(made.facts["lufs"], float)
    assert made.facts["lufs"] == pytest.approx(-16, abs=1.5)


def corner(frame: np.ndarray) -> str:
    height, width = frame.shape[:2]
    spots = {
        "upper left": frame[height // 12, width // 12],
        "upper right": frame[height // 12, -width // 12],
        "lower left": frame[-height // 12, width // 12],
        "lower right": frame[-height // 12, -width // 12],
    }
    return max(spots, key=lambda name: int(spots[name].sum()))


def uncombed(frame: np.ndarray) -> bool:
    """Neighbouring lines agree: no two moments are woven into one picture."""
    lines = frame.mean(axis=2)
    one = np.abs(np.diff(lines, axis=0)).mean()
    two = np.abs(lines[2:] - lines[:-2]).mean()
    return bool(one <= two + 1.0)
