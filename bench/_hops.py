"""Where the time of one release goes: what the ledger and the topics wrote down on its way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from sqlalchemy import select

from bench._stack import Stack
from schemas.topics import STORY_EVENTS, release_orders
from stores.ledger.tables import attempts, outbox, publications, seen, signatures
from stores.ledger.transaction import open_ledger

HOPS = (
    ("request to API transaction", "requested", "signed"),
    ("API commit to Kafka", "signed", "event"),
    ("Kafka to conductor", "event", "decided"),
    ("conductor commit to Kafka", "decided", "order"),
    ("conductor to claim", "decided", "claimed"),
    ("claim to receipt", "claimed", "received"),
)
"""Name, from, to. The order on Kafka and the claim run beside each other: the conductor rings."""

Clocks = dict[str, float]
"""Moment → wall clock in milliseconds."""


@dataclass(frozen=True)
class Release:
    """One release: when its last signature was asked for, and its story."""

    story: str
    requested_ms: float


def hops(stack: Stack, releases: list[Release], quantile: Callable[..., float]) -> dict[str, float]:
    """Hop → median milliseconds over all releases (the first outlet's claim and receipt)."""
    sent = _times_on_kafka(stack)
    ledger = open_ledger(stack.settings.ledger_url)
    try:
        with ledger.snapshot() as view:
            clocks = [_clocks(view, release, sent) for release in releases]
    finally:
        ledger.close()
    return {
        name: quantile([c[end] - c[start] for c in clocks if {start, end} <= c.keys()], 0.5)
        for name, start, end in HOPS
    }


def _clocks(view: Any, release: Release, sent: dict[str, float]) -> Clocks:
    story = release.story
    signed = view.execute(
        select(signatures.c.at).where(signatures.c.story_id == story, signatures.c.level == 3)
    ).scalar_one()
    last_event = view.execute(
        select(outbox.c.event_id).where(
            outbox.c.key == story,
            outbox.c.type == "cn.shoufa.story.signed.v1",
            outbox.c.created_at == signed,
        )
    ).scalar_one()
    decided = view.execute(select(seen.c.at).where(seen.c.event_id == last_event)).scalar_one()
    first = view.execute(
        select(publications.c.channel, publications.c.received_at)
        .where(publications.c.story_id == story)
        .order_by(publications.c.received_at)
    ).first()
    claimed = view.execute(
        select(attempts.c.started_at).where(
            attempts.c.story_id == story, attempts.c.channel == first.channel
        )
    ).scalar_one()
    order = view.execute(
        select(outbox.c.event_id).where(
            outbox.c.key == story, outbox.c.topic == release_orders(first.channel)
        )
    ).scalar_one()
    return {
        "requested": release.requested_ms,
        "signed": float(signed),
        "event": sent[last_event],
        "decided": float(decided),
        "order": sent[order],
        "claimed": float(claimed),
        "received": float(first.received_at),
    }


def _times_on_kafka(stack: Stack) -> dict[str, float]:
    """Event id → when the relay handed it to Kafka (ms)."""
    consumer = KafkaConsumer(bootstrap_servers=stack.settings.kafka_bootstrap, group_id=None)
    wanted = [STORY_EVENTS, release_orders("web"), release_orders("app")]
    places = [TopicPartition(t, p) for t in wanted for p in consumer.partitions_for_topic(t)]
    consumer.assign(places)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(places)
    found = {}
    while any(consumer.position(place) < end for place, end in ends.items()):
        for records in consumer.poll(timeout_ms=500).values():
            for record in records:
                identity = dict(record.headers)["ce_id"].decode()
                found[identity] = float(record.timestamp)
    consumer.close()
    return found
