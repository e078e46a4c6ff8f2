"""What a channel hands to the conformance suite: a case.

A channel ``consumers/channels/<name>.py`` has a case ``tests/conformance/case_<name>.py`` with one
function::

    @contextmanager
    def open_world(folder: Path) -> Iterator[World]: ...

which sets up a working outside (a folder, a simulator in this process or on a loopback port 0),
yields a :class:`World` over it and takes it down again. The suite opens one world for each test;
it does everything else itself: renders, fills placeholders, makes attempts, crashes, recovers,
counts. A case holds no assertions and knows nothing of the order of the tests.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from schemas.channel import Attempt, Channel, ChannelSpec
from schemas.rendition import RecipeName
from schemas.story import Story
from tests.fakes import FakeMedia

Fault = Literal["lost_answer", "refused", "transient", "removed"]
"""``lost_answer``: the next creating call is carried out, and its answer never arrives.
``refused``: the outlet says a definite no to the next item (at once or after its review).
``transient``: the next creating call is surely not carried out (outlet away or busy).
``removed``: takes effect at once: what stands at the outlet was deleted there by somebody else.
Each but the last holds for one call; the call after it works again."""


@dataclass(frozen=True)
class Item:
    """One item that the outlet ever took, as the outlet itself knows it."""

    id: str
    """The same as ``Receipt.item_id``."""
    live: bool
    """A reader can see it now (a folder: the delivery stands there complete)."""
    text: str
    """Everything that a reader of it sees now: headline, text, notices; entities resolved or not."""


@dataclass
class World:
    """A channel with a working outside. Optional members have a default that suits most."""

    module: Channel
    spec: ChannelSpec
    """Validated; short deadlines, ``settle_s`` 0, so that nothing waits."""
    story: Story
    """Version 1 of a story that this outlet carries (``tests.fakes.text_story``, ``video_story``)."""
    connect: Callable[[], Any]
    """A fresh account, as a process started anew opens it: over the same state folder."""
    items: Callable[[Attempt], list[Item]]
    """All items ever created at the outlet for the release of this attempt, deleted ones
    included. Asked of the outside itself, never through the channel."""
    media: FakeMedia
    faults: frozenset[Fault] = frozenset()
    """Those that this outlet can have."""
    inject: Callable[[Fault], None] = lambda _fault: None
    settle: Callable[[], None] = lambda: None
    """Let the outlet do what it does by itself in time: finish a review, acknowledge a file."""
    rendition: Callable[[RecipeName], list[tuple[str, bytes, str]] | None] = lambda _recipe: None
    """Files (name, bytes, content type; entry first) where the suite's own small ones do not
    satisfy the outlet; None takes the suite's."""
    carries_body: bool = True
    """False where the outlet shows headline and lead alone, by its nature (short video)."""


class Case(Protocol):
    """The module ``tests/conformance/case_<name>.py``; ``open_world`` is a context manager."""

    @property
    def open_world(self) -> Callable[[Path], Any]: ...
