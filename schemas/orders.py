"""Orders: what is to be done. A record rings; the ledger's row says what and whether."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from schemas.body import Model
from schemas.rendition import RecipeName
from schemas.text import ChannelId, Sha256


class Order(Model):
    """Base of all kinds."""

    name: ClassVar[str]
    major: ClassVar[int] = 1
    story_id: UUID

    @classmethod
    def type(cls) -> str:
        return f"cn.shoufa.{cls.name}.v{cls.major}"


class TranscodeOrder(Order):
    """Make one recipe of one source. Row: renditions(source_sha256, recipe)."""

    name = "transcode.order"
    source_sha256: Sha256
    recipe: RecipeName


class AdaptOrder(Order):
    """Render a version for its channels. Row: versions(story_id, version)."""

    name = "adapt.order"
    version: int = Field(ge=1)
    channels: tuple[ChannelId, ...]


class ReleaseOrder(Order):
    """Work on a publication. Row: publications(story_id, channel, release)."""

    name = "release.order"
    channel: ChannelId
    release: int = Field(ge=1)
    verb: Literal["create", "update", "recall", "confirm", "reconcile"]


class ProbeOrder(Order):
    """Say that this channel's publisher takes orders. Row: probes(channel). ``story_id`` is the
    probe's own id."""

    name = "probe.order"
    channel: ChannelId
    at: AwareDatetime
    """When the probe was sent."""


ORDERS: dict[str, type[Order]] = {
    order.type(): order for order in (TranscodeOrder, AdaptOrder, ReleaseOrder, ProbeOrder)
}
