"""The network side of a simulated platform: request log, provoked faults, lost answers.

``shell`` wraps the platform's application as its outermost layer. Every request but those below
``/_sim/`` is written to the log when it arrives and completed when it is answered; a request that
was cut off by a crash stays in the log with the outcome ``open``.
"""

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploy.simulators.platform_state import Platform, control, take_rule, transaction

CONTROL_PREFIX = "/_sim/"


def note(request: Request, **ids: Any) -> None:
    """Add what the request was about (ids, error code) to its line in the log."""
    request.scope["sim"].update(ids)


def shell(app: ASGIApp, platform: Platform) -> ASGIApp:
    """Log each request and carry out the faults that ``POST /_sim/control`` asked for."""

    async def guarded(scope: Scope, network: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PREFIX):
            await app(scope, network, send)
            return
        notes: dict[str, Any] = {}
        scope["sim"] = notes
        line = _open_line(platform, scope)
        status = 0
        outcome = "crash"

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            receive = await _held_back(platform, scope["path"], network)
            fault = take_rule(platform, "fail_next", scope["path"])
            dropped = fault is None and _is_dropped(platform, scope["path"])
            if fault is not None:
                outcome = f"fault:{fault.detail.get('errcode', fault.detail.get('http_status'))}"
                await _drain(receive)
                await _fault_answer(platform, fault.detail)(scope, receive, watched)
            elif dropped:
                await app(scope, receive, _swallow)
                outcome = f"dropped:{notes.pop('code', 0)}"
            else:
                await app(scope, receive, watched)
                outcome = str(notes.pop("code", 0)) if status < 400 else f"http:{status}"
        except ClientDisconnect:
            outcome = "gone"
            return
        finally:
            _close_line(platform, line, status, outcome, notes)
        if dropped:
            await _hang_up(network)

    return guarded


def _open_line(platform: Platform, scope: Scope) -> int:
    with transaction(platform) as db:
        cursor = db.execute(
            "INSERT INTO requests(at, method, path, outcome, ids) VALUES(?,?,?,'open','{}')",
            (platform.clock(), scope["method"], scope["path"]),
        )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _close_line(
    platform: Platform, line: int, status: int, outcome: str, ids: MutableMapping[str, Any]
) -> None:
    with transaction(platform) as db:
        db.execute(
            "UPDATE requests SET done_at=?, status=?, outcome=?, ids=? WHERE id=?",
            (
                platform.clock(),
                status or None,
                outcome,
                json.dumps(dict(ids), ensure_ascii=False),
                line,
            ),
        )


async def _held_back(platform: Platform, path: str, receive: Receive) -> Receive:
    """The network holds the request back: it is carried out late, even if the caller has gone."""
    rule = take_rule(platform, "delay_next", path)
    delay_s = rule.detail["seconds"] if rule else control(platform, "delay_s", 0)
    if not delay_s:
        return receive
    held = [await receive()]
    while held[-1]["type"] == "http.request" and held[-1].get("more_body", False):
        held.append(await receive())
    await asyncio.sleep(delay_s)
    waiting = iter(held)

    async def replay() -> Message:
        message = next(waiting, None)
        return await receive() if message is None else message

    return replay


def _is_dropped(platform: Platform, path: str) -> bool:
    return take_rule(platform, "drop_answer_next", path) is not None


async def _drain(receive: Receive) -> None:
    more = True
    while more:
        message = await receive()
        more = message["type"] == "http.request" and message.get("more_body", False)


def _fault_answer(platform: Platform, detail: dict[str, Any]) -> Response:
    if "http_status" in detail:
        status = int(detail["http_status"])
        page = f"<html><body><center><h1>{status}</h1></center><hr>nginx</body></html>"
        return Response(page, status, media_type="text/html")
    return platform.refusal(int(detail["errcode"]))


async def _swallow(_message: Message) -> None:
    return


async def _hang_up(receive: Receive) -> None:
    """Close the connection without a byte of an answer.

    ASGI has no word for this, so the server's own transport is aborted (uvicorn's request cycle
    owns ``receive``). Without a server, in a test, the caller gets what httpx raises then.
    """
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        message = "Server disconnected without sending a response."
        raise httpx.RemoteProtocolError(message, request=None)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        continue
