"""An outlet that is a watched folder: the station of the simulators, and faults of its file system.

Shared by the cases of the TV station and the newspaper.
"""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

from deploy.simulators.station import Station, open_station, read_library, sweep
from schemas.channel import Attempt
from tests.conformance.contract import Fault, Item

FAULTS: frozenset[Fault] = frozenset({"lost_answer", "refused", "transient"})


@dataclass
class FolderOutlet:
    """Desk, its folder, and what was seen standing in it."""

    station: Station
    desk: Literal["tv", "newspaper"]
    visible: str
    """Glob for the files that make deliveries visible."""
    read: Callable[[Path], dict[str, str]]
    """id, verb, item and text of one visible file."""
    spoil: Callable[[Path], None]
    """Damage the delivery, so that the station refuses it."""
    armed: set[Fault] = field(default_factory=set)
    seen: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.station.tv if self.desk == "tv" else self.station.newspaper

    def inject(self, fault: Fault) -> None:
        self.armed.add(fault)

    def settle(self) -> None:
        """The station answers what stands there."""
        fresh = self._look()
        if "refused" in self.armed and fresh:
            self.armed.discard("refused")
            self.spoil(fresh[0])
        sweep(self.station)

    def items(self, attempt: Attempt) -> list[Item]:
        """One for each delivery with the verb ``new``: two of them would be two creates."""
        self._look()
        ok = [line["id"] for line in read_library(self.station) if line["result"] == "ok"]
        own = [one for one in self.seen.values() if attempt.marker in one["id"]]
        last: dict[str, Any] = next(
            (self.seen[i] for i in reversed(ok) if i in self.seen and attempt.marker in i), {}
        )
        live = last.get("verb") in {"new", "update"}
        return [
            Item(one["item"], live, last["text"] if live else one["text"])
            for one in own
            if one["verb"] == "new"
        ]

    def _look(self) -> list[Path]:
        fresh = []
        for path in sorted(self.folder.glob(self.visible)):
            one = self.read(path)
            if one["id"] not in self.seen:
                self.seen[one["id"]] = one
                fresh.append(path)
        return fresh


@contextmanager
def faulty_renames(outlet: FolderOutlet) -> Iterator[None]:
    """The rename that reveals a delivery fails once: before it is done, or after."""
    real = Path.replace

    def replace(source: Path, target: str | Path) -> Path:
        if Path(target).match(outlet.visible):
            if "transient" in outlet.armed:
                outlet.armed.discard("transient")
                raise OSError(errno.ENOSPC, "No space left on device")
            if "lost_answer" in outlet.armed:
                outlet.armed.discard("lost_answer")
                real(source, target)
                raise OSError(errno.EIO, "Input/output error")
        return real(source, target)

    with patch.object(Path, "replace", replace):
        yield


def open_desk(folder: Path) -> Station:
    """A station with both desks; ``tv`` and ``newspaper`` with ``…-ack`` beside them."""
    return open_station(
        Station(
            state_dir=folder / "station",
            tv=folder / "tv",
            tv_ack=folder / "tv-ack",
            newspaper=folder / "newspaper",
            newspaper_ack=folder / "newspaper-ack",
        )
    )
