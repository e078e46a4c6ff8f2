"""Two real publisher processes on one PostgreSQL: a standby takes over, nothing is sent twice."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bus.lease import LOST
from deploy.stack.postgres import running_server
from deploy.stack.secret_files import ensure_secrets
from schemas.settings import REPOSITORY, Settings
from stores.ledger.migrate import migrate
from stores.ledger.transaction import open_ledger
from tests.centre import CentreInMemory, Outlet
from tests.integration.standby_publisher import SPEC
from tests.postgres import empty_database

pytestmark = pytest.mark.slow

LEASE_S = 3.0


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A ledger as a centre would have it: on a server that writes through, by the migrations."""
    with running_server() as server, empty_database(server) as name:
        ledger = open_ledger(server.url(name))
        migrate(ledger, tmp_path_factory.mktemp("backups"))
        ledger.close()
        yield server.url(name)


class Hosts:
    """Publisher processes, each with a data folder of its own, and what the outlet saw."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.outlet = folder / "outlet.log"
        self.outlet.touch()
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, host: str) -> None:
        ensure_secrets(Settings(data=self.folder / host))
        with (self.folder / f"{host}.log").open("ab") as log:
            self.running[host] = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.standby_publisher", str(self.outlet)],
                cwd=REPOSITORY,
                env={
                    **{k: v for k, v in os.environ.items() if k[:7] != "SHOUFA_"},
                    "SHOUFA_DATA": str(self.folder / host),
                    "SHOUFA_LEDGER": self.url,
                    "SHOUFA_LEASE_S": str(LEASE_S),
                    "SHOUFA_PROCESS": "publish",
                    "SHOUFA_KAFKA": "127.0.0.1:9",
                },
                stdout=log,
                stderr=log,
            )

    def ready(self, host: str) -> bool:
        return (self.folder / host / "run" / "publish.ready").exists()

    def signal(self, host: str, number: signal.Signals) -> None:
        self.running[host].send_signal(number)

    def lines(self, kind: str) -> list[tuple[str, int]]:
        """(marker, process id) of what the outlet saw."""
        rows = [line.split() for line in self.outlet.read_text().splitlines()]
        return [(marker, int(pid)) for verb, marker, pid in rows if verb == kind]

    def log(self, host: str) -> str:
        return (self.folder / f"{host}.log").read_text()


def until(fact: Callable[[], bool], hosts: Hosts, seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        logs = "\n".join(hosts.log(host)[-3000:] for host in hosts.running)
        assert time.monotonic() < deadline, logs
        time.sleep(0.05)


@pytest.fixture
def hosts(tmp_path: Path, url: str) -> Iterator[Hosts]:
    made = Hosts(tmp_path, url)
    try:
        for host in ("one", "two"):
            made.start(host)
            until(lambda host=host: made.ready(host), made)  # type: ignore[misc]
        yield made
    finally:
        for process in made.running.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in made.running.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def centre(tmp_path: Path, url: str) -> Iterator[CentreInMemory]:
    """Files and signs; what is due is left to the processes."""
    with closing(CentreInMemory(tmp_path / "desk", [Outlet("web", 1)], url=url, **SPEC)) as made:
        made.ledger.now = lambda: datetime.now(UTC)
        yield made


def release(centre: CentreInMemory) -> uuid.UUID:
    story = centre.file()
    centre.pump(publish=False)
    centre.sign_all(story)
    centre.pump(publish=False)
    return story


def test_a_stopped_owner_is_taken_over_for_and_sends_nothing_afterwards(
    hosts: Hosts, centre: CentreInMemory
) -> None:
    before = release(centre)
    until(lambda: centre.states(before)["web"] == "live", hosts)
    story = release(centre)
    until(lambda: len(hosts.lines("begin")) == 2, hosts)
    hosts.signal("one", signal.SIGSTOP)  # in the middle of the call, before anything is sent
    stopped = time.monotonic()
    until(lambda: centre.states(story)["web"] == "live", hosts)
    assert time.monotonic() - stopped > LEASE_S + SPEC["call_deadline_s"]
    creates = hosts.lines("create")
    assert [pid for _, pid in creates] == [hosts.running[h].pid for h in ("one", "two")]

    hosts.signal("one", signal.SIGCONT)
    assert hosts.running["one"].wait(15) == LOST
    assert hosts.lines("create") == creates
    assert "lease.lost" in hosts.log("one")

    later = release(centre)
    until(lambda: centre.states(later)["web"] == "live", hosts)
    markers = [marker for marker, _ in hosts.lines("create")]
    assert len(markers) == len(set(markers)) == 3


def test_a_killed_owner_is_taken_over_for_and_comes_back_as_the_standby(
    hosts: Hosts, centre: CentreInMemory
) -> None:
    story = release(centre)
    until(lambda: bool(hosts.lines("begin")), hosts)
    hosts.signal("one", signal.SIGKILL)
    hosts.running["one"].wait(10)
    until(lambda: centre.states(story)["web"] == "live", hosts)
    hosts.start("one")
    after = release(centre)
    until(lambda: centre.states(after)["web"] == "live", hosts)
    assert [pid for _, pid in hosts.lines("create")] == [hosts.running["two"].pid] * 2

    hosts.signal("two", signal.SIGTERM)  # a clean end: nobody waits for a lease
    assert hosts.running["two"].wait(20) == 0
    began = time.monotonic()
    last = release(centre)
    until(lambda: centre.states(last)["web"] == "live", hosts)
    assert time.monotonic() - began < 15
    markers = [marker for marker, _ in hosts.lines("create")]
    assert len(markers) == len(set(markers)) == 3
