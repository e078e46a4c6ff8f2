"""Signing in and out, one's own password. The only pages that stand open."""

import asyncio
from dataclasses import dataclass

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from desk.answers import go, html, refusal
from desk.door import Door, Visit, local, read_form, refused, same_origin
from schemas.errors import Fault, PipelineError
from stores.ledger import accounts, passwords, people, sessions
from stores.ledger.people import Caller

_WRONG = "账号或密码不对 / wrong account or password"


@dataclass(frozen=True)
class SignIn:
    """``/sign-in``, ``/sign-out``, ``/enter``, ``/password`` behind a door's ledger."""

    door: Door

    def install(self) -> None:
        app = self.door.app
        for path, methods, page in (
            ("/sign-in", ["GET"], self._show),
            ("/sign-in", ["POST"], self._sign_in),
            ("/enter/{token}", ["GET"], self._show_link),
            ("/enter/{token}", ["POST"], self._enter),
        ):
            app.add_route(path, page, methods=methods, include_in_schema=False)
        self.door.add("/password", self.password, None, methods=["GET", "POST"])
        self.door.add("/sign-out", self.sign_out, None, methods=["POST"])

    # -- in --------------------------------------------------------------------------------------

    async def _show(self, request: Request) -> Response:
        to = local(request.query_params.get("to", "/"))
        try:
            if await asyncio.to_thread(self.door.session, request) is not None:
                return go(to)
        except PipelineError as error:
            return refused(error)
        return self._form(200, to=to)

    def _form(
        self,
        status: int,
        *,
        to: str,
        said: str = "",
        account: str = "",
        kept: dict[str, str] | None = None,
    ) -> Response:
        return html(
            "sign_in.html",
            status,
            centre=self.door.newsroom.centre,
            to=to,
            said=said,
            account=account,
            kept=kept or {},
        )

    async def _sign_in(self, request: Request) -> Response:
        if not same_origin(request):
            told = "请求不是从本系统的页面发来的 / the request came from another site"
            return refusal(403, Fault("foreign", "Origin", told))
        try:
            form = await read_form(request)
            return await asyncio.to_thread(self._check, request, form)
        except PipelineError as error:
            return refused(error)

    def _check(self, request: Request, form: dict[str, str]) -> Response:
        account, to = form.get("account", "").strip().casefold()[:64], local(form.get("to", "/"))
        kept = {k.removeprefix("kept."): v for k, v in form.items() if k.startswith("kept.")}
        address = address_of(request)
        rules = self.door.newsroom.sign_in
        found = accounts.try_password(
            self.door.ledger,
            account,
            form.get("password", "")[: passwords.LONGEST],
            address=address,
            tries=rules.tries,
            wait_s=rules.wait_s,
        )
        if isinstance(found, int):
            left_s = max(1, round((found - self.door.ledger.now_ms()) / 1000))
            said = (
                f"错的次数太多, 请过 {_span(left_s)} 再试; 忘了密码请找管理员重设 / "
                f"too many wrong passwords: try again in {left_s} s, or have it reset"
            )
            return self._form(429, to=to, said=said, account=account, kept=kept)
        if found is None:
            with self.door.ledger.transaction() as tx:
                # of an account that there is: what else was typed there may be the password
                known = accounts.get(tx, account) is not None
                self._note(tx, account if known else "", "desk.wrong_password", address)
            return self._form(401, to=to, said=_WRONG, account=account, kept=kept)
        return self._begin(request, found, to, kept)

    def _begin(
        self, request: Request, who: Caller, to: str, kept: dict[str, str] | None = None
    ) -> Response:
        """A new session, never the one that the browser came with."""
        ledger, address = self.door.ledger, address_of(request)
        longest_s = self.door.newsroom.sign_in.longest_h * 3600
        with ledger.transaction() as tx:
            old = request.cookies.get(sessions.COOKIE, "")
            if old:
                sessions.end(tx, old)
            token = sessions.begin(
                tx, who.id, at=ledger.now_ms(), longest_s=longest_s, address=address
            )
            self._note(tx, who.id, "desk.signed_in", address)
            found = sessions.find(tx, token, at=ledger.now_ms(), idle_s=longest_s)
        if kept and found is not None and not found.must_change:
            visit = Visit(request, found)
            made: Response = html("kept.html", visit=visit, to=to, kept=kept)
        else:
            made = go(to)
        made.set_cookie(
            sessions.COOKIE,
            token,
            max_age=round(longest_s),
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
            path="/",
        )
        return made

    # -- by a link -------------------------------------------------------------------------------

    async def _show_link(self, request: Request) -> Response:
        return await asyncio.to_thread(self._by_link, request, spend=False)

    async def _enter(self, request: Request) -> Response:
        if not same_origin(request):
            return refusal(
                403, Fault("foreign", "Origin", "请求不是从本系统的页面发来的 / foreign")
            )
        return await asyncio.to_thread(self._by_link, request, spend=True)

    def _by_link(self, request: Request, *, spend: bool) -> Response:
        """Who only looks (a chat's preview of the link, say) does not use it up."""
        token, ledger = request.path_params["token"], self.door.ledger
        try:
            if spend:
                with ledger.transaction() as tx:
                    who = accounts.spend(tx, token, at=ledger.now_ms())
                if who is not None:
                    return self._begin(request, who, "/")
            else:
                with ledger.snapshot() as view:
                    who = accounts.ticket_of(view, token, at=ledger.now_ms())
        except PipelineError as error:
            return refused(error)
        if who is None:
            told = "这个链接已经用过, 或已过期 / the link was used, or is too old"
            return refusal(410, Fault("link", "", told, "用账号密码登录, 或要一个新链接 / sign in"))
        return html("enter.html", who=who, centre=self.door.newsroom.centre)

    # -- out, and the password -------------------------------------------------------------------

    def sign_out(self, visit: Visit) -> Response:
        with self.door.ledger.transaction() as tx:
            sessions.end(tx, visit.request.cookies[sessions.COOKIE])
            self._note(tx, visit.who.id, "desk.signed_out", address_of(visit.request))
        made = go("/sign-in")
        made.delete_cookie(sessions.COOKIE, path="/")
        made.headers["Clear-Site-Data"] = '"cache", "storage"'
        return made

    def password(self, visit: Visit) -> Response:
        if visit.request.method != "POST":
            return html("password.html", visit=visit, said="", shortest=passwords.SHORTEST)
        said = self._new_password(visit)
        if said:
            return html("password.html", 422, visit=visit, said=said, shortest=passwords.SHORTEST)
        return self._begin(visit.request, visit.who, "/?said=password")

    def _new_password(self, visit: Visit) -> str:
        """Why not, or nothing."""
        form, ledger = visit.form, self.door.ledger
        old, new = form.get("old", ""), form.get("new", "")
        with ledger.snapshot() as view:
            known = accounts.get(view, visit.who.id)
        first = known is None or known.password is None
        if not first:
            rules = self.door.newsroom.sign_in
            found = accounts.try_password(
                ledger,
                visit.who.id,
                old[: passwords.LONGEST],
                address=address_of(visit.request),
                tries=rules.tries,
                wait_s=rules.wait_s,
            )
            if not isinstance(found, Caller):
                return "现在的密码不对 / your present password is not right"
        if new != form.get("again", ""):
            return "两次输入的新密码不一样 / the two new passwords differ"
        if not first and new == old:
            return "新密码和现在的一样 / the new password is the present one"
        weak = passwords.too_weak(new, about=(visit.who.id, self.door.newsroom.centre))
        if weak:
            return weak
        hashed = passwords.hashed(new)
        with ledger.transaction() as tx:
            now = ledger.now_ms()
            accounts.set_password(tx, visit.who.id, hashed, must_change=False, at=now)
            people.record(tx, visit.who.id, "desk.password_changed", at=now)
        return ""

    def _note(self, tx: Connection, person_id: str, act: str, address: str) -> None:
        now = self.door.ledger.now_ms()
        people.record(tx, person_id, act, at=now, detail=address)


def address_of(request: Request) -> str:
    """Where it came from; behind a proxy on this host, what the proxy says."""
    return request.client.host if request.client else ""


def _span(seconds: int) -> str:
    return f"{seconds} 秒" if seconds < 90 else f"{round(seconds / 60)} 分钟"
