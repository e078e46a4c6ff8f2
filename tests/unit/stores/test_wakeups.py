"""One kind of waiting: a row that comes due."""

from stores.ledger import wakeups
from stores.ledger.transaction import Ledger


def schedule(ledger: Ledger, due_at: int, key: str = "s1", kind: str = "release:") -> None:
    with ledger.transaction() as tx:
        wakeups.schedule(
            tx, due_at=due_at, target="conductor", key=key, kind=kind, data={"n": due_at}
        )


def take(ledger: Ledger, now: int, limit: int = 50) -> list[int]:
    with ledger.transaction() as tx:
        return [w.due_at for w in wakeups.take_due(tx, now, limit)]


def next_due(ledger: Ledger) -> int | None:
    with ledger.snapshot() as view:
        return wakeups.next_due(view)


def test_what_is_due_is_taken_once_the_earliest_first(ledger: Ledger) -> None:
    for due_at, key in ((300, "a"), (100, "b"), (200, "c"), (900, "d")):
        schedule(ledger, due_at, key)
    assert next_due(ledger) == 100
    assert take(ledger, 300, limit=2) == [100, 200]
    assert take(ledger, 300) == [300]
    assert take(ledger, 300) == []
    assert next_due(ledger) == 900


def test_there_is_one_for_each_purpose_and_setting_it_again_moves_it(ledger: Ledger) -> None:
    schedule(ledger, 100)
    schedule(ledger, 500)
    schedule(ledger, 150, kind="fallback:2")
    assert take(ledger, 200) == [150]
    assert take(ledger, 500) == [500]


def test_a_cancelled_one_never_rings(ledger: Ledger) -> None:
    schedule(ledger, 100)
    with ledger.transaction() as tx:
        wakeups.cancel(tx, target="conductor", key="s1", kind="release:")
        wakeups.cancel(tx, target="conductor", key="nobody", kind="release:")
    assert take(ledger, 1000) == []
    assert next_due(ledger) is None


def test_taking_and_ringing_are_one_transaction(ledger: Ledger) -> None:
    schedule(ledger, 100)
    try:
        with ledger.transaction() as tx:
            assert wakeups.take_due(tx, 100)
            raise RuntimeError
    except RuntimeError:
        pass
    assert take(ledger, 100) == [100]
