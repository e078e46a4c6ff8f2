"""The copies that the stack makes by itself: one every 15 minutes, what came since every minute."""

import json
import threading
import tomllib
from datetime import UTC, datetime
from typing import Any

import structlog

from schemas.errors import Fault, InvalidInput, PipelineError
from schemas.settings import REPOSITORY, Settings
from stores.backup_places import Bucket, open_place
from stores.ledger import backup
from stores.ledger.fold import last_seq
from stores.ledger.transaction import Ledger
from stores.objects import open_objects

log = structlog.get_logger("backup")

EVENTS_EVERY_S = 60.0
STATE_FILE = "backup.json"


def product_version() -> str:
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def back_up(settings: Settings, ledger: Ledger, where: str, *, events_only: bool) -> dict[str, Any]:
    """One run: a copy unless nothing was written since the last one, what came since, and the
    old ones removed. Returns what there is, and writes it to ``run/backup.json``; ``made``: whether
    anything new was written."""
    place = open_place(where, settings, make=True)
    found = backup.backups(place)
    newest = found[-1] if found else None
    if newest is None or not events_only:
        with ledger.snapshot() as view:
            now_seq = last_seq(view)
        if newest is None or backup.covers(place, newest) < now_seq or newest.segments:
            newest = backup.copy(ledger, place, product=product_version())
    newest = backup.add_events(ledger, place, newest)
    gone = backup.prune(
        place, keep=settings.backup_keep, days=settings.backup_days, now=ledger.now()
    )
    told = {
        "where": where,
        "name": newest.name,
        "files": list(newest.files),
        "made": [newest] != found[-1:],
        "removed": gone,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    (settings.run_dir / STATE_FILE).write_text(json.dumps(told, ensure_ascii=False))
    return told


def copy_objects(settings: Settings, where: str) -> int:
    """Copy the S3 objects that are not in ``<where>-objects`` yet, under their own keys. Returns
    how many. Keys are written once: a name that is there is the same object. Raises InvalidInput
    for the centre's own bucket: a copy in it would be copied again with each run."""
    if not settings.backup_s3 and f"{where}/".startswith(f"s3://{settings.s3_bucket}/"):
        told = f"素材就在这个桶里 / the objects lie in this bucket themselves: {settings.s3_bucket}"
        step = "换一个桶或目录 / take another bucket, another S3, or a folder"
        raise InvalidInput(Fault("same_bucket", "with-objects", told, step))
    place = open_place(f"{where.rstrip('/')}-objects", settings, make=True)
    source = Bucket(open_objects(settings), "")
    there = set(place.names())
    missing = [key for key in source.names() if key not in there and not key.startswith("probe/")]
    with backup.scratch() as folder:
        for key in missing:
            source.get_known(key, folder / "object")
            place.put(key, folder / "object")
    return len(missing)


class Backups:
    """The thread that does it. A run that fails is told in the log and tried again in a minute."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self.settings = settings
        self.ledger = ledger
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="backups", daemon=True)

    def start(self) -> None:
        if self.settings.backup_every_s:
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        every = self.settings.backup_every_s
        since_s = float(every)
        while not self._stop.is_set():
            try:
                whole = since_s >= every
                told = back_up(
                    self.settings, self.ledger, self.settings.backup_place, events_only=not whole
                )
                if whole:
                    since_s = 0.0
                    if told["made"]:
                        log.info("backup.made", name=told["name"], where=told["where"])
            except (PipelineError, OSError) as error:
                log.exception("backup.failed", where=self.settings.backup_place, error=str(error))
            wait_s = min(EVENTS_EVERY_S, float(every))
            self._stop.wait(wait_s)
            since_s += wait_s
