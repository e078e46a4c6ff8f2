"""Object keys: written once, never from a sender's file name."""

from uuid import UUID


def original(asset_id: UUID) -> str:
    return f"originals/{asset_id}"


def rendition(source_sha256: str, recipe_key: str, name: str) -> str:
    return f"renditions/{source_sha256}/{recipe_key}/{name}"


def copy(sha256: str) -> str:
    return f"copies/{sha256}"
