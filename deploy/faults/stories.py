"""Stories of a faults run: short reports that carry their own name and version in every copy."""

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from deploy.demo.clips import write_clips
from deploy.demo.pictures import write_pictures

CLIP_EVERY = 10
CLIP_S = 2
CUTS = 6


@dataclass(frozen=True)
class Medium:
    """A file and its SHA-256."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Library:
    """Pictures, and clips cut from the demo's: distinct sources, two seconds each."""

    pictures: list[Medium]
    clips: list[Medium]


def open_library(drawn: Path, folder: Path, ffmpeg: str) -> Library:
    """Draw what the demo draws, once for this machine, and cut the clips into ``folder``."""
    write_pictures(drawn)
    write_clips(drawn, ffmpeg)
    folder.mkdir(parents=True, exist_ok=True)
    sources = sorted(drawn.glob("*.mp4"))
    clips = []
    for cut in range(CUTS):
        source = sources[cut % len(sources)]
        target = folder / f"{source.stem}-{cut}.mp4"
        if not target.exists():
            _cut(ffmpeg, source, target, start_s=1 + 2 * (cut // len(sources)))
        clips.append(_medium(target))
    pictures = sorted(drawn.glob("*.jpg"), key=lambda path: path.stat().st_size)[:6]
    return Library([_medium(path) for path in pictures], clips)


def _cut(ffmpeg: str, source: Path, target: Path, *, start_s: int) -> None:
    part = target.with_suffix(".part.mp4")
    command = [ffmpeg, "-v", "error", "-y", "-ss", str(start_s), "-i", str(source)]
    command += ["-t", str(CLIP_S), "-vf", "scale=640:-2", "-preset", "ultrafast", str(part)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    part.replace(target)


def _medium(path: Path) -> Medium:
    return Medium(path, hashlib.sha256(path.read_bytes()).hexdigest())


def token(key: int, version: int) -> str:
    """``F0042V1``: stands in the headline and so in every copy at every outlet."""
    return f"F{key:04d}V{version}"


def media_of(library: Library, key: int, *, clip: bool, random: Random) -> list[Medium]:
    """What a story shows: a picture, every so often a clip besides."""
    media = [library.pictures[key % len(library.pictures)]]
    if clip:
        media.append(library.clips[random.randrange(len(library.clips))])
    return media


def story(key: int, version: int, media: list[Medium], *, first: bool) -> dict[str, Any]:
    """The story as the API takes it; a correction names no media, those that stand are kept."""
    body: list[dict[str, Any]] = [
        {"kind": "paragraph", "spans": [{"text": f"青禾县第{key}号测试稿，第{version}版。"}]},
        {"kind": "image", "media": "m0", "caption": "青禾县", "alt": "青禾县的一处风景"},
    ]
    if len(media) > 1:
        body.append({"kind": "video", "media": "m1", "caption": "青禾县"})
    fields: dict[str, Any] = {
        "headline": f"{token(key, version)} 青禾县第{key}号稿",
        "lead": f"第{version}版导语。",
        "byline": "记者甲",
        "source": "青禾县融媒体中心",
        "sections": ["首页"],
        "body": body,
    }
    if version > 1:
        fields["correction"] = f"第{version - 1}版数字有误，现予更正。"
    if first:
        fields["media"] = [
            {"ref": f"m{index}", "file": medium.path.name} for index, medium in enumerate(media)
        ]
    return fields
