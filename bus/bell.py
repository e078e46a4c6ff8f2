"""A bell: wakes one sleeping thread of this host, from any of its processes.

A datagram socket of the Linux abstract namespace, named by the ledger and the topic whose orders
its owner works on. Whoever commits an order rings it (``stores.ledger.transaction``), so that the
owner looks into the ledger while the order is still on its way through Kafka. A ring that is lost
costs nothing but that time: the order itself rings again.
"""

import socket
from contextlib import suppress

from stores.ledger.transaction import Ledger, bell_name


class Bell:
    """One owner waits; anybody rings."""

    def __init__(self, ledger: Ledger, topic: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.bind(bell_name(ledger.address, topic))
        except OSError:  # an owner who is about to end still holds the name
            self._socket.bind("")  # the system finds one; the orders ring it
        self._name = self._socket.getsockname()
        self._ringer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ringer.setblocking(False)

    def ring(self) -> None:
        with suppress(OSError):  # full of rings already, or closed
            self._ringer.sendto(b"1", self._name)

    def wait(self, seconds: float) -> None:
        """Until the next ring, ``seconds`` at most; several rings count as one."""
        self._socket.settimeout(seconds)
        with suppress(TimeoutError):
            self._socket.recv(8)
            self._socket.setblocking(False)
            with suppress(BlockingIOError):
                while self._socket.recv(8):
                    pass

    def close(self) -> None:
        self._socket.close()
        self._ringer.close()
