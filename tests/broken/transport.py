"""Breaks between the ledger and Kafka, both ways."""

from typing import Any

import bus.dead_letters
import streams.app
import streams.conductor
from bus.relay import Relay
from producers import filing
from schemas.errors import Unavailable
from stores.ledger import outbox, publications, untaken
from tests.broken import Break, Patch


def offset_before_ledger(patch: Patch) -> None:
    """An order's offset is committed before its row is in a lasting state."""
    patch(publications, "lasting", lambda _tx, places: set(places))


def acknowledged_unwritten(patch: Patch) -> None:
    """An event counts as taken although the ledger was away."""
    real = streams.app._take

    async def take(ledger: Any, call: Any, consumer: str, event: Any) -> None:
        def once(*arguments: Any) -> None:
            try:
                call(*arguments)
            except Unavailable:
                return

        await real(ledger, once, consumer, event)

    patch(streams.app, "_take", take)


def marked_before_sent(patch: Patch) -> None:
    """An outbox row is marked before Kafka has acknowledged it."""

    def send_batch(self: Any) -> bool:
        with self.ledger.transaction() as tx:
            rows = outbox.unsent(tx, 200)
            outbox.mark_sent(tx, [(row.seq, 0, 0) for row in rows], at=self.ledger.now_ms())
        producer = self._open_producer()
        for row in rows:
            producer.send(
                row.topic, key=row.key.encode(), value=row.value, headers=list(row.headers)
            ).get(timeout=10)
        return bool(rows)

    patch(Relay, "_send_batch", send_batch)


def lost_tail_ignored(patch: Patch) -> None:
    """What Kafka acknowledged is believed to be there after a power cut."""
    patch(Relay, "_send_again_what_kafka_lost", lambda _relay: None)


def untaken_ignored(patch: Patch) -> None:
    """Whatever Kafka has is believed to be read by somebody."""
    patch(untaken, "unsend", lambda *_, **__: 0)


def dedupe_off(patch: Patch) -> None:
    """What is sent twice is taken twice."""
    patch(filing, "_before", lambda *_: None)
    patch(filing, "_remember", lambda *_: None)
    patch(streams.conductor, "is_known", lambda *_: False)


def poison_skipped(patch: Patch) -> None:
    """What cannot be read is passed over."""
    patch(streams.conductor, "bury_alone", lambda *_, **__: None)
    patch(bus.orders, "bury_alone", lambda *_, **__: None)


BREAKS: dict[str, Break] = {
    "offset-before-ledger": offset_before_ledger,
    "acknowledged-unwritten": acknowledged_unwritten,
    "marked-before-sent": marked_before_sent,
    "lost-tail-ignored": lost_tail_ignored,
    "untaken-ignored": untaken_ignored,
    "dedupe-off": dedupe_off,
    "poison-skipped": poison_skipped,
}
