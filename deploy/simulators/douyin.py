"""A simulator of the Douyin open platform (抖音开放平台) and of the account's public pages.

Interfaces below ``/api/douyin/v1/video/``, ``/video/delete/`` and ``/oauth/`` as
developer.open-douyin.com and open.douyin.com describe them; ``/_sim/`` is for tests (README.md).
"""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from deploy.simulators import douyin_account, douyin_items, douyin_upload
from deploy.simulators.control_routes import control_routes
from deploy.simulators.douyin_account import TABLES, Account, Tokens, check_access, spend_call
from deploy.simulators.douyin_pages import page_routes
from deploy.simulators.douyin_rules import DouyinLimits, Refusal, answer, token_answer
from deploy.simulators.platform_state import Clock, open_platform
from deploy.simulators.probe import Probe, find_ffprobe, mp4_probe
from deploy.simulators.shell import note, shell

Handler = Callable[[Account, Request], Awaitable[dict[str, Any]]]
TokenHandler = Callable[[Account, dict[str, str]], dict[str, Any]]

V1 = "/api/douyin/v1/video/"
POSTS: dict[str, Handler] = {
    f"{V1}upload_video/": douyin_upload.upload_video,
    f"{V1}init_video_part_upload/": douyin_upload.init_part_upload,
    f"{V1}upload_video_part/": douyin_upload.upload_part,
    f"{V1}complete_video_part_upload/": douyin_upload.complete_part_upload,
    f"{V1}create_video/": douyin_items.create_video,
    f"{V1}video_data/": douyin_items.video_data,
    "/video/delete/": douyin_items.video_delete,
}
TOKEN_CALLS: dict[str, TokenHandler] = {
    "/oauth/access_token/": douyin_account.access_token,
    "/oauth/refresh_token/": douyin_account.refresh_token,
    "/oauth/renew_refresh_token/": douyin_account.renew_refresh_token,
}
SWITCHES = frozenset(
    {
        *("review_delay_s", "list_delay_s", "next_review_status", "reuse_video_id", "quota"),
        *("calls_per_second", "scope_granted", "ability_granted"),
    }
)


def create_app(
    state_dir: Path,
    *,
    client_key: str,
    client_secret: str,
    tokens: Tokens,
    clock: Clock = lambda: time.time_ns() // 1_000_000,
    name: str = "青禾融媒",
    review_delay_s: float = 3.0,
    limits: DouyinLimits | None = None,
    probe: Probe | None = None,
) -> ASGIApp:
    """The platform with one account that authorised one application, state below ``state_dir``.

    Without ``probe`` each clip is looked into by ffprobe (FileNotFoundError where there is none).
    """
    platform = open_platform(state_dir, TABLES, clock, lambda code: answer(clock, {}, code))
    account = Account(
        platform,
        client_key,
        client_secret,
        tokens.open_id,
        name,
        limits or DouyinLimits(),
        probe or mp4_probe(find_ffprobe()),
        review_delay_s,
    )
    douyin_account.first_tokens(account, tokens)
    routes = [
        Route(path, _endpoint(account, path, handler), methods=["POST"])
        for path, handler in POSTS.items()
    ]
    listing = _endpoint(account, "video_list", douyin_items.video_list)
    routes.append(Route(f"{V1}video_list/", listing, methods=["GET"]))
    routes += [
        Route(path, _token_endpoint(account, handler), methods=["POST"])
        for path, handler in TOKEN_CALLS.items()
    ]
    routes += page_routes(account)
    routes += control_routes(
        platform,
        lambda base_url: list_items(account, base_url),
        SWITCHES,
        {
            "token_expire_now": lambda _value: douyin_account.expire_tokens(account, "access"),
            "refresh_expire_now": lambda _value: douyin_account.expire_tokens(account, "refresh"),
            "authorise": lambda _value: douyin_account.authorise(account),
        },
    )
    app = Starlette(routes=routes, exception_handlers={404: _unknown, 405: _unknown})
    app.router.redirect_slashes = False
    app.state.clock = clock
    return shell(app, platform)


def _endpoint(
    account: Account, path: str, handler: Handler
) -> Callable[[Request], Awaitable[Response]]:
    """Token, account, rate and quota, in this order; then the call itself."""
    name = path.rstrip("/").rpartition("/")[2]

    async def endpoint(request: Request) -> Response:
        clock = account.platform.clock
        try:
            check_access(account, request)
            spend_call(account, name)
            return answer(clock, await handler(account, request))
        except Refusal as refusal:
            note(request, code=refusal.code)
            return answer(clock, {}, refusal.code, refusal.why)

    return endpoint


def _token_endpoint(
    account: Account, handler: TokenHandler
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        clock = account.platform.clock
        try:
            async with request.form() as sent:
                form = {key: value for key, value in sent.items() if isinstance(value, str)}
            return token_answer(clock, handler(account, form))
        except Refusal as refusal:
            note(request, code=refusal.code)
            return token_answer(clock, {}, refusal.code)

    return endpoint


async def _unknown(request: Request, _error: Exception) -> Response:
    note(request, code=28001017)
    return answer(request.app.state.clock, {}, 28001017)


def list_items(account: Account, base_url: str) -> list[dict[str, Any]]:
    """All items ever made: for the checks in tests, not a part of the platform."""
    rows = account.platform.db.execute(
        "SELECT items.*, videos.sha256 FROM items JOIN videos USING(video_id) ORDER BY created_at"
    ).fetchall()
    return [
        {
            "item_id": row["item_id"],
            "video_id": row["video_id"],
            "video_sha256": row["sha256"],
            "text": row["text"],
            "video_status": douyin_items.status(account, row),
            "created_at": row["created_at"],
            "published_at": row["due_at"]
            if douyin_items.status(account, row) == douyin_items.PUBLISHED
            else None,
            "deleted_at": row["deleted_at"],
            "url": f"{base_url.rstrip('/')}/video/{row['number']}",
        }
        for row in rows
    ]
