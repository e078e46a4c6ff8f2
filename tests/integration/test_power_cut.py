"""The host loses its power: Kafka's last seconds were never on disk. And then the ledger is lost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import update

from bus.relay import Relay
from bus.topic_log import read_all
from bus.topics import make_topics
from cli import recovery
from deploy.leftovers import find_leftovers
from deploy.stack.ports import free_base
from deploy.supervise import ps_table
from schemas.settings import REPOSITORY, Settings
from schemas.topics import topics
from stores.ledger import fold
from stores.ledger.outbox import backlog
from stores.ledger.tables import outbox
from tests.centre import CentreInMemory, Outlet
from tests.recovering import as_centre, content, lose_ledger

pytestmark = pytest.mark.slow

KAFKA_ALONE = """
import sys
from pathlib import Path
from deploy import supervise
from schemas.settings import Settings
settings = Settings(data=Path(sys.argv[1]), port_base=int(sys.argv[2]))
sys.exit(supervise.run(settings, simulators=False, servers=frozenset({"kafka"}), shown=[]))
"""


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[CentreInMemory]:
    made = CentreInMemory(
        tmp_path / "data",
        [Outlet("web", 1), Outlet("wechat", 1, can_update=False), Outlet("tv", 2)],
        settle_s=1.0,
        call_deadline_s=5.0,
    )
    base = free_base(Settings(data=tmp_path / "data", port_base=31400), simulators=False)
    assert base is not None
    made.settings = made.settings.model_copy(update={"port_base": base})
    yield made
    made.close()
    assert find_leftovers(made.settings.data) == []


@contextmanager
def kafka(settings: Settings, *, cut: bool = False) -> Iterator[None]:
    """Kafka alone; ``cut``: it ends by SIGKILL, as the host does."""
    process = subprocess.Popen(
        [sys.executable, "-c", KAFKA_ALONE, str(settings.data), str(settings.port_base)],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 120
        while not (rows := ps_table(settings)) or rows[0].state != "ready":
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        make_topics(settings.kafka_bootstrap, topics(["web", "wechat", "tv"]))
        if cut:
            yield
            for row in ps_table(settings):
                if row.pid and row.name == "kafka":
                    os.kill(process.pid, signal.SIGKILL)  # first, or it would start it again
                    os.kill(row.pid, signal.SIGKILL)
        else:
            yield
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        while find_leftovers(settings.data):
            time.sleep(0.1)


def send_all(centre: CentreInMemory) -> None:
    relay = Relay(centre.ledger, centre.settings)
    relay.start()
    end = time.monotonic() + 60
    while True:
        with centre.ledger.snapshot() as view:
            unsent, _ = backlog(view)
        if not unsent:
            break
        assert time.monotonic() < end, f"{unsent} records unsent"
        time.sleep(0.1)
    relay.stop()


def on_topics(centre: CentreInMemory) -> dict[str, str]:
    """Event id → topic of everything that Kafka has."""
    told = fold.Folded()
    found = {r.event_id: r.topic for r in read_all(centre.settings.kafka_bootstrap, told)}
    assert told.strange == []
    return found


def cut_back(settings: Settings, keep: float) -> list[str]:
    """Cut the newest segment of every partition that has any bytes, in the middle of a batch.
    Returns the topics that lost something."""
    lost = set()
    for number, folder in enumerate(sorted((settings.data / "kafka" / "logs").iterdir())):
        topic = folder.name.rpartition("-")[0]
        logs = sorted(folder.glob("*.log")) if folder.is_dir() else []
        if not logs or topic.startswith("__") or not logs[-1].stat().st_size:
            continue
        os.truncate(logs[-1], int(logs[-1].stat().st_size * keep))
        lost.add(topic)
        if number % 2:  # a cut leaves indexes behind or not
            for index in folder.glob("*index"):
                index.unlink()
    return sorted(lost)


def a_day(centre: CentreInMemory) -> None:
    for number in range(6):
        story = centre.publish(f"第{number}篇")
        centre.pass_time(70)
        centre.pump()
        if number == 2:
            centre.revise(story, "更正", correction="有误")
            centre.pump()
            centre.sign_all(story)
        if number == 4:
            centre.withdraw(story)
        centre.pump()
    with centre.ledger.transaction() as tx:  # in memory it was handed on by other means
        gone = {"sent_at": None, "kafka_partition": None, "kafka_offset": None}
        tx.execute(update(outbox).values(gone))


def test_a_power_cut_loses_no_order_and_a_lost_ledger_comes_back(centre: CentreInMemory) -> None:
    a_day(centre)
    with kafka(centre.settings, cut=True):
        send_all(centre)
        before = on_topics(centre)
    lost = cut_back(centre.settings, keep=0.6)
    assert {"story-events", "adapt-orders", "release-orders.web"} <= set(lost)

    with kafka(centre.settings):
        left = on_topics(centre)
        assert len(left) < len(before), "nothing was cut: the test shows nothing"
        send_all(centre)
        assert on_topics(centre) == before

        rows = content(centre.ledger)
        logs = {name: list(outlet.log) for name, outlet in centre.outlets.items()}
        lose_ledger(centre)
        told = recovery.rebuild(
            as_centre(centre), lambda _: None, dry_run=False, hold=False, now=lambda: centre.now
        )
        centre.ledger.close()
    assert told.strange == []
    assert told.asked == 0
    again = content(centre.ledger)
    assert {n: again[n] for n in rows if n != "audit"} == {n: rows[n] for n in rows if n != "audit"}
    centre.pass_time(70)
    centre.pump()
    assert {name: outlet.log for name, outlet in centre.outlets.items()} == logs
