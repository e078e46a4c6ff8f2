"""Rows and columns of the live board (指挥调度看板). Pure: from the ledger's rows to what is shown.

Nothing here depends on the present moment: ages and lateness are told as times at which they
begin, and the reader's page counts. So a row is equal to itself until the ledger changes.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from desk.words import (
    AT_OUTLET,
    EMBARGO,
    FAILED,
    FOR_PERSON,
    MOVING,
    REFUSED,
    VERSION_STATES,
    Tone,
    Word,
    in_chinese,
    wave_name,
    word_of,
)
from schemas.channel import ChannelSpec
from schemas.newsroom import DefaultPlan
from schemas.review import LEVEL_NAMES
from stores.ledger.board_view import Delivery, StoryOnBoard

LEAST_PATIENCE_S = 60.0
"""Nothing is called late before this."""
REVIEW_PATIENCE_S = 600.0
"""An outlet's own review is called late after this, or when the channel gives up waiting."""
SHORT_REASON = 26
"""Characters of a reason that are shown before it is opened."""


@dataclass(frozen=True)
class Column:
    """One channel."""

    id: str
    name: str
    wave: int
    active: bool
    patience_s: float
    """Late when not done this long after it was let go."""
    review_s: float
    resting: str = ""
    """A sentence, where the outlet is away and the channel waits for it."""


@dataclass(frozen=True)
class WaveColumns:
    """The channels of one wave, under one head."""

    wave: int
    title: str
    hint: str
    columns: tuple[Column, ...]

    @property
    def width(self) -> int:
        return len(self.columns)


@dataclass(frozen=True)
class Cell:
    """The newest release of a story at a channel; ``word`` is None where there is none."""

    column: Column
    state: str
    word: Word | None = None
    since: int | None = None
    """Since when it is so (ms)."""
    late_at: int | None = None
    """When it begins to be late (ms), None where it cannot be."""
    reason: str = ""
    url: str = ""
    item_id: str = ""
    note: str = ""
    """``v1``, ``第3波``: what differs from the rest of the row or column."""

    @property
    def short(self) -> str:
        """The Chinese part, cut where it is long."""
        text = in_chinese(self.reason)
        return text if len(text) <= SHORT_REASON else text[: SHORT_REASON - 1] + "…"


@dataclass(frozen=True)
class Step:
    """Where a story stands as a whole."""

    word: str
    icon: str
    tone: Tone
    waits: str = ""
    """For what: the levels still to be signed, a reason."""


@dataclass(frozen=True)
class BoardRow:
    """One story."""

    id: str
    number: int
    headline: str
    kind: str
    version: int
    step: Step
    by: str
    by_id: str
    desk: str
    created_at: int
    cells: tuple[Cell, ...]

    @property
    def for_person(self) -> bool:
        return any(c.state in FOR_PERSON | REFUSED for c in self.cells)

    @property
    def failed(self) -> bool:
        return any(c.state in FAILED for c in self.cells)


def waves_of(
    specs: Sequence[ChannelSpec],
    used: Collection[str],
    plan: DefaultPlan,
    resting: Mapping[str, str] | None = None,
) -> tuple[WaveColumns, ...]:
    """Columns in wave order: active channels, and any other that a story on the board uses."""
    told = resting or {}
    columns = [
        _column(spec, told.get(spec.id, "")) for spec in specs if spec.active or spec.id in used
    ]
    known = {spec.id for spec in specs}
    columns += [
        Column(name, name, 9, active=False, patience_s=LEAST_PATIENCE_S, review_s=REVIEW_PATIENCE_S)
        for name in sorted(set(used) - known)
    ]
    numbers = sorted({column.wave for column in columns})
    return tuple(
        WaveColumns(
            wave,
            wave_name(wave, numbers[0]),
            "" if wave == numbers[0] else f"最迟 {_minutes(plan.fallback_s(wave))}",
            tuple(column for column in columns if column.wave == wave),
        )
        for wave in numbers
    )


def _column(spec: ChannelSpec, resting: str) -> Column:
    return Column(
        spec.id,
        spec.name,
        spec.wave,
        spec.active,
        max(LEAST_PATIENCE_S, spec.call_deadline_s + spec.settle_s),
        min(REVIEW_PATIENCE_S, spec.confirm_within_s),
        resting,
    )


def wave_choices(deliveries: Iterable[Mapping[str, Any]]) -> list[int]:
    """Waves of a story that are still shut: ``stores.ledger.views.deliveries``."""
    return sorted({row["wave"] for row in deliveries if row["state"] == "gated"})


def _minutes(seconds: int) -> str:
    return f"{seconds // 60} 分钟" if seconds % 60 == 0 else f"{seconds} 秒"


def row_of(story: StoryOnBoard, waves: Iterable[WaveColumns], names: Mapping[str, str]) -> BoardRow:
    """A story's row; ``names``: person id → name."""
    sent = {delivery.channel: delivery for delivery in story.deliveries}
    columns = [column for wave in waves for column in wave.columns]
    return BoardRow(
        id=story.id,
        number=story.number,
        headline=story.headline,
        kind=story.kind,
        version=story.version,
        step=step_of(story),
        by=names.get(story.by, story.by),
        by_id=story.by,
        desk=story.desk,
        created_at=story.created_at,
        cells=tuple(_cell(story, column, sent.get(column.id)) for column in columns),
    )


def _cell(story: StoryOnBoard, column: Column, d: Delivery | None) -> Cell:
    if d is None:
        return Cell(column, "none")
    notes = []
    if d.live_version is not None and d.live_version != story.version and d.state in AT_OUTLET:
        notes.append(f"v{d.live_version}")
    if d.wave != column.wave:
        notes.append(f"第{d.wave}波")
    embargoed = d.state == "held" and story.held_reason is None
    return Cell(
        column,
        d.state,
        word=EMBARGO if embargoed else word_of(d.state),
        since=d.received_at if d.state == "live" and d.received_at else d.updated_at,
        late_at=_late_at(column, d),
        reason=""
        if _said_by_story(story, d)
        else d.reason or (d.gate if d.state == "gated" else ""),
        url=d.url if d.url.startswith(("http://", "https://")) else "",
        item_id=d.item_id,
        note=" ".join(notes),
    )


def _said_by_story(story: StoryOnBoard, d: Delivery) -> bool:
    """The whole row waits for the same review or hold: said once, beside the headline."""
    if d.state == "planned":
        return story.approved_version is None
    return d.state == "held" and story.held_reason is not None


def _late_at(column: Column, d: Delivery) -> int | None:
    match d.state:
        case "ready" | "retry_wait":
            since = d.released_at or d.updated_at
        case "intent" | "unknown" | "reconciling":
            since = d.requested_at or d.updated_at
        case "accepted":
            return (d.requested_at or d.updated_at) + round(column.review_s * 1000)
        case "updating" | "recalling":
            since = d.updated_at
        case _:
            return None
    return since + round(column.patience_s * 1000)


def step_of(story: StoryOnBoard) -> Step:
    """The story's step as one word; what it waits for beside it."""
    states = {d.state for d in story.deliveries}
    if story.withdrawn_at is not None:
        why = in_chinese(story.withdrawn_reason or "")
        if states & (AT_OUTLET | FOR_PERSON):
            return Step("撤稿中", "undo", "work", why)
        return Step("已撤稿", "down", "gone", why)
    if story.held_reason is not None:
        return Step("暂缓", "pause", "warn", in_chinese(story.held_reason))
    if story.version_state == "returned":
        return Step("已退回", "undo", "warn", _older(story))
    if story.version_state == "in_review":
        levels = "、".join(LEVEL_NAMES[level] for level in story.missing_levels)
        waits = f"等{levels}" if story.has_copies else "等渠道稿"
        return Step("审核中", "eye", "wait", " · ".join(t for t in (waits, _older(story)) if t))
    if story.version_state == "approved":
        if story.released_at is None:
            return Step("定时待发", "alarm", "wait")
        owed = "、".join(LEVEL_NAMES[level] for level in story.owed_levels)
        later = f"先发后补, 待补{owed}" if owed else ""
        if states & MOVING:
            return Step("已签发", "send", "work", later or "发布中")
        if "live" in states:
            return Step("已发布", "check", "good", later)
        return Step("已签发", "alert", "call", later or "没有一个渠道上线")
    return Step(VERSION_STATES.get(story.version_state, story.version_state), "question", "warn")


def _older(story: StoryOnBoard) -> str:
    return f"v{story.approved_version} 已签发" if story.approved_version else ""
