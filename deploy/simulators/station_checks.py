"""What the TV ingest and the page desk check in a delivery before they keep it.

TV: values of the sidecar XML are read by element paths that the station sets (``SidecarPaths``).
Newspaper: ``manifest.json`` = ``{"id", "verb", "files": [{"name", "size", "sha256"}]}``.
"""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree

from deploy.simulators.platform_state import fsync_folder

SIDECAR_BYTES = 1024 * 1024
MXF_KEY = b"\x06\x0e\x2b\x34"
TV_VERBS = {"new", "update", "delete"}
NEWSPAPER_VERBS = {"new", "update", "withdraw"}


@dataclass(frozen=True)
class SidecarPaths:
    """Where the station's template puts each value (ElementTree paths)."""

    name: str = ".//File/Name"
    size: str = ".//File/Size"
    md5: str = ".//File/MD5"
    id: str = ".//Id"
    verb: str = ".//Verb"


class Rejected(Exception):
    """The delivery is not as it says; the reason goes into the acknowledgement."""


@dataclass(frozen=True)
class Delivery:
    """What one sidecar or manifest says."""

    id: str
    verb: str
    name: str
    md5: str = ""
    size: int = 0
    files: tuple[dict[str, Any], ...] = ()


def read_sidecar(raw: bytes, paths: SidecarPaths) -> Delivery:
    if len(raw) > SIDECAR_BYTES:
        raise Rejected("the sidecar is larger than 1 MiB")
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise Rejected("the sidecar declares a document type")
    try:
        root = ElementTree.fromstring(raw)
    except ElementTree.ParseError as error:
        raise Rejected(f"the sidecar is not XML: {error}") from None

    def value(path: str) -> str:
        return (root.findtext(path) or "").strip()

    delivery = Delivery(
        value(paths.id), value(paths.verb), value(paths.name), value(paths.md5).lower()
    )
    _check_names(delivery, TV_VERBS, [delivery.name])
    if delivery.verb == "delete":
        return delivery
    size = value(paths.size)
    if not size.isdecimal() or len(delivery.md5) != 32:
        raise Rejected("the sidecar lacks size or MD5")
    return Delivery(delivery.id, delivery.verb, delivery.name, delivery.md5, int(size))


def read_manifest(raw: bytes, base: str) -> Delivery:
    try:
        manifest = json.loads(raw)
        files = tuple(manifest.get("files", []))
        names = [str(one["name"]) for one in files]
        delivery = Delivery(str(manifest["id"]), str(manifest["verb"]), base, files=files)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Rejected(f"the manifest is not as agreed: {error!r}") from None
    _check_names(delivery, NEWSPAPER_VERBS, names)
    if delivery.verb != "withdraw" and not files:
        raise Rejected("the manifest names no file")
    return delivery


def _check_names(delivery: Delivery, verbs: set[str], names: list[str]) -> None:
    if not delivery.id:
        raise Rejected("the delivery has no id")
    if delivery.verb not in verbs:
        raise Rejected(f"unknown verb {delivery.verb!r}")
    for name in names:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
            raise Rejected(f"file name {name!r} leaves the folder")


def keep_programme(library: Path, delivery: Delivery, folder: Path) -> str:
    """Copy the programme into the library while its MD5 is taken; its MD5."""
    if len(PurePosixPath(delivery.name).parts) != 1:
        raise Rejected(f"file name {delivery.name!r} leaves the folder")
    kept = library / delivery.name
    if delivery.verb == "delete":
        kept.unlink(missing_ok=True)
        fsync_folder(kept.parent)
        return ""
    source = folder / delivery.name
    if not source.is_file():
        raise Rejected(f"{delivery.name} is missing")
    if source.stat().st_size != delivery.size:
        raise Rejected(f"{delivery.name} has {source.stat().st_size} bytes, not {delivery.size}")
    with source.open("rb") as programme:
        if source.suffix.lower() == ".mxf" and programme.read(4) != MXF_KEY:
            raise Rejected(f"{delivery.name} is not an MXF file")
    return _copy(source, kept, "md5", delivery.md5)


def keep_package(library: Path, delivery: Delivery, folder: Path) -> None:
    """Copy the package into the library; a former one of this name goes when the new one is whole."""
    kept = library / delivery.name
    if delivery.verb == "withdraw":
        shutil.rmtree(kept, ignore_errors=True)
        return
    incoming = kept.with_name(f".{uuid4().hex}.incoming")
    try:
        for file in delivery.files:
            source = folder / file["name"]
            if not source.is_file():
                raise Rejected(f"{file['name']} is missing")
            if source.stat().st_size != file.get("size"):
                raise Rejected(f"{file['name']} is not {file.get('size')} bytes long")
            _copy(source, incoming / file["name"], "sha256", str(file.get("sha256", "")).lower())
        if kept.exists():
            shutil.rmtree(kept)
        incoming.rename(kept)
        fsync_folder(kept.parent)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _copy(source: Path, target: Path, algorithm: str, expected: str) -> str:
    """Copy a file whose digest is as expected; Rejected and nothing kept otherwise."""
    digest = hashlib.new(algorithm)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{uuid4().hex}.part")
    try:
        with source.open("rb") as data, partial.open("xb") as out:
            while chunk := data.read(1024 * 1024):
                digest.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        if digest.hexdigest() != expected:
            raise Rejected(f"{source.name} has another {algorithm.upper()} than it should")
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    fsync_folder(target.parent)
    return digest.hexdigest()
