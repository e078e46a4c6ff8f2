"""A simulator of a WeCom (企业微信) group robot: ``POST /cgi-bin/webhook/send?key=…``.

As https://developer.work.weixin.qq.com/document/path/91770 has it: HTTP 200 with an ``errcode``,
a text of at most 2,048 bytes, 20 messages a minute for each robot. ``/group`` shows the chat.
"""

import html
import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from deploy.simulators.control_routes import control_routes
from deploy.simulators.platform_state import BEIJING, Clock, Platform, open_platform, transaction
from deploy.simulators.shell import note, shell

TABLES = """
CREATE TABLE IF NOT EXISTS messages(
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, content TEXT NOT NULL);
"""
MOST_BYTES = 2048
MOST_A_MINUTE = 20
WORDS = {
    0: "ok",
    40008: "invalid message type",
    40058: "invalid Request Parameter",
    44004: "content exceed max length",
    45009: "api freq out of limit",
    47001: "data format error",
    93000: "invalid webhook url",
}


def create_app(
    state_dir: Path, *, key: str, clock: Clock = lambda: time.time_ns() // 1_000_000
) -> ASGIApp:
    """One robot in one chat group, its state below ``state_dir``."""
    platform = open_platform(state_dir, TABLES, clock, _answer)

    async def send(request: Request) -> Response:
        code = _take(platform, key, request.query_params.get("key"), await request.body())
        note(request, code=code)
        return _answer(code)

    async def group(_request: Request) -> Response:
        return HTMLResponse(_page(_messages(platform)))

    routes = [
        Route("/cgi-bin/webhook/send", send, methods=["POST"]),
        Route("/group", group),
        *control_routes(platform, lambda _base: _messages(platform), frozenset(), {}),
    ]
    return shell(Starlette(routes=routes), platform)


def _answer(code: int) -> Response:
    return JSONResponse({"errcode": code, "errmsg": WORDS.get(code, "error")})


def _take(platform: Platform, key: str, given: str | None, body: bytes) -> int:
    if given != key:
        return 93000
    try:
        sent = json.loads(body)
    except ValueError:
        return 47001
    if not isinstance(sent, dict) or sent.get("msgtype") != "text":
        return 40008
    content = sent["text"].get("content") if isinstance(sent.get("text"), dict) else None
    if not isinstance(content, str) or not content:
        return 40058
    if len(content.encode()) > MOST_BYTES:
        return 44004
    now = platform.clock()
    with transaction(platform) as db:
        since = "SELECT count(*) FROM messages WHERE at > ?"
        if db.execute(since, (now - 60_000,)).fetchone()[0] >= MOST_A_MINUTE:
            return 45009
        db.execute("INSERT INTO messages(at, content) VALUES(?,?)", (now, content))
    return 0


def _messages(platform: Platform) -> list[dict[str, Any]]:
    rows = platform.db.execute("SELECT * FROM messages ORDER BY id")
    return [dict(row) for row in rows]


def _page(messages: list[dict[str, Any]]) -> str:
    bubbles = "".join(
        f"<article><time>{datetime.fromtimestamp(m['at'] / 1000, BEIJING):%H:%M:%S}</time>"
        f"<p>{html.escape(m['content']).replace(chr(10), '<br>')}</p></article>"
        for m in messages
    )
    return f"""<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>值班群</title>
<meta name="viewport" content="width=device-width"><style>
body{{margin:0;background:#ededed;font:16px/1.6 system-ui,sans-serif;color:#222}}
h1{{margin:0;padding:.8em;background:#fff;font-size:1.1em;text-align:center}}
article{{margin:1em;max-width:38em}}time{{color:#666;font-size:.8em}}
p{{margin:.2em 0;padding:.6em .9em;background:#fff;border-radius:.4em;display:inline-block}}
</style><h1>融媒体中心值班群 (模拟)</h1>{bubbles or "<article>还没有消息</article>"}</html>"""
