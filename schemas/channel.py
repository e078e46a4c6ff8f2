"""The contract between the publisher and an outlet: a channel is one plain module.

A module in ``consumers/channels/`` is a channel when it has, at module level, what
:class:`Channel` names. ``render`` is pure; everything else may call the outlet. A channel
raises :class:`~schemas.errors.TransientError` (surely not carried out, may work later) or
:class:`~schemas.errors.UnknownOutcome` (may have been carried out); a definite refusal is
*returned*, never raised.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from schemas.body import Family
from schemas.errors import TransientError
from schemas.receipt import Receipt
from schemas.story import Story
from schemas.text import ChannelId


class ChannelSpec(BaseModel):
    """What every entry of the channels file says; a channel's ``Spec`` adds its own fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: ChannelId
    module: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str = Field(min_length=1, max_length=40)
    """Chinese name that the board shows."""
    family: Family
    wave: int = Field(ge=1, le=9)
    active: bool = True
    applies_to: Literal["all", "video"] = "all"
    """``video``: stories without a clip are not applicable."""
    contact: str = "值班编辑"
    """Who acts where a person must."""
    hosts: tuple[str, ...] = ()
    """Where the outlet's items appear, as ``host``, ``host:port`` or an address: a receipt typed in
    by hand must lie there. Empty: at ``public_url``; an outlet with neither has no addresses."""
    call_deadline_s: float = Field(default=60.0, gt=0, le=3600)
    """A submit, update or recall with all its calls ends within this."""
    settle_s: float = Field(default=5.0, ge=0, le=3600)
    """After a lost answer, wait this long past the deadline before asking the outlet."""
    poll_s: tuple[float, ...] = Field(default=(2.0, 3.0, 5.0, 10.0, 30.0, 60.0), min_length=1)
    """Seconds between status queries of an accepted item; the last one repeats."""
    confirm_within_s: float = Field(default=3600.0, gt=0)
    """An item still not live this long after it was accepted needs a person."""
    late_after_s: float = Field(default=600.0, gt=0)
    """A delivery that was ordered this long ago and has no receipt is late; half of it is slow."""
    retry_s: tuple[float, ...] = Field(default=(2.0, 5.0, 15.0, 60.0, 300.0), min_length=1)
    """Seconds before each retry of a transient failure; the last one repeats."""
    quota: dict[str, int] = Field(default_factory=dict)
    """Calls allowed in a Beijing day by the channel's own verb names."""
    recall_reserve: dict[str, int] = Field(default_factory=dict)
    """Of ``quota``, what nothing but a recall may spend."""


@dataclass(frozen=True)
class Capabilities:
    """What an outlet can do and what its answers prove."""

    update: bool
    """False: a correction is a recall and a new release."""
    recall: Literal["yes", "notice", "no"]
    """``notice``: the outlet's people are told and take it out themselves."""
    absent_is_sure: bool
    """``find`` may answer :class:`Absent`: the outlet's lists are conclusive."""
    asynchronous: bool
    """``submit`` may answer :class:`Accepted`."""
    by_marker: bool = False
    """``update`` and ``recall`` find the item by story and release, so that a receipt typed in by
    hand will do. False: they rest on the platform's own id, and what a person typed in, a person
    takes down, since a mistyped id looks like an item that is gone."""


@dataclass(frozen=True)
class MediaFile:
    """A rendition's file on local disk, SHA-256 checked."""

    path: Path
    name: str
    sha256: str
    size_bytes: int
    content_type: str


class Media(Protocol):
    """Fetches what a placeholder stands for, into a folder private to the attempt."""

    def files(self, placeholder: str) -> list[MediaFile]:
        """All files, the entry file first; raises TransientError when S3 is away."""
        ...


@dataclass(frozen=True)
class Attempt:
    """One claimed attempt at an outlet. No request may leave after ``monotonic_end``."""

    id: UUID
    story_id: UUID
    number: int
    """The story's short number."""
    channel: str
    release: int
    version: int
    headline: str
    payload_sha256: str
    marker: str
    """Computed from (story, channel, release): the same for each attempt of one release."""
    monotonic_end: float
    """``time.monotonic()`` at which everything must have ended (``sent_before``)."""
    media: Media
    checkpoints: dict[str, JsonValue] = field(default_factory=dict)
    """What earlier attempts of this release recorded."""
    checkpoint: Callable[[str, JsonValue], None] = lambda _name, _value: None
    """Durable before it returns; call it before the next request rests on the value."""
    spend: Callable[[str], None] = lambda _verb: None
    """Counts one call against today's quota; raises TransientError when it is used up."""

    def remaining_s(self) -> float:
        """Seconds left for a request and its answer; raises TransientError when there are none."""
        left = self.monotonic_end - time.monotonic()
        if left <= 0.05:
            raise TransientError("time for this attempt is over before the request left")
        return left


@dataclass(frozen=True)
class Live:
    """The item is public (or stands in the outlet's hands, acknowledged)."""

    receipt: Receipt


@dataclass(frozen=True)
class Accepted:
    """The outlet took it and is still working; ``confirm`` will tell."""

    handle: dict[str, JsonValue]
    reason: str


@dataclass(frozen=True)
class AwaitingPerson:
    """The hand-off package is ready; a person brings it in and types the receipt."""

    package: str
    reason: str


@dataclass(frozen=True)
class Refused:
    """Definite; not retried. ``reason`` is for the editor, Chinese first."""

    reason: str
    code: str = ""
    field: str = ""


@dataclass(frozen=True)
class Absent:
    """Surely not there: it may be sent again."""


@dataclass(frozen=True)
class CannotTell:
    """The outlet's answer proves nothing; a person must look."""

    reason: str


@dataclass(frozen=True)
class Recalled:
    """No longer public, read back. ``reason`` says what stands there now."""

    reason: str


@dataclass(frozen=True)
class CannotRecall:
    """The outlet offers no way: who must be called."""

    who: str
    reason: str


@dataclass(frozen=True)
class Outside:
    """What a channel gets from its publisher to reach the outside."""

    state_dir: Path
    """Folder (0700) of this account for tokens and the like; files 0600, renamed into place."""
    log: Any
    """structlog logger bound to the channel."""
    now: Callable[[], datetime]
    """Aware UTC time."""


class Channel(Protocol):
    """What a channel module has. ``Spec``: its part of the channels file. ``Payload``: the copy
    as it will be sent, with placeholders. ``Account``: whatever ``connect`` opens (HTTP client,
    token, folders), with ``close()``; and with ``tend()`` where something may wait until the receipt
    is written: called after each outcome and once a second; raises TransientError."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def Spec(self) -> type[ChannelSpec]: ...  # noqa: N802  # a class of the module

    @property
    def Payload(self) -> type[BaseModel]: ...  # noqa: N802

    def render(self, story: Story, spec: Any, /) -> BaseModel:
        """Pure. Raises PermanentError naming the field that this outlet cannot carry."""
        ...

    def connect(self, spec: Any, outside: Outside, /) -> Any:
        """Open the account; no network call yet."""
        ...

    def submit(
        self, account: Any, payload: Any, attempt: Attempt, /
    ) -> Live | Accepted | AwaitingPerson | Refused:
        """Create the item. Continues from ``attempt.checkpoints`` where a step was recorded."""
        ...

    def confirm(
        self, account: Any, payload: Any, handle: dict[str, JsonValue], attempt: Attempt, /
    ) -> Live | Accepted | Refused | Recalled | CannotRecall:
        """Ask what became of an accepted submit, update or recall; ``handle`` is its own."""
        ...

    def update(
        self, account: Any, payload: Any, receipt: Receipt, attempt: Attempt, /
    ) -> Live | Accepted | Refused:
        """Replace the live item by a newer version; only where ``capabilities.update``."""
        ...

    def find(
        self, account: Any, payload: Any, attempt: Attempt, /
    ) -> Live | Accepted | Absent | CannotTell:
        """Is the item of ``attempt.marker`` there? Reads only. Absent only where it is sure."""
        ...

    def recall(
        self, account: Any, receipt: Receipt, reason: str, attempt: Attempt, /
    ) -> Recalled | Accepted | CannotRecall:
        """Take the item down and read back that it is gone. Repeating it is harmless."""
        ...


def marker(story_id: UUID, channel: str, release: int) -> str:
    """Text by which an item of one release can be recognised at the outlet."""
    digest = hashlib.sha256(f"{story_id}/{channel}/{release}".encode()).hexdigest()
    return f"sf{digest[:16]}"
