"""A ledger file that cannot be trusted, and a disk that is full."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, text

from schemas.errors import StorageFull, Unavailable
from stores.ledger.migrate import migrate
from stores.ledger.tables import seen
from stores.ledger.transaction import DAMAGE, Ledger, open_ledger


def fill(ledger: Ledger, count: int, consumer: str = "c") -> None:
    with ledger.transaction() as tx:
        rows = [{"consumer": consumer, "event_id": f"{n:036}", "at": 1} for n in range(count)]
        tx.execute(seen.insert(), rows)


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[Ledger]:
    """Pages in the middle of the file hold other bytes."""
    path = tmp_path / "shoufa.db"
    ledger = open_ledger(f"sqlite:///{path}")
    migrate(ledger, tmp_path / "backups")
    fill(ledger, 3000)
    ledger.close()
    with path.open("r+b") as file:
        size = path.stat().st_size
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\x5a" * (size // 4))
    yield ledger
    ledger.close()


def test_a_damaged_ledger_stops_the_start_and_names_the_command(
    damaged: Ledger, tmp_path: Path
) -> None:
    with pytest.raises(Unavailable) as refused:
        migrate(damaged, tmp_path / "backups")
    assert "./run restore" in str(refused.value)
    assert "损坏" in str(refused.value)


def test_a_file_that_is_no_ledger_is_refused_likewise(tmp_path: Path) -> None:
    (tmp_path / "shoufa.db").write_bytes(b"not a database at all " * 500)
    ledger = open_ledger(f"sqlite:///{tmp_path}/shoufa.db")
    with pytest.raises(Unavailable, match=r"\./run restore"):
        migrate(ledger, tmp_path / "backups")
    ledger.close()


def test_a_page_that_turns_out_damaged_ends_the_process_with_that_message(
    damaged: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(DAMAGE, "end", told.append)
    with pytest.raises(Unavailable), damaged.snapshot() as view:
        view.execute(text("SELECT COUNT(*), MAX(event_id || at) FROM seen NOT INDEXED")).all()
    assert len(told) == 1
    assert "./run restore" in told[0]


def test_a_full_disk_takes_nothing_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    ledger = open_ledger(f"sqlite:///{tmp_path}/shoufa.db")
    migrate(ledger, tmp_path / "backups")
    ledger.close()

    def small(connection: object, _record: object) -> None:
        connection.execute("PRAGMA max_page_count=1")  # type: ignore[attr-defined]

    event.listen(ledger.engine, "connect", small)
    with pytest.raises(StorageFull):
        fill(ledger, 3000)
    event.remove(ledger.engine, "connect", small)
    ledger.close()
    with ledger.snapshot() as view:
        assert view.execute(text("SELECT COUNT(*) FROM seen")).scalar() == 0
    fill(ledger, 3000)
    ledger.close()
