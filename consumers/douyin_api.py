"""The calls of the Douyin open platform that a publication needs.

Header ``access-token``, query ``open_id``, as developer.open-douyin.com describes it. Answers are
``{"data": {..., "error_code"}, "extra": {..., "error_code"}}``; numbers may come as text.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from consumers.douyin_codes import TOKEN_CODES, error_of
from consumers.douyin_tokens import DouyinTokens, TokenSpec
from consumers.outlet_http import (
    FileField,
    OutletHttp,
    http_refusal,
    json_body,
    lost,
    number,
    read_object,
)
from schemas.channel import Attempt, Outside

V1 = "/api/douyin/v1/video/"


class ApiSpec(TokenSpec, Protocol):
    """The fields of the channel's entry that this client reads."""

    @property
    def api_base(self) -> str: ...
    @property
    def quota_hours(self) -> Iterable[int]: ...


class DouyinApi:
    """One account's client; used by one thread."""

    def __init__(self, spec: ApiSpec, outside: Outside) -> None:
        self._spec = spec
        self._now = outside.now
        self._log = outside.log
        self._http = OutletHttp(spec.api_base)
        self._tokens = DouyinTokens(spec, outside, self._http)
        self._ahead_s = 0.0

    def close(self) -> None:
        self._http.close()

    def time(self) -> float:
        """Seconds since 1970 by the platform's clock, as its latest answer told it."""
        return self._now().timestamp() + self._ahead_s

    def ready(self, attempt: Attempt) -> None:
        """Have a token in hand, so that the next call leaves at once."""
        self._tokens.access(attempt)

    def call(
        self,
        path: str,
        attempt: Attempt,
        verb: str = "",
        *,
        method: str = "POST",
        body: dict[str, Any] | None = None,
        files: Mapping[str, FileField] | None = None,
        params: Mapping[str, str] | None = None,
        creating: bool = False,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """One call; the ``data`` of its answer when the error code is 0.

        Spends ``verb``, where given. Raises TransientError or PermanentError (not carried out) as
        :func:`~consumers.douyin_codes.error_of` says, UnknownOutcome for a creating call without
        a readable answer.
        """
        content = None if files or method == "GET" else json_body(body or {})
        refused = ""
        while True:
            token, open_id = self._tokens.access(attempt, refused)
            if verb:
                attempt.spend(verb)
            for _, media, _ in (files or {}).values():
                if not isinstance(media, bytes):
                    media.seek(0)
            headers = {"access-token": token}
            if not files:
                headers["content-type"] = "application/json"
            answer = self._http.request(
                method, path, attempt,
                timeout_s=timeout_s or self._spec.request_timeout_s,
                creating=creating,
                params={"open_id": open_id, **(params or {})},
                headers=headers,
                content=content,
                files=files,
            )  # fmt: skip
            said = read_object(answer, creating=creating)
            found = code_of(said)
            if found is None:
                raise lost("the answer has no error_code", creating=creating)
            code, words = found
            self._set_clock(said)
            if code == 0:
                if answer.status >= 400:
                    raise http_refusal(answer.status)
                data = said.get("data")
                return data if isinstance(data, dict) else {}
            self._log.info("douyin.refused", path=path, error_code=code)
            if code not in TOKEN_CODES or refused:
                raise error_of(code, words, self._now(), self._spec.quota_hours)
            refused = token

    def _set_clock(self, said: dict[str, Any]) -> None:
        extra = said.get("extra")
        now_ms = number(extra.get("now")) if isinstance(extra, dict) else None
        if now_ms:
            self._ahead_s = now_ms / 1000 - self._now().timestamp()


def code_of(said: dict[str, Any]) -> tuple[int, str] | None:
    """Error code (0: fine) and the platform's words; None where the answer holds no code."""
    data, extra = said.get("data"), said.get("extra")
    places = [place for place in (data, extra) if isinstance(place, dict)]
    codes = [c for c in (number(place.get("error_code")) for place in places) if c is not None]
    if not codes:
        return None
    words = [
        str(place.get(name) or "")
        for place in reversed(places)
        for name in ("sub_description", "description")
    ]
    return next((c for c in codes if c), 0), next(filter(None, words), "")
