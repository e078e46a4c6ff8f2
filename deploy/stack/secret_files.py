"""Secrets of one stack: made once, at the first start, in files that only the owner can read."""

import json
import os
import secrets
import stat
import uuid
from collections.abc import Callable
from pathlib import Path

from schemas.settings import Settings

ADMINISTRATOR = "administrator.password"


def _password() -> str:
    """One that can be read out and typed."""
    return "-".join(secrets.token_hex(2) for _ in range(4))


def _hex32() -> str:
    return secrets.token_hex(16)


def _s3() -> str:
    return json.dumps(
        {"access_key": secrets.token_hex(10).upper(), "secret_key": secrets.token_urlsafe(30)}
    )


def _douyin_tokens() -> str:
    """First tokens in the shape that the platform's authorisation answers with."""
    return json.dumps(
        {
            "access_token": f"act.{secrets.token_hex(24)}",
            "refresh_token": f"rft.{secrets.token_hex(24)}",
            "open_id": f"_000{secrets.token_urlsafe(24)}",
        }
    )


FIRST_SECRETS: dict[str, Callable[[], str]] = {
    "s3.json": _s3,
    "wechat.secret": _hex32,
    "douyin.client_secret": _hex32,
    "douyin.tokens.json": _douyin_tokens,
    ADMINISTRATOR: _password,
    "robot.key": lambda: str(uuid.uuid4()),
}


def ensure_secrets(settings: Settings) -> list[str]:
    """Make the secret files that are missing; return their names.

    ``s3.json``: ``{"access_key", "secret_key"}`` of the local S3 server. ``wechat.secret`` and
    ``douyin.client_secret``: 32 hexadecimal digits. ``douyin.tokens.json``: ``{"access_token",
    "refresh_token", "open_id"}``. ``administrator.password``: of the first sign-in at the desk. ``robot.key``: of the chat group's robot. What is there is never changed, only its mode is set to 0600.
    """
    folder = settings.secrets_dir
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    made = []
    for name, make in FIRST_SECRETS.items():
        path = folder / name
        if path.exists():
            if stat.S_IMODE(path.stat().st_mode) != 0o600:
                path.chmod(0o600)
        else:
            write_secret(path, make())
            made.append(name)
    return made


def write_secret(path: Path, text: str) -> None:
    """Put a secret in place in one step and on the disk, readable by the owner alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
