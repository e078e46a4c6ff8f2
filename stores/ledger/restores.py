"""After a restore or a rebuild: what may have happened meanwhile is asked for, not assumed.

What the lost ledger did last is not in its copy. So nothing that may have gone out is taken as not
sent: a released delivery without a receipt is ``unknown``, and a story filed before the restore has
each of its later releases asked for at the outlet before the first create (see
``consumers.claims``).
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, and_, exists, func, or_, select, update

from stores.ledger import people, publications, stories, tables
from stores.ledger.ids import new_id
from stores.ledger.tables import restores
from stores.ledger.transaction import Ledger

CHUNK = 50
MAYBE_SENT = ("ready", "intent", "retry_wait", "unknown", "reconciling")
UNDER_WAY = ("accepted", "updating", "recalling")
SETTLE_S = 60.0
"""For a channel that has left the channels file."""
ASKS = "恢复后先问渠道 / asked for after a restore"
HELD = "恢复后请核对是否已发布或已撤稿 / restored: see whether it was published or withdrawn since"
ENDED = ("recalled", "superseded", "cancelled", "not_applicable", "removed_by_platform")


_LAST = select(func.max(restores.c.at))


def last(tx: Connection) -> int | None:
    """When the ledger was last restored or rebuilt (ms); None where it never was."""
    return tx.execute(_LAST).scalar()


def untold(tx: Connection) -> list[str]:
    """Ids of stories with a text and no row of their own."""
    version, story = tables.versions, tables.stories
    orphan = ~exists().where(story.c.id == version.c.story_id)
    query = select(version.c.story_id).where(orphan).distinct().order_by(version.c.story_id)
    return list(tx.execute(query).scalars())


def unfinished(tx: Connection, after: str) -> list[str]:
    """Ids of stories beyond ``after`` with something left to do, at most ``CHUNK`` of them."""
    story, row, version = tables.stories, tables.publications, tables.versions
    mine = row.c.story_id == story.c.id
    behind = and_(
        row.c.state == "live",
        or_(
            func.coalesce(row.c.live_version, 0) < func.coalesce(story.c.approved_version, 0),
            story.c.withdrawn_at.is_not(None),
        ),
    )
    waits = exists().where(mine, or_(row.c.state.not_in([*ENDED, "live"]), behind))
    unmade = exists().where(
        version.c.story_id == story.c.id,
        version.c.version == story.c.version,
        version.c.copies_sha256.is_(None),
    )
    query = select(story.c.id).where(story.c.id > after, or_(waits, unmade, ~exists().where(mine)))
    return list(tx.execute(query.order_by(story.c.id).limit(CHUNK)).scalars())


def hold(tx: Connection, story_id: str, *, at: int) -> bool:
    """Hold a story that has not gone out everywhere: what the lost ledger knew last may be that
    it was withdrawn. A person looks, and resumes it. Returns whether there was anything to hold."""
    row = stories.get(tx, story_id)
    unsent = any(
        p.receipt is None and p.state not in ENDED for p in publications.of_story(tx, story_id)
    )
    if row.withdrawn_at is not None or row.held_reason is not None or not unsent:
        return False
    stories.change(tx, story_id, at=at, held_reason=HELD)
    return True


def settle(ledger: Ledger, *, source: str, settle_s: Mapping[str, float]) -> dict[str, int]:
    """Take the safe way with all that is open, and remember that there was a restore.

    ``settle_s``: channel → seconds after which nothing of an older request can arrive. Every owner
    of a call is dead, since no process runs on the data. Returns what was done, for the operator.
    """
    told = {"asked": 0, "repeated": 0, "renditions": 0}
    states = [*MAYBE_SENT, *UNDER_WAY]
    place: tuple[Any, ...] = ("", "", 0)
    while True:
        with ledger.transaction() as tx:
            rows = _open_rows(tx, states, place)
            for row in rows:
                _settle(tx, row, ledger.now_ms(), settle_s.get(row.channel, SETTLE_S), told)
        if not rows:
            break
        place = (rows[-1].story_id, rows[-1].channel, rows[-1].release)
    with ledger.transaction() as tx:
        now = ledger.now_ms()
        told["renditions"] = tx.execute(
            update(tables.renditions)
            .where(tables.renditions.c.state == "working")
            .values(state="ordered", owner=None, due_at=now)
        ).rowcount
        tx.execute(restores.insert().values(id=str(new_id()), at=now, source=source))
        people.record(tx, "operator", "ledger.restored", at=now, detail=source)
    return told


def _open_rows(tx: Connection, states: list[str], after: tuple[Any, ...]) -> list[Any]:
    table = tables.publications
    key = (table.c.story_id, table.c.channel, table.c.release)
    beyond = (
        (key[0] > after[0])
        | ((key[0] == after[0]) & (key[1] > after[1]))
        | ((key[0] == after[0]) & (key[1] == after[1]) & (key[2] > after[2]))
    )
    open_row = table.c.state.in_(states) | table.c.open_attempt.is_not(None)
    query = select(table).where(open_row, beyond).order_by(*key).limit(CHUNK)
    return list(tx.execute(query))


def _settle(tx: Connection, row: Any, now: int, settle_s: float, told: dict[str, int]) -> None:
    """No request of the lost ledger's can arrive after ``clear_at``."""
    clear_at = max(now, row.sent_before or 0) + round(settle_s * 1000)
    changes: dict[str, Any] = {"open_attempt": None, "due_at": clear_at}
    if row.open_attempt is not None:
        publications.end_attempt(tx, row.open_attempt, outcome="lost", reason=ASKS, at=now)
    creating = row.verb == "create" and row.receipt is None
    if creating and (row.handle is None or row.state in MAYBE_SENT):
        changes |= {"state": "unknown", "handle": None, "reason": ASKS, "tries": 0}
        told["asked"] += 1
    else:
        told["repeated"] += 1  # an update or a recall names its item; an accepted one its handle
    publications.change_row(tx, row, at=now, **changes)
