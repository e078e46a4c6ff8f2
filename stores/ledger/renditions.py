"""Renditions: one row for each (source, recipe); the first committed one wins."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, case, func, select, tuple_, update

from schemas.rendition import Rendition, parse_placeholder, placeholder
from stores.ledger import journal
from stores.ledger.tables import publications, renditions, story_renditions

Place = tuple[str, str]
"""(source sha256, recipe)."""


def need(
    tx: Connection,
    story_id: UUID | str,
    source_sha256: str,
    recipe: str,
    *,
    wave: int,
    urgency: int,
    cost_s: int,
    at: int,
) -> bool:
    """Link a story to a rendition; True when it has to be ordered (new, or failed before)."""
    linked = tx.execute(
        select(story_renditions.c.recipe).where(
            story_renditions.c.story_id == str(story_id),
            story_renditions.c.source_sha256 == source_sha256,
            story_renditions.c.recipe == recipe,
        )
    ).first()
    if linked is None:
        tx.execute(
            story_renditions.insert().values(
                story_id=str(story_id), source_sha256=source_sha256, recipe=recipe
            )
        )
        journal.note(
            tx, story_renditions, story_id=story_id, source_sha256=source_sha256, recipe=recipe
        )
    row = get(tx, source_sha256, recipe)
    if row is None:
        journal.note(tx, renditions, story=story_id, source_sha256=source_sha256, recipe=recipe)
        tx.execute(
            renditions.insert().values(
                source_sha256=source_sha256,
                recipe=recipe,
                state="ordered",
                wave=wave,
                urgency=urgency,
                cost_s=cost_s,
                progress=0,
                reason="",
                tries=0,
                due_at=at,
                created_at=at,
                updated_at=at,
            )
        )
        return True
    if row.state == "failed":
        change(tx, source_sha256, recipe, at=at, state="ordered", reason="", tries=0, due_at=at)
    first = {"wave": min(wave, row.wave), "urgency": min(urgency, row.urgency)}
    if first != {"wave": row.wave, "urgency": row.urgency}:
        change(tx, source_sha256, recipe, at=at, **first)  # somebody waits for it more urgently
    return bool(row.state == "failed")


def get(tx: Connection, source_sha256: str, recipe: str) -> Row[Any] | None:
    return tx.execute(
        select(renditions).where(
            renditions.c.source_sha256 == source_sha256, renditions.c.recipe == recipe
        )
    ).first()


def change(tx: Connection, source_sha256: str, recipe: str, *, at: int, **values: Any) -> None:
    tx.execute(
        update(renditions)
        .where(renditions.c.source_sha256 == source_sha256, renditions.c.recipe == recipe)
        .values(**values, updated_at=at)
    )
    if values.get("state") in {"done", "failed"} or "wave" in values or "tries" in values:
        for story_id in stories_of(tx, source_sha256, recipe)[:1]:
            journal.note(tx, renditions, story=story_id, source_sha256=source_sha256, recipe=recipe)


QUICK_S = 2
"""Estimated seconds of work that hold nobody up: pictures, stills, posters."""


def take(tx: Connection, owner: str, now: int, *, at_most_s: int | None = None) -> list[Row[Any]]:
    """Claim what to make next: the first wave, then what is quick (a picture for the page must
    not wait behind a clip for the station), then by wave, urgency, short before long; with it
    everything of the same wave that comes from the same source. Empty when nothing is due.
    ``at_most_s`` takes work of the first wave alone that is estimated at so many seconds at most."""
    lane = case((renditions.c.wave == 1, 0), (renditions.c.cost_s <= QUICK_S, 1), else_=2)
    due: tuple[ColumnElement[bool], ...] = (
        renditions.c.state == "ordered",
        renditions.c.due_at <= now,
    )
    if at_most_s is not None:
        due = (*due, renditions.c.wave == 1, renditions.c.cost_s <= at_most_s)
    first = tx.execute(
        select(renditions)
        .where(*due)
        .order_by(
            lane,
            renditions.c.wave,
            renditions.c.urgency,
            renditions.c.cost_s,
            renditions.c.created_at,
        )
        .limit(1)
        .with_for_update(skip_locked=True)
    ).first()
    if first is None:
        return []
    rows = list(
        tx.execute(
            select(renditions)
            .where(
                *due,
                renditions.c.source_sha256 == first.source_sha256,
                renditions.c.wave == first.wave,
            )
            .with_for_update(skip_locked=True)
        )
    )
    for row in rows:
        change(tx, row.source_sha256, row.recipe, at=now, state="working", owner=owner)
    return rows


def release_owned(tx: Connection, owner: str, now: int, *, but: Iterable[Place] = ()) -> int:
    """Give back what a worker of this name had claimed, without the places that it is at work on."""
    kept = tuple_(renditions.c.source_sha256, renditions.c.recipe).in_(list(but))
    return tx.execute(
        update(renditions)
        .where(renditions.c.state == "working", renditions.c.owner == owner, ~kept)
        .values(state="ordered", owner=None, due_at=now, updated_at=now)
    ).rowcount


def owners_at_work(tx: Connection) -> set[str]:
    return set(
        tx.execute(select(renditions.c.owner).where(renditions.c.state == "working")).scalars()
    )


def commit(tx: Connection, made: Rendition, *, at: int) -> bool:
    """Record a finished rendition; False when another was committed before."""
    row = get(tx, made.source_sha256, made.recipe)
    if row is None or row.state == "done":
        return False
    change(
        tx,
        made.source_sha256,
        made.recipe,
        at=at,
        state="done",
        progress=100,
        owner=None,
        reason="",
        manifest=made.model_dump_json(),
    )
    return True


def manifest(tx: Connection, source_sha256: str, recipe: str) -> Rendition | None:
    row = get(tx, source_sha256, recipe)
    if row is None or row.manifest is None:
        return None
    return Rendition.model_validate_json(row.manifest)


def of_story(tx: Connection, story_id: UUID | str) -> dict[str, Row[Any]]:
    """Placeholder → row, for everything that a story's copies name."""
    rows = tx.execute(
        select(renditions)
        .join(
            story_renditions,
            (story_renditions.c.source_sha256 == renditions.c.source_sha256)
            & (story_renditions.c.recipe == renditions.c.recipe),
        )
        .where(story_renditions.c.story_id == str(story_id))
    )
    return {placeholder(r.source_sha256, r.recipe): r for r in rows}


def of_needs(tx: Connection, needs: Iterable[str]) -> dict[str, Row[Any]]:
    """Placeholder → row, for those that there are."""
    found = {name: get(tx, *parse_placeholder(name)) for name in needs}
    return {name: row for name, row in found.items() if row is not None}


def stories_of(tx: Connection, source_sha256: str, recipe: str) -> list[str]:
    """Ids of stories that wait for a rendition."""
    return list(
        tx.execute(
            select(story_renditions.c.story_id).where(
                story_renditions.c.source_sha256 == source_sha256,
                story_renditions.c.recipe == recipe,
            )
        ).scalars()
    )


def all_withdrawn(tx: Connection, source_sha256: str, recipe: str) -> bool:
    """Nobody waits for it any more: every publication of its stories has ended."""
    ids = stories_of(tx, source_sha256, recipe)
    waiting = tx.execute(
        select(func.count())
        .select_from(publications)
        .where(
            publications.c.story_id.in_(ids),
            publications.c.state.not_in(
                ["cancelled", "recalled", "superseded", "not_applicable", "recalling"]
            ),
        )
    ).scalar_one()
    return bool(ids) and waiting == 0


def lasting(tx: Connection, places: list[Place]) -> set[Place]:
    """Done or failed: their order records may be committed."""
    done: set[Place] = set()
    for source, recipe in places:
        row = get(tx, source, recipe)
        if row is None or row.state in {"done", "failed"}:
            done.add((source, recipe))
    return done


def open_count(tx: Connection) -> int:
    return tx.execute(
        select(func.count())
        .select_from(renditions)
        .where(renditions.c.state.in_(["ordered", "working"]))
    ).scalar_one()


def any_due(tx: Connection, now: int) -> bool:
    """Something is ordered and due; a cheap look before the write lock is asked for."""
    found = tx.execute(
        select(renditions.c.recipe)
        .where(renditions.c.state == "ordered", renditions.c.due_at <= now)
        .limit(1)
    ).first()
    return found is not None
