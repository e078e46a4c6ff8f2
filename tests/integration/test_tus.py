"""Resumable uploads over the real S3 server, by an outside client, with the server killed."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tusclient.client import TusClient

from deploy.stack.s3 import prepare_s3, s3_command, s3_dir, s3_environment
from deploy.stack.secret_files import ensure_secrets
from schemas.settings import REPOSITORY, Settings
from streams.programs import find_programs
from tests.ports import free_block

pytestmark = pytest.mark.slow
MIB = 1024**2


@dataclass
class Way:
    """S3 and the process that takes uploads, nothing else."""

    settings: Settings
    web: "subprocess.Popen[bytes] | None" = None

    @property
    def environment(self) -> dict[str, str]:
        base = {
            "SHOUFA_DATA": str(self.settings.data),
            "SHOUFA_PORT_BASE": str(self.settings.port_base),
        }
        return {**os.environ, **base, "SHOUFA_KEEP_FREE_BYTES": "0"}

    def run(self, name: str) -> "subprocess.Popen[bytes]":
        argv = [sys.executable, str(REPOSITORY / "shoufa.py"), "process", name]
        return subprocess.Popen(
            argv, env=self.environment, cwd=REPOSITORY, stdout=subprocess.DEVNULL
        )

    def start(self) -> None:
        self.web = self.run("web")
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if httpx.options(f"{self.settings.api_url}/v1/uploads").status_code == 204:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError("the web process did not come up")

    def kill(self) -> None:
        assert self.web is not None
        self.web.send_signal(signal.SIGKILL)
        self.web.wait()

    @property
    def headers(self) -> dict[str, str]:
        key = (self.settings.secrets_dir / "keys" / "reporter.key").read_text().strip()
        return {"Authorization": f"Bearer {key}"}

    def told(self, url: str) -> Any:
        return httpx.get(url, headers=self.headers, timeout=120).json()


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    folder = tmp_path_factory.mktemp("way")
    made = Way(
        Settings(data=folder / "data", port_base=free_block(range(24100, 24800, 30), range(24)))
    )
    settings = made.settings
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    (settings.data / "ledger").mkdir(parents=True, exist_ok=True)
    ensure_secrets(settings)
    prepare_s3(settings)
    with (folder / "s3.log").open("w") as log:
        s3 = subprocess.Popen(
            s3_command(settings),
            cwd=s3_dir(settings),
            env=s3_environment(settings),
            stdout=log,
            stderr=log,
        )
    try:
        assert made.run("migrate").wait(60) == 0
        made.start()
        yield made
    finally:
        for process in (made.web, s3):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def clip(way: Way, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real clip of 70 MiB: a short one, padded by a ``free`` box whose bytes differ."""
    path = tmp_path_factory.mktemp("clip") / "秋收.mp4"
    argv = [find_programs(way.settings).ffmpeg, "-v", "error", "-f", "lavfi", "-i"]
    argv += ["testsrc2=size=320x180:rate=25:duration=2", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(argv, check=True)
    left = 70 * MIB + 12345 - path.stat().st_size
    with path.open("ab") as file:
        file.write(left.to_bytes(4, "big") + b"free" + os.urandom(left - 8))
    return path


def sent(way: Way, clip: Path, file: Any, **options: Any) -> Any:
    client = TusClient(f"{way.settings.api_url}/v1/uploads", headers=way.headers)
    metadata = {"filename": clip.name, "filetype": "video/mp4"}
    return client.uploader(file_stream=file, metadata=metadata, **options)


@pytest.mark.parametrize(
    ("chunk", "checked"),
    [(5 * MIB, True), (8 * MIB, False), (3 * MIB + 7, True), (100 * MIB, False)],
)
def test_an_outside_client_uploads_and_the_bytes_are_the_same(
    way: Way, clip: Path, chunk: int, checked: bool
) -> None:
    with clip.open("rb") as file:
        uploader = sent(way, clip, file, chunk_size=chunk, upload_checksum=checked)
        uploader.upload()
    told = way.told(uploader.url)
    assert told["state"] == "done", told
    assert told["sha256"] == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert (told["kind"], told["width"], told["height"]) == ("video", 320, 180)
    assert not list((way.settings.spool_dir / "tus").iterdir())


def test_a_server_killed_again_and_again_loses_nothing(
    way: Way, clip: Path, tmp_path: Path
) -> None:
    other = tmp_path / "新.mp4"
    data = bytearray(clip.read_bytes())
    data[-1] ^= 1
    other.write_bytes(data)
    with other.open("rb") as file:
        uploader = sent(way, other, file, chunk_size=4 * MIB + 1, retries=200, retry_delay=0.2)
        uploader.upload_chunk()
        kills = harried(way, uploader)
    told = way.told(uploader.url)
    assert (told["state"], kills) == ("done", 3)
    assert told["sha256"] == hashlib.sha256(data).hexdigest()
    assert told["linked"] is False


def harried(way: Way, uploader: Any) -> int:
    """Upload while the server is killed three times; returns how often it was."""
    failed: list[BaseException] = []

    def upload() -> None:
        try:
            uploader.upload()
        except BaseException as error:  # noqa: BLE001  # told by the test
            failed.append(error)

    thread = threading.Thread(target=upload)
    thread.start()
    kills = 0
    while thread.is_alive() and kills < 3:
        seen = uploader.offset
        while thread.is_alive() and uploader.offset < seen + 12 * MIB:
            time.sleep(0.005)
        if thread.is_alive():
            way.kill()
            kills += 1
            way.start()
    thread.join(120)
    assert failed == []
    return kills
