"""A folder outlet in a test: account, attempts with kept checkpoints, acknowledgements, crashes."""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pydantic import BaseModel, JsonValue

from schemas.channel import Attempt, Channel, ChannelSpec
from schemas.hashing import fingerprint
from schemas.rendition import placeholders
from schemas.story import Story
from tests import fakes
from tests.conformance.samples import files_of


class Died(BaseException):
    """The process ends here."""


@dataclass
class HandOffs:
    """One story and one channel; each call opens the account anew."""

    module: Channel
    spec: ChannelSpec
    story: Story
    root: Path
    checkpoints: dict[str, JsonValue] = field(default_factory=dict)
    release: int = 1

    @property
    def folder(self) -> Path:
        return self.root / "hot"

    @property
    def acks(self) -> Path:
        return self.root / "acks"

    def account(self) -> Any:
        return self.module.connect(self.spec, fakes.outside(self.root / "state"))

    def payload(self) -> BaseModel:
        return self.module.render(self.story, self.spec)

    def attempt(self, seconds: float = 20.0) -> Attempt:
        payload = self.payload()
        media = fakes.FakeMedia(self.root / "media")
        for found in placeholders(payload.model_dump(mode="json")):
            source, recipe = found.removeprefix("asset://").split("/")
            media.put(found, *files_of(recipe, source))  # type: ignore[arg-type]
        return fakes.attempt(
            media, self.spec.id, story=self.story, release=self.release, seconds=seconds,
            checkpoints=self.checkpoints, payload_sha256=fingerprint(payload),
        )  # fmt: skip

    def call(self, name: str, *between: Any, attempt: Attempt | None = None) -> Any:
        """A function of the channel by name: submit, find, update, confirm (with payload), recall."""
        payload = () if name == "recall" else (self.payload(),)
        made = attempt or replace(self.attempt(), checkpoint=self.checkpoints.__setitem__)
        return getattr(self.module, name)(self.account(), *payload, *between, made)

    def acknowledge(self, name: str, delivery: str, result: str = "ok", **more: Any) -> None:
        at = datetime(2026, 11, 24, 5, 0, tzinfo=UTC).isoformat()
        ack = {"id": delivery, "result": result, "reason": "", "at": at, **more}
        (self.acks / name).write_text(json.dumps(ack), "utf-8")

    def forget(self) -> None:
        """The ledger and the state folder are lost; the station's folders stay."""
        self.checkpoints.clear()
        (self.root / "state").rename(self.root / f"lost-{uuid.uuid4().hex}")

    def visible(self) -> list[str]:
        """Names in the hot folder without those that are still being written."""
        names = (p.name for p in self.folder.iterdir())
        return sorted(name for name in names if not name.endswith(".part"))


def opened(root: Path, module: Channel, story: Story, **spec: Any) -> HandOffs:
    """With a hot folder; ``acks=True`` for acknowledgements."""
    (root / "hot").mkdir()
    (root / "acks").mkdir()
    if spec.pop("acks", False):
        spec["ack_folder"] = root / "acks"
    name = module.__name__.rsplit(".", 1)[-1]  # type: ignore[attr-defined]
    made = module.Spec(
        **{
            "id": name, "module": name, "name": name, "family": name, "wave": 2, "prefix": "QH",
            "folder": root / "hot", **spec,
        }
    )  # fmt: skip
    return HandOffs(module, made, story, root)


@contextmanager
def dying(at: int, below: Path) -> Iterator[list[str]]:
    """Every change of files below a folder counts; the one numbered ``at`` is never made.

    Yields the names of the operations so far.
    """
    done: list[str] = []

    def watched(real: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            path = args[0] if args and isinstance(args[0], str | Path) else below
            if Path(path).is_relative_to(below) and not _reads(name, args):
                done.append(f"{name} {Path(path).name}")
                if len(done) == at:
                    raise Died(done[-1])
            return real(*args, **kwargs)

        return call

    with (
        patch.object(Path, "open", watched(Path.open, "open")),
        patch.object(Path, "replace", watched(Path.replace, "replace")),
        patch.object(Path, "rename", watched(Path.rename, "rename")),
        patch.object(Path, "mkdir", watched(Path.mkdir, "mkdir")),
        patch.object(Path, "unlink", watched(Path.unlink, "unlink")),
        patch.object(os, "fsync", watched(os.fsync, "fsync")),
    ):
        yield done


def _reads(name: str, args: tuple[Any, ...]) -> bool:
    mode = args[1] if len(args) > 1 else "r"
    return name == "open" and "w" not in str(mode)
