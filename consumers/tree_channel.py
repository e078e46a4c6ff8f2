"""What the channels of our own static trees (site, app feed) do alike, once rendered."""

from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from consumers.static_tree import Tree
from consumers.story_facts import draft_of
from schemas.channel import Absent, Accepted, Attempt, Capabilities, Live, Recalled, Refused
from schemas.receipt import Receipt

capabilities = Capabilities(
    update=True, recall="yes", absent_is_sure=True, asynchronous=True, by_marker=True
)


@dataclass
class Account:
    tree: Tree

    def tend(self) -> None:
        """Index pages and feeds, once the receipt is written."""
        self.tree.tend()

    def close(self) -> None:
        self.tree.client.close()


def submit(account: Account, payload: Any, attempt: Attempt) -> Live | Accepted | Refused:
    """A PUT by story, release and version: repeating it is harmless.

    Accepted while the public address does not show it yet: it stands, so that a withdrawal must
    find it, and a TransientError would say that it does not. ``payload`` has ``facts``.
    """
    return account.tree.publish(draft_of(payload, payload.facts), attempt)


def confirm(
    account: Account, _payload: Any, _handle: dict[str, JsonValue], attempt: Attempt
) -> Live | Accepted | Refused:
    """Read back again; Refused when somebody took it away meanwhile."""
    return account.tree.confirm(attempt)


def update(
    account: Account, payload: Any, _receipt: Receipt, attempt: Attempt
) -> Live | Accepted | Refused:
    """The same PUT; an older version never replaces a newer one."""
    return account.tree.publish(draft_of(payload, payload.facts), attempt)


def find(account: Account, _payload: Any, attempt: Attempt) -> Live | Accepted | Absent:
    """Conclusive: the folder is ours, and the page is read through the public address."""
    return account.tree.find(attempt)


def recall(account: Account, _receipt: Receipt, reason: str, attempt: Attempt) -> Recalled:
    """410 with a tombstone; media that no other story uses are deleted. The reason stays inside."""
    return account.tree.withdraw(reason, attempt)
