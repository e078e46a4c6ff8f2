"""Real clips through the real ffmpeg: what a viewer, a platform and a station would notice."""

import os
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pymediainfo import MediaInfo

from deploy.demo.phone import turn_clockwise
from schemas.errors import PermanentError, StorageFull
from schemas.rendition import RecipeName
from schemas.settings import Settings
from streams.ffmpeg_run import Cancelled
from streams.ffprobe import packets_of, streams_of
from streams.inspect import inspect
from streams.media_facts import MediaFacts
from streams.passthrough import copied_level
from streams.programs import find_programs
from streams.recipes import RECIPES, Hls
from streams.transcode import Made, make, make_group
from tests.clips import Lab, flash_s, onset_s

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(find_programs(Settings()), tmp_path_factory.mktemp("clips"))


def made(lab: Lab, recipe: RecipeName, source: Path, work: Path) -> Made:
    facts = inspect(source, lab.programs, file_name=source.name)
    seen: list[float] = []
    result = make(
        recipe,
        source,
        facts,
        work,
        lab.programs,
        on_progress=seen.append,
        cancelled=lambda: False,
        nice=0,
    )
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert all(file.path.is_file() for file in result.files)
    assert [p.name for p in work.iterdir()] == [recipe]  # no scraps, no .part
    return result


def white_corner(frame: np.ndarray) -> str:
    """In which corner the marker is."""
    height, width = frame.shape[:2]
    spots = {
        "upper left": frame[height // 16, width // 16],
        "upper right": frame[height // 16, -width // 16],
        "lower left": frame[-height // 16, width // 16],
        "lower right": frame[-height // 16, -width // 16],
    }
    return max(spots, key=lambda name: int(spots[name].sum()))


@pytest.fixture(scope="module")
def flash_and_beep(lab: Lab) -> Path:
    """White for two frames and a beep, both at exactly 2 s."""
    return lab.draw(
        "flash.mp4",
        vf="drawbox=color=white:t=fill:enable='between(t,1.99,2.07)'",
        picture="color=black",
        sound="aevalsrc='if(between(t,2,2.1),0.5*sin(2*PI*1000*t),0)':s=48000",
        seconds=5,
    )


def test_web_ladder(lab: Lab, flash_and_beep: Path, tmp_path: Path) -> None:
    result = made(lab, "web_hls", flash_and_beep, tmp_path)
    names = [file.name for file in result.files]
    assert names[:5] == ["master.m3u8", "v360.m3u8", "v360.mp4", "a.m3u8", "a.mp4"]
    assert names[5:] == ["sprite.jpg", "sprite.vtt"]
    with Image.open(result.files[5].path) as sheet:
        assert sheet.size == (480, 90)  # a picture each two seconds
    assert {file.content_type for file in result.files if file.name.endswith("m3u8")} == {
        "application/vnd.apple.mpegurl"
    }
    master = result.files[0].path.read_text("utf-8")
    assert re.search(r'CODECS="avc1\.64[0-9A-F]{4},mp4a\.40\.2",RESOLUTION=640x360', master)
    assert "FRAME-RATE=25.000" in master
    folder = result.files[0].path.parent
    for line in (folder / "v360.m3u8").read_text("utf-8").splitlines():
        assert line.startswith("#") or line == "v360.mp4"  # nothing points outside the folder
    frames = lab.pixels(folder / "v360.mp4", "-s", "64x36")
    assert len(frames) == 125
    late = onset_s(lab.samples(folder / "a.mp4")) - flash_s(frames, 25)
    assert abs(late) <= 0.04


def test_ladder_sizes_cut_at_the_same_keyframes(lab: Lab, tmp_path: Path) -> None:
    source = lab.draw("hd.mp4", size="1920x1080", rate="30000/1001", seconds=5, picture="testsrc2")
    result = made(lab, "web_hls", source, tmp_path)
    keyframes = []
    for name in ("v360", "v720", "v1080"):
        path = result.files[0].path.parent / f"{name}.mp4"
        argv = [lab.programs.ffprobe, "-v", "error", "-select_streams", "v:0", "-show_entries"]
        said = subprocess.run(
            [*argv, "packet=pts_time,flags", "-of", "csv=p=0", str(path)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        rows = sorted(
            (float(line.split(",")[0]), "K" in line) for line in said.split() if line[0].isdigit()
        )
        first = rows[0][0]
        keyframes.append([round(at - first, 2) for at, key in rows if key])
    assert keyframes == [[0.0, 2.0, 4.0]] * 3
    assert (result.width, result.height) == (1920, 1080)


def test_a_phone_clip_stands_upright(lab: Lab, tmp_path: Path) -> None:
    """Coded lying on its side, the marker below on the left; shown standing, it is above."""
    below = "drawbox=x=0:y=ih*3/4:w=iw/4:h=ih/4:color=white:t=fill"
    source = lab.draw("phone.mp4", size="1280x720", vf=below)
    turn_clockwise(source)
    facts = inspect(source, lab.programs)
    assert (facts.width, facts.height) == (720, 1280)
    clip = made(lab, "vertical", source, tmp_path / "v")
    frame = lab.pixels(clip.files[0].path, "-frames:v", "1", "-s", "270x480")[0]
    assert white_corner(frame) == "upper left"
    still = made(lab, "print_still", source, tmp_path / "s")
    with Image.open(still.files[0].path) as picture:
        assert white_corner(np.asarray(picture)) == "upper left"
        assert (still.width, still.height) == picture.size == (720, 1280)


def test_sound_comes_out_at_the_loudness_of_phones(lab: Lab, tmp_path: Path) -> None:
    source = lab.draw("quiet.mp4", sound="aevalsrc='0.02*sin(2*PI*440*t)':s=48000", seconds=4)
    result = made(lab, "vertical", source, tmp_path)
    power = np.sqrt(np.mean(lab.samples(result.files[0].path)[24_000:-24_000] ** 2))
    assert 20 * np.log10(power) == pytest.approx(-18.3, abs=0.7)  # a sine of −16 LUFS on both sides
    assert result.facts["lufs"] == pytest.approx(-16, abs=1)


def test_vertical_from_a_landscape_clip(lab: Lab, flash_and_beep: Path, tmp_path: Path) -> None:
    result = made(lab, "vertical", flash_and_beep, tmp_path)
    path = result.files[0].path
    assert path.stat().st_size <= 120_000_000
    info = MediaInfo.parse(path)
    video, audio = info.video_tracks[0], info.audio_tracks[0]
    assert (video.width, video.height, video.format_profile.split("@")[0]) == (1080, 1920, "High")
    assert (video.frame_rate, video.color_primaries) == ("25.000", "BT.709")
    assert (audio.format, audio.channel_s, audio.sampling_rate) == ("AAC", 2, 48000)
    head = path.read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")  # plays before it is there whole
    frames = lab.pixels(path, "-s", "54x96")
    assert abs(onset_s(lab.samples(path)) - flash_s(frames[:, 40:56], 25)) <= 0.04


def test_a_silent_clip_gets_a_silent_track_and_a_ladder_without_sound(
    lab: Lab, tmp_path: Path
) -> None:
    source = lab.draw("silent.mp4", sound=None, seconds=2)
    clip = made(lab, "vertical", source, tmp_path / "v")
    sound = lab.samples(clip.files[0].path)
    assert len(sound) / 48_000 == pytest.approx(2, abs=0.1)
    assert np.abs(sound).max() == 0
    ladder = made(lab, "web_hls", source, tmp_path / "h")
    assert not any(file.name.startswith("a.") for file in ladder.files)
    assert "AUDIO" not in ladder.files[0].path.read_text("utf-8")


def test_a_variable_rate_stays_in_step(lab: Lab, tmp_path: Path) -> None:
    source = lab.draw(
        "vfr.mp4",
        "-fps_mode",
        "vfr",
        rate="30",
        seconds=5,
        picture="color=black",
        vf="drawbox=color=white:t=fill:enable='gte(t,4)',select='mod(n,3)+lt(n,40)'",
        sound="aevalsrc='if(gte(t,4),0.5*sin(2*PI*1000*t),0)':s=48000",
    )
    result = made(lab, "vertical", source, tmp_path)
    path = result.files[0].path
    frames = lab.pixels(path, "-s", "54x96")
    assert len(frames) == pytest.approx(150, abs=1)
    assert abs(onset_s(lab.samples(path)) - flash_s(frames[:, 40:56], 30)) <= 0.04


@pytest.mark.parametrize("size", ["720x576", "1280x720"])
def test_colours_survive_the_change_of_matrix(lab: Lab, tmp_path: Path, size: str) -> None:
    """Small sources are BT.601, large ones BT.709; red must stay the same red."""
    matrix = {"720x576": "bt601", "1280x720": "bt709"}[size]
    source = lab.draw(
        f"red{size}.mp4",
        size=size,
        seconds=1,
        picture="color=0xC02040",
        vf=f"format=rgb24,scale=out_color_matrix={matrix}:out_range=tv,format=yuv420p",
    )
    result = made(lab, "tv_xdcam_hd422", source, tmp_path)
    frame = lab.pixels(
        result.files[0].path, "-frames:v", "1", "-vf", "scale=in_color_matrix=bt709", "-s", "96x54"
    )[0]
    assert np.abs(frame[27, 48].astype(int) - (0xC0, 0x20, 0x40)).max() <= 6


def test_the_stations_file(lab: Lab, tmp_path: Path) -> None:
    source = lab.draw("tv.mp4", size="1280x720", picture="testsrc2", sound="sine=f=997", seconds=2)
    result = made(lab, "tv_xdcam_hd422", source, tmp_path)
    info = MediaInfo.parse(result.files[0].path)
    general, video = info.general_tracks[0], info.video_tracks[0]
    assert (general.commercial_name, general.format_profile) == ("XDCAM HD422", "OP-1a")
    assert (video.format_profile, video.chroma_subsampling) == ("4:2:2@High", "4:2:2")
    assert (video.bit_rate_mode, video.bit_rate) == ("CBR", 50_000_000)
    assert (video.scan_type, video.scan_order) == ("Interlaced", "TFF")
    assert (video.format_settings__gop, video.gop__open_closed_of_first_frame) == (
        "M=3, N=12",
        "Closed",
    )
    assert (video.frame_rate, video.frame_count) == ("25.000", "50")
    assert (video.color_range, video.matrix_coefficients) == ("Limited", "BT.709")
    sounds = [(a.format, a.channel_s, a.bit_depth, a.sampling_rate) for a in info.audio_tracks]
    assert sounds == [("PCM", 1, 24, 48000)] * 2
    codes = [t.time_code_of_first_frame for t in info.other_tracks if t.format == "MXF TC"]
    assert codes == ["10:00:00:00"] * 2
    assert result.facts["lufs"] == pytest.approx(-24, abs=2)
    assert isinstance(result.facts["true_peak_db"], float)
    assert result.facts["true_peak_db"] <= -2


def test_quiet_speech_with_claps_is_brought_to_the_stations_level(lab: Lab, tmp_path: Path) -> None:
    """One gain and a limiter would miss by several LU: it is measured behind the limiter."""
    source = lab.draw(
        "claps.mp4",
        seconds=5,
        sound="aevalsrc='0.006*sin(2*PI*300*t)*gt(sin(3*t),-0.5)"
        "+if(lt(mod(t,4),0.006),0.98*sin(2*PI*900*t),0)':s=48000",
    )
    result = made(lab, "tv_xdcam_hd422", source, tmp_path)
    assert result.facts["lufs"] == pytest.approx(-24, abs=2)
    assert isinstance(result.facts["true_peak_db"], float)
    assert result.facts["true_peak_db"] <= -2


def test_fifty_fields_stay_fifty_movements(lab: Lab, tmp_path: Path) -> None:
    """A bar that moves in each field: the fields of one frame must differ."""
    source = lab.draw(
        "p50.mp4",
        size="1280x720",
        rate="50",
        seconds=1,
        picture="color=black",
        vf="drawbox=color=white:t=fill:w=iw/2:enable='mod(n,2)'",
    )
    result = made(lab, "tv_xdcam_hd422", source, tmp_path)
    frame = lab.pixels(result.files[0].path, "-ss", "0.4", "-frames:v", "1", "-s", "1920x1080")[0]
    upper, lower = frame[500, 400].mean(), frame[501, 400].mean()
    assert abs(upper - lower) > 60


def test_the_label_stays_and_the_place_goes(lab: Lab, tmp_path: Path) -> None:
    label = '{"Label":"1","ContentProducer":"青禾县融媒体中心"}'
    source = lab.draw(
        "label.mp4",
        "-metadata",
        f"AIGC={label}",
        "-metadata",
        "com.apple.quicktime.location.ISO6709=+30.2741+120.1551/",
        "-movflags",
        "use_metadata_tags",
        seconds=1,
    )
    for recipe, name in (("vertical", "vertical.mp4"), ("web_hls", "v360.mp4")):
        result = made(lab, recipe, source, tmp_path / recipe)  # type: ignore[arg-type]
        path = result.files[0].path.parent / name
        tags = streams_of(path, "mov", lab.programs)["format"]["tags"]
        assert tags["AIGC"] == label
        assert b"+30.2741" not in path.read_bytes()
        assert result.facts["aigc"] == label


@pytest.mark.parametrize(
    ("recipe", "size"),
    [
        ("web_poster", (640, 360)),
        ("web_thumb", (640, 360)),
        ("web_image", (640, 360)),
        ("wechat_image", (640, 360)),
        ("wechat_cover", (900, 383)),
        ("vertical_cover", (1080, 1920)),
        ("print_still", (640, 360)),
    ],
)
def test_pictures_from_a_clip(
    lab: Lab, tmp_path: Path, recipe: RecipeName, size: tuple[int, int]
) -> None:
    """Black for the first second: the frame must be one on which something is to be seen."""
    source = lab.folder / "fade.mp4"
    if not source.exists():
        lab.draw("fade.mp4", picture="testsrc2", vf="drawbox=color=black:t=fill:enable='lt(t,1)'")
    result = made(lab, recipe, source, tmp_path)
    with Image.open(result.files[0].path) as picture:
        assert (picture.size, (result.width, result.height)) == (size, size)
        assert np.asarray(picture.convert("L")).std() > 20
    assert isinstance(result.facts["frame_at_s"], float)
    assert result.facts["frame_at_s"] >= 1


def test_a_group_hands_out_each_as_it_is_ready(lab: Lab, tmp_path: Path) -> None:
    source = lab.draw("group.mp4", seconds=1)
    facts = inspect(source, lab.programs)
    group = make_group(
        ["tv_xdcam_hd422", "vertical", "print_image", "web_poster"],
        source,
        facts,
        tmp_path,
        lab.programs,
        on_progress=lambda _: None,
        cancelled=lambda: False,
        nice=0,
    )
    outcomes = list(group)
    names = [name for name, _ in outcomes]
    assert names == ["web_poster", "vertical", "print_image", "tv_xdcam_hd422"]
    refused = outcomes[2][1]
    assert isinstance(refused, PermanentError)  # a clip is no picture for the newspaper
    assert refused.faults[0].code == "wrong_kind"
    made_of = {name: outcome for name, outcome in outcomes if isinstance(outcome, Made)}
    assert set(made_of) == set(names) - {"print_image"}
    # The second target starts from what was measured for the first, and meets its own.
    assert made_of["vertical"].facts["lufs"] == pytest.approx(-16, abs=1)
    assert made_of["tv_xdcam_hd422"].facts["lufs"] == pytest.approx(-24, abs=1)


def make_quietly(lab: Lab, source: Path, facts: MediaFacts, work: Path) -> Made:
    return make(
        "web_hls",
        source,
        facts,
        work,
        lab.programs,
        on_progress=lambda _: None,
        cancelled=lambda: False,
        nice=0,
    )


def test_noise_inside_a_clip_is_never_published(lab: Lab, tmp_path: Path) -> None:
    source = lab.draw("noise.mp4", picture="testsrc2", seconds=4)
    data = bytearray(source.read_bytes())
    middle = data.index(b"mdat") + len(data) // 2
    data[middle : middle + 40_000] = np.random.default_rng(1).bytes(40_000)
    source.write_bytes(data)
    facts = inspect(source, lab.programs)
    with pytest.raises(PermanentError) as refused:
        make_quietly(lab, source, facts, tmp_path)
    assert refused.value.faults[0].code in {"damaged_source", "cannot_transcode", "output_invalid"}
    assert "原片" in refused.value.faults[0].reason + refused.value.faults[0].next_step
    assert list(tmp_path.iterdir()) == []


def test_the_best_of_a_damaged_clip_takes_a_persons_yes(lab: Lab, tmp_path: Path) -> None:
    source = lab.draw("hurt.mp4", "-g", "12", picture="testsrc2", size="320x180", seconds=4)
    data = bytearray(source.read_bytes())
    middle = data.index(b"mdat") + len(data) // 2
    data[middle : middle + 6_000] = np.random.default_rng(1).bytes(6_000)
    source.write_bytes(data)
    facts = inspect(source, lab.programs)
    with pytest.raises(PermanentError) as refused:
        make_quietly(lab, source, facts, tmp_path)
    assert refused.value.faults[0].code == "damaged_source"
    assert re.search(r"约 \d+\.\d 秒画面不完整", refused.value.faults[0].reason)
    best = make(
        "web_hls",
        source,
        facts,
        tmp_path,
        lab.programs,
        on_progress=lambda _: None,
        cancelled=lambda: False,
        accept_damage=True,
    )
    assert isinstance(best.facts["damaged_s"], float)
    assert 0 < best.facts["damaged_s"] < 2
    assert best.duration_s == pytest.approx(4, abs=0.1)


def test_half_a_source_is_no_success(lab: Lab, tmp_path: Path) -> None:
    """ffmpeg ends with 0 on it. Here the facts are those of the whole clip: lost in transfer."""
    whole = lab.draw("whole.mkv", picture="testsrc2", seconds=6)
    facts = inspect(whole, lab.programs)
    cut = lab.folder / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with pytest.raises(PermanentError):
        make_quietly(lab, cut, facts, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_playlist_shows_no_other_clip(lab: Lab, tmp_path: Path) -> None:
    """Even where somebody forged the facts, the reader that they name cannot follow a list."""
    secret = lab.draw("secret.mp4", seconds=1)
    facts = inspect(secret, lab.programs)
    for text in (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile secret.mp4\n",
    ):
        crafted = lab.folder / "crafted.mp4"
        crafted.write_text(text, encoding="utf-8")
        with pytest.raises(PermanentError) as refused:
            make_quietly(lab, crafted, facts, tmp_path)
        assert refused.value.faults[0].code == "cannot_transcode"
        assert str(lab.folder) not in refused.value.faults[0].reason
    assert list(tmp_path.iterdir()) == []


def test_cancel_while_it_encodes(lab: Lab, tmp_path: Path) -> None:
    source = lab.draw("long.mp4", size="1280x720", picture="testsrc2", seconds=20)
    facts = inspect(source, lab.programs)
    asked: list[float] = []

    def progress(share: float) -> None:
        if share > 0.05 and not asked:
            asked.append(time.monotonic())

    with pytest.raises(Cancelled):
        make(
            "web_hls",
            source,
            facts,
            tmp_path,
            lab.programs,
            on_progress=progress,
            cancelled=lambda: bool(asked),
            nice=0,
        )
    assert time.monotonic() - asked[0] < 5
    assert list(tmp_path.iterdir()) == []
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text("utf-8").split()
    assert not [c for c in children if b"ffmpeg" in Path(f"/proc/{c}/cmdline").read_bytes()]


def test_a_full_disk_is_no_fault_of_the_source(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = tmp_path / "in.webp"
    Image.new("RGB", (300, 200), "red").save(picture, "WEBP")
    facts = inspect(picture, lab.programs)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StorageFull):
        make(
            "web_image",
            picture,
            facts,
            tmp_path / "w",
            lab.programs,
            on_progress=lambda _: None,
            cancelled=lambda: False,
        )
    assert list((tmp_path / "w").iterdir()) == []


def test_what_was_made_can_be_made_of(lab: Lab, tmp_path: Path) -> None:
    """An output is a source like any other, with as many frames as it says."""
    source = lab.draw("again.mp4", seconds=2)
    first = made(lab, "vertical", source, tmp_path / "1").files[0].path
    second = made(lab, "vertical", first, tmp_path / "2").files[0].path
    assert len(packets_of(second, "mov", lab.programs)[0].times_s) == 50


def test_pixels_that_nobody_says_a_shape_of_are_square(lab: Lab, tmp_path: Path) -> None:
    """A clip that conforms is copied, and what is copied passes its checks."""
    tagged = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"]
    coded = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "50"]
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p"]
    lab.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=3", *raw, "raw.yuv")
    lab.ffmpeg(*raw, "-s", "640x360", "-r", "25", "-i", "raw.yuv", *coded, *tagged, "unsaid.mp4")
    source = lab.folder / "unsaid.mp4"
    told = streams_of(source, "mov", lab.programs)["streams"][0]
    assert "sample_aspect_ratio" not in told
    recipe = RECIPES["web_hls"]
    assert isinstance(recipe, Hls)
    assert copied_level(recipe, inspect(source, lab.programs, file_name="unsaid.mp4"))
    assert made(lab, "web_hls", source, tmp_path).width == 640
