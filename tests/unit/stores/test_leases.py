"""A lease has one owner; another takes over only when the former one is surely gone."""

import threading

import pytest
from sqlalchemy import update

from stores.ledger import leases
from stores.ledger.tables import leases as table
from stores.ledger.transaction import Ledger

LASTS = 60_000


def take(ledger: Ledger, owner: str, *, wait_ms: int = 1000) -> int | None:
    with ledger.transaction() as tx:
        return leases.take(tx, "core", owner, lasts_ms=LASTS, wait_ms=wait_ms)


def run_out(ledger: Ledger, *, ago_ms: int) -> None:
    """As if the lease had ended so long ago."""
    with ledger.transaction() as tx:
        tx.execute(update(table).values(ends_at=leases.ledger_ms(tx) - ago_ms))


def held(ledger: Ledger, epoch: int) -> bool:
    with ledger.snapshot() as view:
        return leases.is_held(view, "core", epoch)


def test_nobody_else_gets_it_before_it_ended_and_the_wait_is_over(ledger: Ledger) -> None:
    assert take(ledger, "one") == 1
    assert take(ledger, "two") is None
    run_out(ledger, ago_ms=500)
    assert not held(ledger, 1)
    assert take(ledger, "two") is None, "the last call of the former owner may still run"
    run_out(ledger, ago_ms=2000)
    assert take(ledger, "two") == 2
    assert held(ledger, 2)
    assert not held(ledger, 1)


def test_the_same_slot_takes_its_own_again_at_once_with_the_next_epoch(ledger: Ledger) -> None:
    assert take(ledger, "one") == 1
    assert take(ledger, "one") == 2
    assert not held(ledger, 1)


def test_renewing_keeps_it_and_a_former_epoch_renews_nothing(ledger: Ledger) -> None:
    take(ledger, "one")
    run_out(ledger, ago_ms=0)
    with ledger.transaction(locked=False) as tx:
        assert leases.renew(tx, "core", 1, lasts_ms=LASTS)
    assert held(ledger, 1)
    take(ledger, "one")
    with ledger.transaction(locked=False) as tx:
        assert not leases.renew(tx, "core", 1, lasts_ms=LASTS)


def test_what_was_given_up_is_free_at_once(ledger: Ledger) -> None:
    take(ledger, "one")
    with ledger.transaction() as tx:
        leases.give_up(tx, "core", 1)
    assert not held(ledger, 1)
    assert take(ledger, "two") == 2
    with ledger.transaction() as tx:
        leases.give_up(tx, "core", 1)
    assert held(ledger, 2), "a former epoch gives nothing up"


def test_the_owners_that_may_still_live_are_told_from_the_dead(ledger: Ledger) -> None:
    take(ledger, "one")
    for ago_ms, living in ((0, {"core"}), (5000, set())):
        run_out(ledger, ago_ms=ago_ms)
        with ledger.snapshot() as view:
            assert leases.living(view, {"core", "never"}, wait_ms=2000) == living


@pytest.mark.parametrize("begun", [False, True])
def test_of_many_who_ask_at_once_one_gets_it(ledger: Ledger, begun: bool) -> None:
    if begun:
        take(ledger, "gone")
        run_out(ledger, ago_ms=5000)
    got: list[int] = []

    def ask(owner: str) -> None:
        if (epoch := take(ledger, owner)) is not None:
            got.append(epoch)

    threads = [threading.Thread(target=ask, args=(f"host{n}",)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert got == [2 if begun else 1]
