"""``/metrics``: made once a cycle, served as it is. A scrape never waits for Kafka or the ledger."""

import gzip
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from consumers import lag_metrics, story_metrics
from consumers.story_figures import StoryFigures
from schemas.errors import PipelineError
from schemas.lag import LagSnapshot
from stores.ledger import probes

log = structlog.get_logger("metrics")

CONTENT_TYPE = CONTENT_TYPE_LATEST
_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")


@dataclass(frozen=True, slots=True)
class Exposition:
    """What one scrape is answered with: the text, and the same packed with gzip."""

    text: bytes = b""
    packed: bytes = b""

    def answer(self, accepted: str) -> tuple[bytes, dict[str, str]]:
        """Body and headers for a client that takes the encodings ``accepted`` (the request's
        Accept-Encoding). Prometheus takes gzip: ten thousand partitions are seven megabytes of
        text and a third of one packed, which costs hardly more than the text's copy."""
        headers = {"Content-Type": CONTENT_TYPE, "Vary": "Accept-Encoding"}
        if _GZIP.search(accepted.lower()):
            return self.packed, headers | {"Content-Encoding": "gzip"}
        return self.text, headers


class Metrics(Collector):
    """Refreshes the story figures every ``cycle_s`` and keeps the text; ``text()`` from any
    thread. ``each`` is told of every fresh pair of figures (the alarms rest on it)."""

    def __init__(
        self,
        stories: StoryFigures,
        lag: Callable[[], LagSnapshot],
        *,
        cycle_s: float = 5.0,
        probe_every_s: float = 0.0,
        each: Callable[[], None] = lambda: None,
    ) -> None:
        self.stories = stories
        self.lag = lag
        self.each = each
        self._cycle_s = cycle_s
        self._probe_every_s = probe_every_s
        self._registry = CollectorRegistry()
        self._registry.register(self)
        for own in (ProcessCollector, PlatformCollector, GCCollector):
            own(registry=self._registry)
        self._told = Exposition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def text(self) -> bytes:
        """The exposition text of the last cycle; its figures carry their own time."""
        return self._told.text

    def answer(self, accepted: str = "") -> tuple[bytes, dict[str, str]]:
        """Body and headers of a scrape."""
        return self._told.answer(accepted)

    def collect(self) -> Iterator[Metric]:
        yield from lag_metrics.families(self.lag())
        yield from story_metrics.families(self.stories.figures, self.stories.specs)
        yield from story_metrics.probe_families(self.stories.probes)

    def refresh(self) -> None:
        """One cycle. A ledger that is away leaves the figures, whose age then grows."""
        try:
            self.stories.refresh()
            self._probe()
        except PipelineError as error:
            log.warning("metrics.ledger_away", error=str(error))
        text = generate_latest(self._registry)
        self._told = Exposition(text, gzip.compress(text, compresslevel=1, mtime=0))
        self.each()

    def _probe(self) -> None:
        if not self._probe_every_s:
            return
        ledger = self.stories.ledger
        with ledger.snapshot() as view:
            due = probes.is_due(view, every_s=self._probe_every_s, at=ledger.now_ms())
        if due:
            with ledger.transaction() as tx:
                probes.send_if_due(
                    tx, self.stories.specs, every_s=self._probe_every_s, at=ledger.now_ms()
                )

    def _run(self) -> None:
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                self.refresh()
            except Exception:
                log.exception("metrics.failed")  # the next cycle tries again
            self._stop.wait(max(0.2, self._cycle_s - (time.monotonic() - began)))
