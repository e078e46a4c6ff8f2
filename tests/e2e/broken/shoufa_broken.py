"""Builds that are broken on purpose: what the black box must see. Loaded by the injected module of
a faults run when a test asks for it, in the processes of that run alone."""

from collections.abc import Callable
from typing import Any


def recalled_unseen(wechat: Any) -> None:
    """A withdrawal is reported as done without a call."""
    from schemas.channel import Recalled

    wechat.recall = lambda *_args: Recalled("broken on purpose")


def no_intent(publications: Any) -> None:
    """Nothing is written down before the call."""
    publications.begin_attempt = lambda *_args, **_named: None


BUILDS: dict[str, tuple[str, Callable[[Any], None]]] = {
    "recalled_unseen": ("consumers.channels.wechat", recalled_unseen),
    "no_intent": ("stores.ledger.publications", no_intent),
}
"""Name → module and how it is broken once it is loaded."""
