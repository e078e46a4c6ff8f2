"""What the station gets: movement in the right order, whatever the source's fields and rate."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from pymediainfo import MediaInfo

from schemas.rendition import RecipeName
from schemas.settings import Settings
from streams.inspect import inspect
from streams.programs import find_programs
from streams.transcode import Made, make
from tests.clips import Lab

pytestmark = pytest.mark.slow
_STEP = 0.4  # of the picture's width in a second
SIZE = (720, 576)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(find_programs(Settings()), tmp_path_factory.mktemp("station"))


def moving_bar(lab: Lab, name: str, rate: float, more: str = "", *options: str) -> Path:
    """A white bar that goes from left to right at an even pace."""
    bar = f"drawbox=w=iw/10:color=white:t=fill,scroll=h=-{_STEP / rate:.6f}{more}"
    return lab.draw(
        name, *options, size="720x576", rate=str(rate), seconds=0.8, picture="color=black", vf=bar
    )


def made(lab: Lab, recipe: RecipeName, source: Path, work: Path) -> Made:
    facts = inspect(source, lab.programs, listen=True)
    return make(
        recipe, source, facts, work, lab.programs,
        on_progress=lambda _: None, cancelled=lambda: False, nice=0,
    )  # fmt: skip


def places(lab: Lab, path: Path) -> list[float]:
    """Where the bar is in each field, in the order in which they are shown; 0 to 1."""
    argv = [lab.programs.ffmpeg, "-v", "error", "-nostdin", "-i", str(path), "-an", "-vf"]
    argv += ["separatefields,scale=320:90,format=gray", "-f", "rawvideo", "-"]
    said = subprocess.run(argv, check=True, capture_output=True, timeout=120).stdout
    fields = np.frombuffer(said, np.uint8).reshape(-1, 90, 320)[:, 40:50, 48:272].mean(axis=1)
    columns = np.arange(fields.shape[1])
    bright = np.where(fields > 128, 1.0, 0.0)
    return [float((row * columns).sum() / max(row.sum(), 1) / len(columns)) for row in bright]


@pytest.mark.parametrize(
    ("name", "rate", "more", "options", "moments"),
    [
        ("25p.mp4", 25, "", (), 25),
        ("50p.mp4", 50, "", (), 50),
        ("30p.mp4", 30, "", (), 30),
        ("tff.mp4", 50, ",interlace=scan=tff", ("-flags", "+ildct+ilme", "-x264-params", "tff=1"), 50),
        ("bff.mp4", 50, ",interlace=scan=bff", ("-flags", "+ildct+ilme", "-x264-params", "bff=1"), 50),
    ],
)  # fmt: skip
def test_movement_goes_forward_field_by_field(
    lab: Lab,
    tmp_path: Path,
    name: str,
    rate: int,
    more: str,
    options: tuple[str, ...],
    moments: int,
) -> None:
    source = moving_bar(lab, name, rate, more, *options)
    path = made(lab, "tv_xdcam_hd422", source, tmp_path).files[0].path
    seen = places(lab, path)[14:-4]
    steps = np.diff(seen)
    assert steps.min() > -0.006, "a field shows an earlier moment than the one before it"
    pause = (steps < 0.25 * steps.max()).mean()  # both fields of one moment
    assert pause == pytest.approx(1 - moments / 50, abs=0.15)


@pytest.mark.parametrize(
    ("recipe", "commercial", "chroma"),
    [("tv_h264", "AVC", "4:2:0"), ("tv_avci100", "AVC-Intra 100", "4:2:2")],
)
def test_the_other_formats(
    lab: Lab, tmp_path: Path, recipe: RecipeName, commercial: str, chroma: str
) -> None:
    source = moving_bar(lab, f"{recipe}.mp4", 50)
    result = made(lab, recipe, source, tmp_path)
    info = MediaInfo.parse(result.files[0].path)
    video = info.video_tracks[0]
    assert (video.commercial_name, video.chroma_subsampling) == (commercial, chroma)
    assert (video.width, video.height, video.frame_rate) == (1920, 1080, "25.000")
    assert np.diff(places(lab, result.files[0].path)[14:-4]).min() > -0.006
    assert result.facts["lufs"] == pytest.approx(-24, abs=2)


def test_the_stations_own_file_is_not_encoded_again(lab: Lab, tmp_path: Path) -> None:
    source = moving_bar(lab, "own.mp4", 25)
    first = made(lab, "tv_xdcam_hd422", source, tmp_path / "1").files[0].path
    again = made(lab, "tv_xdcam_hd422", first, tmp_path / "2")
    assert again.facts["copied"] == ["pictures"]
    pictures = [packets(lab, path) for path in (first, again.files[0].path)]
    assert pictures[0] == pictures[1]


def test_our_own_web_size_is_not_encoded_again(lab: Lab, tmp_path: Path) -> None:
    """An upright clip as we make it is at once the largest size on the web, sound included."""
    source = lab.draw("tall.mp4", size="720x1280", seconds=4, picture="testsrc2")
    first = made(lab, "wechat_clip", source, tmp_path / "1").files[0].path
    again = made(lab, "web_hls", first, tmp_path / "2")
    assert again.facts["copied"] == ["v720", "sound"]
    assert again.facts["levels"] == ["v360", "v720"]
    top = next(file.path for file in again.files if file.name == "v720.mp4")
    assert packets(lab, top) == packets(lab, first)


def packets(lab: Lab, path: Path) -> list[str]:
    """Hash of each picture as it is coded."""
    argv = [lab.programs.ffmpeg, "-v", "error", "-i", str(path), "-map", "0:v", "-c", "copy"]
    argv += ["-bsf:v", "null", "-f", "framehash", "-"]
    said = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout
    return [line.split(",")[-1].strip() for line in said.splitlines() if line[:1] == "0"]
