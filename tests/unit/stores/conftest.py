"""A ledger of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stores.ledger.tables import metadata
from stores.ledger.transaction import Ledger, open_ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    metadata.create_all(made.engine)
    yield made
    made.close()
