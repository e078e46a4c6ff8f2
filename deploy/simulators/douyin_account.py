"""The simulated Douyin account: tables, tokens (``/oauth/``), quota and rate of calls.

Sources: "get-access-token", "refresh-access-token", "refresh-token" of developer.open-douyin.com:
an access token lives 15 days, a refresh token 30. Refreshing keeps an access token that is still
valid and only prolongs it; the refresh token's own life stays. Renewing gives a new refresh token
and ends the old one, at most five times; after that, or once it has expired, a person must
authorise again.
"""

import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from deploy.simulators.douyin_rules import DAILY_QUOTAS, DouyinLimits, Refusal
from deploy.simulators.platform_state import (
    Platform,
    control,
    count_call,
    set_control,
    transaction,
)
from deploy.simulators.probe import Probe

SCOPE = "user_info,renew_refresh_token,video.create.bind,video.data.bind,video.list.bind"

TABLES = """
CREATE TABLE IF NOT EXISTS tokens(
    token TEXT PRIMARY KEY, kind TEXT NOT NULL, open_id TEXT NOT NULL, expires_at INTEGER NOT NULL,
    renewals INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS codes(code TEXT PRIMARY KEY, used INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS uploads(
    upload_id TEXT PRIMARY KEY, at INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS parts(
    upload_id TEXT NOT NULL, part_number INTEGER NOT NULL, file TEXT NOT NULL,
    size INTEGER NOT NULL, PRIMARY KEY(upload_id, part_number));
CREATE TABLE IF NOT EXISTS videos(
    video_id TEXT PRIMARY KEY, file TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, duration_ms INTEGER NOT NULL,
    at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS items(
    item_id TEXT PRIMARY KEY, number TEXT UNIQUE NOT NULL, video_id TEXT NOT NULL,
    text TEXT NOT NULL, created_at INTEGER UNIQUE NOT NULL, due_at INTEGER NOT NULL,
    verdict INTEGER NOT NULL, deleted_at INTEGER);
"""


@dataclass(frozen=True)
class Tokens:
    """The tokens that a person's authorisation gave at first."""

    access_token: str
    refresh_token: str
    open_id: str


@dataclass(frozen=True)
class Account:
    """One account that authorised one application."""

    platform: Platform
    client_key: str
    client_secret: str
    open_id: str
    name: str
    limits: DouyinLimits
    probe: Probe
    review_delay_s: float
    recent_calls: dict[str, deque[int]] = field(default_factory=dict)


def first_tokens(account: Account, tokens: Tokens) -> None:
    """Put the first tokens in force; tokens that the platform knows already are left as they are."""
    now, limits = account.platform.clock(), account.limits
    with transaction(account.platform) as db:
        for token, kind, life_s in (
            (tokens.access_token, "access", limits.access_life_s),
            (tokens.refresh_token, "refresh", limits.refresh_life_s),
        ):
            db.execute(
                "INSERT OR IGNORE INTO tokens(token, kind, open_id, expires_at) VALUES(?,?,?,?)",
                (token, kind, tokens.open_id, now + life_s * 1000),
            )


def check_access(account: Account, request: Request) -> None:
    """Token and account of a call: 28001003 unknown, 28001008 expired, 28001015 other account."""
    token = request.headers.get("access-token", "")
    row = account.platform.db.execute(
        "SELECT * FROM tokens WHERE token=? AND kind='access'", (token,)
    ).fetchone()
    if row is None:
        raise Refusal(28001003)
    if row["dead"] or row["expires_at"] <= account.platform.clock():
        raise Refusal(28001008)
    open_id = request.query_params.get("open_id", "")
    if not open_id:
        raise Refusal(28001007, "open_id is missing")
    if open_id != row["open_id"]:
        raise Refusal(28001015)
    if not control(account.platform, "ability_granted", default=True):
        raise Refusal(28001018)
    if not control(account.platform, "scope_granted", default=True):
        raise Refusal(28001012)


def spend_call(account: Account, name: str) -> None:
    """Rate first (28003018), then the day's quota (28003017)."""
    platform = account.platform
    now = platform.clock()
    recent = account.recent_calls.setdefault(name, deque())
    while recent and recent[0] <= now - 1000:
        recent.popleft()
    if len(recent) >= control(platform, "calls_per_second", account.limits.calls_per_second):
        raise Refusal(28003018)
    recent.append(now)
    quotas = DAILY_QUOTAS | control(platform, "quota", {})
    if name in quotas and not count_call(platform, name, quotas[name]):
        raise Refusal(28003017)


def access_token(account: Account, form: dict[str, str]) -> dict[str, Any]:
    """``POST /oauth/access_token/``: the code that a person's authorisation gave → fresh tokens."""
    _need(form, "client_key", "client_secret", "code")
    if form["client_key"] != account.client_key or form["client_secret"] != account.client_secret:
        raise Refusal(10013)
    if form.get("grant_type") != "authorization_code":
        raise Refusal(10002)
    with transaction(account.platform) as db:
        used = db.execute("UPDATE codes SET used=1 WHERE code=? AND used=0", (form["code"],))
        if used.rowcount != 1:
            raise Refusal(10007)
        db.execute("UPDATE tokens SET dead=1")
    limits = account.limits
    return {
        "access_token": _new_token(account, "access"),
        "refresh_token": _new_token(account, "refresh"),
        "expires_in": limits.access_life_s,
        "refresh_expires_in": limits.refresh_life_s,
        "open_id": account.open_id,
        "scope": SCOPE,
    }


def refresh_token(account: Account, form: dict[str, str]) -> dict[str, Any]:
    """``POST /oauth/refresh_token/``. Times come as text here, as in the platform's example."""
    _need(form, "client_key", "refresh_token")
    if form.get("grant_type") != "refresh_token":
        raise Refusal(10002)
    old = _live_refresh(account, form)
    now, life_s = account.platform.clock(), account.limits.access_life_s
    live = account.platform.db.execute(
        "SELECT token FROM tokens WHERE kind='access' AND dead=0 AND expires_at>?"
        " ORDER BY expires_at DESC LIMIT 1",
        (now,),
    ).fetchone()
    if live is None:
        token = _new_token(account, "access")
    else:
        token = live["token"]
        with transaction(account.platform) as db:
            db.execute("UPDATE tokens SET expires_at=? WHERE token=?", (now + life_s * 1000, token))
    return {
        "access_token": token,
        "refresh_token": form["refresh_token"],
        "expires_in": str(life_s),
        "refresh_expires_in": str((old["expires_at"] - now) // 1000),
        "open_id": account.open_id,
        "scope": SCOPE,
    }


def renew_refresh_token(account: Account, form: dict[str, str]) -> dict[str, Any]:
    """``POST /oauth/renew_refresh_token/``: a new refresh token for the old one, five times."""
    _need(form, "client_key", "refresh_token")
    old = _live_refresh(account, form)
    if old["renewals"] >= account.limits.refresh_renewals:
        raise Refusal(10020)
    with transaction(account.platform) as db:
        db.execute("UPDATE tokens SET dead=1 WHERE token=?", (old["token"],))
    token = _new_token(account, "refresh", renewals=old["renewals"] + 1)
    return {"refresh_token": token, "expires_in": str(account.limits.refresh_life_s)}


def _need(form: dict[str, str], *names: str) -> None:
    if any(not form.get(name) for name in names):
        raise Refusal(10005)


def _live_refresh(account: Account, form: dict[str, str]) -> Any:
    if form["client_key"] != account.client_key:
        raise Refusal(10003)
    row = account.platform.db.execute(
        "SELECT * FROM tokens WHERE token=? AND kind='refresh'", (form["refresh_token"],)
    ).fetchone()
    if row is None or row["dead"] or row["expires_at"] <= account.platform.clock():
        raise Refusal(10010)
    return row


def _new_token(account: Account, kind: str, renewals: int = 0) -> str:
    life_s = account.limits.access_life_s if kind == "access" else account.limits.refresh_life_s
    token = f"{'act' if kind == 'access' else 'rft'}.{secrets.token_hex(16)}"
    token += secrets.token_urlsafe(24)
    expires_at = account.platform.clock() + life_s * 1000
    with transaction(account.platform) as db:
        db.execute(
            "INSERT INTO tokens(token, kind, open_id, expires_at, renewals) VALUES(?,?,?,?,?)",
            (token, kind, account.open_id, expires_at, renewals),
        )
    return token


def expire_tokens(account: Account, kind: str) -> None:
    """All tokens of this kind are expired from now on (a control action)."""
    with transaction(account.platform) as db:
        db.execute(
            "UPDATE tokens SET expires_at=min(expires_at, ?) WHERE kind=?",
            (account.platform.clock(), kind),
        )


def authorise(account: Account) -> dict[str, str]:
    """What a person does in the app when tokens are gone: the code to exchange (control action)."""
    code = secrets.token_urlsafe(24)
    with transaction(account.platform) as db:
        db.execute("INSERT INTO codes(code) VALUES(?)", (code,))
    set_control(account.platform, "scope_granted", None)
    return {"code": code}
