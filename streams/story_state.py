"""What the conductor decides about, and what it can decide: one story's state, and the decisions.

Pure data; ``streams.decide`` holds the rules, ``streams.conductor`` loads the one and carries out
the other.
"""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from schemas.codec import Message
from schemas.rendition import RecipeName

UNSENT = frozenset({"planned", "held", "gated", "ready"})
"""Nothing was ever asked of the outlet for this release; the conductor's to change."""
REPLACEABLE = UNSENT | {"retry_wait", "refused"}
"""Surely not at the outlet and no request open: a newer version may take the place."""

GONE = frozenset({"recalled", "superseded", "cancelled", "removed_by_platform", "not_applicable"})
"""Nothing of the release stands at the outlet, and nothing will."""


@dataclass(frozen=True)
class ChannelRule:
    """What the decisions need to know of a channel."""

    id: str
    wave: int
    active: bool
    applies_to: Literal["all", "video"]
    can_update: bool
    contact: str
    cut_off: str | None = None


@dataclass(frozen=True)
class Copy:
    sha256: str | None
    refused: str
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Publication:
    """A row of publications as far as decisions go."""

    channel: str
    release: int
    wave: int
    state: str
    verb: str
    version: int
    copy_sha256: str | None
    live_version: int | None
    gate: str
    reason: str
    epoch: int
    open_attempt: bool
    was_live: bool
    awaited: bool = False
    """The outlet took the last request and has not told yet what became of it."""
    address: str = ""
    """Of the item, or its id where the outlet has none: what a person must look for."""
    given_up: int | None = None
    """The version whose correction a person gave up: the older item stays."""


@dataclass(frozen=True)
class StoryState:
    """One story as the ledger holds it."""

    id: UUID
    urgency: int
    version: int
    """Newest version filed."""
    version_state: str
    has_video: bool
    approved_version: int | None
    missing_levels: tuple[int, ...]
    """Sign-offs still missing for the newest version."""
    released_at: int | None
    release_not_before: int | None
    """The later of embargo and planned release (ms)."""
    withdrawn_reason: str | None
    held_reason: str | None
    channels: tuple[str, ...]
    waves: dict[str, int]
    gate_rule: Literal["any", "all"]
    fallback_s: dict[int, int]
    opened_waves: dict[int, str]
    copies: dict[int, dict[str, Copy]]
    """Version → channel → copy; only the newest and the approved version."""
    renditions: dict[str, tuple[str, str]]
    """Placeholder → (state, reason) for what exists."""
    publications: tuple[Publication, ...] = ()
    orphans: tuple[Publication, ...] = ()
    """Of channels that left the channels file: nobody can call these outlets any more."""
    restored_at: int | None = None
    """When the ledger was last restored (ms), where the story was filed before: what looks unsent
    may have been sent by the ledger that was lost."""
    doubtful: bool = False
    """Held by that restore: its record was not whole."""


@dataclass(frozen=True)
class PutPublication:
    publication: Publication


@dataclass(frozen=True)
class ChangePublication:
    channel: str
    release: int
    changes: dict[str, Any]


@dataclass(frozen=True)
class Send:
    """Append to the outbox."""

    message: Message


@dataclass(frozen=True)
class ChangeStory:
    changes: dict[str, Any]


@dataclass(frozen=True)
class NeedRendition:
    source_sha256: str
    recipe: RecipeName
    wave: int


@dataclass(frozen=True)
class Wake:
    """Ring the conductor for this story at ``due_at`` (ms)."""

    due_at: int
    kind: Literal["release", "fallback"]
    key: str = ""


Decision = PutPublication | ChangePublication | Send | ChangeStory | NeedRendition | Wake
