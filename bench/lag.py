"""One collection of lag over 1,000 groups and 10,000 partitions beside Kafka's own
``kafka-consumer-groups --describe --all-groups`` on the same broker, in the same run.

One partition of each topic holds a record, and every second group has not taken its own. Two to
five minutes on a quiet machine, most of it the broker making 10,000 logs.
"""

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import uvicorn
from kafka import OffsetAndMetadata, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, NoError
from kafka.protocol.producer import ProduceRequest
from kafka.record.memory_records import MemoryRecordsBuilder
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.routing import Route

from bench._broker import broker, until
from bench._kafka_tools import consumer_groups
from bench._stack import quantile, row, rss_bytes
from cli.web import scrape
from consumers.lag import LagMonitor
from consumers.lag_read import Brokers
from consumers.metrics import Metrics
from consumers.story_figures import StoryFigures
from deploy.stack import kafka
from schemas.lag import LagSnapshot
from schemas.settings import Settings
from stores.ledger.tables import metadata
from stores.ledger.transaction import open_ledger

FEW, MANY, EACH = 100, 1000, 10
LOOKS = 5
SCRAPED = 60
SETTLING = 12
PATIENCE_S = 600.0

ROOM = """\
log.index.size.max.bytes=65536
broker.session.timeout.ms=120000
"""
"""Of 10,000 logs each has two index files; and making them keeps a small broker from its beats."""


def measure() -> list[dict[str, Any]]:
    """``collect`` and ``collect_cpu`` (ours over the tool's; at most 0.2), ``growth`` (CPU of
    1,000 groups over ten times that of 100; at most 1), ``scrape`` (over 50 ms), memory."""
    temporary = tempfile.TemporaryDirectory(prefix="shoufa-bench-", ignore_cleanup_errors=True)
    with temporary as folder, broker(Path(folder), more=ROOM, heap="768m") as settings:
        _fill(settings.kafka_bootstrap, 0, FEW)
        _, few_cpu, _ = _collect(settings, FEW)
        _fill(settings.kafka_bootstrap, FEW, MANY)
        many, cpu, rows = _collect(settings, MANY, Path(folder))
        theirs, their_cpu = _tool(settings)
    return [
        row("lag", "collect", many, "s", theirs),
        row("lag", "collect_cpu", cpu, "s", their_cpu),
        row("lag", "growth", cpu, "s", few_cpu * MANY / FEW),
        *rows,
    ]


def _fill(bootstrap: str, since: int, to: int) -> None:
    """Topics ``t<n>`` with a record in their first partition, and groups ``g<n>`` that committed."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=120_000)
    for first in range(since, to, 100):
        names = [f"t{n}" for n in range(first, first + 100)]
        admin.create_topics({n: {"num_partitions": EACH, "replication_factor": 1} for n in names})
    brokers = Brokers(bootstrap)

    def made() -> bool:
        return len(brokers.look().leaders) >= to * EACH

    until(made, f"{to * EACH} partitions")
    left = [f"t{number}" for number in range(since, to)]

    def written() -> bool:
        left[:] = brokers.run(_produce, left)  # a leader may be known before it is one
        return not left

    until(written, "the records")
    for number in range(since, to):
        offsets = {
            TopicPartition(f"t{number}", p): OffsetAndMetadata(number % 2 if p == 0 else 0, "", -1)
            for p in range(EACH)
        }
        until(partial(_committed, admin, f"g{number}", offsets), "the coordinator")
    brokers.close()
    admin.close()


async def _produce(manager: Any, topics: list[str]) -> list[str]:
    """A record into the first partition of each, in one request (a producer would ask for the
    metadata of one topic after the other); returns the topics that did not take it."""
    builder = MemoryRecordsBuilder(2, 0, 1 << 16)
    builder.append(round(time.time() * 1000), None, b"x")
    builder.close()
    topic, part = (
        ProduceRequest.TopicProduceData,
        ProduceRequest.TopicProduceData.PartitionProduceData,
    )
    request = ProduceRequest(
        transactional_id=None,
        acks=-1,
        timeout_ms=60_000,
        topic_data=[
            topic(name=name, partition_data=[part(index=0, records=bytes(builder.buffer()))])
            for name in topics
        ],
        min_version=3,
        max_version=9,
    )
    answer = await manager.send(request, request_timeout_ms=120_000)
    return [t.name for t in answer.responses for p in t.partition_responses if p.error_code]


def _committed(admin: Any, group: str, offsets: Any) -> bool:
    try:
        told = admin.alter_group_offsets(group, offsets)
    except KafkaError:
        return False  # the first group waits until its topic is made
    return all(error is NoError for error in told.values())


def _collect(
    settings: Settings, groups: int, folder: Path | None = None
) -> tuple[float, float, list[dict[str, Any]]]:
    """Median seconds and CPU seconds of one cycle once every record was looked at."""
    before = rss_bytes(os.getpid())
    monitor = LagMonitor(Brokers(settings.kafka_bootstrap), cycle_s=5.0)
    try:
        for _ in range(SETTLING):  # a busy broker answers for some partitions only later
            snapshot = monitor.once()
            if snapshot.cycle >= 3 and not _unread(snapshot):
                break
        _check(snapshot, groups)
        taken, cpu = [], []
        for _ in range(LOOKS):
            clock, busy = time.perf_counter(), time.process_time()
            monitor.once()
            taken.append(time.perf_counter() - clock)
            cpu.append(time.process_time() - busy)
        rows = []
        if folder is not None:
            grown = (rss_bytes(os.getpid()) - before) / 1024**2
            rows.append(row("lag", "memory", grown, "MiB"))
            rows.append(row("lag", "requests", float(snapshot.requests), "requests"))
            rows += _served(monitor, folder)
        return median(taken), median(cpu), rows
    finally:
        monitor.stop()


def _check(snapshot: LagSnapshot, groups: int) -> None:
    """The figures are right, or this measures nothing."""
    lags = [p.lag for g in snapshot.groups for p in g.partitions]
    if len(lags) != groups * EACH or sum(n or 0 for n in lags) != groups // 2:
        raise RuntimeError(f"wrong figures: {len(lags)} partitions, {sum(n or 0 for n in lags)}")
    if unread := _unread(snapshot):
        raise RuntimeError(f"{unread} partitions without a time lag: {snapshot.errors[:3]}")


def _unread(snapshot: LagSnapshot) -> int:
    return sum(p.lag_s is None for g in snapshot.groups for p in g.partitions)


def _served(monitor: LagMonitor, folder: Path) -> list[dict[str, Any]]:
    """Scrapes over HTTP while the monitor goes on collecting in the same process."""
    ledger = open_ledger(f"sqlite:///{folder / 'ledger.db'}")
    with ledger.transaction() as tx:
        metadata.create_all(tx)
    metrics = Metrics(StoryFigures(ledger, []), monitor.latest)
    began = time.perf_counter()
    metrics.refresh()
    rendered = time.perf_counter() - began
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            monitor.once()
            metrics.refresh()
            stop.wait(3.0)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        scrapes, size_on_wire = _scrapes(metrics)
        began = time.perf_counter()
        size = len(TypeAdapter(LagSnapshot).dump_json(monitor.latest()))
        as_json = time.perf_counter() - began
    finally:
        stop.set()
        worker.join(60)
        ledger.close()
    return [
        row("lag", "scrape", 1000 * quantile(scrapes, 0.5), "ms", 50.0),
        row("lag", "scrape_p95", 1000 * quantile(scrapes, 0.95), "ms", 50.0),
        row("lag", "scrape_bytes", float(size_on_wire), "bytes"),
        row("lag", "scrape_text_bytes", float(len(metrics.text())), "bytes"),
        row("lag", "render", 1000 * rendered, "ms"),
        row("lag", "json", 1000 * as_json, "ms"),
        row("lag", "json_bytes", float(size), "bytes"),
    ]


SCRAPES = """\
import sys, time, httpx
taken = []
with httpx.Client(timeout=30, headers={"Accept-Encoding": "gzip"}) as client:
    for _ in range(int(sys.argv[2])):
        began = time.perf_counter()
        with client.stream("GET", sys.argv[1]) as answer:
            answer.raise_for_status()
            size = sum(len(some) for some in answer.iter_raw())
        taken.append(time.perf_counter() - began)
        time.sleep(0.2)
print(size, *taken)
"""
"""A process of its own, as Prometheus is: what it does with the answer is not the scrape's."""


def _scrapes(metrics: Metrics) -> tuple[list[float], int]:
    """Seconds of each scrape, and the bytes of the last."""
    app = Starlette(routes=[Route("/metrics", partial(scrape, metrics))])
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, "the server")
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        done = subprocess.run(
            [sys.executable, "-c", SCRAPES, f"http://127.0.0.1:{port}/metrics", str(SCRAPED)],
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE_S,
        )
    finally:
        server.should_exit = True
        thread.join(10)
    size, *taken = done.stdout.split()
    return [float(one) for one in taken], int(size)


def _tool(settings: Settings) -> tuple[float, float]:
    """Seconds and CPU seconds of Kafka's own tool, its Java included; the better of two runs."""
    argv, environment = consumer_groups(settings.kafka_bootstrap, "--describe", "--all-groups")
    taken, cpu = [], []
    for _ in range(2):
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            argv,
            cwd=kafka.node_dir(settings),
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE_S,
        )
        taken.append(time.perf_counter() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        told = sum(line.startswith("g") for line in done.stdout.splitlines())
        if told != MANY * EACH:
            raise RuntimeError(f"the tool told of {told} partitions: {done.stderr[-300:]}")
    return min(taken), min(cpu)
