"""A newsroom behind the API, in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog.testing

from tests.unit.producers.newsroom import Newsroom, filed


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Newsroom]:
    made = Newsroom(tmp_path)
    with structlog.testing.capture_logs():
        yield made
    made.close()


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    """One for all tests whose request changes nothing; story 1 is there, unsigned."""
    made = Newsroom(tmp_path_factory.mktemp("calm"))
    with structlog.testing.capture_logs():
        filed(made)
        yield made
    made.close()
