"""The real Kafka and the real S3 server under the real supervisor, in an awkward path."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import psutil  # type: ignore[import-untyped]
import pytest
from botocore.exceptions import ClientError
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient

from deploy.leftovers import find_leftovers, kill_leftovers
from deploy.stack import jars
from deploy.stack.ports import free_base
from deploy.supervise import ProcessRow, ps_table
from schemas.copy import CopyRef
from schemas.settings import REPOSITORY, Settings
from schemas.story import Plan
from stores import orphans
from stores.ledger import assets, renditions, stories, uploads
from stores.ledger.migrate import migrate
from stores.ledger.tables import restores
from stores.ledger.transaction import Ledger, open_ledger
from stores.objects import Objects
from tests.fakes import text_story

pytestmark = pytest.mark.slow

START = """
import sys
from pathlib import Path
from deploy import supervise
from schemas.settings import Settings
whole = supervise.process_table
supervise.process_table = lambda *a, **k: [s for s in whole(*a, **k) if s.name in ("kafka", "s3")]
settings = Settings(data=Path(sys.argv[1]), port_base=int(sys.argv[2]))
sys.exit(supervise.run(settings, simulators=False))
"""


@dataclass
class Stack:
    """A running stack of Kafka and S3 alone."""

    settings: Settings
    process: subprocess.Popen[str]

    def rows(self) -> dict[str, ProcessRow]:
        return {row.name: row for row in ps_table(self.settings)}

    def wait_ready(self) -> float:
        began = time.monotonic()
        while time.monotonic() - began < 60:
            rows = self.rows()
            if rows and rows["supervise"].state == "ready":
                return time.monotonic() - began
            assert self.process.poll() is None, self.process.communicate()[0]
            time.sleep(0.1)
        raise AssertionError((self.settings.log_dir / "supervisor.log").read_text())

    def s3(self, secret: str = "") -> Any:
        keys = json.loads((self.settings.secrets_dir / "s3.json").read_text())
        return boto3.client(
            "s3",
            endpoint_url=self.settings.s3_endpoint,
            aws_access_key_id=keys["access_key"],
            aws_secret_access_key=secret or keys["secret_key"],
            region_name="us-east-1",
        )

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=40)
        return self.process.returncode


def start(settings: Settings, home: Path) -> Stack:
    process = subprocess.Popen(
        [sys.executable, "-c", START, str(settings.data), str(settings.port_base)],
        cwd=REPOSITORY,
        env=os.environ | {"SHOUFA_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Stack(settings, process)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Path]]:
    """Free ports, and folders for data and jars with blanks and Chinese characters."""
    root = tmp_path_factory.mktemp("stack") / "青禾 融媒体"
    jars.ensure_jars(jars.jars_dir(), jars.locked_jars())
    shutil.copytree(jars.jars_dir(), root / "程序 home" / ".cache" / "jars")
    settings = Settings(data=root / "数据 var", port_base=9000)
    base = free_base(settings, simulators=False)
    assert base is not None
    yield settings.model_copy(update={"port_base": base}), root / "程序 home"
    kill_leftovers(settings.data)
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def stack(place: tuple[Settings, Path]) -> Iterator[Stack]:
    """Ready; stopped by Ctrl-C's signal, nothing left."""
    running = start(*place)
    try:
        running.wait_ready()
        running.s3().create_bucket(Bucket="shoufa")
        yield running
    finally:
        if running.process.poll() is None:
            assert running.end() == 0
        assert find_leftovers(running.settings.data) == []


def test_what_nothing_names_is_deleted_after_a_day(stack: Stack, tmp_path: Path) -> None:
    s3 = stack.s3()
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    migrate(ledger, tmp_path / "backups")
    story = text_story()
    kept, copy, source = "originals/kept", "c" * 64, "5" * 64
    made = f"renditions/{source}/r/kept/a.mp4"
    with ledger.transaction() as tx:
        stories.insert(tx, story, Plan(), by="reporter", at=1)
        assets.put(tx, story.assets[0], object_key=kept, facts={}, by="reporter", at=1)
        stories.put_copies(
            tx, story.id, 1, [CopyRef(channel="web", sha256=copy)], {}, "f" * 64, {copy: b"{}"}
        )
        renditions.need(tx, story.id, source, "web_hls", wave=1, urgency=5, cost_s=1, at=1)
        renditions.change(
            tx, source, "web_hls", at=1, manifest=f'{{"files":[{{"object_key":"{made}"}}]}}'
        )
    coming = uuid4()
    with ledger.transaction() as tx:
        uploads.create(
            tx, uploads.NewUpload(coming, "reporter", "", "a.mp4", "", 1, False, 9), at=1
        )
    names = [kept, f"copies/{copy}", made, f"originals/{coming}"]
    orphans_there = ["originals/left", f"copies/{'d' * 64}", f"renditions/{source}/r/left/a.mp4"]
    for name in [*names, *orphans_there, "elsewhere/left"]:
        s3.put_object(Bucket="shoufa", Key=name, Body=b"x")

    def there() -> set[str]:
        found = s3.list_objects_v2(Bucket="shoufa").get("Contents", [])
        return {entry["Key"] for entry in found} & {*names, *orphans_there, "elsewhere/left"}

    store = Objects(s3, "shoufa")
    assert orphans.sweep(ledger, store) == 0, "an upload may still be under way"
    later = Ledger(ledger.engine, now=lambda: datetime.now(UTC) + timedelta(hours=25))
    with ledger.transaction() as tx:
        tx.execute(restores.insert().values(id="1", at=ledger.now_ms() + 3_600_000, source="test"))
    assert orphans.sweep(later, store) == 0, "older than the last restore: it may be named again"
    with ledger.transaction() as tx:
        tx.execute(restores.delete())
    assert orphans.sweep(later, store) == len(orphans_there)
    assert there() == {*names, "elsewhere/left"}
    ledger.close()


def test_s3_gives_back_what_it_took_and_only_to_its_owner(stack: Stack) -> None:
    body = os.urandom(3_000_000)
    stack.s3().put_object(Bucket="shoufa", Key="originals/稿件 1", Body=body)
    assert stack.s3().get_object(Bucket="shoufa", Key="originals/稿件 1")["Body"].read() == body
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        stack.s3(secret="wrong").get_object(Bucket="shoufa", Key="originals/稿件 1")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        stack.s3().put_object(Bucket="elsewhere", Key="a", Body=b"")


def produce(settings: Settings, topic: str, values: list[bytes]) -> None:
    with closing(KafkaProducer(bootstrap_servers=settings.kafka_bootstrap, acks="all")) as producer:
        for value in values:
            producer.send(topic, value).get(timeout=20)


def consume(settings: Settings, topic: str, count: int) -> list[bytes]:
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=settings.kafka_bootstrap,
        auto_offset_reset="earliest",
        consumer_timeout_ms=15_000,
    )
    with closing(consumer):
        found = []
        for record in consumer:
            found.append(record.value)
            if len(found) == count:
                break
        return found


def make_topic(settings: Settings, topic: str, compression: str = "producer") -> None:
    configs = {"compression.type": compression}
    made = {"num_partitions": 1, "replication_factor": 1, "configs": configs}
    with closing(KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)) as admin:
        admin.create_topics({topic: made})


def test_kafka_gives_back_what_it_took(stack: Stack) -> None:
    make_topic(stack.settings, "story-events")
    values = [f"稿件 {number}".encode() * 50 for number in range(20)]
    produce(stack.settings, "story-events", values)
    assert consume(stack.settings, "story-events", 20) == values


def test_kafka_unpacks_its_native_library_in_that_path(stack: Stack) -> None:
    make_topic(stack.settings, "packed", compression="zstd")
    produce(stack.settings, "packed", [b"x" * 100_000])  # packed by the broker, or no answer
    folder = stack.settings.data / "kafka"
    assert next((folder / "logs" / "packed-0").glob("*.log")).stat().st_size < 10_000


def test_nothing_listens_but_on_loopback_in_our_block(stack: Stack) -> None:
    base, opened = stack.settings.port_base, set()
    for row in stack.rows().values():
        assert row.pid is not None
        for link in psutil.Process(row.pid).net_connections("inet"):
            if link.status == psutil.CONN_LISTEN:
                assert link.laddr.ip.removeprefix("::ffff:") == "127.0.0.1"
                opened.add(link.laddr.port - base)
    assert opened == {2, 3, 4, 5, 6, 7, 8, 9, 10, 11}


def test_memory_stays_within_the_plan(stack: Stack) -> None:
    resident = {name: row.rss_bytes / 2**20 for name, row in stack.rows().items()}
    assert resident["supervise"] < 40
    assert resident["kafka"] < 220
    assert resident["s3"] < 300


def test_a_killed_server_comes_back_with_what_it_had(stack: Stack) -> None:
    make_topic(stack.settings, "kept")
    produce(stack.settings, "kept", [b"before"])
    stack.s3().put_object(Bucket="shoufa", Key="kept", Body=b"before")
    for name in ("kafka", "s3"):
        pid = stack.rows()[name].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while {stack.rows()[n].state for n in ("kafka", "s3")} != {"ready"} or not all(
        stack.rows()[n].restarts for n in ("kafka", "s3")
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert consume(stack.settings, "kept", 1) == [b"before"]
    assert stack.s3().get_object(Bucket="shoufa", Key="kept")["Body"].read() == b"before"


def test_the_next_start_goes_on_after_the_supervisor_was_killed(
    stack: Stack, place: tuple[Settings, Path]
) -> None:
    settings = stack.settings
    make_topic(settings, "goes-on")
    produce(settings, "goes-on", [b"one"])
    stack.s3().put_object(Bucket="shoufa", Key="goes-on", Body=b"one")
    servers = [row.pid for row in stack.rows().values()]
    stack.process.kill()
    stack.process.communicate(timeout=20)
    deadline = time.monotonic() + 10
    while any(pid and psutil.pid_exists(pid) for pid in servers):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    again = start(*place)
    again.wait_ready()
    assert consume(settings, "goes-on", 1) == [b"one"]
    assert again.s3().get_object(Bucket="shoufa", Key="goes-on")["Body"].read() == b"one"
    began = time.monotonic()
    assert again.end() == 0
    assert time.monotonic() - began < 25
    assert find_leftovers(settings.data) == []
    assert ps_table(settings) == []
