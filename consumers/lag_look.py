"""What one look at the brokers found, as plain values: the reader fills it, the fold takes it."""

from dataclasses import dataclass, field
from typing import Any

Place = tuple[str, int]
"""(topic, partition)."""


@dataclass(frozen=True, slots=True)
class GroupSeen:
    """One group as its coordinator describes it."""

    state: str
    kind: str
    """Protocol type: ``consumer`` for one with members, empty for one that only commits."""
    members: int | None
    owned: frozenset[Place] | None
    """None when members cannot be told."""
    commits: dict[Place, int]
    error: str = ""


@dataclass(slots=True)
class Look:
    """One look at the brokers."""

    at: float = 0.0
    """Monotonic seconds when the ends were asked for."""
    wall_ms: int = 0
    groups: dict[str, GroupSeen] = field(default_factory=dict)
    topics: dict[str, Any] = field(default_factory=dict)
    """Topic → its id (None before Kafka 2.8), of topics that could be described."""
    partitions: dict[str, list[int]] = field(default_factory=dict)
    leaders: dict[Place, int] = field(default_factory=dict)
    ends: dict[Place, int] = field(default_factory=dict)
    starts: dict[Place, int] = field(default_factory=dict)
    requests: int = 0
    failed: str = ""
    """Which broker did not list its groups: a group that is missing may be there."""
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class First:
    """``offset`` of the first record at or after the one asked for; the end of the log as it was
    where none is left (then ``timestamp_ms`` is None and ``none_left`` True)."""

    offset: int
    timestamp_ms: int | None
    none_left: bool = False
