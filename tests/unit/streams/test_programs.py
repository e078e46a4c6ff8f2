"""Finding ffmpeg, and telling what to do where it is not."""

import importlib.metadata
import importlib.util
from pathlib import Path

import pytest

from schemas.errors import Unavailable
from schemas.settings import Settings
from streams.programs import find_programs

ENCODERS = "V....D libx264 x\\n V.S... mpeg2video x\\n A....D aac x\\n A....D pcm_s24le x"


def program(folder: Path, name: str, encoders: str = ENCODERS) -> Path:
    path = folder / name
    path.write_text(
        f"#!/bin/sh\ncase $1 in -version) echo '{name} version 9.9-test Copyright';; "
        f"*) printf '{encoders}';; esac\n",
        encoding="utf-8",
    )
    path.chmod(0o755)
    return path


def test_the_pair_on_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "ffmpeg")
    program(tmp_path, "ffprobe")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = find_programs(Settings(ffmpeg="", ffprobe=""))
    assert found.ffmpeg == str(tmp_path / "ffmpeg")
    assert found.ffprobe == str(tmp_path / "ffprobe")
    assert found.version.startswith("ffmpeg 9.9-test, Pillow ")


def test_settings_win_over_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program(tmp_path, "ffmpeg")
    program(tmp_path, "ffprobe")
    settings = Settings(ffmpeg=str(program(own, "ffmpeg")), ffprobe=str(program(own, "ffprobe")))
    assert find_programs(settings).ffmpeg == str(own / "ffmpeg")


def test_half_a_pair_in_the_settings_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="SHOUFA_FFPROBE"):
        find_programs(Settings(ffmpeg=str(program(tmp_path, "ffmpeg")), ffprobe=""))
    with pytest.raises(Unavailable, match="/nowhere/ffmpeg"):
        find_programs(Settings(ffmpeg="/nowhere/ffmpeg", ffprobe="/nowhere/ffprobe"))


def test_nothing_found_names_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(Unavailable, match=r"apt-get install ffmpeg.*requirements-ffmpeg\.lock"):
        find_programs(Settings(ffmpeg="", ffprobe=""))


def test_a_build_without_an_encoder_is_named(tmp_path: Path) -> None:
    lean = program(tmp_path, "ffmpeg", encoders="A....D aac x")
    settings = Settings(ffmpeg=str(lean), ffprobe=str(program(tmp_path, "ffprobe")))
    with pytest.raises(Unavailable, match="libx264, mpeg2video, pcm_s24le"):
        find_programs(settings)


def test_a_wheel_that_lost_its_mode_bits_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "AMD64")
    for name in ("ffmpeg", "ffprobe"):
        folder = tmp_path / f"{name}8_binaries" / "binaries" / "linux" / "x86_64"
        folder.mkdir(parents=True)
        (tmp_path / f"{name}8_binaries" / "__init__.py").touch()
        program(folder, name).chmod(0o644)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr("shutil.which", lambda _name: None)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_programs(Settings(ffmpeg="", ffprobe="")).ffmpeg.startswith(str(tmp_path))


def test_another_package_named_ffmpeg_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    both = {"ffmpeg": ["ffmpeg-python", "typed-ffmpeg"]}
    monkeypatch.setattr(importlib.metadata, "packages_distributions", lambda: both)
    with pytest.raises(Unavailable, match="typed-ffmpeg"):
        find_programs(Settings())
