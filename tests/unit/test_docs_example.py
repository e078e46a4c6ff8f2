"""The worked example of docs/add-a-channel.md runs in the conformance suite's own checks."""

import inspect
import re
import types
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.examples import case_screen, screen
from tests.conformance import test_publishing, test_shape
from tests.conformance.contract import Fault
from tests.conformance.play import Trial
from tests.unit.pages import text


def test_the_manual_shows_the_example_as_it_is() -> None:
    """Each python block of the how-to stands in one of the example's files, line for line."""
    sources = text("docs/examples/screen.py") + text("docs/examples/case_screen.py")
    blocks = re.findall(r"```python\n(.*?)```", text("docs/add-a-channel.md"), re.DOTALL)
    assert blocks
    for block in blocks:
        for piece in block.split("\n…\n"):
            assert piece.strip("\n") in sources, f"not in docs/examples: {piece[:200]}"


CHECKS = [
    check
    for module in (test_publishing, test_shape)
    for name, check in vars(module).items()
    if name.startswith("test_")
    and isinstance(check, types.FunctionType)
    and set(inspect.signature(check).parameters) <= {"world", "trial", "monkeypatch"}
    and inspect.signature(check).parameters
]
"""The conformance suite's own checks; those by a channel's name need it in its final place."""


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_example_channel_keeps_the_contract(
    check: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with case_screen.open_world(tmp_path) as world:
        given = {
            "world": world,
            "trial": Trial(world, world.story),
            "monkeypatch": monkeypatch,
        }
        check(**{name: given[name] for name in inspect.signature(check).parameters})


@pytest.mark.parametrize("fault", test_publishing.FAULTS)
def test_the_example_channel_bears_the_faults_of_its_outlet(fault: Fault, tmp_path: Path) -> None:
    with case_screen.open_world(tmp_path) as world:
        assert world.faults
        if fault in world.faults:
            test_publishing.CHECKS[fault](Trial(world, world.story))


def test_the_example_channel_has_the_contracts_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_shape, "channel", lambda _name: screen)
    test_shape.test_names_and_types("screen")
