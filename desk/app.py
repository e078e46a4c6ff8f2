"""The desk's pages on the API's application: the live board (首发 · 指挥调度看板) and all others.

Every page but the sign-in stands behind a door (``desk.door``): nobody looks or acts without an
account and the right that the page is for. No page shows a secret, and none runs a script but ours.
"""

import asyncio
import gzip
import time
from functools import partial

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from desk import audit_page, lag_page, mine, needs_page, pages
from desk.acts import Acts
from desk.answers import HEADERS, go, html, policy
from desk.door import Door, Visit
from desk.lag_page import Stories
from desk.live import Board
from desk.people_page import PeoplePage
from desk.review import ReviewPages
from desk.screen import Screen
from desk.sign_in import SignIn
from desk.story_page import StoryPage
from schemas.channel import ChannelSpec
from schemas.errors import PipelineError
from schemas.lag import NOTHING, Latest
from schemas.newsroom import Newsroom
from stores.ledger.transaction import Ledger

STILL_S = 15.0
_FOREVER = "public, max-age=31536000, immutable"


def install_board(
    app: FastAPI,
    ledger: Ledger,
    specs: list[ChannelSpec],
    newsroom: Newsroom,
    lag: Latest = lambda: NOTHING,
    late: Stories = lambda: (),
    acts: Acts | None = None,
) -> Door:
    """Add the desk to the API's application; returns its door, for further pages.

    ``acts``: what people may do from here; without them the pages only show.
    Sets ``app.state.board``, whose ``close()`` ends all streams so that the server can stop. The
    fan-out starts with the first stream and ends with the last.
    """
    screen = Screen(ledger, specs, newsroom)
    board = Board(screen)
    app.state.board = board
    door = Door(app, ledger, newsroom)

    def front(visit: Visit) -> Response:
        if not visit.may("house.look"):
            return go("/mine" if visit.may("story.look") else "/people")
        made = _page(board, visit)
        packs = "gzip" in visit.request.headers.get("accept-encoding", "")
        return _packed(made) if packs else made

    async def events(visit: Visit) -> Response:
        last = visit.request.headers.get("last-event-id")
        return _Stream(board, last or visit.request.query_params.get("after", ""), door, visit)

    def waiting(visit: Visit) -> Response:
        shown = lag_page.context(lag(), late(), newsroom.centre)
        return html("lag_part.html" if visit.part else "lag.html", visit=visit, **shown)

    def letters(visit: Visit) -> Response:
        return html("letters.html", visit=visit, centre=newsroom.centre)

    async def static(request: Request) -> Response:
        return _static(request.path_params["name"], versioned="v" in request.query_params)

    app.add_route("/board/static/{name}", static, methods=["GET"], include_in_schema=False)
    SignIn(door).install()
    door.add("/", front, None)
    door.add(
        "/here", lambda _visit: Response(status_code=204, headers=HEADERS), None, unattended=True
    )
    door.add("/mine", partial(mine.page, screen), "story.look")
    door.add("/board/events", events, "house.look", unattended=True)
    door.add("/needs", partial(needs_page.page, screen, late), "house.look")
    StoryPage(door, screen, acts).install()
    door.add("/board/letters", letters, "letters.look")
    door.add("/lag", waiting, "house.look")
    PeoplePage(door).install()
    if acts is not None:
        ReviewPages(door, screen, acts).install()
    door.add("/audit", partial(audit_page.page, door), "audit.look")
    return door


class _Stream(StreamingResponse):
    """Server-sent events; counts as a reader for as long as it is open, however it ends. It ends
    when its session does."""

    media_type = "text/event-stream"

    def __init__(self, board: Board, last_id: str, door: Door, visit: Visit) -> None:
        self._frames = board.events(last_id, still=_Still(door, visit).look)
        headers = {**HEADERS, "Content-Security-Policy": policy(), "X-Accel-Buffering": "no"}
        super().__init__(self._frames, headers=headers)
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
        headers = {**HEADERS, "Content-Type": self.media_type or "", "Retry-After": "5"}
        await Response(b"", status, headers=headers)(scope, receive, send)


class _Still:
    """Whether who looks at a stream still may; asked of the ledger every few seconds."""

    def __init__(self, door: Door, visit: Visit) -> None:
        self._door = door
        self._visit = visit
        self._again_at = time.monotonic() + STILL_S

    async def look(self) -> bool:
        if time.monotonic() < self._again_at:
            return True
        self._again_at = time.monotonic() + STILL_S
        try:
            session = await asyncio.to_thread(self._door.session, self._visit.request)
        except PipelineError:
            return True  # the ledger is away: nothing new is told either
        return session is not None and Visit(self._visit.request, session).may("house.look")


def _packed(made: HTMLResponse) -> Response:
    """A board of a hundred rows is half a megabyte of much the same: a twentieth of it packed."""
    made.body = gzip.compress(bytes(made.body), compresslevel=4)
    made.headers["Content-Length"] = str(len(made.body))
    made.headers["Content-Encoding"] = "gzip"
    made.headers["Vary"] = "Accept-Encoding"
    return made


def _page(board: Board, visit: Visit) -> HTMLResponse:
    before = visit.request.query_params.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 10:
        return _older(board.screen, int(before), visit)
    screen = board.screen
    view = screen.read()
    rows = [view.drawn[number].html for number in view.order]
    return html(
        "board.html",
        200 if view.reachable else 503,
        visit=visit,
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


def _older(screen: Screen, before: int, visit: Visit) -> HTMLResponse:
    try:
        rows, waves, more = screen.older(before)
        reachable = True
    except PipelineError:
        rows, waves, more, reachable = [], screen.view.waves, None, False
    return html(
        "board.html",
        200 if reachable else 503,
        visit=visit,
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


def _static(name: str, *, versioned: bool) -> Response:
    found = pages.static_files().get(name)
    if found is None:
        return PlainTextResponse("没有这个文件 / no such file", 404, headers=HEADERS)
    kind, content = found
    kept = {"Cache-Control": _FOREVER} if versioned else {}
    return Response(content, media_type=kind, headers={**HEADERS, **kept})
