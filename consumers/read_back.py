"""Reads a static tree back as a reader does: over HTTP, through its public address."""

import ssl
import time
from functools import cache

import httpx

from schemas.channel import Attempt
from schemas.errors import TransientError
from schemas.hashing import sha256
from schemas.receipt import Substitution

ANSWER_LIMIT_BYTES = 5 * 1024**2


@cache
def _trust() -> ssl.SSLContext:
    """Reading the certificate store takes longer than a whole publish: once a process."""
    return httpx.create_ssl_context(trust_env=False)


def reader() -> httpx.Client:
    """A client that follows no redirect and heeds no proxy."""
    return httpx.Client(verify=_trust(), follow_redirects=False, trust_env=False)


def check_shown(
    client: httpx.Client,
    address: str,
    expected_sha256: str,
    media: tuple[Substitution, ...],
    *,
    attempt: Attempt,
    timeout_s: float,
) -> None:
    """Raises TransientError unless a reader gets exactly these bytes, and each medium of them."""
    status, body = _fetch(client, "GET", address, attempt, timeout_s)
    if status != 200:
        raise TransientError(f"公开地址 {address} 回 {status} / answered {status}")
    if sha256(body) != expected_sha256:
        raise TransientError(f"公开地址 {address} 还不是这一版 / shows other bytes as yet")
    for medium in media:
        status, _ = _fetch(client, "HEAD", medium.address, attempt, timeout_s)
        if status != 200:
            raise TransientError(f"素材 {medium.address} 回 {status} / answered {status}")


def check_gone(
    client: httpx.Client,
    address: str,
    notice: bytes,
    media: list[str],
    *,
    attempt: Attempt,
    timeout_s: float,
) -> None:
    """Raises TransientError unless the address answers 404, 410 or the notice, and no medium is
    served any more."""
    status, body = _fetch(client, "GET", address, attempt, timeout_s)
    if status not in {404, 410} and body != notice:
        raise TransientError(f"公开地址 {address} 仍回 {status} / still answers {status}")
    for medium in media:
        status, _ = _fetch(client, "HEAD", medium, attempt, timeout_s)
        if status not in {404, 410}:
            raise TransientError(f"素材 {medium} 仍回 {status} / still answers {status}")


def _fetch(
    client: httpx.Client, method: str, address: str, attempt: Attempt, timeout_s: float
) -> tuple[int, bytes]:
    limit_s = min(timeout_s, attempt.remaining_s())
    end, body = time.monotonic() + limit_s, bytearray()
    try:
        with client.stream(
            method, address, timeout=limit_s, headers={"cache-control": "no-cache"}
        ) as answer:
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > ANSWER_LIMIT_BYTES or time.monotonic() > end:
                    raise TransientError(f"{address} 的回答过长或过慢 / too long or too slow")
            return answer.status_code, bytes(body)
    except httpx.HTTPError as error:
        raise TransientError(
            f"公开地址 {address} 读不到 / cannot be reached: {type(error).__name__}"
        ) from error
