"""What an importer returns, and what every file in ``producers/importers/`` must offer.

An importer is one plain module there:

- ``FORMAT``: its id, told in the report;
- ``fits(head, name)``: whether a file that begins with ``head`` (up to 4 KiB) and is called so is
  of this format; true of at most one module;
- ``read(data, name)``: the file as :class:`Imported`. It raises InvalidInput where the file is not
  what it says it is or is built to hurt; everything else is taken, and told in ``notes``.

No importer opens an address or a path that a document names.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, get_args

from schemas.body import Block, Gallery, Image, Video
from schemas.story import StoryFields

Fate = Literal["kept", "changed", "left_out"]
HEAD_BYTES = 4096
MOST_BLOCKS = 400


@dataclass(frozen=True)
class Note:
    """One line of the report: what became of something in the document."""

    fate: Fate
    text: str
    """Chinese first, English after `` / ``."""
    count: int = 1


@dataclass(frozen=True)
class Enclosed:
    """A picture that came inside the document."""

    ref: str
    name: str
    data: bytes


@dataclass(frozen=True)
class Imported:
    """A document as a draft of a story: nothing in it is checked against a plan or a channel."""

    format: str
    fields: dict[str, Any] = field(default_factory=dict)
    """Some of StoryFields, without body; ``headline`` may be missing."""
    body: tuple[Block, ...] = ()
    enclosed: tuple[Enclosed, ...] = ()
    wanted: tuple[str, ...] = ()
    """Names of files that the document speaks of and does not hold."""
    notes: tuple[Note, ...] = ()

    def story(self) -> dict[str, Any]:
        """As ``POST /v1/stories`` takes it; each enclosed picture is a file of the request."""
        shown = {b.media for b in self.body if isinstance(b, Image | Video)}
        shown |= {i.media for b in self.body if isinstance(b, Gallery) for i in b.images}
        files = [{"ref": e.ref, "file": e.name} for e in self.enclosed if e.ref in shown]
        told = {k: v for k, v in self.fields.items() if k in StoryFields.model_fields}
        body = [block.model_dump(mode="json", exclude_defaults=True) for block in self.body]
        for made, block in zip(body, self.body, strict=True):
            made["kind"] = block.kind
            made["key"] = block.key
        return {**told, "body": body, "media": files}


class Importer(Protocol):
    """A module in ``producers/importers/``."""

    FORMAT: str

    def fits(self, head: bytes, name: str) -> bool: ...
    def read(self, data: bytes, name: str) -> Imported: ...


class Notes:
    """Collects the report while a document is read; the same line again only counts."""

    def __init__(self) -> None:
        self._found: dict[tuple[Fate, str], int] = {}

    def add(self, fate: Fate, text: str, count: int = 1) -> None:
        if count:
            self._found[fate, text] = self._found.get((fate, text), 0) + count

    def all(self) -> tuple[Note, ...]:
        """Left out first: that is what somebody must look at."""
        order = {fate: rank for rank, fate in enumerate(reversed(get_args(Fate)))}
        ranked = sorted(self._found.items(), key=lambda item: order[item[0][0]])
        return tuple(Note(fate, text, count) for (fate, text), count in ranked)


def keyed(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """The blocks with keys of their own, b1, b2, …"""
    return tuple(b.model_copy(update={"key": f"b{n}"}) for n, b in enumerate(blocks, 1))
