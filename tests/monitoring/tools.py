"""Debian's own Prometheus tools: from the system, or unpacked into the cache without installing."""

import functools
import shutil
import subprocess
from pathlib import Path

from schemas.settings import REPOSITORY

_PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
}
CACHE = REPOSITORY / ".cache" / "monitoring"


@functools.cache
def tool(name: str) -> str | None:
    """Path of a program, or None where neither the system nor Debian's packages have it."""
    unpacked = CACHE / "usr" / "bin" / name
    if found := shutil.which(name):
        return found
    if not unpacked.exists() and shutil.which("apt-get") and shutil.which("dpkg-deb"):
        _unpack(_PACKAGES[name])
    return str(unpacked) if unpacked.exists() else None


def _unpack(package: str) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    fetch = ["apt-get", "download", package]
    for before in ([], ["apt-get", "update", "-qq"]):
        if before:
            subprocess.run(before, cwd=CACHE, check=False, capture_output=True, timeout=300)
        done = subprocess.run(fetch, cwd=CACHE, check=False, capture_output=True, timeout=300)
        if done.returncode == 0:
            break
    for archive in CACHE.glob(f"{package}_*.deb"):
        _extract(archive)


def _extract(archive: Path) -> None:
    subprocess.run(["dpkg-deb", "-x", str(archive), str(CACHE)], check=True, capture_output=True)
