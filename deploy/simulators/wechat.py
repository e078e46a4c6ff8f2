"""A simulator of the WeChat Official Account platform (微信公众平台).

``create_app`` gives the platform's API under ``/cgi-bin/`` as developers.weixin.qq.com/doc
describes it, the public article pages under ``/s/``, the pictures, the account's front page, and
``/_sim/`` for tests (README.md). It knows of no key against repeats, because the platform has none.
"""

import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from deploy.simulators import wechat_drafts, wechat_media, wechat_publish
from deploy.simulators.control_routes import control_routes
from deploy.simulators.platform_state import Clock, open_platform
from deploy.simulators.shell import note, shell
from deploy.simulators.wechat_account import (
    TABLES,
    Account,
    Call,
    check_token,
    expire_tokens,
    spend_call,
    stable_token,
)
from deploy.simulators.wechat_pages import page_routes
from deploy.simulators.wechat_rules import (
    Refusal,
    WechatLimits,
    answer,
    parse_body,
    refusal_answer,
)

Handler = Callable[[Account, Call], Awaitable[dict[str, Any]]]

JSON_CALLS: dict[str, Handler] = {
    "draft/add": wechat_drafts.draft_add,
    "draft/update": wechat_drafts.draft_update,
    "draft/get": wechat_drafts.draft_get,
    "draft/batchget": wechat_drafts.draft_batchget,
    "draft/delete": wechat_drafts.draft_delete,
    "freepublish/submit": wechat_publish.submit,
    "freepublish/get": wechat_publish.get,
    "freepublish/delete": wechat_publish.delete,
    "freepublish/getarticle": wechat_publish.getarticle,
    "freepublish/batchget": wechat_publish.batchget,
}
UPLOADS: dict[str, Handler] = {
    "media/uploadimg": wechat_media.uploadimg,
    "material/add_material": wechat_media.add_material,
}
SWITCHES = frozenset(
    {"publish_delay_s", "list_delay_s", "next_publish_status", "draft_leaves_box", "quota"}
)


def create_app(
    state_dir: Path,
    *,
    app_id: str,
    secret: str,
    clock: Clock = lambda: time.time_ns() // 1_000_000,
    name: str = "青禾融媒",
    publish_allowed: bool = True,
    publish_delay_s: float = 2.0,
    limits: WechatLimits | None = None,
) -> ASGIApp:
    """The platform with one account, its state below ``state_dir``.

    ``publish_allowed=False`` is an account without the right to publish: all of ``freepublish/``
    answers 48001, drafts work.
    """
    platform = open_platform(state_dir, TABLES, clock, refusal_answer)
    account = Account(
        platform, app_id, secret, name, limits or WechatLimits(), publish_allowed, publish_delay_s
    )
    routes = [Route("/cgi-bin/stable_token", _token_endpoint(account), methods=METHODS)]
    for path, handler in JSON_CALLS.items():
        endpoint = _endpoint(account, path, handler, method="POST", json_body=True)
        routes.append(Route(f"/cgi-bin/{path}", endpoint, methods=METHODS))
    for path, handler in UPLOADS.items():
        endpoint = _endpoint(account, path, handler, method="POST", json_body=False)
        routes.append(Route(f"/cgi-bin/{path}", endpoint, methods=METHODS))
    count = _endpoint(
        account, "draft/count", wechat_drafts.draft_count, method="GET", json_body=False
    )
    routes.append(Route("/cgi-bin/draft/count", count, methods=METHODS))
    routes += page_routes(account)
    routes += control_routes(
        platform,
        lambda base_url: list_items(account, base_url),
        SWITCHES,
        {"token_expire_now": lambda _value: expire_tokens(account)},
    )
    return shell(Starlette(routes=routes), platform)


METHODS = ["GET", "POST", "PUT", "DELETE"]


def _token_endpoint(account: Account) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            if request.method != "POST":
                raise Refusal(43002)
            return answer(stable_token(account, parse_body(await request.body())))
        except Refusal as refusal:
            note(request, code=refusal.code)
            return refusal_answer(refusal.code)

    return endpoint


def _endpoint(
    account: Account, name: str, handler: Handler, *, method: str, json_body: bool
) -> Callable[[Request], Awaitable[Response]]:
    """Method, token, right, quota and body, in this order; then the call itself."""

    async def endpoint(request: Request) -> Response:
        try:
            if request.method != method:
                raise Refusal(43002 if method == "POST" else 43001)
            check_token(account, request.query_params.get("access_token"))
            if name.startswith("freepublish/") and not account.publish_allowed:
                raise Refusal(48001)
            spend_call(account, name)
            wechat_publish.settle(account)
            body = parse_body(await request.body()) if json_body else {}
            return answer(await handler(account, Call(request, body)))
        except Refusal as refusal:
            note(request, code=refusal.code)
            return refusal_answer(refusal.code)

    return endpoint


def list_items(account: Account, base_url: str) -> list[dict[str, Any]]:
    """All publications ever tried: for the checks in tests, not a part of the platform."""
    wechat_publish.settle(account)
    items = []
    for job in account.platform.db.execute("SELECT * FROM jobs ORDER BY publish_id").fetchall():
        pages = account.platform.db.execute(
            "SELECT * FROM published WHERE article_id=? ORDER BY idx", (job["article_id"],)
        ).fetchall()
        for index, article in enumerate(json.loads(job["articles"])):
            page = pages[index] if pages else None
            items.append(
                {
                    "publish_id": str(job["publish_id"]),
                    "media_id": job["media_id"],
                    "publish_status": job["status"],
                    "article_id": job["article_id"],
                    "submitted_at": job["submitted_at"],
                    "published_at": page and page["published_at"],
                    "deleted_at": page and page["deleted_at"],
                    "url": page and f"{base_url.rstrip('/')}/s/{page['page_id']}",
                    "title": article["title"],
                    "source_url": article["content_source_url"],
                    "content_sha256": article["_sent_sha256"],
                }
            )
    return items
