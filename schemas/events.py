"""Story events: what happened, in the past tense. Topic ``story-events``, key ``story_id``.

CloudEvents 1.0 in Kafka's binary mode: attributes in ``ce_*`` headers, JSON data as the value.
``ce_type`` is ``cn.shoufa.<name>.v<major>``; ``ce_id`` is a UUIDv7, or uuid5(cause, index) where
one event follows from another, so that a repeated decision makes the same id.
"""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, JsonValue

from schemas.body import Model
from schemas.copy import CopyRef
from schemas.receipt import Receipt
from schemas.rendition import RecipeName, Rendition
from schemas.settling import Answer, Question
from schemas.story import Plan, Story
from schemas.text import ChannelId, Line, Sha256, Text


class Event(Model):
    """Base: every event names its story."""

    name: ClassVar[str]
    major: ClassVar[int] = 1
    story_id: UUID

    @classmethod
    def type(cls) -> str:
        return f"cn.shoufa.{cls.name}.v{cls.major}"


class StoryFiled(Event):
    """稿件已提交: a story was taken, with its media; written by the ways in."""

    name = "story.filed"
    story: Story
    plan: Plan
    by: str
    """Person id."""


class StoryRevised(Event):
    """A newer version was filed: an edit before release, or a correction after it."""

    name = "story.revised"
    story: Story
    by: str


class CopiesReady(Event):
    """渠道稿已生成: every channel's copy of a version is frozen."""

    name = "copies.ready"
    version: int
    copies: tuple[CopyRef, ...]
    copies_sha256: Sha256
    needs: dict[ChannelId, tuple[str, ...]] = Field(default_factory=dict)
    """Placeholders in each channel's copy."""


class RenditionReady(Event):
    """转码完成 for one of the story's sources."""

    name = "rendition.ready"
    rendition: Rendition


class RenditionFailed(Event):
    """A source cannot be made into a recipe; a person must act."""

    name = "rendition.failed"
    source_sha256: Sha256
    recipe: RecipeName
    reason: Text


class StorySigned(Event):
    """One level of 三审 was signed over exactly these copies."""

    name = "story.signed"
    version: int
    level: int
    person: str
    copies_sha256: Sha256
    urgent: bool = False
    note: Text = ""


class StoryReturned(Event):
    """退回: a reviewer sent the version back."""

    name = "story.returned"
    version: int
    level: int
    person: str
    note: Text


class StoryApproved(Event):
    """终审通过: the required distinct persons signed; the ledger's rows are what counts."""

    name = "story.approved"
    version: int
    copies_sha256: Sha256
    urgent: bool = False


class StoryWithdrawn(Event):
    """撤稿: outranks everything that is queued or waiting."""

    name = "story.withdrawn"
    by: str
    reason: Text


class StoryHeld(Event):
    """暂缓: nothing further goes out until it is resumed."""

    name = "story.held"
    by: str
    reason: Text


class StoryResumed(Event):
    name = "story.resumed"
    by: str


class WaveOpened(Event):
    """越权开闸: a person opened a wave; with name and reason."""

    name = "wave.opened"
    wave: int
    by: str
    reason: Text


class DeliveryChanged(Event):
    """A publication reached a state that others act on; written by its publisher."""

    name = "delivery.changed"
    channel: ChannelId
    release: int
    version: int
    state: Line
    reason: Text = ""
    receipt: Receipt | None = None
    at: AwareDatetime


class DeliverySettled(DeliveryChanged):
    """人工登记: a person said what nobody else could tell of a delivery.

    As any ``delivery.changed`` it carries what the row became: ``live`` with the typed receipt
    where one was given (``live`` without one: the item that was there before still is),
    ``planned`` after "not there" (asked of the outlet again, by a new attempt), ``recalled``,
    ``removed_by_platform`` or ``cancelled``. ``question`` and ``answer``: ``schemas.settling``.
    """

    name = "delivery.settled"
    question: Question
    answer: Answer
    by: str
    """Person id."""
    by_name: Line
    note: Text = ""


class DeliveryResent(DeliveryChanged):
    """人工重发: a person had a failed delivery tried again.

    ``planned``: row ``release`` waits to be ordered; where ``replaces`` is given it is a new row,
    and that older release became ``superseded``. ``live``: the older item stands, and its failed
    correction or recall is ordered again.
    """

    name = "delivery.resent"
    replaces: int | None = None
    by: str
    """Person id."""
    by_name: Line
    note: Text = ""


class LedgerWritten(Event):
    """账本已记: the rows of this story that one transaction wrote, as they are after it. For the
    rebuild of the ledger alone: nothing follows from it. Columns may come and go with the
    ledger's tables."""

    name = "ledger.written"
    rows: dict[str, tuple[dict[str, JsonValue], ...]]
    """Table → rows, column → value."""


class WakeupDue(Event):
    """A row of the wakeups table came due."""

    name = "wakeup.due"
    kind: Literal["release", "fallback"]
    key: str = ""


class ProbeSent(Event):
    """探测: walks every hop that a story walks, to each channel's publisher, and asks no outlet.

    ``story_id`` names no story; it is the probe's own id. Changes nothing but its own times.
    """

    name = "probe.sent"
    at: AwareDatetime


EVENTS: dict[str, type[Event]] = {
    event.type(): event
    for event in (
        StoryFiled,
        StoryRevised,
        CopiesReady,
        RenditionReady,
        RenditionFailed,
        StorySigned,
        StoryReturned,
        StoryApproved,
        StoryWithdrawn,
        StoryHeld,
        StoryResumed,
        WaveOpened,
        DeliveryChanged,
        DeliverySettled,
        DeliveryResent,
        WakeupDue,
        ProbeSent,
        LedgerWritten,
    )
}

FOR_OTHERS = frozenset({LedgerWritten.type(), StoryApproved.type()})
"""From these nothing follows here: the first is for the rebuild of the ledger; of an approval all was
decided with the signature that it came with, in the same transaction and before it."""
