"""Where backups lie: a folder, or a prefix in an S3 bucket. A name appears only when it is whole."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from schemas.errors import Fault, InvalidInput
from schemas.settings import Settings
from stores import objects

Name = str
"""``<backup>/<file>``."""


class Place(Protocol):
    """Files under names; raises Unavailable or StorageFull."""

    def put(self, name: Name, file: Path) -> None: ...

    def get(self, name: Name, file: Path) -> None:
        """Raises InvalidInput where there is no such file."""

    def names(self) -> list[Name]: ...

    def remove(self, name: Name) -> None: ...


def open_place(where: str, settings: Settings, *, make: bool = False) -> Place:
    """The place that an operator named; ``make``: its bucket too, where it is missing. Raises
    InvalidInput, Unavailable."""
    if not where.startswith("s3://"):
        return Folder(Path(where).expanduser())
    bucket, _, prefix = where.removeprefix("s3://").partition("/")
    if not bucket:
        raise InvalidInput(Fault("no_bucket", "backup", "s3:// 后要写桶名 / s3://BUCKET/PREFIX"))
    if not settings.backup_s3:
        own = objects.open_objects(settings.model_copy(update={"s3_bucket": bucket}))
        return Bucket(_there(own, make=make), prefix)
    path = settings.secrets_dir / "backup-s3.json"
    try:
        keys = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        told = (
            f"备份用 S3 的密钥读不到 / the keys of the backup's S3 cannot be read: {path}: {error}"
        )
        raise InvalidInput(Fault("no_keys", "backup_s3", told)) from error
    client = objects.open_client(settings.backup_s3, keys, "when_required")
    return Bucket(_there(objects.Objects(client, bucket), make=make), prefix)


def _there(store: objects.Objects, *, make: bool) -> objects.Objects:
    with objects.spoken():
        try:
            store.client.list_objects_v2(Bucket=store.bucket, MaxKeys=1)
        except store.client.exceptions.NoSuchBucket:
            if not make:
                told = f"没有这个桶 / there is no such bucket: {store.bucket}"
                raise InvalidInput(Fault("no_bucket", "backup", told)) from None
            store.client.create_bucket(Bucket=store.bucket)
    return store


class Folder:
    """A folder on disk: written aside, synced, renamed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, name: Name, file: Path) -> None:
        target = self.root / name
        part = target.with_name(target.name + ".part")
        with objects.spoken():
            target.parent.mkdir(parents=True, exist_ok=True)
            with file.open("rb") as source, part.open("wb") as out:
                while chunk := source.read(1024**2):
                    out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
            part.rename(target)

    def get(self, name: Name, file: Path) -> None:
        try:
            file.write_bytes((self.root / name).read_bytes())
        except FileNotFoundError as error:
            raise missing(name) from error

    def names(self) -> list[Name]:
        found = [p for p in self.root.rglob("*") if p.is_file() and p.suffix != ".part"]
        return sorted(str(path.relative_to(self.root)) for path in found)

    def remove(self, name: Name) -> None:
        (self.root / name).unlink(missing_ok=True)
        with suppress(OSError):
            (self.root / name).parent.rmdir()


class Bucket:
    """A prefix in a bucket; S3 shows no object before it is whole."""

    def __init__(self, store: objects.Objects, prefix: str) -> None:
        self.store = store
        self.prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""

    def put(self, name: Name, file: Path) -> None:
        objects.put_file(self.store, self.prefix + name, file, "application/octet-stream")

    def get(self, name: Name, file: Path) -> None:
        if name not in self.names():
            raise missing(name)
        self.get_known(name, file)

    def get_known(self, name: Name, file: Path) -> None:
        with objects.spoken():
            self.store.client.download_file(self.store.bucket, self.prefix + name, str(file))

    def names(self) -> list[Name]:
        keys: list[Name] = []
        with objects.spoken():
            pages = self.store.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.store.bucket, Prefix=self.prefix):
                keys += [entry["Key"] for entry in page.get("Contents", [])]
        return sorted(key.removeprefix(self.prefix) for key in keys)

    def remove(self, name: Name) -> None:
        objects.delete(self.store, self.prefix + name)


def missing(name: Name) -> InvalidInput:
    told = f"备份里没有 {name} / the backup has no {name}"
    return InvalidInput(Fault("file_missing", name, told, "换一份备份 / take another backup"))
