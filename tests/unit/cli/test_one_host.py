"""What one host of several does: taken once, ended when lost, handed on when given up."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import update

from cli.one_host import OneHost
from deploy.stack.postgres import PostgresServer
from schemas.errors import Unavailable
from schemas.settings import Settings
from stores.ledger.tables import alarms, leases
from stores.ledger.transaction import Ledger, open_ledger
from tests.postgres import database


@pytest.fixture
def ledger(postgres: PostgresServer) -> Iterator[Ledger]:
    with database(postgres) as url, closing(open_ledger(url)) as made:
        yield made


def host(ledger: Ledger, data: Path) -> OneHost:
    return OneHost(ledger, Settings(data=data, process="web", lease_s=60.0), "alarms")


def lose(ledger: Ledger) -> None:
    with ledger.transaction() as tx:
        tx.execute(update(leases).values(ends_at=1))


@pytest.mark.slow
def test_one_does_it_until_it_gives_it_up(ledger: Ledger, tmp_path: Path) -> None:
    one, two = host(ledger, tmp_path / "one"), host(ledger, tmp_path / "two")
    mine = one.mine()
    assert mine is not None
    assert one.mine() is mine  # not taken anew each time
    assert two.mine() is None
    one.close()
    assert two.mine() is not None
    two.close()


@pytest.mark.slow
def test_a_lost_lease_ends_the_work_once_and_writes_nothing(ledger: Ledger, tmp_path: Path) -> None:
    one, two = host(ledger, tmp_path / "one"), host(ledger, tmp_path / "two")
    mine = one.mine()
    assert mine is not None
    lose(ledger)
    assert two.mine() is not None
    with pytest.raises(Unavailable), mine.transaction() as tx:
        tx.execute(alarms.delete())
    assert one.mine() is None
    assert one.mine() is None  # the other one has it
    two.close()
    again = one.mine()
    assert again is not None
    assert again is not mine
    one.close()


def test_on_one_host_there_is_nobody_to_ask(tmp_path: Path) -> None:
    with closing(open_ledger(f"sqlite:///{tmp_path}/ledger.db")) as alone:
        assert host(alone, tmp_path).mine() is alone
