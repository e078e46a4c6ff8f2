"""人工重发: a person has failed deliveries of a story tried again, after a look at what that means.

Never a live one, never one of which nobody knows whether it is there. Each that is tried is
recorded with the person's name.
"""

from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import Connection, Row

from producers.filing import Desk
from producers.rights import needs
from schemas.body import Model
from schemas.errors import Fault, InvalidInput
from schemas.events import DeliveryResent
from schemas.orders import TranscodeOrder
from schemas.rendition import parse_placeholder
from schemas.resending import Failed, Step, step_of
from schemas.text import ChannelId, Text
from stores.ledger import outbox, people, publications, renditions, stories
from stores.ledger.ids import when
from stores.ledger.people import Caller


class ResendIn(Model):
    """Which deliveries; the plan alone unless ``dry_run`` is false."""

    channels: tuple[ChannelId, ...] = Field(default=(), max_length=100)
    """Empty: all that failed."""
    note: Text = Field(default="", max_length=600)
    dry_run: bool = True


def resend(desk: Desk, caller: Caller, story_key: str, asked: ResendIn) -> dict[str, Any]:
    """``plan``: a line for each delivery asked for; ``done`` says whether it was carried out."""
    needs(caller, "delivery.resend")
    with desk.ledger.transaction() as tx:
        now = desk.ledger.now_ms()
        story = stories.find(tx, story_key)
        needs(caller, "delivery.resend", story)
        rows = _latest(tx, story.id)
        unknown = [c for c in asked.channels if c not in rows]
        if unknown:
            told = f"这篇稿件没有渠道 {unknown[0]!r} / the story has no such channel"
            known = f"有 / it has: {'、'.join(rows)}"
            raise InvalidInput(Fault("unknown_channel", "channels", told, known))
        steps = {channel: step_of(_failed(tx, story, row)) for channel, row in rows.items()}
        wanted = asked.channels or [c for c, step in steps.items() if step.failed]
        plan = [_line(rows[channel], steps[channel]) for channel in wanted]
        if not asked.dry_run:
            for channel in wanted:
                if steps[channel].way is not None:
                    _again(tx, caller, story, rows[channel], steps[channel], asked.note, now)
            stories.touch(tx, story.id, at=now)
    return {"story_id": story.id, "number": story.number, "done": not asked.dry_run, "plan": plan}


def _latest(tx: Connection, story_id: str) -> dict[str, Row[Any]]:
    """Channel → its newest release, in wave order."""
    return {row.channel: row for row in publications.of_story(tx, story_id)}


def _failed(tx: Connection, story: Row[Any], row: Row[Any]) -> Failed:
    copies = {}
    if story.approved_version is not None:
        copies = stories.copies_of(tx, story.id, story.approved_version)
    copy = copies.get(row.channel)
    return Failed(
        state=row.state,
        verb=row.verb,
        reason=row.reason,
        epoch=row.epoch,
        version=row.version,
        live_version=row.live_version,
        approved_version=story.approved_version,
        withdrawn=story.withdrawn_at is not None,
        copy_refused=copy.refused if copy is not None else "",
        settled=publications.loads(row.settled),
    )


def _line(row: Row[Any], step: Step) -> dict[str, Any]:
    return {
        "channel": row.channel,
        "release": row.release,
        "state": row.state,
        "reason": row.reason,
        "way": step.way,
        "says": step.says,
    }


def _again(
    tx: Connection,
    caller: Caller,
    story: Row[Any],
    row: Row[Any],
    step: Step,
    note: str,
    now: int,
) -> None:
    told = f"{caller.name}重发" + (f": {note}" if note else "")
    fresh = step.way == "new_release"
    release = row.release + 1 if fresh else row.release
    state = "planned" if step.way in {"again", "new_release"} else "live"
    if fresh:
        publications.change_row(
            tx,
            row,
            at=now,
            state="superseded",
            due_at=None,
            reason=f"{row.reason}; 由第{release}次发布接替 / replaced by release {release}",
        )
        publications.put(
            tx,
            row.story_id,
            at=now,
            channel=row.channel,
            release=release,
            wave=row.wave,
            urgency=row.urgency,
            state=state,
            verb="create",
            version=story.approved_version,
            reason=told,
        )
    else:
        publications.change_row(
            tx,
            row,
            at=now,
            state=state,
            reason=told,
            due_at=None,
            tries=0,
            handle=None,
            settled=None,
        )
    _media_again(tx, story, row.channel, now)
    stands = state == "live" and row.live_version is not None
    event = DeliveryResent(
        story_id=UUID(row.story_id),
        channel=row.channel,
        release=release,
        version=row.live_version if stands else story.approved_version,
        state=state,
        reason=told,
        at=when(now),
        replaces=row.release if fresh else None,
        by=caller.id,
        by_name=caller.name,
        note=note,
    )
    outbox.append(tx, event, at=now)
    detail = f"{row.channel}#{row.release} {row.state} → #{release} {state}: {note}"
    people.record(tx, caller.id, "delivery.resent", at=now, story_id=row.story_id, detail=detail)


def _media_again(tx: Connection, story: Row[Any], channel: str, now: int) -> None:
    """Renditions that failed for this outlet's copy are ordered once more."""
    copies = stories.copies_of(tx, story.id, story.approved_version)
    needs_ = copies[channel].needs if channel in copies else ()
    for name, row in renditions.of_needs(tx, needs_).items():
        if row.state != "failed":
            continue
        source, recipe = parse_placeholder(name)
        again = {"state": "ordered", "reason": "", "tries": 0, "due_at": now}
        renditions.change(tx, source, recipe, at=now, **again)
        order = TranscodeOrder(story_id=UUID(story.id), source_sha256=source, recipe=recipe)
        outbox.append(tx, order, at=now)
