"""A network between two parts that can be cut, slowed, reset, and made to lie.

One :class:`Link` is one listening port before one server. TCP links (Kafka) know ``cut``,
``silent`` (requests pass, answers do not: a cut in one direction), ``slow`` and ``reset``. HTTP
links (outlets, S3) read each request whole and know besides: ``lost`` (carried out, the answer is
thrown away), ``late`` (carried out N seconds later, although the caller has gone), ``error`` (an
answer of our own, not carried out), ``short`` (the answer breaks off) and ``wrong`` (a byte of the
answer's body is changed). What a link did is counted: a fault that struck nothing was none.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

HEAD_BYTES = 65_536
CHUNK = 65_536
UPSTREAM_S = 60.0


@dataclass
class Rule:
    """A fault of an HTTP link, for the next ``times`` requests that fit."""

    kind: str
    times: int
    path: str = ""
    """Only requests whose request line contains it."""
    method: str = ""
    seconds: float = 0.0
    status: int = 503


@dataclass
class Link:
    """One port before one server; changed from any thread."""

    name: str
    port: int
    target: int
    http: bool
    mode: str = "ok"
    """ok, cut, silent, slow."""
    delay_s: float = 0.0
    """For ``slow``: before each piece of data."""
    rules: list[Rule] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    """How often each kind of fault really struck."""
    open: set[asyncio.StreamWriter] = field(default_factory=set)


class Network:
    """All links of a run, served by one thread of their own."""

    def __init__(self, links: list[Link]) -> None:
        self.links = {link.name: link for link in links}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._servers: list[asyncio.Server] = []

    def start(self) -> None:
        """Listen on all ports; raises OSError where one is taken."""
        self._thread.start()
        for link in self.links.values():
            self._call(self._listen(link))

    def stop(self) -> None:
        """Close everything; callers see a reset."""
        if not self._thread.is_alive():
            self._loop.close()
            return
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for link in self.links.values():
            await _drop(link)
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def set(self, name: str, mode: str, delay_s: float = 0.0) -> None:
        """Change how a link carries; a cut ends what is open."""
        link = self.links[name]
        link.mode, link.delay_s = mode, delay_s
        if mode == "cut":
            self._call(_drop(link))

    def reset(self, name: str) -> int:
        """End every open connection with a TCP reset; how many there were."""
        link = self.links[name]
        ended: int = self._call(_drop(link))
        link.struck["reset"] += ended
        return ended

    def arm(self, name: str, rule: Rule) -> None:
        """The next requests that fit meet this rule."""
        self.links[name].rules.append(rule)

    def heal(self) -> None:
        """All links carry again; rules that met nothing yet are taken back."""
        for link in self.links.values():
            link.mode, link.delay_s = "ok", 0.0
            link.rules.clear()

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self, link: Link) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            link.open.add(writer)
            try:
                if link.mode == "cut":
                    link.struck["cut"] += 1
                    return
                await (_http if link.http else _tcp)(link, reader, writer)
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
                return
            finally:
                link.open.discard(writer)
                _abort(writer)

        server = await asyncio.start_server(serve, "127.0.0.1", link.port, limit=HEAD_BYTES)
        self._servers.append(server)


async def _drop(link: Link) -> int:
    writers = list(link.open)
    for writer in writers:
        with contextlib.suppress(OSError):
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        _abort(writer)
    return len(writers)


def _abort(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        if writer.can_write_eof() and not writer.transport.is_closing():
            writer.close()
        else:
            writer.transport.abort()


async def _tcp(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    up_reader, up_writer = await asyncio.open_connection("127.0.0.1", link.target)
    link.open.add(up_writer)
    ways = [
        asyncio.create_task(_pump(link, reader, up_writer, answers=False)),
        asyncio.create_task(_pump(link, up_reader, writer, answers=True)),
    ]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        link.open.discard(up_writer)
        _abort(up_writer)


async def _pump(
    link: Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool
) -> None:
    while data := await source.read(CHUNK):
        if link.mode == "cut":
            link.struck["cut"] += 1
            return
        if link.mode == "silent" and answers:
            link.struck["silent"] += 1
            continue
        if link.mode == "slow":
            link.struck["slow"] += 1
            await asyncio.sleep(link.delay_s)
        sink.write(data)
        await sink.drain()


async def _http(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        request = await _request(reader, writer)
        if request is None:
            return
        if link.mode == "cut":
            link.struck["cut"] += 1
            return
        if link.mode == "slow":
            link.struck["slow"] += 1
            await asyncio.sleep(link.delay_s)
        rule = _take(link, request)
        if rule is None:
            await _forward(link, request, writer)
        else:
            link.struck[rule.kind] += 1
            await _lie(link, rule, request, writer)
        return  # one request a connection: the answer says so


def _take(link: Link, request: bytes) -> Rule | None:
    line = request.split(b"\r\n", 1)[0].decode("latin-1")
    for rule in link.rules:
        if rule.times > 0 and rule.path in line and line.startswith(rule.method):
            rule.times -= 1
            return rule
    return None


async def _lie(link: Link, rule: Rule, request: bytes, writer: asyncio.StreamWriter) -> None:
    match rule.kind:
        case "lost":
            await _answer_of(link, request)
        case "late":
            await asyncio.sleep(rule.seconds)
            answer = await _answer_of(link, request)
            with contextlib.suppress(OSError):
                writer.write(answer)
                await writer.drain()
        case "error":
            body = b"<html><body>busy</body></html>"
            head = f"HTTP/1.1 {rule.status} Busy\r\nContent-Type: text/html\r\n"
            head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        case "short" | "wrong":
            answer = await _answer_of(link, request)
            head_end = answer.find(b"\r\n\r\n") + 4
            if rule.kind == "short":
                answer = answer[: head_end + (len(answer) - head_end) // 2]
            elif len(answer) > head_end:
                middle = head_end + (len(answer) - head_end) // 2
                changed = bytes([answer[middle] ^ 0x55])
                answer = answer[:middle] + changed + answer[middle + 1 :]
            writer.write(answer)
            await writer.drain()
        case _:
            raise ValueError(rule.kind)


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
    """One request, head and body, that asks the server to close after its answer."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lines = head[:-4].split(b"\r\n")
    fields = {}
    kept = [lines[0]]
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        fields[name.strip().lower()] = value.strip().lower()
        if name.strip().lower() not in {b"connection", b"expect"}:
            kept.append(line)
    if fields.get(b"expect") == b"100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
    body = b""
    if fields.get(b"transfer-encoding") == b"chunked":
        body = await _chunked(reader)
    elif size := int(fields.get(b"content-length", b"0")):
        body = await reader.readexactly(size)
    return b"\r\n".join([*kept, b"Connection: close"]) + b"\r\n\r\n" + body


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    pieces = []
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        piece = await reader.readexactly(size + 2)
        pieces += [line, piece]
        if size == 0:
            return b"".join(pieces)


async def _forward(link: Link, request: bytes, writer: asyncio.StreamWriter) -> None:
    up_reader, up_writer = await asyncio.open_connection("127.0.0.1", link.target)
    try:
        up_writer.write(request)
        await up_writer.drain()
        while data := await asyncio.wait_for(up_reader.read(CHUNK), UPSTREAM_S):
            writer.write(data)
            await writer.drain()
    finally:
        _abort(up_writer)


async def _answer_of(link: Link, request: bytes) -> bytes:
    """Carry the request out, whoever may be gone, and return the whole answer."""
    up_reader, up_writer = await asyncio.open_connection("127.0.0.1", link.target)
    try:
        up_writer.write(request)
        await up_writer.drain()
        return await asyncio.wait_for(up_reader.read(), UPSTREAM_S)
    finally:
        _abort(up_writer)
