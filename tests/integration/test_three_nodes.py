"""Three Kafka nodes under the real supervisor: one may die, without two nothing is acknowledged."""

import gc
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from bus.relay import Relay
from bus.topics import make_topics
from deploy.leftovers import find_leftovers, kill_leftovers
from deploy.stack import jars
from deploy.stack.ports import free_base
from deploy.supervise import ps_table
from schemas.orders import AdaptOrder
from schemas.settings import REPOSITORY, Settings
from schemas.topics import ADAPT_ORDERS, topics
from stores.ledger import outbox
from stores.ledger.ids import new_id
from stores.ledger.tables import metadata
from stores.ledger.transaction import Ledger, open_ledger
from tests.fakes import STORY_ID

pytestmark = pytest.mark.slow

START = """
import sys
from pathlib import Path
from deploy import supervise
from schemas.settings import Settings
whole = supervise.process_table
supervise.process_table = lambda *a, **k: [s for s in whole(*a, **k) if s.name[:6] == "kafka-"]
settings = Settings(data=Path(sys.argv[1]), port_base=int(sys.argv[2]), kafka_nodes=3, s3="http://-")
sys.exit(supervise.run(settings, simulators=False))
"""


def until(fact: Callable[[], bool], seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Three nodes that are ready; stopped at the end, nothing left."""
    jars.ensure_jars(jars.jars_dir(), jars.locked_jars())
    wanted = Settings(data=tmp_path / "三 节点", port_base=8500, kafka_nodes=3)
    base = free_base(wanted, simulators=False)
    assert base is not None
    made = wanted.model_copy(update={"port_base": base})
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(made.data), str(base)],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: states(made).get("supervise") == "ready", 60)
        yield made
        process.send_signal(signal.SIGINT)
        assert process.wait(40) == 0
        assert find_leftovers(made.data) == []
    finally:
        process.kill()
        process.wait(10)
        kill_leftovers(made.data)


def states(settings: Settings) -> dict[str, str]:
    return {row.name: row.state for row in ps_table(settings)}


def send(settings: Settings, node: int, number: signal.Signals) -> None:
    pid = next(row.pid for row in ps_table(settings) if row.name == f"kafka-{node}")
    assert pid is not None
    os.kill(pid, number)


def order(ledger: Ledger) -> str:
    with ledger.transaction() as tx:
        message = AdaptOrder(story_id=STORY_ID, version=1, channels=())
        return outbox.append(tx, message, at=1, event_id=str(new_id()))


def unsent(ledger: Ledger) -> int:
    with ledger.snapshot() as view:
        return outbox.backlog(view)[0]


def told(settings: Settings) -> set[str]:
    """Event ids on the topic."""
    reader = KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap, auto_offset_reset="earliest")
    with closing(reader):
        places = [TopicPartition(ADAPT_ORDERS, p) for p in range(6)]
        reader.assign(places)
        ends = reader.end_offsets(places)
        found: set[str] = set()
        while any(reader.position(place) < ends[place] for place in places):
            for records in reader.poll(timeout_ms=500).values():
                found |= {dict(record.headers)["ce_id"].decode() for record in records}
    return found


def test_one_may_die_and_without_two_nothing_is_acknowledged(
    settings: Settings, tmp_path: Path
) -> None:
    make_topics(settings.kafka_bootstrap, topics([]), brokers=3)
    with closing(KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)) as admin:
        (topic,) = admin.describe_topics([ADAPT_ORDERS])
        assert {len(p["replica_nodes"]) for p in topic["partitions"]} == {3}
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    metadata.create_all(ledger.engine)
    relay = Relay(ledger, settings)
    relay.start()
    try:
        sent = {order(ledger)}
        until(lambda: unsent(ledger) == 0)

        send(settings, 2, signal.SIGKILL)
        sent.add(order(ledger))
        until(lambda: unsent(ledger) == 0)
        until(lambda: states(settings)["kafka-2"] == "ready")

        # they are away but not dead, so that the supervisor does not bring them back at once
        send(settings, 1, signal.SIGSTOP)
        send(settings, 2, signal.SIGSTOP)
        time.sleep(8)  # past the broker session: the one left knows that it is alone
        sent.add(order(ledger))
        time.sleep(4)
        assert unsent(ledger) == 1, "one node alone must not acknowledge"
        send(settings, 1, signal.SIGCONT)
        until(lambda: unsent(ledger) == 0)
        send(settings, 2, signal.SIGCONT)
    finally:
        relay.stop()
        ledger.close()
        with warnings.catch_warnings():
            # kafka-python leaves the sockets open with which it was asking for a stopped node
            warnings.simplefilter("ignore", ResourceWarning)
            del relay
            gc.collect()
    assert told(settings) >= sent
    resident = [row.rss_bytes / 2**20 for row in ps_table(settings) if row.name[:5] == "kafka"]
    print("MiB", resident)
    assert max(resident) < 260
