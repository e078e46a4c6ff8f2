"""HTTP to an outlet: hard deadlines, capped answers, and an honest word on what was carried out.

A request that fails before its last byte has left was surely not carried out
(:class:`~schemas.errors.TransientError`). Once it has left, a missing or unreadable answer to a
*creating* call leaves open whether it was (:class:`~schemas.errors.UnknownOutcome`); for a
harmless call (a read, an upload that shows nothing) it only means to try again.
"""

import json
import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator

from consumers.outlet_deadline import Deadline, deadline_transport
from schemas.beijing import SHANGHAI
from schemas.channel import Attempt, Refused
from schemas.errors import Fault, PermanentError, TransientError, UnknownOutcome

MAX_ANSWER_BYTES = 5 * 1024 * 1024
_CONNECT_S = 10.0

FileField = tuple[str, Any, str]
"""Name, bytes or open binary file, content type."""


def base_address(text: str) -> str:
    """An outlet's address without a slash at its end: https, or http on a loopback host."""
    parts = urlsplit(text)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment:
        raise ValueError(f"应为 https 地址 / must be an https address: {text!r}")
    if parts.username or parts.password:
        raise ValueError("地址里不能写口令 / no credentials inside an address")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError(f"只有本机地址可用 http / plain http only on loopback: {text!r}")
    return text.rstrip("/")


ApiBase = Annotated[str, AfterValidator(base_address)]
"""Field type for ``api_base`` and the like in a channel's entry."""


@dataclass(frozen=True)
class Answer:
    """What the outlet said; the body is capped at ``MAX_ANSWER_BYTES``."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class OutletHttp:
    """One HTTP client of one account; used by one thread at a time.

    Follows no redirect and no proxy of the environment. The addresses that it calls (some carry
    a token) are kept out of the log.
    """

    def __init__(self, base: str) -> None:
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._base = base
        self._deadline = Deadline()
        self._client = httpx.Client(
            transport=deadline_transport(self._deadline, tls=base.startswith("https:")),
            trust_env=False,
            follow_redirects=False,
            headers={"user-agent": "shoufa", "accept-encoding": "identity"},
        )

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(
        self,
        method: str,
        path: str,
        attempt: Attempt,
        *,
        timeout_s: float,
        creating: bool = False,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, FileField] | None = None,
    ) -> Answer:
        """Send one request and read its whole answer, of any status.

        All of it ends within ``timeout_s`` and the attempt's own end, whichever comes first.
        Raises TransientError when it surely was not carried out, else by ``creating``.
        """
        limit_s = min(timeout_s, attempt.remaining_s())
        self._deadline.at = time.monotonic() + limit_s
        sent = False

        def trace(event: str, _info: object) -> None:
            nonlocal sent
            sent = sent or event.endswith("send_request_body.complete")

        try:
            with self._client.stream(
                method,
                self._base + path,
                params=params,
                headers=headers,
                content=content,
                data=form,
                files=files,
                timeout=httpx.Timeout(limit_s, connect=min(limit_s, _CONNECT_S)),
                extensions={"trace": trace},
            ) as response:
                body = _read(response)
                if body is None:
                    raise lost(
                        f"对方的回答太长 / answer over {MAX_ANSWER_BYTES} bytes", creating=creating
                    )
                names = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status_code, names, body)
        except (httpx.RequestError, httpx.StreamError) as error:
            reason = f"{method} {path}: {type(error).__name__}"
            if not sent:
                raise TransientError(f"连不上对方, 没有发出 / not sent: {reason}") from error
            raise lost(f"对方没有回答 / no answer: {reason}", creating=creating) from error


def lost(reason: str, *, creating: bool) -> TransientError | UnknownOutcome:
    """The error for an answer that never came or that nobody can read."""
    return UnknownOutcome(reason) if creating else TransientError(reason)


def read_object(answer: Answer, *, creating: bool = False) -> dict[str, Any]:
    """The JSON object of an answer.

    HTTP 429 is a TransientError with the outlet's own time; 408, 3xx, 5xx, HTML and half answers
    count as lost; another 4xx without JSON is a PermanentError that names the status.
    """
    if answer.status == 429:
        raise TransientError(
            "对方说太频繁, 稍后再试 / HTTP 429", retry_after_s=_retry_after_s(answer) or 60.0
        )
    if answer.status == 408 or answer.status // 100 not in {2, 4}:
        error = lost(f"对方出错 (HTTP {answer.status}) / HTTP {answer.status}", creating=creating)
        if isinstance(error, TransientError):
            error.retry_after_s = _retry_after_s(answer)
        raise error
    try:
        found = json.loads(answer.body.decode("utf-8-sig"))
    except ValueError as error:
        if answer.status >= 400:
            raise http_refusal(answer.status) from error
        raise lost("对方的回答读不懂 / the answer is not JSON", creating=creating) from error
    if not isinstance(found, dict):
        raise lost("对方的回答读不懂 / the answer is no JSON object", creating=creating)
    return found


def http_refusal(status: int) -> PermanentError:
    return PermanentError(
        Fault(
            f"http_{status}",
            "api_base",
            f"对方拒绝了请求, HTTP {status} / the outlet refused the request",
            "请检查渠道文件中的地址和网络出口 / check the address in the channels file and the way out",
        )
    )


def refused_by(error: PermanentError) -> Refused:
    """What a channel returns for an outlet's definite no."""
    fault = error.faults[0]
    return Refused(
        "。".join(filter(None, (fault.reason, fault.next_step))), fault.code, fault.field
    )


def json_body(value: Any) -> bytes:
    r"""Raw UTF-8, no ``\uXXXX``: outlets show or refuse escapes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def number(value: object) -> int | None:
    """An integer, also where the platform writes it as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return None


def until_beijing(now: datetime, hours: Iterable[int] = (0,)) -> float:
    """Seconds from ``now`` (aware) to the next of these full hours in Beijing, half a minute added."""
    local = now.astimezone(SHANGHAI)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    times = [day + timedelta(days=d, hours=h) for d in (0, 1) for h in hours]
    return min((t - local).total_seconds() for t in times if t > local) + 30.0


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(response: httpx.Response) -> bytes | None:
    """The whole body, or None when it is over the cap."""
    kept, size = [], 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            return None
        kept.append(chunk)
    return b"".join(kept)


def _retry_after_s(answer: Answer) -> float | None:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdigit() and len(text) < 7 else None
