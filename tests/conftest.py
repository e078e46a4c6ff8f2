"""For the whole suite: Hypothesis' profile, and the ledger on both engines.

Hypothesis has no deadline on a shared machine; in CI it plays the same cases each time.

Every row of the ledger that the product writes must be told on ``story-events``: each test looks.

``fast`` is the inner loop's profile: a quarter of the examples that the whole run plays.
"""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from deploy.stack.postgres import PostgresServer, running_server
from tests.postgres import database
from tests.untold import watching

settings.register_profile(
    "shoufa",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("fast", settings.get_profile("shoufa"), max_examples=25)
settings.load_profile("shoufa")


def pytest_collection_finish() -> None:
    """What was imported stays: the collector need not look at it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def logs_as_shipped() -> Iterator[None]:
    """What a command set for its own process must not reach the next test."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running PostgreSQL; databases with the ledger's tables by ``tests.postgres.database``."""
    with running_server(durable=False) as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where an empty ledger lies, once on each engine; on SQLite its tables are still to be made."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.db"
        return
    with database(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture(autouse=True)
def everything_is_told() -> Iterator[None]:
    """No transaction of the product writes a row that a rebuild would not find."""
    with watching() as untold:
        yield
    assert untold == [], "written without journal.note"
