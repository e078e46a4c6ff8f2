"""The door of the desk: nobody comes by without a sign-in and the right that the page needs.

A page is added by :meth:`Door.add` with the act that it is for; there is no other way, so a page
that nobody thought about is shut. A form is taken only from a page of ours (its origin, and the
session's token); what somebody typed while their session ran out is kept for them.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from desk.answers import go, html, refusal
from schemas.errors import Fault, PermanentError, PipelineError
from schemas.newsroom import Newsroom
from schemas.rights import Act, fault_of, may, may_with
from stores.ledger import sessions
from stores.ledger.people import Caller
from stores.ledger.sessions import Session
from stores.ledger.transaction import Ledger

_ALWAYS = frozenset({"/password", "/sign-out"})
"""Open to whoever must choose a new password first."""
MOST_FIELDS = 400
MOST_BYTES = 4 * 1024**2


@dataclass(frozen=True)
class Visit:
    """One request of somebody who is signed in."""

    request: Request
    session: Session
    form: dict[str, str] = field(default_factory=dict)
    """What a form sent; the last value of a name."""

    @property
    def who(self) -> Caller:
        return self.session.who

    @property
    def csrf(self) -> str:
        return self.session.csrf

    @property
    def part(self) -> bool:
        """Asked for by a script that puts it into its page."""
        return "part" in self.request.query_params

    def may(self, act: Act) -> bool:
        return may(self.who, act)

    def may_with(self, act: Act, story: Any) -> bool:
        """``story``: a row of stories, or whatever has its ``desk`` and ``by``."""
        return may_with(self.who, act, desk=story.desk, by=story.by)


Page = Callable[[Visit], Response | Awaitable[Response]]
"""Runs in a thread of its own unless it is a coroutine function."""


class Door:
    def __init__(self, app: FastAPI, ledger: Ledger, newsroom: Newsroom) -> None:
        self.app = app
        self.ledger = ledger
        self.newsroom = newsroom

    def add(
        self,
        path: str,
        page: Page,
        act: Act | None,
        *,
        methods: Sequence[str] = ("GET",),
        unattended: bool = False,
    ) -> None:
        """A page for whoever may do ``act``; None: for everybody who is signed in.
        ``unattended``: a script asks for it by itself, which keeps nobody signed in."""

        async def endpoint(request: Request) -> Response:
            return await self._enter(request, page, act, unattended=unattended)

        self.app.add_route(path, endpoint, methods=list(methods), include_in_schema=False)

    async def _enter(
        self, request: Request, page: Page, act: Act | None, *, unattended: bool
    ) -> Response:
        part = "part" in request.query_params
        sent = request.method not in {"GET", "HEAD"}
        if sent and not same_origin(request):
            return refusal(403, _foreign(), part=part)
        try:
            form = await read_form(request) if sent else {}
            session = await asyncio.to_thread(self.session, request)
            if session is None:
                return self._ask_in(request, form, part=part or unattended)
            if session.must_change and request.url.path not in _ALWAYS:
                return go("/password")
            visit = Visit(request, session, form)
            if sent and not sessions.right_csrf(session, form.get(sessions.CSRF_FIELD, "")):
                return refusal(403, _stale(), visit, part=part)
            if act is not None and not may(session.who, act):
                return refusal(403, fault_of(act), visit, part=part)
            if not unattended and not part:
                with suppress(PipelineError):
                    await asyncio.to_thread(self._seen, session)
            if inspect.iscoroutinefunction(page):
                made: Response = await page(visit)
                return made
            return await asyncio.to_thread(self._call, page, visit)
        except PipelineError as error:
            return refused(error, part=part)

    def _call(self, page: Page, visit: Visit) -> Response:
        try:
            made = page(visit)
        except PipelineError as error:
            return refused(error, visit, part=visit.part)
        assert isinstance(made, Response)
        return made

    def session(self, request: Request) -> Session | None:
        """Of the request's cookie; raises Unavailable."""
        token = request.cookies.get(sessions.COOKIE, "")
        if not token:
            return None
        now, idle_s = self.ledger.now_ms(), self.newsroom.sign_in.idle_h * 3600
        with self.ledger.snapshot() as tx:
            return sessions.find(tx, token, at=now, idle_s=idle_s)

    def _seen(self, session: Session) -> None:
        sessions.seen(self.ledger, session, at=self.ledger.now_ms())

    def _ask_in(self, request: Request, form: dict[str, str], *, part: bool) -> Response:
        to = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if part:
            return html("signed_out_part.html", 401, to=to)
        if request.method == "GET":
            return go(f"/sign-in?to={quote(to, safe='')}")
        kept = {k: v for k, v in form.items() if k != sessions.CSRF_FIELD}
        return html(
            "sign_in.html",
            401,
            centre=self.newsroom.centre,
            to=to,
            kept=kept,
            account="",
            said="登录已过期, 您填的内容还在: 登录后接着交 / your session ended; what you typed is kept",
        )


def refused(error: PipelineError, visit: Visit | None = None, *, part: bool = False) -> Response:
    """An error of our tree as a page."""
    if isinstance(error, PermanentError):
        return refusal(error.status, error.faults[0], visit, part=part)
    away = Fault(
        "unavailable",
        "",
        "账本暂时读不到, 什么都没有改 / not available now; nothing was changed",
        "稍后再试 / try again shortly",
    )
    return refusal(503, away, visit, part=part)


def same_origin(request: Request) -> bool:
    """Whether a page of ours sent it, as far as the browser says."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def local(address: str) -> str:
    """An address of ours to go on to, or the front page: no way out of the desk."""
    fine = address.startswith("/") and not address.startswith(("//", "/\\"))
    plain = address.isprintable() and "\\" not in address
    return address if fine and plain and len(address) < 2000 else "/"


async def read_form(request: Request) -> dict[str, str]:
    """A form without files; raises PermanentError where it is none, or too large."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    length = request.headers.get("content-length", "")
    if kind not in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        raise PermanentError(
            Fault("content_type", "Content-Type", "应为表单 / must be a form"), status=415
        )
    if not length.isdigit() or int(length) > MOST_BYTES:
        told = "表单太大 / the form is too large"
        raise PermanentError(
            Fault("too_large", "body", told, "缩短后再交 / make it shorter"), status=413
        )
    try:
        async with request.form(
            max_files=0, max_fields=MOST_FIELDS, max_part_size=MOST_BYTES
        ) as form:
            return {k: v for k, v in form.multi_items() if isinstance(v, str)}
    except HTTPException as error:
        told = f"表单读不懂 / not a readable form: {error.detail}"
        raise PermanentError(Fault("bad_form", "body", told)) from error


def _foreign() -> Fault:
    return Fault(
        "foreign",
        "Origin",
        "请求不是从本系统的页面发来的 / the request came from another site",
        "从本系统的页面操作 / use our own pages",
    )


def _stale() -> Fault:
    return Fault(
        "csrf",
        "csrf",
        "页面已过期, 什么都没有改 / the page is out of date; nothing was changed",
        "返回上一页, 刷新后再交 / go back, load the page again, then send",
    )
