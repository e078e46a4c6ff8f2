"""Objects that nothing names: what an upload, an adaptation or a transcode left when its process
died between S3 and the ledger. Deleted after a day, so that the disk does not fill with them.

The ledger is asked last: whatever it names is kept, and so is all that is older than its last
restore, since what a lost ledger named may be named again by what is still to be folded in.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, exists, or_, select

from schemas import keys
from stores import objects
from stores.ledger import restores
from stores.ledger.ids import when
from stores.ledger.tables import assets, copies, renditions, uploads
from stores.ledger.transaction import Ledger

AFTER = timedelta(hours=24)
"""Longer than any upload or transcode lasts: what is being written now is not named yet."""


def sweep(ledger: Ledger, store: objects.Objects) -> int:
    """Delete the orphans; returns how many. Raises Unavailable when S3 or the ledger is away."""
    gone = 0
    for prefix in (keys.ORIGINALS, keys.RENDITIONS, keys.COPIES):
        for page in _pages(store, prefix):
            old = [key for key, written in page if written < ledger.now() - AFTER]
            if not old:
                continue
            written_at = dict(page)
            with ledger.snapshot() as view:
                since = restores.last(view)
                orphans = [
                    key
                    for key in old
                    if not (since and written_at[key] < when(since)) and not named(view, key)
                ]
            for key in orphans:
                objects.delete(store, key)
            gone += len(orphans)
    return gone


def named(view: Connection, key: str) -> bool:
    """Whether the ledger names this object."""
    folder, _, name = key.partition("/")
    found: ColumnElement[bool]
    if f"{folder}/" == keys.ORIGINALS:
        asset = exists().where(assets.c.object_key == key)
        found = or_(asset, exists().where(uploads.c.id == name, uploads.c.state == "open"))
    elif f"{folder}/" == keys.COPIES:
        found = exists().where(copies.c.sha256 == name)
    else:
        source = name.partition("/")[0]
        found = exists().where(
            renditions.c.source_sha256 == source,
            renditions.c.manifest.contains(f'"{key}"', autoescape=True),
        )
    return bool(view.execute(select(found)).scalar())


def _pages(store: objects.Objects, prefix: str) -> Iterator[list[tuple[str, datetime]]]:
    pages = store.client.get_paginator("list_objects_v2").paginate(
        Bucket=store.bucket, Prefix=prefix
    )
    with objects.spoken():
        for page in pages:
            yield [(entry["Key"], entry["LastModified"]) for entry in page.get("Contents", [])]
