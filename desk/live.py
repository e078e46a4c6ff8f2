"""The live board's one fan-out: who is told of a change.

There is no queue of events. Each row remembers at which change it was last drawn, and each
reader has a cursor; a reader is sent the rows past its cursor. So a reader that was away or is
slow gets the newest state of what it missed, however long it was, and holds no memory here.
"""

import asyncio
import contextlib
import json
import re
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator

import structlog

from desk.screen import Screen, View

log = structlog.get_logger("board")

POLL_S = 0.3
HEARTBEAT_S = 15.0
READERS = 100
_CURSOR = re.compile(r"^([0-9a-f]{8})-(\d{1,12})$")


async def _for_ever() -> bool:
    return True


class Board:
    """The streams of one process over one :class:`Screen`; all in one event loop."""

    def __init__(
        self, screen: Screen, *, poll_s: float = POLL_S, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self.screen = screen
        self.closed = False
        self._poll_s = poll_s
        self._heartbeat_s = heartbeat_s
        self._boot = secrets.token_hex(4)
        self._readers = 0
        self._bell = asyncio.Event()
        self._fan_out: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def close(self) -> None:
        """End every stream, so that the server can stop. From any thread, more than once."""
        self.closed = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._ring)

    def cursor(self, view: View) -> str:
        return f"{self._boot}-{view.seq}"

    @contextlib.contextmanager
    def reader(self) -> Iterator[bool]:
        """Counts a reader in and out; the first one starts the fan-out. Yields False when there
        are too many, or the board is closed."""
        if self.closed or self._readers >= READERS:
            yield False
            return
        self._loop = asyncio.get_running_loop()
        self._readers += 1
        if self._fan_out is None or self._fan_out.done():
            self._fan_out = asyncio.create_task(self._watch())
        try:
            yield True
        finally:
            self._readers -= 1

    async def _watch(self) -> None:
        """Polls while anybody reads."""
        told: View | None = None
        while self._readers and not self.closed:
            try:
                await asyncio.to_thread(self.screen.read)
            except Exception:
                # one bad row must not leave every screen in the house standing still
                log.exception("board.read_failed")
                await asyncio.sleep(1.0)
            if self.screen.view is not told:  # whoever read it: a page looks too
                told = self.screen.view
                self._ring()
            await asyncio.sleep(self._poll_s)

    def _ring(self) -> None:
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()

    async def events(
        self, last_id: str, *, still: Callable[[], Awaitable[bool]] = _for_ever
    ) -> AsyncGenerator[bytes, None]:
        """Frames of one stream: a snapshot, or what changed since ``last_id``; then changes, as
        long as ``still`` says so."""
        view = await asyncio.to_thread(self.screen.read)
        seq = self._seq_of(last_id, view)
        yield b"retry: 2000\n\n"
        yield self._frame("snapshot" if seq is None else "rows", view, seq or 0)
        while not self.closed and await still():
            bell, seq = self._bell, view.seq
            if self.screen.view.seq > seq:
                view = self.screen.view
                yield self._frame("rows", view, seq)
                continue
            try:
                await asyncio.wait_for(bell.wait(), self._heartbeat_s)
            except TimeoutError:
                # the comment keeps proxies awake, the event tells the page that we are there
                yield f": beat\nevent: beat\ndata: {self.screen.ledger.now_ms()}\n\n".encode()

    def _seq_of(self, last_id: str, view: View) -> int | None:
        found = _CURSOR.match(last_id)
        if found is None or found[1] != self._boot or int(found[2]) > view.seq:
            return None
        return int(found[2])

    def _frame(self, event: str, view: View, after: int) -> bytes:
        told = {
            "now": self.screen.ledger.now_ms(),
            "layout": view.layout,
            "order": view.order,
            "counts": dict(view.counts),
            "reachable": view.reachable,
            "rows": {n: d.html for n, d in view.drawn.items() if d.seq > after},
        }
        data = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        return f"event: {event}\nid: {self.cursor(view)}\ndata: {data}\n\n".encode()
