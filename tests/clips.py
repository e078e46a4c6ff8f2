"""Small clips drawn by ffmpeg for tests, and what can be read back from outputs."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streams.programs import Programs

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
CORNER = "drawbox=x=0:y=0:w=iw/4:h=ih/4:color=white:t=fill"
"""A white box in the upper left corner, whatever is under it."""


@dataclass(frozen=True)
class Lab:
    """Makes clips in one folder."""

    programs: Programs
    folder: Path

    def draw(
        self,
        name: str,
        *options: str,
        size: str = "640x360",
        rate: str = "25",
        seconds: float = 3,
        sound: str | None = "sine=f=440",
        picture: str = "color=0x406080",
        vf: str = CORNER,
    ) -> Path:
        """A clip of ``picture`` with ``vf`` over it; ``options`` come last and win."""
        path = self.folder / name
        more = ":" if "=" in picture else "="
        inputs = ["-f", "lavfi", "-i", f"{picture}{more}s={size}:r={rate}:d={seconds}"]
        if sound:
            inputs += ["-f", "lavfi", "-i", f"{sound}:d={seconds}", "-c:a", "aac"]
        self.ffmpeg(*inputs, "-vf", vf, *H264, *options, str(path))
        return path

    def ffmpeg(self, *arguments: str) -> None:
        argv = [self.programs.ffmpeg, "-v", "error", "-y", "-nostdin", *arguments]
        subprocess.run(argv, check=True, cwd=self.folder, timeout=120)

    def pixels(self, path: Path, *options: str) -> NDArray[np.uint8]:
        """Frames as rows of RGB: shape (frames, height, width, 3); ``-ss`` and the like first."""
        at = [i for i, text in enumerate(options) if text == "-s"]
        width, height = (int(n) for n in options[at[0] + 1].split("x"))
        argv = [self.programs.ffmpeg, "-v", "error", "-nostdin", "-i", str(path), *options]
        said = subprocess.run(
            [*argv, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
            check=True,
            capture_output=True,
            timeout=120,
        )
        return np.frombuffer(said.stdout, np.uint8).reshape(-1, height, width, 3)

    def samples(self, path: Path) -> NDArray[np.float32]:
        """The left channel of the first sound stream at 48 kHz."""
        argv = [self.programs.ffmpeg, "-v", "error", "-nostdin", "-i", str(path), "-map", "0:a:0"]
        said = subprocess.run(
            [*argv, "-af", "pan=mono|c0=c0", "-ar", "48000", "-f", "f32le", "-"],
            check=True,
            capture_output=True,
            timeout=120,
        )
        return np.frombuffer(said.stdout, np.float32)


def onset_s(samples: NDArray[np.float32]) -> float:
    """When the sound first reaches a third of its peak."""
    loud = np.abs(samples) > np.abs(samples).max() / 3
    return float(np.argmax(loud)) / 48_000


def flash_s(frames: NDArray[np.uint8], rate: float) -> float:
    """When the picture first is bright all over."""
    return float(np.argmax(frames.mean(axis=(1, 2, 3)) > 200)) / rate
