"""What follows from an event for one story. Pure: state, event and time in, decisions out.

``decide`` is level-triggered: the event says that something changed, the state says what. So a
repeated, late or reordered event leads to the same place, and each decision is the difference
between what a publication is and what it should be.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from schemas.beijing import clock
from schemas.events import CopiesReady, Event, StoryFiled, StoryRevised, WaveOpened
from schemas.gates import BY_HAND
from schemas.orders import AdaptOrder, ReleaseOrder
from schemas.rendition import parse_placeholder
from schemas.review import LEVEL_NAMES
from streams.story_state import (
    GONE,
    REPLACEABLE,
    UNSENT,
    ChangePublication,
    ChangeStory,
    ChannelRule,
    Copy,
    Decision,
    NeedRendition,
    Publication,
    PutPublication,
    Send,
    StoryState,
    Wake,
)
from streams.waves import Gate, Member, fallback_at, gate

AFTER_RESTORE_MS = 60_000
"""After so long nothing that a lost ledger's publisher sent is still on its way."""
DUTY = "值班编辑"
"""Who acts where a channel's own contact is not known any more."""


def decide(
    state: StoryState,
    event: Event,
    rules: dict[str, ChannelRule],
    now: int,
    *,
    frozen: bool = False,
) -> list[Decision]:
    """All that follows from ``event``; applying the decisions and deciding again yields none but
    what the event itself asks for."""
    decisions: list[Decision] = []
    if isinstance(event, StoryFiled | StoryRevised) and state.withdrawn_reason is None:
        channels = applying(state, rules)
        version = event.story.version
        decisions.append(Send(AdaptOrder(story_id=state.id, version=version, channels=channels)))
    if isinstance(event, CopiesReady):
        decisions += _renditions(state, event)
    if isinstance(event, WaveOpened) and event.wave not in state.opened_waves:
        reason = f"{event.by}{BY_HAND}{event.reason}"
        state = replace(state, opened_waves={**state.opened_waves, event.wave: reason})
        decisions.append(ChangeStory({"opened_waves": state.opened_waves}))
    decisions += _settle(state, rules, now, 0 if frozen else now)
    return decisions


def _renditions(state: StoryState, event: CopiesReady) -> Iterator[Decision]:
    wanted: dict[str, int] = {}
    for channel, needs in event.needs.items():
        for need in needs:
            wave = state.waves.get(channel, 9)
            wanted[need] = min(wave, wanted.get(need, wave))
    for need, wave in sorted(wanted.items(), key=lambda item: item[1]):
        source, recipe = parse_placeholder(need)
        yield NeedRendition(source, recipe, wave)  # type: ignore[arg-type]  # checked at render


def _settle(
    state: StoryState, rules: dict[str, ChannelRule], now: int, by_clock: int
) -> list[Decision]:
    decisions: list[Decision] = []
    known = {p.channel for p in state.publications}
    rows = list(state.publications)
    for channel in state.channels:
        if channel not in known:
            made = _first(state, rules[channel])
            rows.append(made)
            decisions.append(PutPublication(made))
    for orphan in state.orphans:
        decisions += _leave_to_a_person(state, orphan)
    state, more = _release(state, now, by_clock)
    decisions += more
    latest: dict[str, Publication] = {}
    for row in rows:
        if row.release >= latest.get(row.channel, row).release:
            latest[row.channel] = row
    for row in latest.values():  # who takes part is known before any gate is looked at
        turned = _takes_part(state, rules[row.channel], row)
        if turned is not None:
            latest[row.channel] = turned
            changes = {"state": turned.state, "reason": turned.reason}
            decisions.append(ChangePublication(row.channel, row.release, changes))
    was_live = {row.channel for row in rows if row.was_live}
    members = [Member(p.channel, p.wave, p.state, p.channel in was_live) for p in latest.values()]
    board = _Board(state, rules, now, by_clock, members)
    for row in latest.values():
        decisions += board.settle(row)
    decisions += board.wakes
    if board.opened != state.opened_waves:
        decisions.append(ChangeStory({"opened_waves": board.opened}))
    return decisions


def _leave_to_a_person(state: StoryState, row: Publication) -> list[Decision]:
    """A withdrawal reaches every outlet that has the story: where the channel is not known any
    more, by a person who is told what to take down."""
    if state.withdrawn_reason is None or row.state in GONE:
        return []
    told = f"撤稿: {state.withdrawn_reason}"
    if row.state in REPLACEABLE and not row.open_attempt:
        return _changed(row, state="cancelled", reason=told)
    if row.state == "needs_person" and row.reason.startswith(told):
        return []
    where = row.address or "该渠道 / the outlet"
    told += (
        f"; 渠道 {row.channel} 已不在渠道文件中, 请{DUTY}撤下 {where} / "
        f"the channel is not in the channels file any more: take it down by hand"
    )
    if row.reason:
        told += f" ({row.reason})"
    return _changed(row, state="needs_person", reason=told)


def _changed(row: Publication, **changes: Any) -> list[Decision]:
    real = {k: v for k, v in changes.items() if getattr(row, k, None) != v}
    return [ChangePublication(row.channel, row.release, real)] if real else []


def _first(state: StoryState, rule: ChannelRule) -> Publication:
    row = Publication(
        channel=rule.id,
        release=1,
        wave=state.waves[rule.id],
        state="planned",
        verb="create",
        version=state.version,
        copy_sha256=None,
        live_version=None,
        gate="",
        reason="",
        epoch=0,
        open_attempt=False,
        was_live=False,
    )
    if not _applies(state, rule):
        return replace(row, state="not_applicable", reason=_why_not(rule))
    return row


def applying(state: StoryState, rules: dict[str, ChannelRule]) -> tuple[str, ...]:
    """The channels that the newest version is rendered for."""
    return tuple(c for c in state.channels if _applies(state, rules[c]))


def _applies(state: StoryState, rule: ChannelRule) -> bool:
    return rule.active and (rule.applies_to == "all" or state.has_video)


def _takes_part(state: StoryState, rule: ChannelRule, row: Publication) -> Publication | None:
    """The row turned: a later version may bring the clip that the first one had not, or have
    none any more."""
    if state.withdrawn_reason is not None:
        return None
    if row.state == "not_applicable" and _applies(state, rule):
        told = "新版本有视频 / a later version has a clip"
        return replace(row, state="planned", reason=told)
    if row.state in UNSENT and _left_out(state, rule):
        return replace(row, state="not_applicable", reason=_why_not(rule))
    return None


def _left_out(state: StoryState, rule: ChannelRule) -> bool:
    """The approved version has copies, but none for this channel, and none will come."""
    copies = state.copies.get(state.approved_version or 0)
    return copies is not None and rule.id not in copies and not _applies(state, rule)


def _why_not(rule: ChannelRule) -> str:
    if not rule.active:
        return "渠道停用 / the channel is not active"
    return "稿件没有视频 / the story has no clip"


def _old_item_stands(row: Publication) -> bool:
    """A correction was refused: the item of the older version is still there."""
    return row.state == "needs_person" and row.verb == "update"


def _release(state: StoryState, now: int, by_clock: int) -> tuple[StoryState, list[Decision]]:
    """Set ``released_at`` once a version is approved, the time has come and nobody holds it."""
    if state.released_at is not None or state.approved_version is None:
        return state, []
    if state.withdrawn_reason is not None or state.held_reason is not None:
        return state, []
    if state.release_not_before is not None and state.release_not_before > by_clock:
        return state, [Wake(state.release_not_before, "release")]
    return replace(state, released_at=now), [ChangeStory({"released_at": now})]


@dataclass
class _Board:
    """One pass over the newest publication of each channel."""

    state: StoryState
    rules: dict[str, ChannelRule]
    now: int
    by_clock: int
    """The time by which deadlines are judged; 0 while the clock is not to be trusted."""
    members: list[Member]
    wakes: list[Wake] = field(default_factory=list)
    opened: dict[int, str] = field(init=False)

    def __post_init__(self) -> None:
        self.opened = dict(self.state.opened_waves)

    def settle(self, row: Publication) -> list[Decision]:
        if row.state in {"not_applicable", "superseded", "cancelled", "removed_by_platform"}:
            return []
        if self.state.withdrawn_reason is not None:
            return self._withdraw(row, self.state.withdrawn_reason)
        if row.open_attempt:
            return []
        newer = self._newer_than(row)
        if newer and (row.state == "recalled" or (row.state == "refused" and row.epoch > 0)):
            return self._publish_again(row)
        if row.state in UNSENT or (row.state in REPLACEABLE and newer):
            return self._before_sending(row)
        if row.state in {"live", "updating"} or (newer and _old_item_stands(row)):
            return self._correct(row)
        if newer and row.state == "awaiting_person":
            return self._warn_of_newer(row)
        return []

    def _warn_of_newer(self, row: Publication) -> list[Decision]:
        """The package lies with a person: they are told that it holds an older version."""
        who = self.rules[row.channel].contact
        version = self.state.approved_version
        told = (
            f"已签发第{version}版, 请{who}不要发布手上的第{row.version}版 / "
            f"version {version} is approved; do not publish version {row.version}"
        )
        return self._change(row, reason=told)

    def _newer_than(self, row: Publication) -> bool:
        approved = self.state.approved_version
        return approved is not None and approved > row.version

    def _withdraw(self, row: Publication, reason: str) -> list[Decision]:
        state, told = self.state, f"撤稿: {reason}"
        if row.open_attempt or row.state in {"intent", "accepted", "unknown", "reconciling"}:
            return []  # left to end; its outcome comes back as an event and is then recalled
        if row.state in {"live", "updating"} or _old_item_stands(row):
            return self._order(row, "recall", state="recalling", reason=told)
        who = self.rules[row.channel].contact
        if row.state == "needs_person" and told not in row.reason:
            told += (
                f"; 请{who}查看, 已发布的请撤下 / {who}: take it down if it is there: {row.reason}"
            )
            return self._change(row, reason=told)
        if row.state == "awaiting_person":
            told += f"; 请{who}不要再发布, 已发布的请撤下 / {who}: do not publish; take it down if you did"
            return self._change(row, state="cancelled", reason=told)
        if row.state in UNSENT and state.restored_at is not None:
            return self._withdraw_restored(row, told, state.restored_at)
        if row.state in REPLACEABLE:
            return self._change(row, state="cancelled", reason=told)
        return []

    def _withdraw_restored(self, row: Publication, told: str, restored_at: int) -> list[Decision]:
        """Where there is a copy the outlet is asked, and what it has comes down; without one a
        person looks, if much may be missing."""
        told += "; 恢复前可能已发布 / may have been sent before the ledger was restored"
        if row.copy_sha256 is not None:
            due_at = max(self.now, restored_at + AFTER_RESTORE_MS)
            return self._change(row, state="unknown", reason=told, due_at=due_at)
        if not self.state.doubtful:
            return self._change(row, state="cancelled", reason=told)
        who = self.rules[row.channel].contact
        told += f"; 请{who}查看, 已发布的请撤下 / {who}: take it down if it is there"
        return self._change(row, state="needs_person", reason=told)

    def _before_sending(self, row: Publication) -> list[Decision]:
        state, rule = self.state, self.rules[row.channel]
        version = state.approved_version
        if version is None:
            return self._change(row, state="planned", reason=self._review_reason())
        copy = state.copies.get(version, {}).get(row.channel)
        if _left_out(state, rule):
            return self._change(row, state="not_applicable", reason=_why_not(rule))
        if copy is None:
            return self._change(row, state="planned", reason="等待渠道稿 / waits for its copy")
        told = {"version": version, "copy_sha256": copy.sha256}
        if copy.refused:
            return self._change(row, state="refused", reason=copy.refused, **told)
        if state.held_reason is not None:
            return self._change(row, state="held", reason=f"暂缓: {state.held_reason}", **told)
        if state.released_at is None or self._too_early():
            due = clock(state.release_not_before or self.now)
            return self._change(row, state="held", reason=f"定时 {due} 发布 / embargo", **told)
        waiting = self._media(copy)
        if waiting:
            return self._change(row, **waiting, **told)
        opening = self._gate(row.wave)
        if not opening.open:
            return self._change(row, state="gated", gate=opening.reason, reason="", **told)
        if row.state == "ready" and row.version == version:
            return []
        return self._order(row, "create", state="ready", gate=opening.reason, reason="", **told)

    def _too_early(self) -> bool:
        """A later version may bring an embargo of its own."""
        not_before = self.state.release_not_before
        if not_before is None or not_before <= self.by_clock:
            return False
        if Wake(not_before, "release") not in self.wakes:
            self.wakes.append(Wake(not_before, "release"))
        return True

    def _review_reason(self) -> str:
        if self.state.version_state == "returned":
            return "已退回修改 / sent back"
        if self.state.version not in self.state.copies:
            return "等待渠道稿 / waits for its copy"
        levels = "、".join(LEVEL_NAMES[level] for level in self.state.missing_levels)
        return f"等待{levels} / waits for review"

    def _media(self, copy: Copy) -> dict[str, str] | None:
        """What a publication waits for, or None when every rendition is there."""
        missing = []
        for need in copy.needs:
            found, reason = self.state.renditions.get(need, ("ordered", ""))
            if found == "failed":
                return {"state": "refused", "reason": f"转码失败: {reason}"}
            if found != "done":
                missing.append(parse_placeholder(need)[1])
        if not missing:
            return None
        names = ", ".join(sorted(set(missing)))
        return {"state": "planned", "reason": f"等待转码 {names} / waits for renditions"}

    def _gate(self, wave: int) -> Gate:
        released = self.state.released_at or self.now
        cut_offs = [
            rule.cut_off
            for rule in self.rules.values()
            if rule.cut_off and self.state.waves.get(rule.id) == wave
        ]
        at = fallback_at(released, self.state.fallback_s.get(wave, 1800), cut_offs)
        opening = gate(
            wave,
            self.members,
            rule=self.state.gate_rule,
            opened=self.opened,
            fallback_at=at,
            now=self.by_clock,
        )
        if opening.open:
            self.opened.setdefault(wave, opening.reason)
        elif opening.opens_at is not None:
            wake = Wake(opening.opens_at, "fallback", str(wave))
            if wake not in self.wakes:
                self.wakes.append(wake)
        return opening

    def _correct(self, row: Publication) -> list[Decision]:
        """A live item of an older version: updated where the outlet can, else taken down first."""
        state = self.state
        version = state.approved_version
        if version is None or (row.live_version or 0) >= version or state.held_reason is not None:
            return []
        if (row.given_up or 0) >= version:
            return []
        if row.awaited or (row.state == "updating" and row.version >= version):
            return []  # what the outlet works on is left to end, so that versions stay in order
        copy = state.copies.get(version, {}).get(row.channel)
        rule = self.rules[row.channel]
        if _left_out(state, rule):
            why = f"仍是第{row.live_version}版; 第{version}版: {_why_not(rule)}"
            return self._change(row, reason=f"{why}; 是否撤下请{rule.contact}决定")
        if copy is None:
            return []
        if self._too_early():
            due = clock(state.release_not_before or self.now)
            return self._change(row, reason=f"第{version}版定时 {due} 更正 / embargo")
        waiting = self._media(copy)
        if copy.refused or (waiting and waiting["state"] == "refused"):
            why = copy.refused or (waiting or {})["reason"]
            return self._change(row, reason=f"仍是第{row.live_version}版: {why}")
        if waiting:
            return self._change(row, reason=waiting["reason"])
        if self.rules[row.channel].can_update:
            return self._order(
                row,
                "update",
                state="updating",
                version=version,
                copy_sha256=copy.sha256,
                reason=f"更正为第{version}版 / correction",
            )
        return self._order(
            row,
            "recall",
            state="recalling",
            reason="更正: 先撤后发 / recalled, then published anew",
        )

    def _publish_again(self, row: Publication) -> list[Decision]:
        """Where the outlet cannot edit, or refused what it had in hand: a new release, since no
        outlet may be asked twice to create the same one."""
        fresh = replace(
            row,
            release=row.release + 1,
            state="planned",
            verb="create",
            copy_sha256=None,
            live_version=None,
            gate="",
            reason="",
            epoch=0,
            was_live=False,
            awaited=False,
            given_up=None,
        )
        told = f"由第{fresh.release}次发布接替 / replaced by release {fresh.release}"
        if row.state == "refused":
            told = f"{row.reason}; {told}"
        return [
            *self._change(row, state="superseded", reason=told),
            PutPublication(fresh),
            *self._before_sending(fresh),
        ]

    def _change(self, row: Publication, **changes: Any) -> list[Decision]:
        return _changed(row, **changes)

    def _order(
        self,
        row: Publication,
        verb: Literal["create", "update", "recall"],
        **changes: Any,
    ) -> list[Decision]:
        changes |= {"verb": verb, "due_at": self.now, "tries": 0, "handle": None}
        if row.awaited:
            changes["sent_before"] = None  # the last request was answered: no need to wait for it
        if verb == "create":
            changes |= {"released_at": self.now, "checkpoints": "{}"}
        return [
            ChangePublication(row.channel, row.release, changes),
            Send(
                ReleaseOrder(
                    story_id=self.state.id, channel=row.channel, release=row.release, verb=verb
                )
            ),
        ]
