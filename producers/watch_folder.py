"""The watched folder (收稿文件夹): one subfolder for each person; what is put there is filed.

Seen with ``os.scandir`` about once a second, since a share on another machine tells no events.
Files go to ``accepted/`` with a receipt or to ``rejected/`` with the reason. While our own parts
are away everything stays where it is.
"""

import contextlib
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from producers.filing import Desk, Filed
from producers.watch_intake import Growing, Manifests, take
from producers.watch_moves import (
    Journal,
    folder_name,
    new_moving,
    reason_notes,
    receipt_note,
)
from producers.watch_names import Candidate, Seen, candidates
from producers.watch_ready import is_ready
from producers.watch_refusals import not_a_story, not_here
from producers.watch_stories import Manifest
from producers.watch_tracker import Patience, Tracker
from schemas.beijing import SHANGHAI
from schemas.errors import Fault, InvalidInput, PermanentError, PipelineError, StorageFull
from schemas.rights import may
from stores.ledger.people import caller_of_file

log = structlog.get_logger("watch")

TRIES = 6
"""A group that fails in a way nobody foresaw is put aside after this many, in half a minute."""
_OURS = "our own parts"
"""Under this name patience is kept with the ledger and the object store."""
_SHELVES = frozenset({"accepted", "rejected"})


class WatchFolder:
    """Files what people of the newsroom put into ``<folder>/<person id>/``.

    ``still_s``: a file counts when its size and time of change have stayed so long.
    """

    def __init__(
        self,
        desk: Desk,
        folder: Path,
        *,
        still_s: float = 2.0,
        poll_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._desk = desk
        self._root = folder
        self._still_s = still_s
        self._poll_s = poll_s
        self._clock = clock
        self._people = {
            who.id: who
            for who in map(caller_of_file, desk.newsroom.people)
            if may(who, "story.file")
        }
        self._trackers = {name: Tracker(clock) for name in ("", *self._people)}
        self._manifests = Manifests(folder, desk.newsroom.uploads.story_json_bytes)
        self._journal = Journal(desk.settings.spool_dir / "watch", folder)
        self._patience = Patience(clock)
        self._away: set[str] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Make the folders, finish what a former process began, and watch from now on."""
        self.prepare()
        self._thread = threading.Thread(target=self._run, name="watch-folder", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Ends between two files, or two chunks of one; what is half read is not kept."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def prepare(self) -> None:
        self._journal.load()
        self._make_folders()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.scan()
            except Exception:
                # whatever lies in the folder, the watch goes on
                log.exception("watch.scan_failed")
            self._stop.wait(self._poll_s)

    def scan(self) -> None:
        """Look once at every folder and deal with all that is ready."""
        self._journal.carry_out()
        for person in ("", *self._people):
            try:
                entries = self._entries(person)
            except OSError as error:
                if person not in self._away:
                    log.warning("watch.folder_away", person=person, error=error.strerror)
                self._away.add(person)
                self._make_folders()
                continue
            self._away.discard(person)
            self._look(person, entries)

    def _make_folders(self) -> None:
        for name in ("", *self._people):
            with contextlib.suppress(OSError):  # told by the look at it
                (self._root / name).mkdir(parents=not name, exist_ok=True)

    def _entries(self, person: str) -> list[Seen]:
        """What lies in a folder, without what is already on its way out."""
        folder = self._root / person
        mode = (folder.lstat() if person else folder.stat()).st_mode
        if not stat.S_ISDIR(mode):  # the operator may link the whole, nobody a person's folder
            raise NotADirectoryError(20, "is no folder")
        found = []
        with os.scandir(folder) as listing:
            for entry in listing:
                seen = self._trackers[person].see(entry)
                if seen is None or (
                    seen.kind == "folder" and (not person or seen.name in _SHELVES)
                ):
                    continue  # at the top, folders are those of people
                if not self._journal.holds(person, seen):
                    found.append(seen)
        self._trackers[person].forget_others()
        return found

    def _look(self, person: str, entries: list[Seen]) -> None:
        restless = any(e.still_s < self._still_s for e in entries if e.kind == "file")
        manifests = self._manifests.read(person, entries) if person else {}
        named = {key: manifest.files for key, manifest in manifests.items()}
        found = candidates(entries, named)
        self._patience.keep(person, {candidate.key for candidate in found})
        for candidate in found:
            if self._stop.is_set() or self._patience.waits("", _OURS):
                return
            manifest = manifests.get(candidate.lead.key)
            if self._patience.waits(person, candidate.key):
                continue
            faulty = manifest is not None and bool(manifest.faults)
            age_s = self._trackers[person].age_s(candidate.lead)
            if is_ready(
                candidate, still_s=self._still_s, age_s=age_s, restless=restless, faulty=faulty
            ):
                self._deal(person, candidate, manifest)

    def _deal(self, person: str, candidate: Candidate, manifest: Manifest | None) -> None:
        try:
            self._refuse_strangers(person, candidate, manifest)
            filed = take(
                self._desk,
                self._people[person],
                self._root / person,
                candidate,
                manifest,
                stopping=self._stop.is_set,
            )
        except PermanentError as error:
            self._reject(person, candidate, error.faults)
        except Growing:
            return
        except StorageFull as error:
            pause_s = self._patience.fail(person, candidate.key)  # a smaller one may still fit
            log.warning("watch.no_room", person=person, pause_s=pause_s, error=str(error))
        except PipelineError as error:
            pause_s = self._patience.fail("", _OURS)
            log.warning("watch.waits", pause_s=pause_s, error=str(error))
        except Exception as error:  # noqa: BLE001  # logged and counted there
            self._stumble(person, candidate, error)
        else:
            self._patience.done("", _OURS)
            self._accept(person, candidate, filed)

    def _refuse_strangers(
        self, person: str, candidate: Candidate, manifest: Manifest | None
    ) -> None:
        if not person:
            raise InvalidInput(not_here(self._people))
        if candidate.group == "refused":
            raise InvalidInput(not_a_story(candidate.lead))
        if manifest is not None and manifest.faults:
            raise InvalidInput(*manifest.faults)

    def _accept(self, person: str, candidate: Candidate, filed: Filed) -> None:
        now = self._desk.ledger.now().astimezone(SHANGHAI)
        self._move(
            person,
            f"accepted/{now:%Y-%m-%d}",
            f"{filed.body['number']}-{folder_name(candidate.lead.stem)}",
            candidate,
            receipt_note(filed, person, candidate.files, now),
        )
        log.info(
            "watch.accepted",
            person=person,
            story_id=filed.body["story_id"],
            number=filed.body["number"],
            replayed=filed.replayed,
        )

    def _reject(self, person: str, candidate: Candidate, faults: tuple[Fault, ...]) -> None:
        now = self._desk.ledger.now().astimezone(SHANGHAI)
        self._move(
            person,
            "rejected",
            f"{folder_name(candidate.lead.stem)}-{now:%Y%m%d-%H%M%S}",
            candidate,
            reason_notes(candidate.files, faults, now),
        )
        log.info("watch.rejected", person=person, codes=[fault.code for fault in faults])

    def _move(
        self, person: str, shelf: str, name: str, candidate: Candidate, notes: dict[str, str]
    ) -> None:
        moving = new_moving(self._root, person, shelf, name, candidate.files, notes)
        self._journal.begin(moving)
        self._journal.carry_out()

    def _stumble(self, person: str, candidate: Candidate, error: Exception) -> None:
        """A share that fails, a file that may not be read, or a fault of ours: again, then aside."""
        folder = self._root / person
        if not all(os.path.lexists(folder / file.name) for file in candidate.files):
            return  # taken back by its owner
        self._patience.fail(person, candidate.key)
        tries = self._patience.tries(person, candidate.key)
        log.warning("watch.failed", person=person, tries=tries, exc_info=error)
        if tries < TRIES:
            return
        what = error.strerror if isinstance(error, OSError) else type(error).__name__
        reason = f"读取或处理失败 ({what}) / cannot be read or processed"
        step = "检查文件能否打开; 再放一次, 不行请找管理员 / try once more, then ask the operator"
        self._reject(person, candidate, (Fault("failed", "file", reason, step),))
