"""The account's tokens at Douyin: from a person's authorisation, then kept alive.

An access token lives 15 days, the refresh token 30; renewing gives a new refresh token at most
five times, then a person authorises again (developer.open-douyin.com: refresh-access-token,
refresh-token). What the platform gave last lies in the account's folder. A ``tokens_file`` that
somebody has replaced since wins over it.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from consumers.account_files import keep, read_kept
from consumers.douyin_codes import error_of
from consumers.outlet_http import OutletHttp, number, read_object
from schemas.channel import Attempt, Outside
from schemas.errors import PermanentError, TransientError
from schemas.hashing import sha256

_DAY_S = 86_400.0
_ACCESS_LIFE_S = 15 * _DAY_S
_REFRESH_LIFE_S = 30 * _DAY_S


class TokenSpec(Protocol):
    """The fields of the channel's entry that tokens depend on."""

    @property
    def client_key(self) -> str: ...
    @property
    def tokens_file(self) -> Path: ...
    @property
    def request_timeout_s(self) -> float: ...
    @property
    def quota_hours(self) -> Iterable[int]: ...


class DouyinTokens:
    def __init__(self, spec: TokenSpec, outside: Outside, http: OutletHttp) -> None:
        self._spec = spec
        self._now = outside.now
        self._log = outside.log
        self._http = http
        self._file = outside.state_dir / "tokens.json"
        self._kept = read_kept(self._file)

    def access(self, attempt: Attempt, refused: str = "") -> tuple[str, str]:
        """Access token, other than ``refused`` where the platform gives one, and ``open_id``.

        Raises PermanentError where a person must authorise again.
        """
        self._adopt()
        left_s = self._kept["access_until"] - self._now().timestamp()
        near_end = left_s < min(_DAY_S, self._kept["access_life_s"] / 10)
        if near_end or refused == self._kept["access_token"]:
            self._refresh(attempt)
        return str(self._kept["access_token"]), str(self._kept["open_id"])

    def _adopt(self) -> None:
        """Take over a ``tokens_file`` that is new to us."""
        path = self._spec.tokens_file
        try:
            raw = path.read_bytes()
        except OSError as error:
            if self._kept:
                return
            raise _unreadable(path) from error
        source = sha256(raw)
        if self._kept.get("source") == source:
            return
        try:
            given = json.loads(raw)
            since = path.stat().st_mtime
            access_s = float(number(given.get("expires_in")) or _ACCESS_LIFE_S)
            refresh_s = float(number(given.get("refresh_expires_in")) or _REFRESH_LIFE_S)
            names = ("access_token", "refresh_token", "open_id")
            tokens = {name: str(given[name]) for name in names}
        except (ValueError, KeyError, AttributeError, OSError) as error:
            raise _unreadable(path) from error
        self._keep(
            tokens
            | {
                "source": source,
                "access_until": since + access_s,
                "access_life_s": access_s,
                "refresh_until": since + refresh_s,
                "refresh_life_s": refresh_s,
            }
        )

    def _refresh(self, attempt: Attempt) -> None:
        left_s = self._kept["refresh_until"] - self._now().timestamp()
        if left_s < min(5 * _DAY_S, self._kept["refresh_life_s"] / 6):
            self._renew(attempt)
        given = self._ask(
            "/oauth/refresh_token/",
            {"grant_type": "refresh_token", "refresh_token": self._kept["refresh_token"]},
            attempt,
        )
        token, life_s = given.get("access_token"), number(given.get("expires_in"))
        if not isinstance(token, str) or not token or not life_s:
            raise TransientError("抖音没有给新令牌 / the refresh answered without a token")
        now = self._now().timestamp()
        refresh_s = number(given.get("refresh_expires_in"))
        self._keep(
            self._kept
            | {"access_token": token, "access_until": now + life_s, "access_life_s": life_s}
            | {"refresh_token": given.get("refresh_token") or self._kept["refresh_token"]}
            | ({"refresh_until": now + refresh_s} if refresh_s else {})
        )
        self._log.info("douyin.token_refreshed", expires_in_s=life_s)

    def _renew(self, attempt: Attempt) -> None:
        """A new refresh token; where the platform gives none, the present one serves to its end."""
        form = {"refresh_token": self._kept["refresh_token"]}
        try:
            given = self._ask("/oauth/renew_refresh_token/", form, attempt)
        except PermanentError as error:
            self._log.warning("douyin.not_renewed", code=error.faults[0].code)
            return
        token, life_s = given.get("refresh_token"), number(given.get("expires_in"))
        if not isinstance(token, str) or not token:
            raise TransientError("抖音没有给新令牌 / the renewal answered without a token")
        life_s = life_s or int(_REFRESH_LIFE_S)
        until = self._now().timestamp() + life_s
        self._keep(
            self._kept | {"refresh_token": token, "refresh_until": until, "refresh_life_s": life_s}
        )
        self._log.info("douyin.renewed", expires_in_s=life_s)

    def _ask(self, path: str, form: dict[str, str], attempt: Attempt) -> dict[str, Any]:
        attempt.spend("token")
        answer = self._http.request(
            "POST", path, attempt,
            timeout_s=self._spec.request_timeout_s,
            form={"client_key": self._spec.client_key, **form},
        )  # fmt: skip
        data = read_object(answer).get("data")
        if not isinstance(data, dict):
            raise TransientError(f"抖音的回答缺内容 / {path} answered without data")
        code = number(data.get("error_code", 0))
        if code:
            said = str(data.get("description", ""))
            raise error_of(code, said, self._now(), self._spec.quota_hours)
        return data

    def _keep(self, tokens: dict[str, Any]) -> None:
        keep(self._file, tokens)
        self._kept = tokens


def _unreadable(path: Path) -> TransientError:
    return TransientError(
        f"读不到令牌文件 {path.name}（需 access_token、refresh_token、open_id）"
        " / cannot read the tokens file",
        retry_after_s=60.0,
    )
