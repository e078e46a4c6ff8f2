"""The public address of one of our own outlets, as the channels file gives it."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def _checked(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(
            f"应为 http(s):// 开头的公开地址, 而不是 {text!r} / must be a public http(s) address"
        )
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError(
            "公开地址不能带参数、锚点或口令 / a public address has no query, fragment or password"
        )
    return text.rstrip("/")


PublicUrl = Annotated[str, AfterValidator(_checked)]
"""Without a slash at the end; may have a path, under which everything lies."""


def base_path(public_url: str) -> str:
    """The path under which everything lies: empty, or ``/feed``."""
    return urlsplit(public_url).path
