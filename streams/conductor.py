"""The conductor's shell: one event in, one transaction, decisions carried out one by one."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from bus import genuine
from bus.dead_letters import Origin, bury, bury_alone
from schemas.codec import decode, derived_id, identify
from schemas.errors import InvalidInput
from schemas.events import (
    FOR_OTHERS,
    CopiesReady,
    Event,
    ProbeSent,
    StoryRevised,
    WakeupDue,
)
from schemas.newsroom import Newsroom
from schemas.orders import ProbeOrder, TranscodeOrder
from schemas.rendition import cost_s
from schemas.review import missing_levels
from schemas.settling import given_up
from schemas.story import Plan, Story, utc
from stores.ledger import outbox, publications, renditions, restores, stories, wakeups
from stores.ledger.ids import new_id
from stores.ledger.seen import is_known, remember
from stores.ledger.transaction import Ledger
from streams.decide import decide
from streams.story_state import (
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

CONSUMER = "conductor"


class Conductor:
    """Folds events into stories. Raises Unavailable or StorageFull when the ledger is away, and
    nothing else: what cannot be processed becomes a dead letter."""

    def __init__(
        self,
        ledger: Ledger,
        rules: dict[str, ChannelRule],
        newsroom: Newsroom,
        frozen: Callable[[], bool] = lambda: False,
    ) -> None:
        self.ledger = ledger
        self.rules = rules
        self.newsroom = newsroom
        self.frozen = frozen
        """The clock is not to be trusted: no gate opens by it."""

    def take(self, origin: Origin, key: bytes | None, value: bytes, headers: Any) -> None:
        """Process one record of ``story-events``; a repeated one changes nothing, and one that the
        ledger did not write becomes a dead letter."""
        try:
            event_id, kind = identify(headers)
            if kind in FOR_OTHERS and self._is_ours(origin, key, value, event_id, kind):
                return
            _, event = decode(value, headers)
        except InvalidInput as error:
            bury_alone(self.ledger, origin, key, value, str(error), headers=headers)
            return
        if not isinstance(event, Event):
            told = "an order on the topic of events"
            bury_alone(self.ledger, origin, key, value, told, headers=headers)
            return
        with self.ledger.transaction(event.story_id) as tx:
            now = self.ledger.now_ms()
            try:
                genuine.check(tx, origin.topic, key, value, event_id, kind)
                if is_known(tx, CONSUMER, event_id):
                    return
                if isinstance(event, ProbeSent):
                    remember(tx, CONSUMER, event_id, at=now)
                    self._pass_on(tx, event, event_id, now)
                    return
                state = self.load(tx, event.story_id)
            except InvalidInput as error:
                bury(tx, origin, key, value, str(error), at=now, headers=headers)
                return
            remember(tx, CONSUMER, event_id, at=now)  # not before: a dead one may be replayed
            decisions = decide(state, event, self.rules, now, frozen=self.frozen())
            self._apply(tx, state, event_id, decisions, now)

    def _pass_on(self, tx: Connection, probe: ProbeSent, cause: str, now: int) -> None:
        for index, channel in enumerate(sorted(self.rules)):
            order = ProbeOrder(story_id=probe.story_id, channel=channel, at=probe.at)
            outbox.append(tx, order, at=now, event_id=str(derived_id(cause, index)))

    def _is_ours(
        self, origin: Origin, key: bytes | None, value: bytes, event_id: str, kind: str
    ) -> bool:
        """Looked up without the write lock and unread, since there are many of them."""
        with self.ledger.snapshot() as view, suppress(InvalidInput):
            genuine.check(view, origin.topic, key, value, event_id, kind)
            return True
        return False

    def take_again(self, tx: Connection, story_id: UUID) -> None:
        """Decide anew for a story of a ledger that was restored: what followed from its last
        events may be lost. Orders for copies and renditions that are missing are sent again."""
        now = self.ledger.now_ms()
        newest = stories.version_row(tx, story_id, stories.get(tx, story_id).version)
        events: list[Event] = [WakeupDue(story_id=story_id, kind="release")]
        if newest.copies_sha256 is None and newest.state == "in_review":
            story = Story.model_validate_json(newest.story)
            events = [StoryRevised(story_id=story_id, story=story, by=newest.by)]
        for version, copies in self.load(tx, story_id).copies.items():
            events.append(
                CopiesReady(
                    story_id=story_id,
                    version=version,
                    copies=(),
                    copies_sha256="0" * 64,
                    needs={channel: copy.needs for channel, copy in copies.items()},
                )
            )
        for event in events:
            state = self.load(tx, story_id)
            self._apply(tx, state, str(new_id()), decide(state, event, self.rules, now), now)

    def load(self, tx: Connection, story_id: UUID) -> StoryState:
        """The state of one story; raises InvalidInput when the ledger does not know it."""
        row = stories.get(tx, story_id)
        plan = Plan.model_validate_json(row.plan)
        newest = stories.version_row(tx, story_id, row.version)
        told = Story.model_validate_json(newest.story)
        approved = (
            told
            if row.approved_version in {None, row.version}
            else stories.story_of(tx, story_id, row.approved_version)
        )
        versions = {row.version, row.approved_version} - {None}
        channels = tuple(c for c in plan.channels or () if c in self.rules)
        copies = {
            version: {
                c.channel: Copy(c.sha256, c.refused, c.needs)
                for c in stories.copies_of(tx, story_id, version).values()
            }
            for version in versions
        }
        needs = {
            name for found in copies.values() for copy in found.values() for name in copy.needs
        }
        signed = stories.valid_signatures(tx, story_id, row.version)
        not_before = [utc(t) for t in (approved.embargoed_until, plan.release_at) if t is not None]
        rows = publications.of_story(tx, story_id)
        restored_at = restores.last(tx)
        waves = {c: plan.waves.get(c, self.rules[c].wave) for c in channels}
        return StoryState(
            id=story_id,
            urgency=told.urgency,
            version=row.version,
            version_state=newest.state,
            has_video=any(a.kind == "video" for a in told.assets),
            approved_version=row.approved_version,
            missing_levels=missing_levels(signed, newest.copies_sha256 or ""),
            released_at=row.released_at,
            release_not_before=max(not_before, default=None),
            withdrawn_reason=row.withdrawn_reason,
            held_reason=row.held_reason,
            channels=channels,
            waves=waves,
            gate_rule=plan.gate or self.newsroom.plan.gate,
            fallback_s={w: self._fallback_s(plan, w) for w in set(waves.values())},
            opened_waves={int(k): v for k, v in json.loads(row.opened_waves).items()},
            copies={version: found for version, found in copies.items() if found},
            renditions={
                name: (r.state, r.reason) for name, r in renditions.of_needs(tx, needs).items()
            },
            publications=tuple(_publication(p) for p in rows if p.channel in self.rules),
            orphans=tuple(_publication(p) for p in rows if p.channel not in self.rules),
            restored_at=restored_at if row.created_at <= (restored_at or 0) else None,
            doubtful=row.held_reason == restores.HELD,
        )

    def _fallback_s(self, plan: Plan, wave: int) -> int:
        if plan.fallback_after_s is not None:
            return plan.fallback_after_s * max(1, wave - 1)
        return self.newsroom.plan.fallback_s(wave)

    def _apply(
        self, tx: Connection, state: StoryState, cause: str, decisions: list[Decision], now: int
    ) -> None:
        changed: dict[str, Any] = {}
        for index, decision in enumerate(decisions):
            event_id = str(derived_id(cause, index))
            match decision:
                case PutPublication(publication=p):
                    publications.put(tx, state.id, at=now, **_columns(state, p, now))
                case ChangePublication(channel=channel, release=release, changes=changes):
                    publications.change(tx, state.id, channel, release, at=now, **changes)
                case Send(message=message):
                    outbox.append(tx, message, at=now, event_id=event_id)
                case ChangeStory(changes=changes):
                    changed |= changes
                case Wake(due_at=due_at, kind=kind, key=key):
                    wakeups.schedule(
                        tx,
                        due_at=due_at,
                        target=CONSUMER,
                        key=str(state.id),
                        kind=f"{kind}:{key}",
                        data=WakeupDue(story_id=state.id, kind=kind, key=key).model_dump(
                            mode="json"
                        ),
                    )
                case NeedRendition(source_sha256=source, recipe=recipe, wave=wave):
                    self._need(tx, state, (source, recipe, wave), event_id, now)
        stories.change(tx, state.id, at=now, **changed)  # with nothing changed: for who watches

    def _need(
        self,
        tx: Connection,
        state: StoryState,
        wanted: tuple[str, Any, int],
        event_id: str,
        now: int,
    ) -> None:
        source, recipe, wave = wanted
        story = stories.story_of(tx, state.id, state.version)
        asset = next((a for a in story.assets if a.sha256 == source), None)
        ordered = renditions.need(
            tx,
            state.id,
            source,
            recipe,
            wave=wave,
            urgency=state.urgency,
            cost_s=cost_s(recipe, asset.duration_s if asset else None),
            at=now,
        )
        if ordered:
            order = TranscodeOrder(story_id=state.id, source_sha256=source, recipe=recipe)
            outbox.append(tx, order, at=now, event_id=event_id)


def _publication(row: Any) -> Publication:
    return Publication(
        channel=row.channel,
        release=row.release,
        wave=row.wave,
        state=row.state,
        verb=row.verb,
        version=row.version,
        copy_sha256=row.copy_sha256,
        live_version=row.live_version,
        gate=row.gate,
        reason=row.reason,
        epoch=row.epoch,
        open_attempt=row.open_attempt is not None,
        was_live=row.received_at is not None,
        awaited=row.handle is not None,
        address=publications.address(row),
        given_up=given_up(publications.loads(row.settled)),
    )


def _columns(state: StoryState, p: Publication, now: int) -> dict[str, Any]:
    ready = p.state == "ready"
    return {
        "channel": p.channel,
        "release": p.release,
        "wave": p.wave,
        "urgency": state.urgency,
        "state": p.state,
        "verb": p.verb,
        "version": p.version,
        "copy_sha256": p.copy_sha256,
        "gate": p.gate,
        "reason": p.reason,
        "due_at": now if ready else None,
        "released_at": now if ready else None,
    }
