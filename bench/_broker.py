"""A node of the stack's Kafka alone, for a benchmark that wants nothing else beside it."""

import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.stack import jars, kafka
from deploy.stack.ports import free_base
from schemas.settings import Settings

PATIENCE_S = 300.0


@contextmanager
def broker(folder: Path, *, more: str = "", heap: str = "") -> Iterator[Settings]:
    """Started, answering, and killed at the end. ``more``: lines of server.properties; ``heap``:
    its limit where it is not the stack's, ``768m``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    settings = Settings(data=folder / "data", port_base=26000)
    base = free_base(settings, simulators=False)
    if base is None:
        raise RuntimeError("no free block of ports")
    settings = settings.model_copy(update={"port_base": base})
    settings.data.mkdir(parents=True)
    class_path = jars.class_path()
    kafka.prepare_kafka(settings, class_path)
    with (kafka.node_dir(settings) / "server.properties").open("a") as lines:
        lines.write(more)
    argv = [
        f"-Xmx{heap}" if heap and part.startswith("-Xmx") else part
        for part in kafka.kafka_command(class_path)
    ]
    with (folder / "kafka.log").open("w") as log:
        process = subprocess.Popen(
            argv,
            cwd=kafka.node_dir(settings),
            env=kafka.java_environment(),
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: _answers(settings.kafka_bootstrap), "the broker to answer")
        yield settings
    finally:
        process.kill()
        process.wait()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _answers(bootstrap: str) -> bool:
    try:
        KafkaAdminClient(bootstrap_servers=bootstrap, bootstrap_timeout_ms=1000).close()
    except KafkaError:
        return False
    return True


def until(fact: Callable[[], bool], what: str) -> None:
    """Wait for it; raises RuntimeError after five minutes."""
    end = time.monotonic() + PATIENCE_S
    while not fact():
        if time.monotonic() > end:
            raise RuntimeError(f"waited {PATIENCE_S:.0f} s for {what}")
        time.sleep(0.3)
