"""A static tree that readers see (web site, app feed): publish, find, withdraw, read back.

Index pages are made from the records alone (:mod:`consumers.static_records`), so they can be made
again at any time. One change runs in this order: record marked unsettled → media → story page,
read back → index pages → feeds → record settled. The receipt need not wait for what follows the
read-back: ``tend`` does it, and so does whatever comes next. What a crash left unsettled is rolled
forward where the page stands, else back, before anything else happens. A tree has a single writer:
the owner of its channel.

Records, media and story pages are flushed to the disk before the next step. Index pages and feeds
are not: a power cut may lose them, and the first start after a boot makes them again.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx

from consumers import static_records
from consumers.read_back import check_gone, check_shown, reader
from consumers.static_files import (
    Placed,
    copy_media,
    media_folders,
    place,
    remove_folders,
    remove_temporaries,
    write_group,
)
from consumers.static_live import Standing
from consumers.static_pages import Draft, Pages
from consumers.static_records import Record
from schemas.channel import Absent, Accepted, Attempt, Live, Outside, Recalled, Refused
from schemas.errors import TransientError, UnknownOutcome
from schemas.hashing import sha256

GONE_LIST = "gone.json"
"""``{"paths": [...]}``: paths below the root, a trailing slash for a whole folder. The server
answers them with 410."""
GONE_FOLDER = ".gone"
"""The same notices again, for servers that decide by a file's existence (nginx)."""
_LOOK = f"{static_records.RECORDS}/look"


def open_tree(
    root: Path, public_url: str, pages: Pages, outside: Outside, read_timeout_s: float
) -> "Tree":
    """Opens the tree and lays out or renews its index pages; no network call. Where the disk
    does not allow that, the first attempt tells it again."""
    tree = Tree(root, public_url, pages, reader(), outside.now, read_timeout_s)
    try:
        tree.settle()
    except TransientError as error:
        outside.log.warning("channel.tree.not_ready", reason=error.reason)
    return tree


@dataclass
class Tree:
    """The tree with its records in memory; ``client`` reads back through the public address."""

    root: Path
    public_url: str
    pages: Pages
    client: httpx.Client
    now: Callable[[], datetime]
    read_timeout_s: float
    standing: Standing = field(init=False)
    _settled: bool = False
    _owed: Record | None = None
    """Its page stands; index pages and the record's settling are still to be written."""

    def __post_init__(self) -> None:
        self.standing = Standing(self.pages.names)

    def publish(self, draft: Draft, attempt: Attempt) -> Live | Accepted | Refused:
        """Let the draft stand at its address: a PUT by story, release and version.

        Repeating it is harmless. Accepted while the public address does not show the page yet:
        it stands, so a withdrawal must find it. Raises TransientError before anything changed,
        UnknownOutcome when the disk failed after the page stood.
        """
        attempt.remaining_s()
        self.settle()
        before = self.standing.records.get(attempt.number)
        refused = static_records.refusal(before, attempt)
        if refused is not None:
            return refused
        placed = [place(p, attempt.media.files(p)) for p in draft.placeholders]
        addresses = {p.placeholder: p.entry for p in placed}
        record = static_records.coming(
            before,
            attempt,
            placed,
            public_url=self.public_url,
            correction=draft.correction,
            card=draft.card(addresses),
            now=self.now(),
        )
        page = self.pages.story(draft.payload, record, addresses)
        record = record.model_copy(update={"text_sha256": sha256(page)})
        if not self._stands(record, before, placed):
            self._put(record, page, placed, attempt)
        return self._shown(record, attempt)

    def find(self, attempt: Attempt) -> Live | Accepted | Absent:
        """What stands at the story's address, and whether a reader gets it. Raises
        TransientError while the folder cannot be read."""
        self.settle()
        record = self.standing.records.get(attempt.number)
        if record is None or record.state == "withdrawn" or not self._page_is(record):
            return Absent()
        if (record.story_id, record.release) != (attempt.story_id, attempt.release):
            return Absent()
        return self._shown(record, attempt)

    def confirm(self, attempt: Attempt) -> Live | Accepted | Refused:
        """What became of an accepted publish."""
        found = self.find(attempt)
        if isinstance(found, Absent):
            return Refused("那里没有这篇稿件 / not there", "absent")
        return found

    def withdraw(self, reason: str, attempt: Attempt) -> Recalled:
        """Leave a tombstone: page, media, index and feed entries go, and stay gone for this
        release, whether it stood there or not. Raises TransientError until all of it is done
        and the public address shows it."""
        attempt.remaining_s()
        self.settle()
        before = self.standing.records.get(attempt.number)
        if before is not None and before.story_id != attempt.story_id:
            return Recalled("该编号下是另一篇稿件，本稿不在 / another story has this number")
        if before is not None and before.release > attempt.release:
            return Recalled("已由后一次签发取代 / replaced by a later release")
        if before is None or before.state == "live" or before.release < attempt.release:
            record = static_records.tombstone(before, attempt, reason, self.now())
            with self._change(TransientError):
                static_records.save(self.root, record)
                self._take_down(record)
        self._read_back_gone(self.standing.records[attempt.number], attempt)
        return Recalled(
            "原地址显示“内容已撤回”（410），列表、订阅与素材均已删除 / 410, gone from lists and feeds"
        )

    def tend(self) -> None:
        """Bring index pages and feeds up to the last change. TransientError when the disk does not
        allow it; then the next call, of whatever kind, tries again."""
        self.settle()

    def settle(self) -> None:
        """Load the records, finish or undo what a crash left half done, make pages anew where the
        look changed. TransientError when the disk does not allow it."""
        if self._settled and self._owed is None:
            return
        with self._change(TransientError):
            owed, self._owed = self._owed, None
            if owed is not None:
                self._list(owed)
                return
            remove_temporaries(self.root)
            self.standing.fill(static_records.load(self.root))
            unsettled = [record for record in self.standing.records.values() if not record.settled]
            for record in unsettled:
                self._finish(record)
            if unsettled:
                used = static_records.folders_in_use(self.standing.live)
                remove_folders(self.root, media_folders(self.root) - used)
            look = f"{self.pages.look()} {_boot()}".encode()
            if unsettled or not self._file_is(_LOOK, sha256(look)):
                self.rebuild()
                write_group(self.root, {_LOOK: look})

    def rebuild(self) -> None:
        """Make every index page and feed anew from the records. OSError."""
        write_group(self.root, self.pages.fixed())
        for group in self.pages.indexes(self.standing.live, None, self.now()):
            write_group(self.root, group)
        write_group(self.root, self._gone_list())

    def _put(
        self,
        record: Record,
        page: bytes,
        placed: Sequence[Placed],
        attempt: Attempt,
    ) -> None:
        path = self.pages.path(record.number)
        attempt.remaining_s()
        with self._change(TransientError):
            static_records.save(self.root, record)
            for one in placed:
                copy_media(self.root, one)
        with self._change(UnknownOutcome):
            write_group(self.root, {path: page})
            self.standing.keep(record)
            if self.standing.returns(record):
                (self.root / GONE_FOLDER / path).unlink(missing_ok=True)
                write_group(self.root, self._gone_list())
            self._owed = record

    def _list(self, record: Record) -> None:
        """Live record whose page stands → the rest of its change. OSError."""
        before = record.previous
        touched = [record, before] if before and before.state == "live" else [record]
        self._write_indexes(touched, flush=False)
        self._seal(record)
        if before is not None:
            self._remove_unused(before.folders)

    def _take_down(self, record: Record) -> None:
        """Withdrawn record → its consequences. Repeatable. OSError."""
        self.standing.keep(record)
        path, notice = self.pages.path(record.number), self.pages.tombstone(record)
        write_group(self.root, {path: notice, f"{GONE_FOLDER}/{path}": notice, **self._gone_list()})
        before = record.previous
        if before is not None and before.state == "live":
            self._write_indexes([before], flush=True)
        self._remove_unused(record.folders)
        self._seal(record)

    def _finish(self, record: Record) -> None:
        """Roll an unsettled change forward where its page stands, else back. OSError."""
        if record.state == "withdrawn":
            self._take_down(record)
        elif self._page_is(record):
            self._seal(record)
        elif record.previous is not None:
            static_records.save(self.root, record.previous)
            self.standing.keep(record.previous)
        else:
            static_records.drop(self.root, record.number)
            self.standing.forget(record.number)

    def _seal(self, record: Record) -> None:
        sealed = record.model_copy(update={"settled": True, "previous": None})
        static_records.save(self.root, sealed)
        self.standing.keep(sealed)

    def _write_indexes(self, touched: Sequence[Record], *, flush: bool) -> None:
        for group in self.pages.indexes(self.standing.live, touched, self.now()):
            write_group(self.root, group, flush=flush)

    def _remove_unused(self, folders: Sequence[str]) -> None:
        if folders:
            remove_folders(
                self.root, set(folders) - static_records.folders_in_use(self.standing.live)
            )

    def _gone_list(self) -> dict[str, bytes]:
        told = {"paths": self.standing.gone(self.pages.path)}
        return {GONE_LIST: json.dumps(told, indent=0).encode()}

    def _stands(self, record: Record, before: Record | None, placed: Sequence[Placed]) -> bool:
        """The very same thing stands there already, whole."""
        if before is None or not before.settled or not self._page_is(record):
            return False
        told = {"settled": True, "previous": None}
        return record.model_copy(update=told) == before and all(
            (self.root / one.folder / file.name).is_file() for one in placed for file in one.files
        )

    def _page_is(self, record: Record) -> bool:
        return self._file_is(self.pages.path(record.number), record.text_sha256)

    def _file_is(self, name: str, expected_sha256: str) -> bool:
        path = self.root / name
        try:
            return path.is_file() and sha256(path.read_bytes()) == expected_sha256
        except OSError as error:
            raise TransientError(f"读不了 {name} / cannot be read: {error}") from error

    def _shown(self, record: Record, attempt: Attempt) -> Live | Accepted:
        path = self.pages.path(record.number)
        try:
            self._read_back(record, attempt)
        except TransientError as error:
            return Accepted({"path": path}, f"已写入，等公开地址显示 / written: {error.reason}")
        return Live(record.receipt(self.public_url, path))

    def _read_back(self, record: Record, attempt: Attempt) -> None:
        check_shown(
            self.client,
            f"{self.public_url}/{self.pages.path(record.number)}",
            record.text_sha256,
            record.media,
            attempt=attempt,
            timeout_s=self.read_timeout_s,
        )

    def _read_back_gone(self, record: Record, attempt: Attempt) -> None:
        used = {medium.address for other in self.standing.live for medium in other.media}
        check_gone(
            self.client,
            f"{self.public_url}/{self.pages.path(record.number)}",
            self.pages.tombstone(record),
            [medium.address for medium in record.media if medium.address not in used],
            attempt=attempt,
            timeout_s=self.read_timeout_s,
        )

    @contextmanager
    def _change(self, failure: type[TransientError] | type[UnknownOutcome]) -> Iterator[None]:
        """Until it ends well, the tree counts as unsettled; a disk error becomes ``failure``."""
        self._settled = False
        try:
            yield
        except OSError as error:
            raise failure(
                f"站点目录写入失败：{error.strerror} / cannot write below the root: {error}"
            ) from error
        self._settled = True


def _boot() -> str:
    """Changes with each start of the machine; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
