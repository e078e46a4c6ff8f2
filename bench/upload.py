"""One GiB through the API beside boto3's ``upload_file`` plus SHA-256 of the same file."""

import hashlib
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench._stack import Stack, processes, row, rss_bytes, running
from schemas.settings import Settings
from stores.objects import open_objects
from streams.programs import find_programs

GIB = 1024**3
CHUNK = 1024**2


def measure() -> list[dict[str, Any]]:
    """Throughput in MiB/s (ratio: ours over the floor's; more is better), and memory."""
    with tempfile.TemporaryDirectory(prefix="shoufa-bench-") as folder, running() as stack:
        clip = _clip(Path(folder), stack.settings)
        floor = _floor(stack, clip)
        pid = int(processes(stack)["web"]["pid"])
        before = rss_bytes(pid)
        peak = _Peak(pid)
        ours = _ours(stack, clip)
        grown = peak.end() - before
    size = GIB / CHUNK
    return [
        row("upload", "throughput", size / ours, "MiB/s", size / floor),
        row("upload", "api_memory_growth", grown / CHUNK, "MiB"),
    ]


def _clip(folder: Path, settings: Settings) -> Path:
    """A real short clip, padded to one GiB with a ``free`` box of random bytes."""
    path = folder / "clip.mp4"
    argv = [find_programs(settings).ffmpeg, "-v", "error", "-f", "lavfi"]
    argv += ["-i", "testsrc2=size=1280x720:rate=25:duration=3", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(argv, check=True)
    left = GIB - path.stat().st_size
    noise = hashlib.shake_128(b"shoufa").digest(CHUNK)
    with path.open("ab") as file:
        file.write((1).to_bytes(4, "big") + b"free" + left.to_bytes(8, "big"))
        left -= 16
        number = 0
        while left > 0:
            # each MiB differs, so that no store can fold them together
            block = number.to_bytes(8, "big") + noise[8:]
            file.write(block[:left])
            left -= len(block)
            number += 1
    return path


def _floor(stack: Stack, clip: Path) -> float:
    store = open_objects(stack.settings)
    began = time.perf_counter()
    with clip.open("rb") as file:
        hashlib.file_digest(file, "sha256")
    store.client.upload_file(str(clip), store.bucket, "bench/floor")
    taken = time.perf_counter() - began
    store.client.delete_object(Bucket=store.bucket, Key="bench/floor")
    return taken


def _ours(stack: Stack, clip: Path) -> float:
    def chunks() -> Iterator[bytes]:
        with clip.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    with stack.client("reporter") as client:
        began = time.perf_counter()
        answer = client.post(
            "/assets",
            params={"name": "clip.mp4"},
            content=chunks(),
            headers={"Content-Length": str(clip.stat().st_size)},
        )
        answer.raise_for_status()
        return time.perf_counter() - began


class _Peak:
    """Largest resident size of a process while it is watched."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.most = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            self.most = max(self.most, rss_bytes(self.pid))

    def end(self) -> int:
        self._stop.set()
        self._thread.join()
        return self.most
