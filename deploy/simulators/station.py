"""The TV station's ingest and the newspaper's page desk: two folders that others fill.

They take what a hand-off folder holds, check it, keep a copy in a library of their own, and answer
with an acknowledgement file. They know nothing of who fills the folder.

TV: a sidecar ``<name>.xml`` appears last. Values are read by element paths that the station sets
(``SidecarPaths``): file name, size in bytes, MD5, id, verb ``new`` | ``update`` | ``delete``.
Newspaper: a folder with ``manifest.json``, which appears last: ``{"id", "verb": "new" | "update" |
"withdraw", "files": [{"name", "size", "sha256"}]}``.
Answer, in the acknowledgement folder: ``<sidecar or folder name>.ack.json`` with ``{"id",
"result": "ok" | "error", "reason", "at", "name", "md5"}``; ``at`` in ms by the station's clock.
A name may be used again for an update: the id in the answer tells which delivery it is for.
"""

import contextlib
import hashlib
import json
import logging
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from deploy.simulators.platform_state import Clock, fsync_folder
from deploy.simulators.station_checks import (
    SIDECAR_BYTES,
    Delivery,
    Rejected,
    SidecarPaths,
    keep_package,
    keep_programme,
    read_manifest,
    read_sidecar,
)

LOG = logging.getLogger(__name__)
REMOVALS = {"delete", "withdraw"}


@dataclass
class Station:
    """Folders and memory of both desks; ``seen`` and ``owed`` are rebuilt at start.

    ``owed`` is the last delivery's line until its acknowledgement is on the disk.
    """

    state_dir: Path
    tv: Path
    tv_ack: Path
    newspaper: Path
    newspaper_ack: Path
    clock: Clock = lambda: time.time_ns() // 1_000_000
    paths: SidecarPaths = field(default_factory=SidecarPaths)
    seen: set[str] = field(default_factory=set)
    owed: dict[str, Any] | None = None


def open_station(station: Station) -> Station:
    """Make the folders and recall what was answered; finish an answer that a crash cut off."""
    for folder in (station.tv, station.tv_ack, station.newspaper, station.newspaper_ack):
        folder.mkdir(parents=True, exist_ok=True)
    for desk in ("tv", "newspaper"):
        (station.state_dir / desk).mkdir(parents=True, exist_ok=True)
    lines = read_library(station)
    station.seen.update(line["delivery"] for line in lines)
    station.owed = lines[-1] if lines else None
    return station


def watch(station: Station, stop: threading.Event, *, poll_s: float = 0.5) -> None:
    """Sweep both folders until ``stop`` is set; a full disk ends nothing, it is tried again."""
    open_station(station)
    while not stop.wait(poll_s):
        try:
            sweep(station)
        except OSError:
            LOG.warning("station.sweep_failed", exc_info=True)


def sweep(station: Station) -> int:
    """Answer each delivery that was not answered yet; how many there were."""
    answered = 0
    _acknowledge(station)
    for sidecar in sorted(station.tv.glob("[!.]*.xml")):
        answered += _answer_once(station, "tv", sidecar, sidecar.stem)
    for manifest in sorted(station.newspaper.glob("[!.]*/manifest.json")):
        if manifest.parent.suffix != ".part":
            answered += _answer_once(station, "newspaper", manifest, manifest.parent.name)
    return answered


def _answer_once(station: Station, desk: str, file: Path, base: str) -> int:
    try:
        with file.open("rb") as source:
            raw = source.read(SIDECAR_BYTES + 1)
            changed_ns = os.fstat(source.fileno()).st_mtime_ns
    except FileNotFoundError:
        return 0
    delivery = f"{desk}/{base}/{changed_ns}/{hashlib.sha256(raw).hexdigest()}"
    if delivery in station.seen:
        return 0
    line = _take(station, desk, raw, file.parent, base)
    line |= {"base": base, "delivery": delivery, "at": station.clock()}
    _append(station, line)
    station.seen.add(delivery)
    station.owed = line
    _acknowledge(station)
    return 1


def _take(station: Station, desk: str, raw: bytes, folder: Path, base: str) -> dict[str, Any]:
    """Carry the delivery out; the library's line about it."""
    line: dict[str, Any] = {"desk": desk, "id": "", "verb": "", "name": base, "md5": ""}
    library = station.state_dir / desk
    try:
        delivery = read_sidecar(raw, station.paths) if desk == "tv" else read_manifest(raw, base)
        line |= {"id": delivery.id, "verb": delivery.verb, "name": delivery.name}
        _check_kept(station, desk, delivery)
        if desk == "tv":
            line["md5"] = keep_programme(library, delivery, folder)
        else:
            keep_package(library, delivery, folder)
    except (Rejected, OSError) as error:
        return line | {"result": "error", "reason": str(error)}
    return line | {"result": "ok", "reason": ""}


def _check_kept(station: Station, desk: str, delivery: Delivery) -> None:
    """Only what the library holds can be removed; its lines decide, so a crash changes nothing."""
    if delivery.verb not in REMOVALS:
        return
    kept = False
    for line in read_library(station):
        if (line["desk"], line["name"], line["result"]) == (desk, delivery.name, "ok"):
            kept = line["verb"] not in REMOVALS
    if not kept:
        raise Rejected(f"{delivery.name} is not in the library")


def _acknowledge(station: Station) -> None:
    """Write the answer that is owed, whole or not at all."""
    line = station.owed
    if line is None:
        return
    folder = station.tv_ack if line["desk"] == "tv" else station.newspaper_ack
    ack = {key: line[key] for key in ("id", "result", "reason", "at", "name", "md5")}
    data = json.dumps(ack, ensure_ascii=False).encode()
    target = folder / f"{line['base']}.ack.json"
    if not target.exists() or target.read_bytes() != data:
        partial = target.with_name(f".{uuid4().hex}.part")
        with partial.open("xb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(target)
        fsync_folder(folder)
    station.owed = None


def read_library(station: Station) -> list[dict[str, Any]]:
    """Every delivery that was answered, in the order of its arrival; a torn last line is left out."""
    file = station.state_dir / "library.jsonl"
    lines = []
    if file.exists():
        for line in file.read_text("utf-8").splitlines():
            with contextlib.suppress(ValueError):
                lines.append(json.loads(line))
    return lines


def _append(station: Station, line: dict[str, Any]) -> None:
    """One line, on the disk; it starts on a line of its own even after a torn one."""
    with (station.state_dir / "library.jsonl").open("ab") as out:
        out.write(b"\n" + json.dumps(line, ensure_ascii=False).encode() + b"\n")
        out.flush()
        os.fsync(out.fileno())
