"""The channel copy (渠道稿): a story rendered for one channel, frozen and signed by its hash."""

from collections.abc import Iterable
from uuid import UUID

from pydantic import Field, JsonValue

from schemas.body import Model
from schemas.hashing import fingerprint
from schemas.text import ChannelId, Sha256


class ChannelCopy(Model):
    """The payload as it will be sent, placeholders where a rendition comes in."""

    story_id: UUID
    number: int = Field(ge=1)
    version: int = Field(ge=1)
    channel: ChannelId
    module: str
    headline: str
    payload: JsonValue


class CopyRef(Model):
    """Where a frozen copy lies, or why a channel cannot carry the story."""

    channel: ChannelId
    sha256: Sha256 | None = None
    refused: str = ""
    """Reason for the editor, where render refused."""


def copies_fingerprint(copies: Iterable[CopyRef]) -> str:
    """What a reviewer signs: one hash over every channel's copy, refusals included."""
    return fingerprint({copy.channel: copy.sha256 or f"refused {copy.refused}" for copy in copies})
