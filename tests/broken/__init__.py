"""Builds that are broken on purpose, to show that the simulation would see it.

``SHOUFA_BROKEN=<name>`` is read by ``python -m tests.simulation`` alone; ``./run`` and
``shoufa.py`` refuse to start while it is set. Nothing in the product knows of any of this: a break
replaces functions of the loaded modules, and puts them back.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SWITCH = "SHOUFA_BROKEN"

Patch = Callable[[Any, str, Any], None]
"""(owner, attribute, instead)."""
Break = Callable[[Patch], None]


def breaks() -> dict[str, Break]:
    """All of them by name."""
    from tests.broken import decisions, owners, requests, transport

    found: dict[str, Break] = {}
    for module in (requests, owners, decisions, transport):
        found |= module.BREAKS
    return found


@contextmanager
def broken(name: str | None) -> Iterator[None]:
    """The product broken in that way while it lasts; None: as it is."""
    kept: list[tuple[Any, str, Any]] = []

    def patch(owner: Any, attribute: str, instead: Any) -> None:
        kept.append((owner, attribute, getattr(owner, attribute)))
        setattr(owner, attribute, instead)

    try:
        if name is not None:
            breaks()[name](patch)
        yield
    finally:
        for owner, attribute, real in reversed(kept):
            setattr(owner, attribute, real)


def asked_for() -> str | None:
    """The break named by the environment; raises KeyError for one that there is not."""
    name = os.environ.get(SWITCH) or None
    if name is not None:
        breaks()[name]
    return name
