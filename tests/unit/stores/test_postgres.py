"""What PostgreSQL alone must be asked: who waits for whom, what a restart breaks, who hears."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError

from deploy.stack.postgres import PostgresServer, running_server
from schemas.errors import StorageFull, Unavailable
from schemas.orders import AdaptOrder
from stores.ledger import outbox, postgres
from stores.ledger.ids import new_id
from stores.ledger.migrate import migrate
from stores.ledger.postgres import Notices
from stores.ledger.tables import metadata, quotas
from stores.ledger.transaction import Ledger, open_ledger, ping, spoken
from tests.fakes import STORY_ID
from tests.postgres import cut_off, database, empty_database

OTHER_STORY = new_id()


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    with database(postgres) as made:
        yield made


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    made = open_ledger(url)
    yield made
    made.close()


@pytest.fixture(scope="module")
def durable() -> Iterator[PostgresServer]:
    """A server of its own that writes through and may be stopped."""
    with running_server() as server:
        yield server


def meanwhile(ledger: Ledger, story: Any) -> Callable[[float], bool]:
    """Begin a transaction in another thread; the answer tells whether it ends within a time."""

    def write() -> None:
        with ledger.transaction(story):
            pass

    thread = threading.Thread(target=write, daemon=True)
    thread.start()

    def ends(within_s: float) -> bool:
        thread.join(within_s)
        return not thread.is_alive()

    return ends


@pytest.mark.slow
def test_stories_do_not_wait_for_each_other_and_the_whole_waits_for_all(ledger: Ledger) -> None:
    with ledger.transaction(STORY_ID):
        assert meanwhile(ledger, OTHER_STORY)(10), "another story"
        same, whole = meanwhile(ledger, STORY_ID), meanwhile(ledger, None)
        assert not same(0.3)
        assert not whole(0.3)
    assert same(10)
    assert whole(10)
    with ledger.transaction():
        one = meanwhile(ledger, OTHER_STORY)
        assert not one(0.3)
    assert one(10)


@pytest.mark.slow
def test_what_is_read_after_waiting_is_the_newest(ledger: Ledger) -> None:
    with ledger.transaction() as tx:
        tx.execute(quotas.insert().values(channel="web", day="d", verb="v", used=1))
    seen: list[int] = []

    def look() -> None:
        with ledger.transaction(STORY_ID) as tx:
            seen.append(tx.execute(text("SELECT used FROM quotas")).scalar_one())

    with ledger.transaction(STORY_ID) as tx:
        thread = threading.Thread(target=look)
        thread.start()
        time.sleep(0.3)  # it waits for the lock by now
        tx.execute(update(quotas).values(used=2))
    thread.join(10)
    assert seen == [2]


def order(tx: Any) -> None:
    outbox.append(tx, AdaptOrder(story_id=STORY_ID, version=1, channels=()), at=1)


@pytest.mark.slow
def test_a_row_that_commits_after_a_later_one_is_sent_all_the_same(ledger: Ledger) -> None:
    with ExitStack() as first:
        early = first.enter_context(ledger.transaction(STORY_ID))
        order(early)
        with ledger.transaction(OTHER_STORY) as late:
            order(late)
        with ledger.transaction(OTHER_STORY) as tx:
            (row,) = outbox.unsent(tx, 10)
            outbox.mark_sent(tx, [(row.seq, 0, 0)], at=1)
    with ledger.snapshot() as view:
        (left,) = outbox.unsent(view, 10)
    assert left.seq < row.seq


@pytest.mark.slow
def test_whoever_goes_on_after_the_last_number_misses_no_row(ledger: Ledger) -> None:
    found: list[int] = []

    def read() -> None:
        with ledger.settled_snapshot() as view:
            found.extend(row.seq for row in outbox.unsent(view, 10))

    with ledger.transaction(STORY_ID) as early:
        order(early)
        with ledger.transaction(OTHER_STORY) as late:
            order(late)
        thread = threading.Thread(target=read)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive(), "a lower number is still to come"
    thread.join(10)
    assert len(found) == 2


@pytest.mark.slow
def test_whoever_is_paused_in_a_transaction_loses_it_and_nobody_waits_for_ever(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "IDLE_S", 1)
    paused, other = open_ledger(url), open_ledger(url)

    def pause() -> None:
        with paused.transaction() as tx:
            tx.execute(quotas.insert().values(channel="web", day="d", verb="v", used=1))
            with other.transaction() as second:  # begins once the first was cut off
                assert second.execute(text("SELECT count(*) FROM quotas")).scalar() == 0
            tx.execute(update(quotas).values(used=2))

    with pytest.raises(Unavailable):
        pause()
    ping(paused)
    paused.close()
    other.close()


@pytest.mark.slow
def test_a_lock_held_too_long_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = open_ledger(url)
    monkeypatch.setattr(postgres, "LOCK_WAIT_S", 1)
    waiter = open_ledger(url)
    with holder.transaction():
        with pytest.raises(Unavailable, match="ledger"), waiter.transaction():
            raise AssertionError
        ping(waiter)  # looking is still possible
    with waiter.transaction():
        pass
    holder.close()
    waiter.close()


@pytest.mark.slow
def test_a_connection_that_was_cut_is_opened_again(ledger: Ledger, postgres: Any) -> None:
    ping(ledger)
    name = str(ledger.engine.url.database)

    def be_cut() -> None:
        with ledger.transaction() as tx:
            cut_off(postgres, name)
            tx.execute(text("SELECT 1"))

    with pytest.raises(Unavailable):
        be_cut()
    ping(ledger)
    cut_off(postgres, name)
    ping(ledger)  # seen before it is used


@pytest.mark.slow
def test_a_server_that_stops_is_told_and_used_again_when_it_is_back(
    durable: PostgresServer, tmp_path: Path
) -> None:
    with empty_database(durable) as name:
        ledger = open_ledger(durable.url(name))
        migrate(ledger, tmp_path)
        with ledger.transaction() as tx:
            order(tx)
        durable.stop()
        with pytest.raises(Unavailable):
            ping(ledger)
        with pytest.raises(Unavailable), ledger.transaction():
            raise AssertionError
        durable.start()
        with ledger.snapshot() as view:
            assert outbox.backlog(view)[0] == 1
        ledger.close()


@pytest.mark.slow
def test_two_hosts_that_upgrade_at_once_do_it_once(durable: PostgresServer, tmp_path: Path) -> None:
    with empty_database(durable) as name:
        ledgers = [open_ledger(durable.url(name)) for _ in range(2)]
        heads: list[str] = []
        threads = [
            threading.Thread(target=lambda own=own: heads.append(migrate(own, tmp_path)))
            for own in ledgers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(heads) == 2
        with ledgers[0].engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
            assert context.get_current_revision() == heads[0] == heads[1]
        for own in ledgers:
            own.close()


@pytest.mark.slow
def test_a_server_that_does_not_write_through_is_refused(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    with empty_database(postgres) as name:
        ledger = open_ledger(postgres.url(name))
        with pytest.raises(Unavailable, match="fsync = off"):
            migrate(ledger, tmp_path)
        ledger.close()


@pytest.mark.slow
def test_a_commit_is_on_disk_when_it_is_answered_whatever_the_servers_default(url: str) -> None:
    weak = open_ledger(f"{url}?options=-c%20synchronous_commit%3Doff")
    with weak.snapshot() as view:
        assert view.execute(text("SHOW synchronous_commit")).scalar() == "on"
    weak.close()
    strict = open_ledger(f"{url}?options=-c%20synchronous_commit%3Dremote_apply")
    with strict.snapshot() as view:
        assert view.execute(text("SHOW synchronous_commit")).scalar() == "remote_apply"
    strict.close()


@pytest.mark.slow
def test_a_nul_in_a_text_is_shown_and_breaks_nothing(ledger: Ledger) -> None:
    with ledger.transaction() as tx:
        tx.execute(quotas.insert().values(channel="a\x00b", day="d", verb="v", used=1))
        assert tx.execute(text("SELECT channel FROM quotas")).scalar() == "a\ufffdb"


@pytest.mark.slow
def test_whoever_listens_hears_of_a_commit_to_the_outbox_and_of_nothing_else(
    ledger: Ledger,
) -> None:
    heard = threading.Event()
    notices = Notices(ledger.address, heard.set)
    deadline = time.monotonic() + 20
    while not heard.is_set() and time.monotonic() < deadline:  # until it listens
        with ledger.transaction() as tx:
            order(tx)
        heard.wait(0.2)
    time.sleep(0.5)
    heard.clear()
    with ledger.transaction() as tx:
        tx.execute(quotas.insert().values(channel="web", day="d", verb="v", used=1))
    assert not heard.wait(0.5)
    with ledger.transaction() as tx:
        order(tx)
    assert heard.wait(10)
    notices.close()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (psycopg.errors.DiskFull(), StorageFull),
        (psycopg.errors.LockNotAvailable(), Unavailable),
        (psycopg.errors.DeadlockDetected(), Unavailable),
        (psycopg.errors.AdminShutdown(), Unavailable),
        (psycopg.errors.ReadOnlySqlTransaction(), Unavailable),
    ],
)
def test_the_servers_own_trouble_is_told_as_such(error: Any, told: type[Exception]) -> None:
    with pytest.raises(told), spoken():
        raise OperationalError("INSERT", None, error)
