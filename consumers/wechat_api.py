"""The calls of the WeChat Official Account platform that a publication needs.

Everything is POST with ``access_token`` in the query and raw UTF-8 JSON in the body, as
developers.weixin.qq.com/doc describes it. One token for the account (``stable_token``), kept in
memory and in the account's folder, renewed before it ends.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from consumers.account_files import keep, read_kept
from consumers.outlet_http import (
    FileField,
    OutletHttp,
    http_refusal,
    json_body,
    lost,
    number,
    read_object,
)
from consumers.wechat_codes import TOKEN_CODES, error_of, token_error_of
from schemas.channel import Attempt, MediaFile, Outside
from schemas.errors import TransientError

_FORCED_APART = timedelta(seconds=30)  # sooner the platform does not make a new token


class ApiSpec(Protocol):
    """The fields of the channel's entry that this client reads."""

    @property
    def api_base(self) -> str: ...
    @property
    def appid(self) -> str: ...
    @property
    def secret_file(self) -> Path: ...
    @property
    def request_timeout_s(self) -> float: ...
    @property
    def upload_timeout_s(self) -> float: ...


class WechatApi:
    """One account's client; used by one thread."""

    def __init__(self, spec: ApiSpec, outside: Outside) -> None:
        self._spec = spec
        self._now = outside.now
        self._log = outside.log
        self._http = OutletHttp(spec.api_base)
        self._file = outside.state_dir / "token.json"
        self._kept: dict[str, Any] = read_kept(self._file)

    def close(self) -> None:
        self._http.close()

    def call(
        self,
        path: str,
        body: dict[str, Any],
        attempt: Attempt,
        verb: str = "",
        *,
        creating: bool = False,
    ) -> dict[str, Any]:
        """One call; its answer when ``errcode`` is 0 or absent.

        Spends ``verb``, where given. Raises TransientError or PermanentError (not carried out) as
        :func:`~consumers.wechat_codes.error_of` says, UnknownOutcome for a creating call without
        a readable answer.
        """
        return self._with_token(path, attempt, verb, creating=creating, content=json_body(body))

    def upload(
        self,
        path: str,
        file: MediaFile,
        attempt: Attempt,
        verb: str,
        params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Upload one picture as multipart field ``media``; shows nothing, so may be repeated."""
        ending = ".png" if file.content_type == "image/png" else ".jpg"
        with file.path.open("rb") as media:
            return self._with_token(
                path, attempt, verb, files={"media": (file.sha256[:16] + ending, media, file.content_type)},
                params=params, timeout_s=self._spec.upload_timeout_s,
            )  # fmt: skip

    def _with_token(
        self,
        path: str,
        attempt: Attempt,
        verb: str,
        *,
        creating: bool = False,
        content: bytes | None = None,
        files: Mapping[str, FileField] | None = None,
        params: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        refused = ""
        while True:
            token = self._token(attempt, refused)
            if verb:
                attempt.spend(verb)
            for _, opened, _ in (files or {}).values():
                opened.seek(0)
            answer = self._http.request(
                "POST", path, attempt,
                timeout_s=timeout_s or self._spec.request_timeout_s,
                creating=creating,
                params={"access_token": token, **(params or {})},
                headers={"content-type": "application/json"} if content is not None else None,
                content=content,
                files=files,
            )  # fmt: skip
            said = read_object(answer, creating=creating)
            code = number(said.get("errcode", 0))
            if code is None:
                raise lost("the answer has no readable errcode", creating=creating)
            if code == 0 and answer.status >= 400:
                raise http_refusal(answer.status)
            if code == 0:
                return said
            self._log.info("wechat.refused", path=path, errcode=code)
            if code not in TOKEN_CODES:
                raise error_of(code, str(said.get("errmsg", "")), self._now())
            if refused:
                raise TransientError(
                    f"微信不认新令牌 / a new token was refused too: {code}", retry_after_s=60.0
                )
            refused = token

    def _token(self, attempt: Attempt, refused: str) -> str:
        """A token other than ``refused``; asks the platform only when the kept one will not do."""
        kept, now = self._kept, self._now().timestamp()
        if kept.get("appid") == self._spec.appid and now < kept.get("renew_at", 0):
            token = str(kept.get("access_token", ""))
            if token and token != refused:
                return token
        token = self._fetch(attempt, force=False)
        if token != refused:
            return token
        # the platform still hands out the token that it refuses: only force makes another one
        since = now - float(self._kept.get("forced_at", 0))
        if since < _FORCED_APART.total_seconds():
            raise TransientError(
                "the token is refused and was forced a moment ago",
                retry_after_s=_FORCED_APART.total_seconds() - since,
            )
        return self._fetch(attempt, force=True)

    def _fetch(self, attempt: Attempt, *, force: bool) -> str:
        body = {
            "grant_type": "client_credential",
            "appid": self._spec.appid,
            "secret": _secret(self._spec.secret_file),
            "force_refresh": force,
        }
        attempt.spend("token_force" if force else "token")
        answer = self._http.request(
            "POST", "/cgi-bin/stable_token", attempt,
            timeout_s=self._spec.request_timeout_s,
            headers={"content-type": "application/json"},
            content=json_body(body),
        )  # fmt: skip
        said = read_object(answer)
        code = number(said.get("errcode", 0))
        token, life_s = said.get("access_token"), number(said.get("expires_in"))
        if code:
            raise token_error_of(code, str(said.get("errmsg", "")), self._now())
        if not isinstance(token, str) or not token or not life_s:
            raise TransientError("微信没有给令牌 / the token call answered without a token")
        now = self._now().timestamp()
        # in its last five minutes the platform already hands out the next one, both valid
        self._kept = {
            "appid": self._spec.appid,
            "access_token": token,
            "renew_at": now + life_s - min(300.0, life_s / 10),
            "forced_at": now if force else self._kept.get("forced_at", 0),
        }
        keep(self._file, self._kept)
        self._log.info("wechat.token_renewed", forced=force, expires_in_s=life_s)
        return token


def _secret(path: Path) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise TransientError(
            f"读不到密钥文件 {path.name} / cannot read the secret file", retry_after_s=60.0
        ) from error
    if not secret:
        raise TransientError(f"密钥文件 {path.name} 是空的 / is empty", retry_after_s=60.0)
    return secret
