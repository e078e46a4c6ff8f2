"""Release of a text story to its first wave-1 receipt, beside the same hops made bare.

The floor is what nobody can avoid: produce to a topic, consume it, produce to a second topic,
consume that, one HTTP call to a server on loopback. Acks from the broker, no batching delay.
The hop rows say where the time of our own went.
"""

import threading
import time
from typing import Any

import httpx
from kafka import KafkaConsumer, KafkaProducer

from bench._hops import Release, hops
from bench._newsroom import clients, copies, file, first_receipt_ms, sign
from bench._stack import Stack, quantile, row, running
from bus.topics import make_topics
from schemas.topics import Topic

STORIES = 120
WARM_UP = 15
QUIET_S = 0.1
"""Pause before each release and each turn of the floor: nothing else is under way."""


def measure() -> list[dict[str, Any]]:
    """Rows p50, p90 and p99 in milliseconds with the floor's; the median of each hop."""
    with running() as stack:
        floor = _floor(stack)
        ours, releases = _ours(stack)
        floor += _floor(stack)
        each = hops(stack, releases, quantile)
    rows = [
        row("first-receipt", name, quantile(ours, q), "ms", quantile(floor, q))
        for name, q in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
    ]
    return rows + [row("first-receipt", f"hop: {name}", ms, "ms") for name, ms in each.items()]


def _ours(stack: Stack) -> tuple[list[float], list[Release]]:
    """Milliseconds from sending the third signature to the receipt of the first outlet."""
    people = clients(stack)
    taken, releases = [], []
    for number in range(WARM_UP + STORIES):
        story = file(people["reporter"], number)
        sha256 = copies(people["reviewer-1"], story)
        for level in (1, 2):
            sign(people[f"reviewer-{level}"], story, sha256, level)
        time.sleep(QUIET_S)
        began = time.time() * 1000
        sign(people["reviewer-3"], story, sha256, 3)
        time.sleep(QUIET_S)
        received = first_receipt_ms(people["reporter"], story)
        if number >= WARM_UP:
            taken.append(received - began)
            releases.append(Release(story, began))
    return taken, releases


def _floor(stack: Stack) -> list[float]:
    bootstrap = stack.settings.kafka_bootstrap
    names = [f"bench-floor-{n}-{time.time_ns()}" for n in (1, 2)]
    make_topics(bootstrap, [Topic(n, 1, 3_600_000, "", "bench", "bench") for n in names])
    producer = _producer(bootstrap)
    done = threading.Event()
    hop = threading.Thread(target=_middle, args=(bootstrap, *names, done), daemon=True)
    hop.start()
    last = _consumer(bootstrap, names[1])
    client = httpx.Client()
    taken = []
    for number in range(WARM_UP + STORIES):
        began = time.perf_counter()
        producer.send(names[0], b"x" * 2000).get(timeout=10)
        next(last)
        client.get(f"{stack.settings.site_url}/").read()
        if number >= WARM_UP:
            taken.append((time.perf_counter() - began) * 1000)
        time.sleep(QUIET_S)
    done.set()
    producer.send(names[0], b"end").get(timeout=10)
    hop.join(timeout=10)
    last.close()
    producer.close()
    client.close()
    return taken


def _middle(bootstrap: str, source: str, target: str, done: threading.Event) -> None:
    consumer = _consumer(bootstrap, source)
    producer = _producer(bootstrap)
    for record in consumer:
        if done.is_set():
            break
        producer.send(target, record.value)
    consumer.close()
    producer.close()


def _producer(bootstrap: str) -> Any:
    return KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=0)


def _consumer(bootstrap: str, topic: str) -> Any:
    return KafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest", group_id=None
    )
