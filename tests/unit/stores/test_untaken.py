"""What lies below an offset that outlived its log is sent once more, and nothing else."""

from bus.dead_letters import Origin, bury
from schemas.events import StoryHeld
from stores.ledger import outbox, untaken
from stores.ledger.seen import remember
from stores.ledger.tables import outbox as table
from stores.ledger.transaction import Ledger
from tests.fakes import STORY_ID

SENT_AT = 1000


def sent(ledger: Ledger, message: StoryHeld) -> str:
    with ledger.transaction() as tx:
        identity = outbox.append(tx, message, at=1)
        for row in outbox.unsent(tx, 1):
            outbox.mark_sent(tx, [(row.seq, 0, row.seq)], at=SENT_AT)
    return identity


def unsent_again(ledger: Ledger, before: int = SENT_AT + 1) -> list[str]:
    with ledger.transaction() as tx:
        found = untaken.unsend(tx, before=before)
        rows = tx.execute(table.select().where(table.c.sent_at.is_(None))).all()
    assert len(rows) == found
    return [row.event_id for row in rows]


def held(reason: str) -> StoryHeld:
    return StoryHeld(story_id=STORY_ID, by="duty", reason=reason)


def test_an_event_that_the_conductor_never_took_is_sent_again(ledger: Ledger) -> None:
    taken, missed = sent(ledger, held("a")), sent(ledger, held("b"))
    with ledger.transaction() as tx:
        remember(tx, "conductor", taken, at=SENT_AT)
    assert unsent_again(ledger, before=SENT_AT) == []
    assert unsent_again(ledger) == [missed]


def test_a_dead_letter_is_not(ledger: Ledger) -> None:
    sent(ledger, held("a"))
    with ledger.transaction() as tx:
        (row,) = tx.execute(table.select()).all()
        origin = Origin("story-events", 0, 7, "conductor")
        bury(tx, origin, row.key.encode(), row.value.encode(), "no such story", at=2)
        buried = [r for r in outbox.unsent(tx, 9) if r.topic == "dead-letters"]
        outbox.mark_sent(tx, [(r.seq, 0, 0) for r in buried], at=SENT_AT)
    assert unsent_again(ledger) == []
