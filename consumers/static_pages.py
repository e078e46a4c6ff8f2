"""What an outlet brings to its static tree: its pages, and what shall stand at an address."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import JsonValue

from consumers.static_live import LiveRecords
from consumers.static_records import Record


class Pages(Protocol):
    """What an outlet shows: pure functions from payloads and records to bytes."""

    def look(self) -> str:
        """Changes when pages made by an earlier build or configuration must be made again."""
        ...

    def path(self, number: int, /) -> str:
        """Of the story page, below the root."""
        ...

    def names(self, record: Record, /) -> set[str]:
        """Under which names the outlet lists a live record."""
        ...

    def fixed(self) -> dict[str, bytes]:
        """Files that no story changes: style, scripts, the page for a wrong address."""
        ...

    def story(self, payload: Any, record: Record, addresses: Mapping[str, str], /) -> bytes:
        """The story page; ``addresses``: placeholder → path below the root."""
        ...

    def tombstone(self, record: Record, /) -> bytes:
        """Says that something was withdrawn; holds nothing of it."""
        ...

    def indexes(
        self, live: LiveRecords, touched: Sequence[Record] | None, now: datetime, /
    ) -> Iterable[dict[str, bytes]]:
        """Groups of files in the order of writing, feeds last. ``touched`` are records that came, changed or went; None makes every page."""
        ...


@dataclass(frozen=True)
class Draft:
    """What a channel wants to stand at a story's address."""

    payload: Any
    placeholders: tuple[str, ...]
    correction: str
    card: Callable[[Mapping[str, str]], dict[str, JsonValue]]
    """The card, given what lies behind each placeholder: a path below the root."""
