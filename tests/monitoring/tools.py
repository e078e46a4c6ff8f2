"""Debian's own Prometheus tools: from the system, or unpacked into the cache without installing."""

import functools
import json
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from schemas.settings import REPOSITORY

_PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
}
CACHE = REPOSITORY / ".cache" / "monitoring"
FOLDER = REPOSITORY / "deploy" / "monitoring"
BOARDS = sorted((FOLDER / "grafana").glob("*.json"))


def panels(board: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(board.read_text("utf-8"))["panels"]
    return found


QUERIES = sorted(
    {target["expr"] for board in BOARDS for panel in panels(board) for target in panel["targets"]}
)


@contextmanager
def scraping(program: str, folder: Path, target: str) -> Iterator[str]:
    """Prometheus with the shipped configuration and rules, but every second, on ``HOST:PORT`` of
    ``target``; yields its own address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    text = (FOLDER / "prometheus.yml").read_text("utf-8")
    assert "127.0.0.1:7400" in text
    text = text.replace("127.0.0.1:7400", target).replace("15s", "1s")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yml").write_text(text, "utf-8")
    for rules in FOLDER.glob("*.rules.yml"):
        told = rules.read_text("utf-8").replace("interval: 15s", "interval: 1s")
        (folder / rules.name).write_text(told, "utf-8")
    server = subprocess.Popen(
        [
            program,
            "--config.file=prometheus.yml",
            f"--web.listen-address={address}",
            "--storage.tsdb.path=data",
        ],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://{address}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(15)


def ask(address: str, query: str) -> list[Any]:
    """The result of an instant query; an error of it fails the test. Raises HTTPError while the
    server is not ready."""
    answer = httpx.get(f"{address}/api/v1/query", params={"query": query}, timeout=10)
    if answer.is_server_error:  # it has not read its store yet
        answer.raise_for_status()
    told = answer.json()
    assert told["status"] == "success", (query, told)
    found: list[Any] = told["data"]["result"]
    return found


def wait_for(address: str, query: str, patience_s: float = 40) -> list[Any]:
    """Its first result that is not empty."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        try:
            if found := ask(address, query):
                return found
        except httpx.HTTPError:
            pass
        time.sleep(0.3)
    raise AssertionError(f"Prometheus never answered {query}")


def health_of_rules(address: str) -> list[str]:
    """Of each rule that is loaded."""
    groups = httpx.get(f"{address}/api/v1/rules").json()["data"]["groups"]
    return [rule["health"] for group in groups for rule in group["rules"]]


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
