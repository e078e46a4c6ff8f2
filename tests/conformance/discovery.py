"""Finds the channels and their cases by walking the folders."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import consumers.channels
from schemas.channel import Capabilities, Channel
from tests.conformance.contract import World

_Test = TypeVar("_Test", bound=Callable[..., Any])
_CHANNELS = Path(consumers.channels.__file__).parent
_CASES = Path(__file__).parent


def channel_names() -> list[str]:
    return sorted(p.stem for p in _CHANNELS.glob("*.py") if not p.stem.startswith("_"))


def case_names() -> list[str]:
    return sorted(p.stem.removeprefix("case_") for p in _CASES.glob("case_*.py"))


def channel(name: str) -> Channel:
    module: Channel = importlib.import_module(f"consumers.channels.{name}")
    return module


def only_where(can: Callable[[Capabilities], bool]) -> Callable[[_Test], _Test]:
    """Marks a test for channels with a capability; the others are not asked at all."""

    def marked(test: _Test) -> _Test:
        test.only_where = can  # type: ignore[attr-defined]
        return test

    return marked


@contextmanager
def opened(name: str, folder: Path) -> Iterator[World]:
    """The world of one channel's case, in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    with importlib.import_module(f"tests.conformance.case_{name}").open_world(folder) as world:
        yield world
