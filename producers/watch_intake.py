"""One group of files of the watched folder into the newsroom, or every reason why not."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from io import BufferedReader
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import select

from producers import filing, intake
from producers.filing import Desk, Filed, Received
from producers.imports import import_document
from producers.plain_text import decode
from producers.uploads import check_room
from producers.watch_names import Candidate, Seen, ignored
from producers.watch_stories import Manifest, read_manifest, story_of_media, story_of_text
from schemas import keys
from schemas.errors import Fault, InvalidInput, PipelineError
from schemas.hashing import fingerprint, sha256
from schemas.story import Plan
from stores import objects
from stores.ledger.ids import new_id
from stores.ledger.people import Caller
from stores.ledger.tables import assets

CHUNK_BYTES = 1024**2


class Growing(Exception):
    """A file changed while it was read, or the process is to stop: nothing was taken."""


def take(
    desk: Desk,
    caller: Caller,
    folder: Path,
    candidate: Candidate,
    manifest: Manifest | None,
    *,
    stopping: Callable[[], bool] = lambda: False,
) -> Filed:
    """File one story. The same files of the same person again answer as before.

    Raises InvalidInput, Conflict (definite); Unavailable, StorageFull, TransientError, OSError,
    Growing (later). After any of them nothing is kept.
    """
    _check(desk, candidate)
    check_room(desk.settings, sum(file.size for file in candidate.media))
    names = _declared(candidate, manifest)
    received: list[Received] = []
    try:
        for file in candidate.media:
            one = _receive(desk, folder, file, names[file.key], stopping)
            received.append(one)
        return _file(desk, caller, folder, candidate, manifest, received)
    except BaseException:
        _undo(desk, received)
        raise


def _undo(desk: Desk, received: list[Received]) -> None:
    """Objects go unless the ledger names them: the answer to a commit may have been lost, and
    an orphan, which is swept later, is better than a story without its clip."""
    ids = [str(one.asset_id) for one in received]
    try:
        with desk.ledger.snapshot() as tx:
            kept = set(tx.execute(select(assets.c.id).where(assets.c.id.in_(ids))).scalars())
    except PipelineError:
        return
    filing.discard(desk, [one for one in received if str(one.asset_id) not in kept])


def _file(
    desk: Desk,
    caller: Caller,
    folder: Path,
    candidate: Candidate,
    manifest: Manifest | None,
    received: list[Received],
) -> Filed:
    told: list[JsonValue] = [[one.file_name, one.sha256] for one in received]
    plan = Plan()
    if candidate.group == "manifest" and manifest is not None:
        story, plan = manifest.story, manifest.plan
        told.append([candidate.lead.key, sha256(manifest.data)])
    elif candidate.group == "text":
        limits, lead = desk.newsroom.uploads, candidate.lead
        plain = lead.ending == "txt"
        data = read_small(folder, lead, limits.story_json_bytes if plain else limits.image_bytes)
        told.append([lead.key, sha256(data)])
        if plain:
            story = story_of_text(decode(data, lead.key), lead.key, received)
        else:
            story = _of_document(desk, data, lead.key, received)
    else:
        story = story_of_media(candidate.lead.stem, received)
    key = fingerprint({"watched": caller.id, "files": sorted(told, key=str)})
    return filing.file_story(desk, caller, story, plan, received, key=f"watch-{key}")


def _of_document(desk: Desk, data: bytes, name: str, received: list[Received]) -> dict[str, Any]:
    """A DOCX or HTML file with the pictures inside it, which join ``received``, and those beside."""
    found = import_document(data, name)
    story = found.story()
    beside = story_of_media(name, received) if received else {"body": [], "media": []}
    for medium in story["media"]:
        one = next(e for e in found.enclosed if e.ref == medium["ref"])
        received.append(_receive_bytes(desk, one.name, one.data))
    body, media = [*story["body"], *beside["body"]], [*story["media"], *beside["media"]]
    return {**story, "body": body, "media": media}


def _check(desk: Desk, candidate: Candidate) -> None:
    limits = desk.newsroom.uploads
    most = max(limits.image_bytes, limits.video_bytes)
    faults = [
        Fault("file_missing", f"file.{name}", "等了一分钟, 文件仍没有来 / the file never came")
        for name in candidate.missing
    ]
    for file in candidate.files:
        place = f"file.{file.key}"
        fault = _unreadable_name(file.key, place) or intake.file_name_fault(file.key, place)
        if fault is not None:
            faults.append(fault)
            continue
        if file.size == 0:
            faults.append(
                Fault("empty_file", place, "文件是空的 (0 字节) / the file is empty (0 bytes)")
            )
        if file in candidate.media and file.size > most:
            reason = f"文件超过 {most} 字节上限 / larger than {most} bytes"
            faults.append(Fault("too_large", place, reason, "压缩或裁短后再放 / make it smaller"))
    if len(candidate.media) > limits.files:
        reason = f"最多 {limits.files} 个文件 / at most {limits.files} files"
        faults.append(Fault("too_many", "media", reason))
    if faults:
        raise InvalidInput(*faults)


def _unreadable_name(name: str, place: str) -> Fault | None:
    try:
        name.encode()
    except UnicodeEncodeError:
        reason = "文件名不是 UTF-8, 多半来自老系统 / the file name is not UTF-8"
        return Fault("bad_file_name", place, reason, "改名后再放 / rename the file")
    return None


def _declared(candidate: Candidate, manifest: Manifest | None) -> dict[str, str]:
    """Key of a file → its name as the manifest writes it."""
    names = {file.key: file.key for file in candidate.media}
    for name in (manifest.files or ()) if manifest is not None else ():
        for key in names:
            if Seen(name, 0, 0, 0).key == key:
                names[key] = name
    return names


def _receive(
    desk: Desk, folder: Path, file: Seen, name: str, stopping: Callable[[], bool]
) -> Received:
    """Copy into the spool while hashing, look into the copy, store the copy: all three see the
    same bytes, however long somebody still writes to the shared file."""

    def copied(copy: Path) -> str:
        return _copy(folder / file.name, copy, file, stopping)

    return _store(desk, name, file.size, copied)


def _receive_bytes(desk: Desk, name: str, data: bytes) -> Received:
    """A picture that came inside a document."""

    def copied(copy: Path) -> str:
        with objects.spoken():
            copy.write_bytes(data)
        return sha256(data)

    return _store(desk, name, len(data), copied)


def _store(desk: Desk, name: str, size: int, copied: Callable[[Path], str]) -> Received:
    identity: UUID = new_id()
    spool = desk.settings.spool_dir / "uploads"
    spool.mkdir(parents=True, exist_ok=True)
    copy = spool / f"{identity}.part"
    try:
        digest = copied(copy)
        facts = desk.inspect(copy, f"file.{name}", name)
        key = keys.original(identity)
        received = Received(identity, key, digest, size, name, facts)
        try:
            objects.put_file(desk.store, key, copy, facts.content_type)
        except BaseException:
            filing.discard(desk, [received])  # the answer may have been lost
            raise
    finally:
        copy.unlink(missing_ok=True)
    return received


def _copy(source: Path, target: Path, file: Seen, stopping: Callable[[], bool]) -> str:
    """SHA-256 (hex) of what was copied. Raises Growing, StorageFull, OSError."""
    digest = hashlib.sha256()
    with _opened(source, file) as reading, objects.spoken(), target.open("wb") as writing:
        while chunk := reading.read(CHUNK_BYTES):
            if stopping():
                raise Growing
            digest.update(chunk)
            writing.write(chunk)
        if _stamp(reading.fileno()) != file.stamp or writing.tell() != file.size:
            raise Growing
    return digest.hexdigest()


def read_small(folder: Path, file: Seen, most_bytes: int) -> bytes:
    """A manifest or text. Raises InvalidInput (413) over the limit, Growing, OSError."""
    if file.size > most_bytes:
        reason = f"超过 {most_bytes} 字节上限 / longer than {most_bytes} bytes"
        raise InvalidInput(Fault("too_large", f"file.{file.key}", reason), status=413)
    with _opened(folder / file.name, file) as reading:
        data = reading.read(most_bytes + 1)
        if _stamp(reading.fileno()) != file.stamp or len(data) != file.size:
            raise Growing
    return data


class Manifests:
    """The manifests of all folders, read again only when they changed."""

    def __init__(self, root: Path, most_bytes: int) -> None:
        self._root = root
        self._most_bytes = most_bytes
        self._known: dict[tuple[str, str, tuple[int, int]], Manifest] = {}

    def read(self, folder: str, entries: Iterable[Seen]) -> dict[str, Manifest]:
        """Key → manifest; one that is growing under our eyes is left out."""
        found: dict[str, Manifest] = {}
        known = {place: manifest for place, manifest in self._known.items() if place[0] != folder}
        for entry in entries:
            if entry.ending != "json" or entry.kind != "file" or ignored(entry.name):
                continue
            place = (folder, entry.name, entry.stamp)
            manifest = self._known.get(place) or self._read(folder, entry)
            if manifest is not None:
                found[entry.key] = known[place] = manifest
        self._known = known
        return found

    def _read(self, folder: str, entry: Seen) -> Manifest | None:
        try:
            data = read_small(self._root / folder, entry, self._most_bytes)
        except InvalidInput as error:
            return Manifest(b"", faults=error.faults)
        except (Growing, FileNotFoundError):
            return None
        except OSError as error:
            reason = f"读不出来 ({error.strerror}) / cannot be read"
            return Manifest(b"", faults=(Fault("unreadable", entry.key, reason),))
        return read_manifest(data, entry.key)


def _opened(path: Path, file: Seen) -> BufferedReader:
    """Open what was seen, and nothing that a link or pipe has since put in its place."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:
            raise Growing from error
        raise
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or (found.st_size, found.st_mtime_ns) != file.stamp:
        os.close(descriptor)
        raise Growing
    return os.fdopen(descriptor, "rb")


def _stamp(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_size, found.st_mtime_ns
