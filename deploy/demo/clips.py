"""The demo's clips: drawn frames and made sound, encoded by ffmpeg as a camera would store them.

Landscape clips are H.264 1920 x 1080 with AAC. The phone clip is stored as phones do: 1920 x 1080
coded, with a display matrix that tells the player to turn it by 90 degrees.
"""

import contextlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deploy.demo.film import FRAMES_PER_S
from deploy.demo.moving import lanterns, leaves, mountains
from deploy.demo.paint import Floats
from deploy.demo.phone import turn_clockwise
from deploy.demo.sound import write_wav
from schemas.errors import PipelineError

RECIPE = "1"
"""Raise it when what a clip shows changes: clips of another recipe are made anew."""

TIME_LIMIT_S = 600


@dataclass(frozen=True)
class Clip:
    """One clip: its frames as raw YUV 4:2:0, upright, and its sound."""

    width: int
    height: int
    frames: Callable[[], Iterator[bytes]]
    audio: Callable[[], Floats]
    phone: bool = False
    """Stored on its side with a display matrix."""


CLIPS: dict[str, Clip] = {
    "mountains": Clip(mountains.WIDTH, mountains.HEIGHT, mountains.frames, mountains.audio),
    "lanterns": Clip(lanterns.WIDTH, lanterns.HEIGHT, lanterns.frames, lanterns.audio, phone=True),
    "leaves": Clip(leaves.WIDTH, leaves.HEIGHT, leaves.frames, leaves.audio),
}


def encode_arguments(clip: Clip, sound: Path, out: Path) -> list[str]:
    """ffmpeg's arguments (without the program) that encode frames from standard input."""
    rate = str(FRAMES_PER_S)
    colour = ["-color_range", "tv", "-colorspace", "bt709"]
    colour += ["-color_primaries", "bt709", "-color_trc", "bt709"]
    source = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{clip.width}x{clip.height}"]
    turn = ["-vf", "transpose=cclock"] if clip.phone else []
    return [
        *("-hide_banner", "-nostdin", "-loglevel", "error", "-y"),
        *(*source, "-framerate", rate, *colour, "-i", "pipe:0", "-i", str(sound)),
        *turn,
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-profile:v", "high"),
        *("-maxrate", "8M", "-bufsize", "16M", "-g", str(2 * FRAMES_PER_S), "-threads", "2"),
        *colour,
        *("-c:a", "aac", "-b:a", "160k", "-ar", "48000", "-shortest"),
        *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"),
        *("-movflags", "+faststart", "-f", "mp4", str(out)),
    ]


def write_clip(name: str, folder: Path, ffmpeg: str) -> Path:
    """Make the clip of that name in the folder, unless it is there by the same recipe.

    Returns the MP4 file. Raises KeyError for an unknown name and PipelineError with ffmpeg's own
    words when it fails; then no file is left behind.
    """
    clip = CLIPS[name]
    folder.mkdir(parents=True, exist_ok=True)
    path, marker = folder / f"{name}.mp4", folder / f"{name}.recipe"
    if path.exists() and marker.exists() and marker.read_text() == mark(path):
        return path
    marker.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}-") as room:
        sound, made = Path(room) / "sound.wav", Path(room) / "made.mp4"
        write_wav(sound, clip.audio())
        run(ffmpeg, encode_arguments(clip, sound, made), clip.frames())
        if clip.phone:
            turn_clockwise(made)
        made.replace(path)
    marker.write_text(mark(path))
    return path


def write_clips(folder: Path, ffmpeg: str) -> dict[str, Path]:
    """Make the clips that are missing, two at a time; returns name → MP4 file.

    See :func:`write_clip`. A county's machine has two cores, and one clip keeps little more than
    one of them busy.
    """
    with ThreadPoolExecutor(2) as pool:
        made = {name: pool.submit(write_clip, name, folder, ffmpeg) for name in CLIPS}
        try:
            return {name: clip.result() for name, clip in made.items()}
        finally:
            pool.shutdown(cancel_futures=True)


def mark(path: Path) -> str:
    """What the marker beside a finished clip says."""
    return f"{RECIPE} {path.stat().st_size}\n"


def run(ffmpeg: str, arguments: list[str], frames: Iterator[bytes]) -> None:
    """Run ffmpeg and feed it the frames; raises PipelineError when it does not end well."""
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(
            [ffmpeg, *arguments], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=words
        )
        try:
            feed(process, frames)
            process.wait(TIME_LIMIT_S)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode != 0:
            words.seek(0)
            told = words.read()[-2000:].decode(errors="replace").strip()
            raise PipelineError(f"ffmpeg ended with {process.returncode}: {told}")


def feed(process: subprocess.Popen[bytes], frames: Iterator[bytes]) -> None:
    """Write all frames to the process and close its input; a process that left says why itself."""
    if process.stdin is None:
        return
    with contextlib.suppress(BrokenPipeError):
        for frame in frames:
            process.stdin.write(frame)
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
