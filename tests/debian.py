"""Debian's own ffmpeg 5.1 and bubblewrap for tests: unpacked into the cache, never installed.

The machine's own programs are used where it has them. ``None`` where neither the system nor
Debian's packages have one: the tests that ask then skip.
"""

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from schemas.settings import REPOSITORY, Settings
from streams.programs import Programs, find_programs

CACHE = (REPOSITORY / ".cache").resolve() / "debian"
_QUIET_S = 600


@functools.cache
def ffmpeg_5_1() -> Programs | None:
    """ffmpeg and ffprobe of Debian 12, which most newsroom servers have."""
    pair = [_unpacked("ffmpeg", name) for name in ("ffmpeg", "ffprobe")]
    if not all(pair):
        return None
    wrapped = [str(_wrapped(name)) for name in ("ffmpeg", "ffprobe")]
    return find_programs(Settings(ffmpeg=wrapped[0], ffprobe=wrapped[1]))


@functools.cache
def bubblewrap() -> str | None:
    """Path of ``bwrap``, or None; whether the kernel lets it work is another question."""
    return shutil.which("bwrap") or _unpacked("bubblewrap", "bwrap")


def _unpacked(package: str, program: str) -> str | None:
    path = CACHE / package / "usr" / "bin" / program
    if not path.exists() and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        _unpack(package)
    return str(path) if path.exists() else None


def _wrapped(name: str) -> Path:
    """A script that starts the unpacked program with the libraries unpacked beside it."""
    root = CACHE / "ffmpeg"
    folders = [root / "usr/lib/x86_64-linux-gnu" / more for more in ("", "blas", "lapack")]
    folders += [root / "usr/lib/x86_64-linux-gnu/pulseaudio", root / "lib/x86_64-linux-gnu"]
    path = root / name
    script = (
        "#!/bin/sh\n"
        f"LD_LIBRARY_PATH='{':'.join(str(folder) for folder in folders)}'\n"
        f"export LD_LIBRARY_PATH\nexec '{root}/usr/bin/{name}' \"$@\"\n"
    )
    if not path.exists() or path.read_text("utf-8") != script:
        fresh = path.with_name(f"{name}.{os.getpid()}")
        fresh.write_text(script, encoding="utf-8")
        fresh.chmod(0o755)
        fresh.replace(path)
    return path


def _unpack(package: str) -> None:
    """The package and whatever of its dependencies the machine lacks."""
    said = _apt("-s", "install", "--no-install-recommends", package)
    names = re.findall(r"^Inst (\S+)", said, re.MULTILINE)
    if not names:
        return
    target, fresh = CACHE / package, CACHE / f"{package}.{os.getpid()}"
    archives = fresh / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    _apt("download", *names, cwd=archives)
    for archive in archives.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(archive), str(fresh)], check=True)
    shutil.rmtree(archives)
    if not target.exists():
        fresh.rename(target)
    shutil.rmtree(fresh, ignore_errors=True)


def _apt(*arguments: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        ["apt-get", *arguments],
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        timeout=_QUIET_S,
    )
    return done.stdout
