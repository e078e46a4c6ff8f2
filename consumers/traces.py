"""Send traces to an OTLP collector (``SHOUFA_OTLP``), drawn from the ledger once a story rests.

Nothing on a story's way waits for it, and a collector that is away costs nothing but its traces.
https://opentelemetry.io/docs/specs/otlp/ (HTTP, JSON encoding)
"""

import threading
from collections.abc import Callable

import httpx
import structlog

from schemas.errors import PipelineError
from schemas.trace import otlp
from stores.ledger import board_view, publications, spans
from stores.ledger.transaction import Ledger

log = structlog.get_logger("traces")

EVERY_S = 5.0
MOST_WAITING = 1000
"""Stories whose traces may wait; of more, those that changed longest ago get none."""
_RESTING = frozenset({
    "live", "recalled", "superseded", "cancelled", "not_applicable", "refused",
    "removed_by_platform", "needs_person", "awaiting_person",
})  # fmt: skip
"""Nothing moves such a delivery on by itself."""


class TraceExporter:
    """One thread; ``turn()`` sends what came to rest since the turn before."""

    def __init__(
        self,
        ledger: Ledger,
        endpoint: str,
        *,
        post: Callable[..., httpx.Response] = httpx.post,
    ) -> None:
        self.ledger = ledger
        self.address = f"{endpoint.rstrip('/')}/v1/traces"
        self.post = post
        self._since = ledger.now_ms()
        self._waiting: dict[str, None] = {}
        """In the order in which they changed."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(6)

    def turn(self) -> int:
        """Traces sent. A story whose trace could not be sent is tried again at the next turn."""
        now = self.ledger.now_ms()
        with self.ledger.snapshot() as view:
            for story_id in board_view.changed_since(view, self._since):
                self._waiting.pop(story_id, None)
                self._waiting[story_id] = None
            for story_id in list(self._waiting)[:-MOST_WAITING]:
                del self._waiting[story_id]
            ready = [story_id for story_id in self._waiting if self._rests(view, story_id)]
        self._since = now
        sent = 0
        for story_id in ready:
            del self._waiting[story_id]  # one that cannot be drawn must not keep the others back
            try:
                self._send(story_id)
            except (httpx.HTTPError, PipelineError) as error:
                log.warning("traces.not_sent", error=type(error).__name__)
                self._waiting[story_id] = None
                break
            sent += 1
        return sent

    def _send(self, story_id: str) -> None:
        with self.ledger.snapshot() as view:
            found = spans.of_story(view, story_id)[1]
        body = otlp(story_id, found, {"service.name": "shoufa"})
        self.post(self.address, json=body, timeout=5.0, trust_env=False).raise_for_status()

    @staticmethod
    def _rests(view: object, story_id: str) -> bool:
        rows = publications.of_story(view, story_id)  # type: ignore[arg-type]
        return bool(rows) and all(row.state in _RESTING for row in rows)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.turn()
            except PipelineError as error:
                log.warning("traces.ledger_away", error=str(error))
            except Exception:
                log.exception("traces.failed")  # the next turn goes on with the next story
