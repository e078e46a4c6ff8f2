"""A ledger of its own for each test, on both engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stores.ledger.tables import metadata
from stores.ledger.transaction import Ledger, open_ledger


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    made = open_ledger(ledger_url)
    metadata.create_all(made.engine)
    yield made
    made.close()


@pytest.fixture
def sqlite_ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    metadata.create_all(made.engine)
    yield made
    made.close()
