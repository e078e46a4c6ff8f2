"""Blocks of ports for tests that start a stack."""

import socket
from collections.abc import Iterable


def free_block(bases: Iterable[int], *offsets: range) -> int:
    """The first of ``bases`` at which every port of the offsets is free now."""
    for base in bases:
        probes = []
        try:
            for offset in (number for part in offsets for number in part):
                probe = socket.socket()
                probes.append(probe)
                probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
        return base
    raise AssertionError("no free block of ports")
