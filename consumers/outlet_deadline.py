"""One deadline over all of a request: httpx limits each single read and write, not their sum.

A network backend below httpx's connection pool looks at the deadline before each connect, TLS
handshake, write (in slices) and read. What has not left when the time is over does not leave.
"""

import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

_KEEPALIVE_S = 2.0  # below every server's own limit, so that no request meets a closing connection
_SLICE_BYTES = 64 * 1024


@dataclass
class Deadline:
    """``time.monotonic()`` at which the request under way must have ended; set before each."""

    at: float = 0.0

    def left(self, timeout: float | None, late: type[httpcore.TimeoutException]) -> float:
        left = self.at - time.monotonic()
        if left <= 0:
            raise late("the deadline of the request has passed")
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        for start in range(0, len(buffer), _SLICE_BYTES):
            left = self._deadline.left(timeout, httpcore.WriteTimeout)
            self._stream.write(bytes(view[start : start + _SLICE_BYTES]), left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        stream = self._plain.connect_tcp(host, port, left, local_address, socket_options)
        return _Stream(stream, self._deadline)

    def sleep(self, seconds: float) -> None:
        self._plain.sleep(seconds)


class _Transport(httpx.HTTPTransport):
    def __init__(self, deadline: Deadline, context: ssl.SSLContext | None) -> None:
        # without TLS there is nothing to verify: the pool below gets no context at all
        super().__init__(verify=context or False, trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=2,
            keepalive_expiry=_KEEPALIVE_S,
            network_backend=_Backend(deadline),
        )


def deadline_transport(deadline: Deadline, *, tls: bool) -> httpx.BaseTransport:
    """A transport for one thread that ends every request by ``deadline.at``.

    Without ``tls`` it is for plain http alone.
    """
    return _Transport(deadline, httpx.create_ssl_context() if tls else None)
