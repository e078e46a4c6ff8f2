"""The simulated official account: its tables, its access token, its call quotas.

Source: api_getstableaccesstoken: repeated calls return the same token, at most 7,200 s; it is
renewed five minutes early while the old one stays valid; the forced mode ends the old token, 20
calls a day at least 30 s apart.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from deploy.simulators.platform_state import Platform, control, count_call, transaction
from deploy.simulators.wechat_rules import DAILY_QUOTAS, Refusal, WechatLimits

TABLES = """
CREATE TABLE IF NOT EXISTS tokens(
    token TEXT PRIMARY KEY, issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
    forced INTEGER NOT NULL, revoked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS images(
    image_id TEXT PRIMARY KEY, kind TEXT NOT NULL, host TEXT NOT NULL, for_body INTEGER NOT NULL,
    sha256 TEXT NOT NULL, size INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS materials(
    media_id TEXT PRIMARY KEY, type TEXT NOT NULL, image_id TEXT, sha256 TEXT NOT NULL,
    size INTEGER NOT NULL, description TEXT NOT NULL, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS drafts(
    media_id TEXT PRIMARY KEY, preview TEXT UNIQUE NOT NULL, articles TEXT NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, in_box INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS jobs(
    publish_id INTEGER PRIMARY KEY AUTOINCREMENT, media_id TEXT NOT NULL, articles TEXT NOT NULL,
    submitted_at INTEGER NOT NULL, due_at INTEGER NOT NULL, verdict INTEGER NOT NULL,
    status INTEGER NOT NULL, article_id TEXT);
CREATE TABLE IF NOT EXISTS published(
    article_id TEXT NOT NULL, idx INTEGER NOT NULL, page_id TEXT UNIQUE NOT NULL,
    article TEXT NOT NULL, published_at INTEGER NOT NULL, deleted_at INTEGER,
    PRIMARY KEY(article_id, idx));
INSERT INTO sqlite_sequence(name, seq) SELECT 'jobs', 2247483650
    WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name='jobs');
"""


@dataclass(frozen=True)
class Account:
    """One official account and what it may do."""

    platform: Platform
    app_id: str
    secret: str
    name: str
    limits: WechatLimits
    publish_allowed: bool
    publish_delay_s: float


@dataclass(frozen=True)
class Call:
    """One call that got past token and quota."""

    request: Request
    body: dict[str, Any]

    @property
    def base_url(self) -> str:
        """The platform's public address as the caller reached it, without a trailing slash."""
        return str(self.request.base_url).rstrip("/")


def spend_call(account: Account, name: str) -> None:
    """Count one call of this interface. Raises Refusal 45009 when the day's calls are used up."""
    quotas = DAILY_QUOTAS | control(account.platform, "quota", {})
    if not count_call(account.platform, name, quotas[name]):
        raise Refusal(45009)


def stable_token(account: Account, body: dict[str, Any]) -> dict[str, Any]:
    """``POST cgi-bin/stable_token``."""
    if body.get("grant_type") != "client_credential":
        raise Refusal(40002)
    if not body.get("appid"):
        raise Refusal(41002)
    if not body.get("secret"):
        raise Refusal(41004)
    if body["appid"] != account.app_id:
        raise Refusal(40013)
    if body["secret"] != account.secret:
        raise Refusal(40125)
    force = body.get("force_refresh", False)
    if not isinstance(force, bool):
        raise Refusal(47001)
    spend_call(account, "stable_token")
    return _forced_token(account) if force else _current_token(account)


def _current_token(account: Account) -> dict[str, Any]:
    now = account.platform.clock()
    renew_from = now + account.limits.token_renewed_early_s * 1000
    row = account.platform.db.execute(
        "SELECT * FROM tokens WHERE revoked=0 AND expires_at>? ORDER BY expires_at DESC LIMIT 1",
        (renew_from,),
    ).fetchone()
    if row is None:
        return _new_token(account, forced=False)
    return {"access_token": row["token"], "expires_in": (row["expires_at"] - now) // 1000}


def _forced_token(account: Account) -> dict[str, Any]:
    platform, limits = account.platform, account.limits
    last = platform.db.execute("SELECT max(issued_at) AS at FROM tokens WHERE forced=1").fetchone()
    apart_ms = limits.force_refresh_apart_s * 1000
    if last["at"] is not None and platform.clock() - last["at"] < apart_ms:
        raise Refusal(45011)
    if not count_call(platform, "stable_token force", limits.force_refresh_per_day):
        raise Refusal(45009)
    return _new_token(account, forced=True)


def _new_token(account: Account, *, forced: bool) -> dict[str, Any]:
    token = f"{secrets.randbelow(90) + 10}_{secrets.token_urlsafe(102)}"
    now = account.platform.clock()
    life_s = account.limits.token_life_s
    with transaction(account.platform) as db:
        if forced:
            db.execute("UPDATE tokens SET revoked=1")
        db.execute(
            "INSERT INTO tokens(token, issued_at, expires_at, forced) VALUES(?,?,?,?)",
            (token, now, now + life_s * 1000, forced),
        )
    return {"access_token": token, "expires_in": life_s}


def check_token(account: Account, token: str | None) -> None:
    """Raises Refusal: 41001 none, 40014 not a token, 42001 expired, 40001 no longer the latest."""
    if not token:
        raise Refusal(41001)
    row = account.platform.db.execute("SELECT * FROM tokens WHERE token=?", (token,)).fetchone()
    if row is None:
        raise Refusal(40014)
    if row["revoked"]:
        raise Refusal(40001)
    if row["expires_at"] <= account.platform.clock():
        raise Refusal(42001)


def expire_tokens(account: Account) -> None:
    """All tokens given out are expired from now on (control ``token_expire_now``)."""
    with transaction(account.platform) as db:
        db.execute(
            "UPDATE tokens SET expires_at=? WHERE expires_at>?",
            (account.platform.clock(), account.platform.clock()),
        )
