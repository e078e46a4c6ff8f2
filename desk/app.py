"""The desk's pages on the API's application: the live board (首发 · 指挥调度看板).

There is no sign-in on these pages yet: whoever reaches the port may look. The web process
listens on loopback only, and the pages show no secret and run no script but their own. What a
person does here goes through the API with that person's own key, which the page asks for and the
browser forgets with the tab; so do the dead letters, which not everybody may read. Before the port is opened to a network, a sign-in has to stand in front.
"""

import asyncio
import gzip
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from desk import lag_page, pages
from desk.lag_page import Stories
from desk.live import Board
from desk.screen import Screen
from desk.timeline import evidence, moments
from desk.words import FOR_PERSON, RECIPES, REFUSED, RENDITION_STATES, VERSION_STATES
from schemas.channel import ChannelSpec
from schemas.errors import InvalidInput, PipelineError
from schemas.lag import NOTHING, Latest
from schemas.newsroom import Newsroom
from schemas.rendition import parse_placeholder
from schemas.settling import with_looks
from stores.ledger import board_view, views
from stores.ledger.transaction import Ledger

_POLICY = "; ".join((
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
))  # fmt: skip
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_FOREVER = "public, max-age=31536000, immutable"


def install_board(
    app: FastAPI,
    ledger: Ledger,
    specs: list[ChannelSpec],
    newsroom: Newsroom,
    lag: Latest = lambda: NOTHING,
    late: Stories = lambda: (),
) -> None:
    """Add the board to the API's application.

    ``GET /`` the page, ``/board/events`` its stream, ``/board/stories/<id or number>`` one
    story, ``/board/letters`` the dead letters, ``/board/static/<file>``, ``/lag`` what waits and
    why. Sets ``app.state.board``, whose ``close()`` ends all streams so that the server can stop.
    The fan-out starts with the first stream and ends with the last.
    """
    screen = Screen(ledger, specs, newsroom)
    board = Board(screen)
    app.state.board = board

    async def page(request: Request) -> Response:
        made = await asyncio.to_thread(_page, board, request.query_params.get("before", ""))
        return _packed(made) if "gzip" in request.headers.get("accept-encoding", "") else made

    async def events(request: Request) -> Response:
        last = request.headers.get("last-event-id") or request.query_params.get("after", "")
        return _Stream(board, last)

    async def story(request: Request) -> Response:
        part = "part" in request.query_params
        return await asyncio.to_thread(_story, screen, request.path_params["story"], part=part)

    async def waiting(request: Request) -> Response:
        shown = lag_page.context(lag(), late(), newsroom.centre)
        return _html(
            "lag_part.html" if "part" in request.query_params else "lag.html", 200, **shown
        )

    async def letters(_request: Request) -> Response:
        return _html("letters.html", 200, centre=newsroom.centre)

    async def static(request: Request) -> Response:
        return _static(request.path_params["name"], versioned="v" in request.query_params)

    routes: list[tuple[str, Callable[[Request], Any]]] = [
        ("/", page),
        ("/board/events", events),
        ("/board/stories/{story}", story),
        ("/board/letters", letters),
        ("/board/static/{name}", static),
        ("/lag", waiting),
    ]
    for path, endpoint in routes:
        app.add_route(path, endpoint, methods=["GET"], include_in_schema=False)


class _Stream(StreamingResponse):
    """Server-sent events; counts as a reader for as long as it is open, however it ends."""

    media_type = "text/event-stream"

    def __init__(self, board: Board, last_id: str) -> None:
        self._frames = board.events(last_id)
        super().__init__(self._frames, headers={**_HEADERS, "X-Accel-Buffering": "no"})
        self._board = board

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._board.reader() as taken:
            if taken and scope["method"] == "GET":
                try:
                    await super().__call__(scope, receive, send)
                finally:
                    await self._frames.aclose()
                return
        status = 200 if taken else 503
        headers = {**_HEADERS, "Content-Type": self.media_type or "", "Retry-After": "5"}
        await Response(b"", status, headers=headers)(scope, receive, send)


def _packed(made: Response) -> Response:
    """A board of a hundred rows is half a megabyte of much the same: a twentieth of it packed."""
    body = gzip.compress(bytes(made.body), compresslevel=4)
    headers = {**_HEADERS, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return HTMLResponse(body, made.status_code, headers=headers)


def _page(board: Board, before: str) -> Response:
    if before.isascii() and before.isdigit() and len(before) < 10:
        return _older(board.screen, int(before))
    screen = board.screen
    view = screen.read()
    rows = [view.drawn[number].html for number in view.order]
    return _html(
        "board.html",
        200 if view.reachable else 503,
        centre=screen.newsroom.centre,
        rows=rows,
        waves=view.waves,
        counts=view.counts,
        reachable=view.reachable,
        live=True,
        cursor=board.cursor(view),
        layout=view.layout,
        more=_more(screen, view.order) if view.more else None,
        before=None,
    )


def _more(screen: Screen, order: tuple[int, ...]) -> int:
    """Older stories that stand on the board because somebody has to act do not count here."""
    return order[min(len(order), screen.rows) - 1]


def _older(screen: Screen, before: int) -> Response:
    try:
        rows, waves, more = screen.older(before)
        reachable = True
    except PipelineError:
        rows, waves, more, reachable = [], screen.view.waves, None, False
    return _html(
        "board.html",
        200 if reachable else 503,
        centre=screen.newsroom.centre,
        rows=rows,
        waves=waves,
        counts=screen.view.counts,
        reachable=reachable,
        live=False,
        cursor="",
        layout="",
        more=more,
        before=before,
    )


def _story(screen: Screen, key: str, *, part: bool) -> Response:
    try:
        with screen.ledger.snapshot() as tx:
            detail = views.story_detail(tx, key)
            attempts = board_view.attempts_made(tx, detail["story_id"])
        specs = {spec.id: spec for spec in screen.specs}
        detail["deliveries"] = with_looks(detail["deliveries"], specs)
    except InvalidInput:
        return _html("missing.html", 404, part=part, reason="没有这篇稿件 / no such story")
    except PipelineError:
        return _html(
            "missing.html", 503, part=part, reason="账本暂时读不到, 稍后再看 / not available now"
        )
    channels = {spec.id: spec.name for spec in screen.specs}
    return _html(
        "story_part.html" if part else "story_page.html",
        200,
        story=detail,
        by=screen.names.get(detail["by"], detail["by"]),
        moments=moments(detail, attempts, channels, screen.names),
        evidence=evidence(detail, channels),
        failed=any(d["state"] in FOR_PERSON | REFUSED for d in detail["deliveries"]),
        versions=[
            {**v, "word": VERSION_STATES.get(v["state"], v["state"])} for v in detail["versions"]
        ],
        renditions=[_rendition(r) for r in detail["renditions"]],
    )


def _rendition(row: Mapping[str, Any]) -> dict[str, str]:
    state = RENDITION_STATES.get(row["state"], row["state"])
    source, recipe = parse_placeholder(row["placeholder"])
    return {
        "name": RECIPES.get(recipe, recipe),
        "source": source,
        "state": f"{state} {row['progress']}%" if row["state"] == "working" else state,
        "reason": row["reason"],
    }


def _static(name: str, *, versioned: bool) -> Response:
    found = pages.static_files().get(name)
    if found is None:
        return PlainTextResponse("没有这个文件 / no such file", 404, headers=_HEADERS)
    kind, content = found
    kept = {"Cache-Control": _FOREVER} if versioned else {}
    return Response(content, media_type=kind, headers={**_HEADERS, **kept})


def _html(template: str, status: int, **context: Any) -> Response:
    return HTMLResponse(pages.render(template, **context), status, headers=_HEADERS)
