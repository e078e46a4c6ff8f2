"""The suite's own check that every written row is told (``tests/untold.py``): it can fail."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, update

from stores.ledger import journal, quotas, renditions, stories
from stores.ledger.people import record
from stores.ledger.tables import metadata
from stores.ledger.tables import renditions as rendition_rows
from stores.ledger.tables import stories as story_rows
from stores.ledger.transaction import Ledger
from tests.centre import CentreInMemory, Outlet
from tests.untold import untold, watch


@contextmanager
def watched(ledger: Ledger) -> Iterator[Connection]:
    with ledger.transaction() as tx:
        watch(tx)
        yield tx


@pytest.fixture
def centre(tmp_path) -> Iterator[CentreInMemory]:  # type: ignore[no-untyped-def]
    made = CentreInMemory(tmp_path, [Outlet("web", 1, needs="web_hls")])
    yield made
    made.close()


def test_a_row_that_nobody_noted_is_found(centre: CentreInMemory) -> None:
    story = centre.file()
    with watched(centre.ledger) as tx:
        tx.execute(update(story_rows).values(held_reason="?"))
        assert untold(tx) == [f"stories [{story}]"]
        journal.note(tx, story_rows, id=story)
        assert untold(tx) == []


def test_another_row_being_noted_does_not_help(centre: CentreInMemory) -> None:
    one, two = centre.file("一"), centre.file("二")
    with watched(centre.ledger) as tx:
        stories.change(tx, one, at=1, held_reason="?")
        tx.execute(update(story_rows).values(held_reason="!"))
        assert untold(tx) == [f"stories [{two}]"]


def test_what_is_said_not_to_be_rebuilt_may_stay_untold(centre: CentreInMemory) -> None:
    centre.file()
    with watched(centre.ledger) as tx:
        tx.execute(update(rendition_rows).values(state="working", owner="w", progress=7))
        quotas.spend(tx, "web", "create", 9, centre.now)
        record(tx, "operator", "ledger.restored", at=1)
        assert untold(tx) == []
        tx.execute(update(rendition_rows).values(state="failed"))
        assert {line.split()[0] for line in untold(tx)} <= {"renditions"}


def test_no_kept_table_is_without_its_triggers(centre: CentreInMemory) -> None:
    with watched(centre.ledger) as tx:
        found = tx.exec_driver_sql("SELECT tbl_name FROM temp.sqlite_master WHERE type='trigger'")
        assert {row[0] for row in found} == set(journal.KEPT) - {"quotas", "assets"}
        assert set(journal.KEPT) <= set(metadata.tables)
        assert renditions.get(tx, "0", "x") is None
