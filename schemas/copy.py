"""The channel copy (渠道稿): a story rendered for one channel, frozen and signed by its hash."""

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


def copies_fingerprint(copies: dict[str, str]) -> str:
    """What a reviewer signs: one hash over all channels' copy hashes (channel → SHA-256)."""
    return fingerprint(dict(sorted(copies.items())))


class CopyRef(Model):
    """Where a frozen copy lies, or why a channel cannot carry the story."""

    channel: ChannelId
    sha256: Sha256 | None = None
    refused: str = ""
    """Reason for the editor, where render refused."""
