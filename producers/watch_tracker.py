"""How long each entry of one folder has stayed as it is."""

import os
import stat
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from typing import Literal

from producers.watch_names import Seen

LONGEST_PAUSE_S = 60.0


@dataclass
class _Known:
    stamp: tuple[int, int]
    since: float
    first: float


class Tracker:
    """Remembers what was seen; ``forget_others`` after each look. Times by ``clock`` (s)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._seen: set[str] = set()

    def see(self, entry: "os.DirEntry[str]") -> Seen | None:
        """The entry as it is now, None where it is gone; a link is looked at, never followed."""
        try:
            # not entry.stat(): some systems answer it from the listing, which may be old
            found = os.stat(entry.path, follow_symlinks=False)  # noqa: PTH116
        except OSError:
            return None
        now = self._clock()
        stamp = (found.st_size, found.st_mtime_ns)
        known = self._known.get(entry.name)
        if known is None:
            known = self._known[entry.name] = _Known(stamp, now, now)
        elif known.stamp != stamp:
            known.stamp, known.since = stamp, now
        self._seen.add(entry.name)
        return Seen(entry.name, *stamp, now - known.since, _kind(found.st_mode))

    def age_s(self, entry: Seen) -> float:
        """Since the name was first seen."""
        known = self._known.get(entry.name)
        return 0.0 if known is None else self._clock() - known.first

    def forget_others(self) -> None:
        """Names that were not seen since the last call are gone."""
        self._known = {name: known for name, known in self._known.items() if name in self._seen}
        self._seen = set()


class Patience:
    """After a failure: when to try again, in 1, 2, 4 … 60 seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failed: dict[tuple[str, Hashable], tuple[int, float]] = {}

    def fail(self, place: str, key: Hashable) -> float:
        """Count a failure; returns the pause in seconds."""
        tries = self.tries(place, key) + 1
        pause_s = min(2.0 ** (tries - 1), LONGEST_PAUSE_S)
        self._failed[place, key] = (tries, self._clock() + pause_s)
        return pause_s

    def done(self, place: str, key: Hashable) -> None:
        self._failed.pop((place, key), None)

    def tries(self, place: str, key: Hashable) -> int:
        return self._failed.get((place, key), (0, 0.0))[0]

    def waits(self, place: str, key: Hashable) -> bool:
        return self._clock() < self._failed.get((place, key), (0, 0.0))[1]

    def keep(self, place: str, keys: Collection[Hashable]) -> None:
        """Forget failures in a place of what is no longer there."""
        self._failed = {
            known: failed
            for known, failed in self._failed.items()
            if not place or known[0] != place or known[1] in keys
        }


def _kind(mode: int) -> Literal["file", "link", "folder", "other"]:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISLNK(mode):
        return "link"
    return "folder" if stat.S_ISDIR(mode) else "other"
