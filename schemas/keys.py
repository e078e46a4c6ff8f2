"""Object keys: written once, never from a sender's file name."""

from uuid import UUID

ORIGINALS = "originals/"
RENDITIONS = "renditions/"
COPIES = "copies/"


def original(asset_id: UUID) -> str:
    return f"{ORIGINALS}{asset_id}"


def rendition(source_sha256: str, recipe_key: str, name: str) -> str:
    return f"{RENDITIONS}{source_sha256}/{recipe_key}/{name}"


def copy(sha256: str) -> str:
    return f"{COPIES}{sha256}"
