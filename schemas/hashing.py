"""One canonical JSON, so that a hash means the same everywhere."""

import hashlib
import json

from pydantic import BaseModel, JsonValue


def canonical(value: BaseModel | JsonValue) -> bytes:
    """UTF-8 JSON with sorted keys and no blanks; models by their JSON form."""
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    return json.dumps(
        plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def fingerprint(value: BaseModel | JsonValue) -> str:
    """SHA-256 (hex) of the canonical JSON."""
    return sha256(canonical(value))
