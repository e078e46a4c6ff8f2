"""The outbox relay: the one sender of all records. Rows in, Kafka's place for each row out."""

import socket
import threading
import time
from contextlib import suppress
from typing import Any

import structlog
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from bus.topics import make_topics
from schemas.errors import PipelineError
from schemas.settings import Settings
from schemas.topics import channel_of, topics
from stores.ledger import outbox, untaken
from stores.ledger.postgres import Notices
from stores.ledger.transaction import Ledger

log = structlog.get_logger("relay")

SWEEP_S = 0.25
BATCH = 200
MARK_EVERY_S = 0.1
"""Not at once either: whoever was told by the record writes to the ledger just then."""
UNTAKEN_S = 60.0
"""Sent so long ago and read by nobody: sent once more."""

Place = tuple[int, int, int]
"""(outbox sequence, partition, offset)."""


class Relay:
    """Woken by a datagram after each commit (from other hosts by PostgreSQL's NOTIFY), sweeps
    every 250 ms. One in the whole centre."""

    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        self.ledger = ledger
        self.settings = settings
        self._stop = threading.Event()
        self._producer: KafkaProducer | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", settings.relay_port))
        self._socket.settimeout(SWEEP_S)
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._notices: Notices | None = None
        self._sent: dict[int, Place] = {}
        """Acknowledged by Kafka, not marked in the ledger yet."""
        self._marking = threading.Condition()
        self._marker = threading.Thread(target=self._mark, name="relay marks", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._marker.start()
        if self.ledger.shared:
            self._notices = Notices(self.ledger.address, self._wake)

    def stop(self) -> None:
        self._stop.set()
        if self._notices is not None:
            self._notices.close()
        self._thread.join(timeout=10)
        with self._marking:
            self._marking.notify()
        self._marker.join(timeout=5)
        self._socket.close()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and self._marker.is_alive()

    def _run(self) -> None:
        pause = 0.2
        checked = False
        pause_s = UNTAKEN_S
        look_at: float | None = time.monotonic() + pause_s
        while not self._stop.is_set():
            try:
                if not checked:
                    self._send_again_what_kafka_lost()
                    checked = True
                if look_at is not None and time.monotonic() >= look_at:
                    found = self._send_again_what_nobody_took()
                    pause_s *= 2  # a conductor that is far behind is not sent all each minute
                    look_at = time.monotonic() + pause_s if found else None
                if not self._send_batch():
                    self._wait()
                pause = 0.2
            except (KafkaError, PipelineError, OSError) as error:
                log.warning("relay.waiting", error=str(error), pause_s=pause)
                self._close_producer()
                self._stop.wait(pause)
                pause = min(pause * 2, 5.0)
        self._close_producer()

    def _wake(self) -> None:
        with suppress(OSError):  # being closed: then nobody sleeps here
            self._socket.sendto(b"1", self._socket.getsockname())

    def _wait(self) -> None:
        try:
            self._socket.recv(16)
        except TimeoutError:
            return
        self._socket.setblocking(False)
        try:
            while self._socket.recv(16):
                pass
        except BlockingIOError:
            pass
        finally:
            self._socket.settimeout(SWEEP_S)

    def _send_batch(self) -> bool:
        """True when there was something to send."""
        with self._marking:
            known = set(self._sent)
        with self.ledger.snapshot() as view:
            rows = outbox.unsent(view, BATCH + len(known))
        rows = [row for row in rows if row.seq not in known]
        if not rows:
            return False
        producer = self._open_producer()
        futures = [
            (
                row.seq,
                producer.send(
                    row.topic,
                    key=row.key.encode(),
                    value=row.value,
                    headers=list(row.headers),
                ),
            )
            for row in rows
        ]
        failed: KafkaError | None = None
        end = time.monotonic() + 30
        for seq, future in futures:
            try:
                found = future.get(timeout=max(0.1, end - time.monotonic()))
            except KafkaError as error:
                failed = error
                continue
            with self._marking:
                self._sent[seq] = (seq, found.partition, found.offset)
                self._marking.notify()
        if failed is not None:
            raise failed
        return True

    def _mark(self) -> None:
        """Write the places in batches beside the sending: the next row need not wait for it. What
        a crash leaves unmarked is sent again and recognised by its event id."""
        while not self._stop.is_set() or self._sent:
            with self._marking:
                if not self._sent and not self._marking.wait(1.0):
                    continue
            self._stop.wait(MARK_EVERY_S)
            with self._marking:
                places = list(self._sent.values())
            try:
                with self.ledger.transaction() as tx:
                    outbox.mark_sent(tx, places, at=self.ledger.now_ms())
            except PipelineError as error:
                log.warning("relay.marks_wait", error=str(error))
                if self._stop.wait(0.5):
                    return
                continue
            with self._marking:
                for seq, _, _ in places:
                    del self._sent[seq]

    def _send_again_what_kafka_lost(self) -> None:
        """Kafka acknowledges without fsync: after a power cut its log may end earlier than it
        said. Whatever lies at or past the end is sent once more; of a topic or partition that is
        no longer there, everything.

        Topics are made first where rows name one that Kafka does not have (a channel that left
        the channels file, a broker set up anew): a record without a topic would hold up the rest.
        """
        with self.ledger.snapshot() as view:
            sent = outbox.places(view)
            named = outbox.topics_named(view)
        channels = sorted(filter(None, map(channel_of, named)))
        wanted = [topic for topic in topics(channels) if topic.name in named]
        if wanted:
            make_topics(self.settings.kafka_bootstrap, wanted, patience_s=3.0)
        if not sent:
            return
        reader = KafkaConsumer(
            bootstrap_servers=self.settings.kafka_bootstrap, bootstrap_timeout_ms=3000
        )
        try:
            ends = log_ends(reader, sent)
        finally:
            reader.close()
        with self.ledger.transaction() as tx:
            lost = outbox.unsend_lost(tx, ends)
        if lost:
            log.warning("relay.sent_again", rows=lost)

    def _send_again_what_nobody_took(self) -> int:
        """A minute after the start, then later and later until nothing is found: what fell below an offset that
        a consumer had committed before a power cut shortened the log."""
        with self.ledger.transaction() as tx:
            before = self.ledger.now_ms() - round(UNTAKEN_S * 1000)
            found = untaken.unsend(tx, before=before)
        if found:
            log.warning("relay.sent_again_untaken", rows=found)
        return found

    def _open_producer(self) -> Any:
        if self._producer is None:
            self._producer = KafkaProducer(
                bootstrap_servers=self.settings.kafka_bootstrap,
                client_id="shoufa-relay",
                acks="all",
                linger_ms=0,
                delivery_timeout_ms=20_000,
                request_timeout_ms=10_000,
                max_block_ms=5_000,
                bootstrap_timeout_ms=3_000,
                compression_type="gzip",
            )
        return self._producer

    def _close_producer(self) -> None:
        if self._producer is not None:
            self._producer.close(timeout=2)
            self._producer = None


def log_ends(reader: Any, places: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """Where the log of each place ends; 0 for a topic or partition that Kafka does not have.

    Never asks Kafka for the end of what it does not have: such a question is not answered.
    """
    found = {
        topic: set(reader.partitions_for_topic(topic) or ()) for topic in {t for t, _ in places}
    }
    there = [TopicPartition(t, p) for t, p in places if p in found[t]]
    ends = reader.end_offsets(there) if there else {}
    return {(t, p): ends.get(TopicPartition(t, p), 0) for t, p in places}
