"""The live records of a tree, kept in order, so that an index page costs what it shows."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from consumers.static_records import Record, folders_in_use


@dataclass
class LiveRecords:
    """Newest first: all of them, those of one day, those under one name."""

    names: Callable[[Record], set[str]]
    """Under which names a record is listed: the outlet's own."""
    newest: list[Record] = field(default_factory=list)
    _days: dict[str, list[Record]] = field(default_factory=dict)
    _named: dict[str, list[Record]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.newest)

    def __len__(self) -> int:
        return len(self.newest)

    def fill(self, records: Iterable[Record]) -> None:
        """Take these in place of whatever was here."""
        self.newest.clear()
        self._days.clear()
        self._named.clear()
        for record in sorted(records, key=_order):
            for kept in self._lists(record):
                kept.append(record)

    def add(self, record: Record) -> None:
        for kept in self._lists(record):
            insort(kept, record, key=_order)

    def remove(self, record: Record) -> None:
        for kept in self._lists(record):
            del kept[bisect_left(kept, record.order, key=_order)]
        if not self._days[record.day]:
            del self._days[record.day]

    def days(self) -> list[str]:
        """Beijing days on which something live was published, the newest first."""
        return sorted(self._days, reverse=True)

    def of_day(self, day: str) -> list[Record]:
        return self._days.get(day, [])

    def named(self, name: str) -> list[Record]:
        return self._named.get(name, [])

    def _lists(self, record: Record) -> list[list[Record]]:
        return [
            self.newest,
            self._days.setdefault(record.day, []),
            *(self._named.setdefault(name, []) for name in self.names(record)),
        ]


@dataclass
class Standing:
    """Every record of the tree in memory: live ones in order, withdrawn ones by number."""

    names: Callable[[Record], set[str]]
    records: dict[int, Record] = field(default_factory=dict)
    live: LiveRecords = field(init=False)

    def __post_init__(self) -> None:
        self.live = LiveRecords(self.names)

    def fill(self, records: dict[int, Record]) -> None:
        """Take these in place of whatever was here."""
        self.records = records
        self.live.fill(record for record in records.values() if record.state == "live")

    def keep(self, record: Record) -> None:
        """In place of what stood at the same number."""
        self.forget(record.number)
        self.records[record.number] = record
        if record.state == "live":
            self.live.add(record)

    def forget(self, number: int) -> None:
        old = self.records.pop(number, None)
        if old is not None and old.state == "live":
            self.live.remove(old)

    def gone_folders(self) -> set[str]:
        """Media folders of withdrawn stories that no live one uses."""
        return folders_in_use(self._withdrawn()) - folders_in_use(self.live)

    def returns(self, record: Record) -> bool:
        """This live story brings back an address, or media, that a withdrawal had taken."""
        taken = folders_in_use(self._withdrawn())
        before = record.previous
        back = before is not None and before.state == "withdrawn"
        return back or not taken.isdisjoint(record.folders)

    def gone(self, path_of: Callable[[int], str]) -> list[str]:
        """Paths below the root that answer 410, folders with a slash at the end."""
        pages = [path_of(record.number) for record in self._withdrawn()]
        return sorted([*pages, *(f"{folder}/" for folder in self.gone_folders())])

    def _withdrawn(self) -> list[Record]:
        return [record for record in self.records.values() if record.state == "withdrawn"]


def day_before(records: list[Record], day: str) -> str:
    """The last day before ``day`` in a list that is newest first; empty where there is none."""
    return next((record.day for record in records if record.day < day), "")


def _order(record: Record) -> tuple[float, int]:
    return record.order
