"""One way to write and one to look, with real writers side by side on one file."""

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from schemas.errors import StorageFull, Unavailable
from schemas.orders import AdaptOrder
from stores.ledger import outbox, publications, renditions, transaction
from stores.ledger.tables import quotas
from stores.ledger.transaction import Ledger, open_ledger, ping
from tests.fakes import STORY_ID


def beside(ledger: Ledger) -> Ledger:
    """The same file as another process opens it."""
    return open_ledger(ledger.engine.url.render_as_string(hide_password=False))


def used(ledger: Ledger) -> int:
    with ledger.snapshot() as view:
        return view.execute(select(quotas.c.used)).scalar() or 0


def start(ledger: Ledger, value: int = 0) -> None:
    with ledger.transaction() as tx:
        tx.execute(quotas.insert().values(channel="web", day="d", verb="v", used=value))


def test_a_read_and_the_write_that_rests_on_it_are_not_split(ledger: Ledger) -> None:
    start(ledger)
    ledgers = [ledger, beside(ledger)]
    failed: list[BaseException] = []

    def count(own: Ledger) -> None:
        try:
            for _ in range(40):
                with own.transaction() as tx:
                    value = tx.execute(select(quotas.c.used)).scalar_one()
                    time.sleep(0.0005)  # the other writer would like to come in here
                    tx.execute(update(quotas).values(used=value + 1))
        except BaseException as error:  # noqa: BLE001  # told below
            failed.append(error)

    threads = [threading.Thread(target=count, args=(own,)) for own in ledgers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    ledgers[1].close()
    assert failed == []
    assert used(ledger) == 80


def at_once(*acts: Callable[[], None]) -> list[BaseException]:
    """Run beside each other; what was raised."""
    raised: list[BaseException] = []

    def run(act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001  # told to the caller
            raised.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised


def test_workers_of_several_hosts_never_take_the_same_work(ledger: Ledger) -> None:
    sources = [f"{number:064x}" for number in range(30)]
    with ledger.transaction() as tx:
        for source in sources:
            renditions.need(tx, STORY_ID, source, "vertical", wave=1, urgency=5, cost_s=1, at=1)
    taken: list[str] = []

    def work(own: Ledger) -> None:
        while True:
            with own.transaction() as tx:
                rows = renditions.take(tx, "w", 2)
            if not rows:
                return
            taken.extend(row.source_sha256 for row in rows)

    ledgers = [ledger, beside(ledger)]
    assert at_once(*(lambda own=own: work(own) for own in ledgers)) == []
    ledgers[1].close()
    assert sorted(taken) == sources


def test_a_story_has_one_open_intent_at_a_channel_whoever_writes_it(ledger: Ledger) -> None:
    row = {"wave": 1, "urgency": 5, "state": "intent", "verb": "create", "version": 1}

    def begin(own: Ledger, release: int) -> None:
        with own.transaction(STORY_ID) as tx:
            publications.put(
                tx, STORY_ID, at=1, channel="web", release=release, open_attempt="a", **row
            )

    other = beside(ledger)
    raised = at_once(lambda: begin(ledger, 1), lambda: begin(other, 2))
    other.close()
    assert [type(error) for error in raised] == [IntegrityError]
    with ledger.snapshot() as view:
        assert publications.open_intents(view) == 1


def test_what_was_raised_inside_undoes_everything(ledger: Ledger) -> None:
    start(ledger)

    def fail() -> None:
        with ledger.transaction() as tx:
            tx.execute(update(quotas).values(used=7))
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail()
    assert used(ledger) == 0


def test_a_snapshot_sees_one_moment_and_waits_for_no_writer(ledger: Ledger) -> None:
    start(ledger, 1)
    other = beside(ledger)
    with other.transaction() as tx:
        tx.execute(update(quotas).values(used=2))
        began = time.monotonic()
        assert used(ledger) == 1
        assert time.monotonic() - began < 1
    with ledger.snapshot() as view:
        assert view.execute(select(quotas.c.used)).scalar() == 2
        with other.transaction() as tx:
            tx.execute(update(quotas).values(used=3))
        assert view.execute(select(quotas.c.used)).scalar() == 2
    other.close()


def test_the_file_survives_a_power_cut(sqlite_ledger: Ledger, tmp_path: Path) -> None:
    with sqlite_ledger.snapshot() as view:
        assert view.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert view.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL
        assert view.execute(text("PRAGMA foreign_keys")).scalar() == 1
    assert (tmp_path / "ledger.db-wal").exists()


def order(tx: Any) -> None:
    outbox.append(tx, AdaptOrder(story_id=STORY_ID, version=1, channels=()), at=1)


def test_the_relay_is_woken_after_a_commit_that_wrote_to_the_outbox_only(ledger: Ledger) -> None:
    seen: list[int] = []

    def wake(_address: str, topics: set[str]) -> None:
        assert topics
        with ledger.snapshot() as view:
            seen.append(outbox.backlog(view)[0])

    ledger._wake = wake
    start(ledger)
    assert seen == []
    with suppress(RuntimeError), ledger.transaction() as tx:
        order(tx)
        raise RuntimeError
    with ledger.transaction() as tx:
        tx.execute(update(quotas).values(used=1))
    assert seen == [], "nothing was committed to the outbox"
    with ledger.transaction() as tx:
        order(tx)
    assert seen == [1], "the row is there when the relay looks"


def locked(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, patience_s: float
) -> sqlite3.Connection:
    monkeypatch.setattr(transaction, "BUSY_TIMEOUT_S", patience_s)
    other = sqlite3.connect(
        str(ledger.engine.url.database), isolation_level=None, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_lock_held_too_long_is_told_and_nothing_was_done(
    sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(locked(sqlite_ledger, monkeypatch, 0.05)):
        with pytest.raises(Unavailable) as away, sqlite_ledger.transaction() as tx:
            raise AssertionError(tx)
        assert away.value.part == "ledger"
        ping(sqlite_ledger)  # looking is still possible
    start(sqlite_ledger, 5)
    assert used(sqlite_ledger) == 5


def test_a_lock_held_for_a_moment_is_waited_for(
    sqlite_ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(locked(sqlite_ledger, monkeypatch, 10)) as other:
        timer = threading.Timer(0.1, other.rollback)
        timer.start()
        start(sqlite_ledger, 5)
        timer.join()
    assert used(sqlite_ledger) == 5


def failing(*, code: int, then: Callable[[], None] = lambda: None) -> Any:
    """A connection whose first BEGIN fails as SQLite says it with ``code``."""

    class Driver:
        begun: list[str] = []  # noqa: RUF012

        def execute(self, statement: str) -> None:
            if statement == "BEGIN IMMEDIATE" and not self.begun:
                self.begun.append(statement)
                then()
                cause = sqlite3.OperationalError("database is locked")
                cause.sqlite_errorcode = code
                raise cause

    pooled = SimpleNamespace(dbapi_connection=Driver())
    return SimpleNamespace(connection=pooled, get_execution_options=dict)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY])
def test_a_file_that_another_process_recovers_is_waited_for(code: int) -> None:
    transaction._sqlite_begin(failing(code=code))


def test_what_is_no_lock_is_told_at_once() -> None:
    with pytest.raises(OperationalError):
        transaction._sqlite_begin(failing(code=sqlite3.SQLITE_CORRUPT))


def test_a_full_disk_is_told_as_such_and_nothing_was_done(sqlite_ledger: Ledger) -> None:
    start(sqlite_ledger)

    def fill() -> None:
        with sqlite_ledger.transaction() as tx:
            pages = tx.exec_driver_sql("PRAGMA page_count").scalar()
            tx.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            tx.execute(update(quotas).values(used=9))
            for number in range(300):
                values = {"channel": f"c{number}", "day": "d" * 4000, "verb": "v", "used": 0}
                tx.execute(quotas.insert().values(values))

    with pytest.raises(StorageFull):
        fill()
    sqlite_ledger.engine.dispose()
    assert used(sqlite_ledger) == 0
    with sqlite_ledger.transaction() as tx:
        tx.execute(update(quotas).values(used=1))


def test_a_rule_of_a_table_that_is_broken_is_a_bug_not_an_outage(ledger: Ledger) -> None:
    start(ledger)
    with pytest.raises(IntegrityError):
        start(ledger)


def test_a_ledger_that_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    broken = Ledger(open_ledger("sqlite://").engine)
    broken.close()
    missing = open_ledger(f"sqlite:///{tmp_path}/a/ledger.db")
    (tmp_path / "a").rmdir()
    with pytest.raises(Unavailable):
        ping(missing)
    missing.close()
