"""An owner that cannot keep its lease ends itself, and writes nothing more."""

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from bus.lease import Keeper, identity
from schemas.errors import Unavailable
from schemas.settings import Settings
from stores.ledger.tables import leases, metadata, quotas
from stores.ledger.transaction import Ledger, open_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(open_ledger(f"sqlite:///{tmp_path}/ledger.db")) as made:
        metadata.create_all(made.engine)
        yield made


class Host:
    """A process on a host of its own."""

    def __init__(self, ledger: Ledger, data: Path, lease_s: float = 60.0) -> None:
        self.ended = threading.Event()
        self.keeper = Keeper(
            ledger,
            Settings(data=data, process="publish", lease_s=lease_s),
            end=lambda _why: self.ended.set(),
        )

    def take(self) -> Ledger | None:
        return self.keeper.take("publish/web", wait_s=5.0)


def write(ledger: Ledger) -> None:
    with ledger.transaction() as tx:
        tx.execute(quotas.insert().values(channel="web", day="d", verb="v", used=1))


def written(ledger: Ledger) -> int:
    with ledger.snapshot() as view:
        return len(view.execute(select(quotas.c.used)).all())


def lose(ledger: Ledger) -> None:
    """As if the lease had ended long ago and nobody had noticed."""
    with ledger.transaction() as tx:
        tx.execute(update(leases).values(ends_at=1))


def test_a_standby_waits_and_gets_what_was_given_up(ledger: Ledger, tmp_path: Path) -> None:
    one, two = Host(ledger, tmp_path / "one"), Host(ledger, tmp_path / "two")
    owned = one.take()
    assert owned is not None
    assert two.take() is None
    write(owned)
    assert written(ledger) == 1
    one.keeper.close()
    assert two.take() is not None
    two.keeper.close()


def test_a_former_owner_writes_nothing_and_ends(ledger: Ledger, tmp_path: Path) -> None:
    one, two = Host(ledger, tmp_path / "one"), Host(ledger, tmp_path / "two")
    owned = one.take()
    assert owned is not None
    lose(ledger)
    assert two.take() is not None
    with pytest.raises(Unavailable, match="another process owns it"):
        write(owned)
    assert one.ended.is_set()
    assert written(ledger) == 0
    for host in (one, two):
        host.keeper.close()


def test_renewing_keeps_it_past_its_length(ledger: Ledger, tmp_path: Path) -> None:
    one = Host(ledger, tmp_path, lease_s=1.0)
    owned = one.take()
    assert owned is not None
    assert not one.ended.wait(1.6)
    write(owned)
    one.keeper.close()


def test_who_cannot_renew_ends(ledger: Ledger, tmp_path: Path) -> None:
    one = Host(ledger, tmp_path, lease_s=2.0)
    one.take()
    with ledger.transaction():  # nobody can write meanwhile
        assert one.ended.wait(10)
    one.keeper.close()


def test_a_host_whose_clock_is_off_owns_nothing(ledger: Ledger, tmp_path: Path) -> None:
    ledger.now = lambda: datetime.now(UTC) + timedelta(seconds=10)
    assert Host(ledger, tmp_path).take() is None


def test_a_folder_on_a_host_keeps_its_identity(tmp_path: Path) -> None:
    mine = identity(Settings(data=tmp_path / "a"))
    assert identity(Settings(data=tmp_path / "a")) == mine
    assert identity(Settings(data=tmp_path / "b")) != mine
