"""One world for each test and channel."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.contract import World
from tests.conformance.discovery import case_names, channel, channel_names, opened


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "channel_name" in metafunc.fixturenames:
        names = sorted(set(channel_names()) & set(case_names()))
        can = getattr(metafunc.function, "only_where", lambda _capabilities: True)
        able = [name for name in names if can(channel(name).capabilities)]
        metafunc.parametrize("channel_name", able)


@pytest.fixture
def world(channel_name: str, tmp_path: Path) -> Iterator[World]:
    with opened(channel_name, tmp_path / channel_name) as made:
        yield made
