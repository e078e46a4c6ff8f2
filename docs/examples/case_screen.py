"""The screen's world: a folder, and what its controller would show."""

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from docs.examples import screen
from schemas.channel import Attempt
from tests.conformance.contract import Fault, Item, World
from tests.fakes import FakeMedia, outside, text_story


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    shown = folder / "screen"
    shown.mkdir(parents=True)
    armed: set[Fault] = set()
    spec = screen.Spec(
        id="screen", module="screen", name="户外大屏", family="screen", wave=3, settle_s=0,
        folder=shown,
    )  # fmt: skip

    def items(attempt: Attempt) -> list[Item]:
        """Each file of this release; one that is not shown any more was created all the same."""
        found = [(p.name, json.loads(p.read_bytes())) for p in shown.glob("*.json")]
        return [
            Item(name, told["show"], "\n".join(told["lines"]) if told["show"] else "")
            for name, told in found
            if told["marker"] == attempt.marker
        ]

    def inject(fault: Fault) -> None:
        if fault == "removed":
            for path in shown.glob("*.json"):
                path.unlink()
        else:
            armed.add(fault)

    real = Path.replace

    def replace(source: Path, target: str | Path) -> Path:
        """The rename that shows a file fails once: before it is done, or after."""
        if "transient" in armed:
            armed.discard("transient")
            raise OSError(errno.ENOSPC, "No space left on device")
        if "lost_answer" in armed:
            armed.discard("lost_answer")
            real(source, target)
            raise OSError(errno.EIO, "Input/output error")
        return real(source, target)

    with patch.object(Path, "replace", replace):
        yield World(
            module=screen,
            spec=spec,
            story=text_story(),
            connect=lambda: screen.connect(spec, outside(folder / "state")),
            items=items,
            media=FakeMedia(folder / "media"),
            faults=frozenset({"lost_answer", "transient", "removed"}),
            inject=inject,
            carries_body=False,
        )
