"""Media as they were uploaded: one object for each SHA-256, linked as often as it comes."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, select

from schemas.errors import Fault, InvalidInput
from schemas.story import Asset
from stores.ledger import journal
from stores.ledger.tables import assets


def put(
    tx: Connection,
    asset: Asset,
    *,
    object_key: str,
    facts: dict[str, Any],
    by: str,
    at: int,
) -> None:
    tx.execute(
        assets.insert().values(
            id=str(asset.id),
            sha256=asset.sha256,
            object_key=object_key,
            size_bytes=asset.size_bytes,
            kind=asset.kind,
            content_type=asset.content_type,
            file_name=asset.file_name,
            width=asset.width,
            height=asset.height,
            duration_ms=None if asset.duration_s is None else round(asset.duration_s * 1000),
            facts=json.dumps(facts),
            by=by,
            created_at=at,
        )
    )


def note(tx: Connection, asset_id: UUID, story_id: UUID) -> None:
    """Tell the row with this story's: what is uploaded before its story has none yet."""
    journal.note(tx, assets, story=story_id, id=str(asset_id))


def with_sha256(tx: Connection, sha256: str) -> Row[Any] | None:
    """The first asset of these bytes: its object is the one that is kept."""
    return tx.execute(
        select(assets).where(assets.c.sha256 == sha256).order_by(assets.c.created_at).limit(1)
    ).first()


def get(tx: Connection, asset_id: UUID | str, *, ref: str = "asset") -> Asset:
    """Raises InvalidInput naming the media reference."""
    row = tx.execute(select(assets).where(assets.c.id == str(asset_id))).first()
    if row is None:
        raise InvalidInput(
            Fault(
                "no_such_asset",
                f"media.{ref}.asset_id",
                f"没有这个素材 / no such asset: {asset_id}",
                "先上传 POST /v1/assets / upload it first",
            )
        )
    return Asset(
        ref=ref,
        id=UUID(row.id),
        kind=row.kind,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        content_type=row.content_type,
        file_name=row.file_name,
        width=row.width,
        height=row.height,
        duration_s=None if row.duration_ms is None else row.duration_ms / 1000,
    )


def known(tx: Connection, asset_id: UUID | str) -> bool:
    """Whether the ledger names this piece of media."""
    found = tx.execute(select(assets.c.id).where(assets.c.id == str(asset_id))).first()
    return found is not None


def object_key(tx: Connection, sha256: str) -> str | None:
    """Where the original with this SHA-256 lies."""
    row = with_sha256(tx, sha256)
    return None if row is None else str(row.object_key)
