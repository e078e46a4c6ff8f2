"""Makes the topics of the one table in ``schemas.topics``; never relies on auto-creation."""

import time

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from schemas.errors import Unavailable
from schemas.topics import Topic

MOST_REPLICAS = 3


def make_topics(
    bootstrap: str, wanted: list[Topic], *, brokers: int = 1, patience_s: float = 30.0
) -> list[str]:
    """Create what is missing; returns the names made. Waits for Kafka up to ``patience_s``, and
    before anything is made until ``brokers`` of them are there.

    A topic has as many replicas as there are brokers, three at most; with three, a record is
    acknowledged once two of them have it. Raises Unavailable.
    """
    end = time.monotonic() + patience_s
    while True:
        try:
            admin = KafkaAdminClient(
                bootstrap_servers=bootstrap, client_id="shoufa-topics", bootstrap_timeout_ms=2000
            )
        except KafkaError as error:
            if time.monotonic() > end:
                raise Unavailable("kafka", f"{bootstrap}: {error}") from error
            time.sleep(0.2)
            continue
        break
    try:
        known = set(admin.list_topics())
        missing = [topic for topic in wanted if topic.name not in known]
        if missing:
            present = _wait_for_brokers(admin, bootstrap, brokers, end)
            _create(admin, missing, min(present, MOST_REPLICAS))
        _wait_for_leaders(admin, wanted)
    finally:
        admin.close()
    return [topic.name for topic in missing]


def _wait_for_leaders(admin: KafkaAdminClient, wanted: list[Topic]) -> None:
    """A consumer that joins before every partition has a leader would be assigned nothing."""
    names = [topic.name for topic in wanted]
    for _ in range(100):
        found = admin.describe_topics(names)
        if all(
            topic["partitions"] and all(p["leader_id"] >= 0 for p in topic["partitions"])
            for topic in found
        ):
            return
        time.sleep(0.1)


def _wait_for_brokers(admin: KafkaAdminClient, bootstrap: str, wanted: int, end: float) -> int:
    while (present := len(admin.describe_cluster()["brokers"])) < wanted:
        if time.monotonic() > end:
            raise Unavailable("kafka", f"{bootstrap}: {present} of {wanted} brokers are there")
        time.sleep(0.2)
    return present


def _create(admin: KafkaAdminClient, missing: list[Topic], replicas: int) -> None:
    try:
        admin.create_topics(
            {
                topic.name: {
                    "num_partitions": topic.partitions,
                    "replication_factor": replicas,
                    "configs": {
                        "retention.ms": str(topic.retention_ms),
                        "cleanup.policy": "delete",
                        "min.insync.replicas": str(max(1, replicas - 1)),
                    },
                }
                for topic in missing
            }
        )
    except TopicAlreadyExistsError:
        return  # another process of the same start made them
