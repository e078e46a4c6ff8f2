import json
import re
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from deploy.demo import clips
from deploy.demo.clips import CLIPS, Clip, write_clip, write_clips
from deploy.demo.film import FRAMES_PER_S
from deploy.demo.phone import turn_clockwise
from schemas.errors import PipelineError
from schemas.settings import Settings
from streams.programs import Programs, find_programs


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def track_header(version: int, height: int) -> bytes:
    fields = bytes([version, 0, 0, 7]) + bytes(36 if version == 0 else 48)
    matrix = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    return box(b"tkhd", fields + matrix + struct.pack(">II", 1920 << 16, height << 16))


@pytest.mark.parametrize("version", [0, 1])
def test_the_display_matrix_goes_into_the_first_track(tmp_path: Path, version: int) -> None:
    video = box(b"trak", track_header(version, 1080))
    audio = box(b"trak", track_header(version, 0))
    moov = box(b"moov", box(b"mvhd", bytes(100)) + video + audio)
    before = box(b"ftyp", b"isom") + moov + box(b"mdat", b"pictures")
    path = tmp_path / "clip.mp4"
    path.write_bytes(before)
    turn_clockwise(path)
    after = path.read_bytes()
    assert len(after) == len(before)
    one, up = 1 << 16, struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    turned = struct.pack(">9i", 0, one, 0, -one, 0, 0, 1080 << 16, 0, 1 << 30)
    assert after == before.replace(up, turned, 1)


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a", box(b"ftyp", b"isom"), b"\0\0\xff\xffmoov", b"\0\0\0\4moov" * 2]
)
def test_what_is_no_clip_cannot_be_turned(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not an MP4"):
        turn_clockwise(path)
    assert path.read_bytes() == content


def small_clip(made: list[int]) -> Clip:
    def frames() -> Iterator[bytes]:
        made.append(1)
        return (bytes([90 + n]) * (640 * 480 * 3 // 2) for n in range(25))

    sound = np.random.default_rng(1).normal(0, 0.1, (48_000, 2))
    return Clip(640, 480, frames, lambda: sound)


def test_a_failing_encoder_is_told_in_its_own_words_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clips, "CLIPS", {"small": small_clip([])})
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho 'Unknown encoder libx264' >&2\nexit 3\n")
    broken.chmod(0o755)
    folder = tmp_path / "clips"
    with pytest.raises(PipelineError, match="ended with 3: Unknown encoder libx264"):
        write_clip("small", folder, str(broken))
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="session")
def programs() -> Programs:
    return find_programs(Settings())


def probe(programs: Programs, path: Path) -> dict[str, dict[str, object]]:
    shown = subprocess.run(
        [programs.ffprobe, "-v", "error", "-show_streams", "-of", "json", str(path)],
        check=True,
        capture_output=True,
    )
    return {stream["codec_type"]: stream for stream in json.loads(shown.stdout)["streams"]}


@pytest.mark.slow
def test_a_clip_is_made_once_for_each_recipe(
    tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    monkeypatch.setattr(clips, "CLIPS", {"small": small_clip(made)})
    paths = write_clips(tmp_path, programs.ffmpeg)
    assert paths == {"small": tmp_path / "small.mp4"}
    assert probe(programs, paths["small"])["video"]["nb_frames"] == "25"
    write_clips(tmp_path, programs.ffmpeg)
    assert len(made) == 1
    paths["small"].write_bytes(b"half a cl")  # cut off: made anew
    write_clips(tmp_path, programs.ffmpeg)
    assert len(made) == 2
    monkeypatch.setattr(clips, "RECIPE", "next")
    write_clips(tmp_path, programs.ffmpeg)
    assert len(made) == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small.mp4", "small.recipe"]


@pytest.fixture(scope="session")
def demo_clips(tmp_path_factory: pytest.TempPathFactory, programs: Programs) -> dict[str, Path]:
    return write_clips(tmp_path_factory.mktemp("clips"), programs.ffmpeg)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "length_s"), [("mountains", 12), ("lanterns", 8), ("leaves", 9)])
def test_a_clip_is_what_a_camera_would_store(
    demo_clips: dict[str, Path], programs: Programs, name: str, length_s: int
) -> None:
    path = demo_clips[name]
    assert path.stat().st_size < 10_000_000
    streams = probe(programs, path)
    video, audio = streams["video"], streams["audio"]
    assert (video["codec_name"], video["width"], video["height"]) == ("h264", 1920, 1080)
    assert (video["pix_fmt"], video["color_space"], video["color_range"]) == (
        "yuv420p",
        "bt709",
        "tv",
    )
    assert video["r_frame_rate"] == video["avg_frame_rate"] == "25/1"
    assert float(str(video["duration"])) == pytest.approx(length_s, abs=0.05)
    assert float(str(audio["duration"])) == pytest.approx(length_s, abs=0.1)
    assert (audio["codec_name"], audio["sample_rate"], audio["channels"]) == ("aac", "48000", 2)
    side: list[dict[str, object]] = video.get("side_data_list", [])  # type: ignore[assignment]
    turned = [entry["rotation"] for entry in side if "rotation" in entry]
    assert turned == ([-90] if CLIPS[name].phone else [])


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIPS)
def test_the_sound_is_neither_silent_nor_clipped(
    demo_clips: dict[str, Path], programs: Programs, name: str
) -> None:
    filters = "silencedetect=noise=-50dB:d=1,ebur128=peak=true"
    heard = subprocess.run(
        [
            *(programs.ffmpeg, "-hide_banner", "-nostats", "-i", str(demo_clips[name])),
            *("-af", filters, "-f", "null", "-"),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stderr
    summary = heard[heard.rindex("Summary:") :]
    loud, peak = (
        float(re.search(pattern, summary)[1])  # type: ignore[index]
        for pattern in (r"I:\s+(-?[\d.]+) LUFS", r"Peak:\s+(-?[\d.]+) dBFS")
    )
    assert -21.5 < loud < -18.5
    assert peak < -3
    assert "silence_start" not in heard


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIPS)
def test_a_player_shows_the_frames_upright_and_they_move(
    demo_clips: dict[str, Path], programs: Programs, name: str
) -> None:
    clip = CLIPS[name]
    size = clip.width * clip.height * 3 // 2
    shown = subprocess.run(  # ffmpeg turns by the display matrix, as a player does
        [
            *(programs.ffmpeg, "-v", "error", "-i", str(demo_clips[name])),
            *("-vf", "select='eq(n,0)+eq(n,50)'", "-fps_mode", "passthrough"),
            *("-f", "rawvideo", "-pix_fmt", "yuv420p", "-"),
        ],
        check=True,
        capture_output=True,
    ).stdout
    assert len(shown) == 2 * size
    drawn = np.frombuffer(next(clip.frames()), np.uint8).astype(int)
    first, later = (np.frombuffer(shown[at : at + size], np.uint8) for at in (0, size))
    assert np.abs(first - drawn).mean() < 4
    luma = clip.width * clip.height
    moved = np.abs(later[:luma].astype(int) - first[:luma]) > 8
    assert moved.mean() > 0.02
    assert FRAMES_PER_S == 25
