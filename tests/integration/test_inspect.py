"""What is told about an upload, with the real ffprobe."""

import time
from pathlib import Path

import pytest
from PIL import Image

from schemas.errors import InvalidInput
from schemas.settings import Settings
from streams.clip_facts import Bounds
from streams.inspect import inspect
from streams.programs import find_programs
from tests.clips import Lab

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(find_programs(Settings()), tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def clip(lab: Lab) -> Path:
    return lab.draw("clip.mp4", picture="testsrc2", seconds=4)


def fault(lab: Lab, path: Path, name: str = "", bounds: Bounds | None = None) -> str:
    """Code of the refusal, whose words must be for people and name no path of ours."""
    with pytest.raises(InvalidInput) as refused:
        inspect(path, lab.programs, field="media.v1", file_name=name, bounds=bounds)
    (found,) = refused.value.faults
    assert found.field == "media.v1"
    assert " / " in found.reason or "/ the" in found.reason
    assert found.next_step
    assert str(path.parent) not in found.reason
    return found.code


def test_a_clip_is_told_quickly(lab: Lab, clip: Path) -> None:
    started = time.monotonic()
    facts = inspect(clip, lab.programs, file_name="新闻.mp4")
    assert time.monotonic() - started < 3  # about 0.1 s on an idle machine
    assert (facts.kind, facts.width, facts.height, facts.has_audio) == ("video", 640, 360, True)
    assert facts.duration_s == pytest.approx(4, abs=0.05)
    assert facts.fps == pytest.approx(25, abs=0.01)
    assert facts.problems == ()


def test_sound_alone_is_sound(lab: Lab, clip: Path) -> None:
    path = lab.folder / "a.m4a"
    lab.ffmpeg("-i", str(clip), "-vn", "-c", "copy", str(path))
    facts = inspect(path, lab.programs, file_name="采访.m4a")
    assert (facts.kind, facts.content_type, facts.width) == ("audio", "audio/mp4", None)
    renamed = lab.folder / "sound.mp4"
    lab.ffmpeg("-i", str(clip), "-vn", "-c", "copy", str(renamed))
    assert fault(lab, renamed, "视频.mp4") == "no_video_stream"


def test_pictures_and_documents(lab: Lab) -> None:
    path = lab.folder / "p.bin"
    Image.new("RGB", (300, 200), "red").save(path, "PNG")
    facts = inspect(path, lab.programs, file_name="图.png")
    assert (facts.kind, facts.content_type, facts.width) == ("image", "image/png", 300)
    path.write_bytes(b"%PDF-1.7\n" + bytes(200))
    assert inspect(path, lab.programs, file_name="通知.pdf").kind == "file"


@pytest.mark.parametrize("part", [0.4, 0.99])
@pytest.mark.parametrize("name", ["fast.mp4", "late.mp4", "clip.mkv", "clip.webm"])
def test_a_file_that_was_cut_short(lab: Lab, clip: Path, name: str, part: float) -> None:
    whole = lab.folder / name
    if not whole.exists():
        options = {
            "fast.mp4": ["-movflags", "+faststart"],
            "clip.webm": ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"],
        }
        copied = ["-c:a", "libopus"] if name == "clip.webm" else ["-c", "copy"]
        lab.ffmpeg("-i", str(clip), *copied, *options.get(name, []), str(whole))
    inspect(whole, lab.programs, file_name=name)
    cut = lab.folder / f"cut-{name}"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * part)])
    assert fault(lab, cut, name) == "truncated"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (b"\0", "not_media"),
        (b"just words\n" * 50, "not_media"),
        (b"#EXTM3U\n#EXTINF:5,\nfile:///etc/hostname\n", "disguised_playlist"),
        (b"ffconcat version 1.0\nfile clip.mp4\n", "disguised_playlist"),
        (b'<?xml version="1.0"?><MPD><BaseURL>clip.mp4</BaseURL></MPD>', "disguised_playlist"),
        (b"v=0\r\nm=video 5004 RTP/AVP 96\r\n", "disguised_playlist"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "disguised_playlist"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(100), "truncated"),
        (b"\x1aE\xdf\xa3" + bytes(500), "unreadable"),
        (b"\x47" + (bytes(187) + b"\x47") * 6, "unreadable"),
    ],
)
def test_what_is_no_clip_at_all(lab: Lab, content: bytes, code: str) -> None:
    path = lab.folder / "upload"
    path.write_bytes(content)
    assert fault(lab, path, "突发.mp4") == code


def test_the_wrong_kind_under_a_right_name(lab: Lab, clip: Path) -> None:
    assert fault(lab, clip, "封面.jpg") == "wrong_kind"
    picture = lab.folder / "picture"
    Image.new("RGB", (60, 40), "red").save(picture, "JPEG")
    assert fault(lab, picture, "视频.mp4") == "wrong_kind"
    assert inspect(picture, lab.programs, file_name="图片.png").content_type == "image/jpeg"


def test_bounds(lab: Lab, clip: Path) -> None:
    assert fault(lab, clip, "a.mp4", Bounds(duration_s=3)) == "too_long"
    assert fault(lab, clip, "a.mp4", Bounds(clip_pixels=1000)) == "too_many_pixels"
    picture = lab.folder / "large"
    Image.new("1", (9000, 9000)).save(picture, "PNG")
    assert fault(lab, picture, "a.png") == "too_many_pixels"
    half = lab.folder / "half"
    Image.effect_noise((500, 500), 60).save(half, "JPEG")
    half.write_bytes(half.read_bytes()[:20_000])
    assert fault(lab, half, "a.jpg") == "truncated"


def test_a_reference_inside_a_mov_is_not_followed(lab: Lab, clip: Path) -> None:
    """dref entries that name another file: ffmpeg is never allowed to open it."""
    path = lab.folder / "dref.mov"
    lab.ffmpeg("-i", str(clip), "-c", "copy", str(path))
    data = path.read_bytes().replace(b"url \0\0\0\x01", b"alis\0\0\0\0")
    path.write_bytes(data)
    facts = inspect(path, lab.programs, file_name="a.mov")
    assert facts.duration_s == pytest.approx(4, abs=0.05)  # its own data, not another file's


def test_the_sender_is_told_how_it_sounds_and_what_is_broken(lab: Lab) -> None:
    quiet = lab.draw("quiet.mp4", sound="aevalsrc='0.004*sin(2*PI*440*t)':s=48000", seconds=2)
    facts = inspect(quiet, lab.programs, listen=True)
    assert facts.loudness is not None
    assert facts.loudness.lufs < -40
    assert any("很轻" in line for line in facts.told)
    assert facts.damage == ()
    broken = lab.draw("broken.mp4", picture="testsrc2", seconds=2)
    data = bytearray(broken.read_bytes())
    at = data.index(b"mdat") + 200
    data[at : at + 3000] = bytes(255 - n % 256 for n in range(3000))
    broken.write_bytes(data)
    facts = inspect(broken, lab.programs, listen=True)
    assert facts.damage
    assert any("损坏" in line for line in facts.problems)


@pytest.mark.parametrize("first", ["tff", "bff"])
def test_fields_are_seen_and_in_their_order(lab: Lab, first: str) -> None:
    path = lab.draw(
        f"{first}.mp4",
        "-flags",
        "+ildct+ilme",
        "-x264opts",
        first,
        size="720x576",
        seconds=1,
        picture="testsrc2",
        vf=f"setfield={first},fieldorder={first},setparams=field_mode={first}",
    )
    video = inspect(path, lab.programs).video
    assert video is not None
    assert (video.interlaced, video.field_order) == (True, first)
