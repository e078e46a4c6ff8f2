"""Rebuild and restore: a new ledger from its record, and the safe way with all that was open.

Both make the new ledger in a file of its own and put it in place only when it is whole, so that a
run that was cut off is simply done again. No process of the stack may run meanwhile; what is
started for it (Kafka alone) is said.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from bus.topic_log import read_all
from cli.wiring import Centre, ensure_people
from schemas.errors import Fault, InvalidInput
from stores.backup_places import Place, open_place
from stores.ledger import backup, fold, replacing, restores, views
from stores.ledger.migrate import migrate
from stores.ledger.tables import metadata
from stores.ledger.transaction import Ledger, open_ledger
from streams.conductor import Conductor

Say = Callable[[str], None]
Now = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Recovered:
    """What came out, for the operator and for machines."""

    source: str
    dry_run: bool
    records: int = 0
    strange: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    """Table → rows in the new ledger."""
    deliveries: dict[str, int] = field(default_factory=dict)
    """State → how many."""
    asked: int = 0
    """Deliveries whose outlets are asked before anything is sent."""
    held: int = 0
    untold: list[str] = field(default_factory=list)
    """Stories of which the record holds the texts alone: a build that did not tell its rows yet
    filed them. They cannot be rebuilt from the topics."""
    kept: str = ""
    """Where the former ledger is kept."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def rebuild(
    centre: Centre, say: Say, *, dry_run: bool, hold: bool, now: Now = utc_now
) -> Recovered:
    """A new ledger from the topics alone. Raises Unavailable where Kafka cannot be read."""
    path = working_file(centre)
    replacing.remove(path)
    ledger = open_new(path, now)
    told = fold.Folded()
    read_topics(centre, ledger, told, say)
    if not told.records:
        raise InvalidInput(
            Fault(
                "no_record",
                "story-events",
                "Kafka 里没有记录, 账本未改动 / the topics are empty; nothing was changed",
                "用备份恢复 ./run restore / restore a backup",
            )
        )
    return finish(centre, ledger, path, told, source="story-events", dry_run=dry_run, hold=hold)


def restore(
    centre: Centre,
    say: Say,
    *,
    source: str,
    at: str = "",
    kafka: bool,
    dry_run: bool = False,
    hold: bool = False,
    now: Now = utc_now,
) -> Recovered:
    """The ledger of a backup, with what was written since: from the backup, and from Kafka where
    it is there. Raises InvalidInput naming the file or field that cannot be used."""
    place = open_place(source, centre.settings)
    chosen = choose(place, source, at)
    path = working_file(centre)
    replacing.remove(path)
    say(f"读取备份 / reading backup {chosen.name} from {source}")
    manifest, rows = backup.fetch(place, chosen, path)
    ledger = open_new(path, now)
    told = fold.Folded()
    fold.put_back(ledger, rows, told)
    fold.fold(ledger, told, after=manifest.last_seq)
    say(f"备份之后的记录 {told.records} 条 / records since the copy")
    if kafka:
        read_topics(centre, ledger, told, say)
    return finish(
        centre,
        ledger,
        path,
        told,
        source=f"{source} {chosen.name}",
        dry_run=dry_run,
        hold=hold or not kafka,
    )


def choose(place: Place, source: str, at: str) -> backup.Backup:
    """The newest backup, or the one called ``at``. Raises InvalidInput."""
    found = backup.backups(place)
    wanted = [b for b in found if b.name == at] if at else found[-1:]
    if not wanted:
        names = ", ".join(b.name for b in found[-10:]) or "没有 / none"
        told = f"{source} 里没有这份备份 / there is no such backup: {at or source}"
        raise InvalidInput(Fault("no_backup", "from", told, f"有这些 / there are: {names}"))
    return wanted[0]


def open_new(path: Path, now: Now) -> Ledger:
    """The ledger that is being made, with this build's tables."""
    ledger = open_ledger(f"sqlite:///{path}")
    ledger.now = now
    migrate(ledger, path.parent / "backups")
    return ledger


def working_file(centre: Centre) -> Path:
    """Where a new ledger is made; on the same disk as the old one."""
    folder = centre.settings.data / "ledger"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / "recovering.db"


def read_topics(centre: Centre, ledger: Ledger, told: fold.Folded, say: Say) -> None:
    """Put back and fold what lies on Kafka beyond what the ledger holds."""
    with ledger.snapshot() as view:
        after = fold.last_seq(view)
    bootstrap = centre.settings.kafka_bootstrap
    say(f"读取 Kafka / reading the topics at {bootstrap}")
    source = read_all(bootstrap, told)
    fold.put_back(
        ledger,
        fold.beyond(source, ledger, after, told),
        told,
        progress=every(1000, lambda n: say(f"  {n} 条记录 / records read")),
    )
    fold.fold(
        ledger,
        told,
        after=after,
        progress=every(1000, lambda n: say(f"  {n} 个事件入账 / events folded in")),
    )


def finish(
    centre: Centre,
    ledger: Ledger,
    path: Path,
    told: fold.Folded,
    *,
    source: str,
    dry_run: bool,
    hold: bool,
) -> Recovered:
    """Decide anew, settle, report, and put the new ledger in place."""
    result = Recovered(source=source, dry_run=dry_run, records=told.records, strange=told.strange)
    ensure_people(centre, ledger)
    result.held = decide_again(centre, ledger, hold=hold)
    settle_s = {spec.id: spec.settle_s for spec in centre.specs.values()}
    result.asked = restores.settle(ledger, source=source, settle_s=settle_s)["asked"]
    with ledger.snapshot() as view:
        result.deliveries = views.status(view)["deliveries"]
        result.untold = restores.untold(view)
        result.rows = {
            table.name: view.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }
    now = ledger.now()
    replacing.finish(ledger, path)
    if dry_run:
        replacing.remove(path)
    else:
        result.kept = replacing.install(path, centre.settings.ledger_url, now=now)
    return result


def decide_again(centre: Centre, ledger: Ledger, *, hold: bool) -> int:
    """What followed from the last events may be lost with the old ledger. Returns stories held."""
    conductor = Conductor(ledger, centre.rules(), centre.newsroom)
    after, held = "", 0
    while True:
        with ledger.transaction() as tx:
            ids = restores.unfinished(tx, after)
            for story_id in ids:
                held += hold and restores.hold(tx, story_id, at=ledger.now_ms())
                conductor.take_again(tx, UUID(story_id))
        if not ids:
            return held
        after = ids[-1]


def every(count: int, say: Callable[[int], None]) -> Callable[[int], None]:
    """Progress that is told now and then."""
    last = [0]

    def progress(done: int) -> None:
        if done - last[0] >= count:
            last[0] = done
            say(done)

    return progress
