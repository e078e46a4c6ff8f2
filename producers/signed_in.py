"""Who calls: the API key of a person of the newsroom, or the cookie of the desk; else 401 and
nothing changed."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from producers.filing import Desk
from schemas.errors import Fault, InvalidInput, NotApproved
from stores.ledger import people, sessions
from stores.ledger.people import Caller

_bearer = HTTPBearer(auto_error=False, description="API key of a person of the newsroom")
_LOOKS = frozenset({"GET", "HEAD", "OPTIONS"})


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


At = Annotated[Desk, Depends(desk_of)]


def caller(
    request: Request,
    desk: At,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """The person whose key this is, or who is signed in at the desk; a page that changes something
    with the cookie sends its session's token along. Raises InvalidInput (401), NotApproved (403).
    """
    found: Caller | None = None
    if given is not None:
        with desk.ledger.snapshot() as view:
            found = people.by_key(view, given.credentials)
    elif "authorization" not in request.headers and sessions.COOKIE in request.cookies:
        found = _of_cookie(request, desk)
    if found is not None:
        return found
    raise InvalidInput(
        Fault(
            "not_signed_in",
            "Authorization",
            "缺少或不认识的密钥 / the API key is missing or unknown",
            "带上 Authorization: Bearer <密钥> / send it with your key",
        ),
        status=401,
    )


def _of_cookie(request: Request, desk: Desk) -> Caller | None:
    token = request.cookies[sessions.COOKIE]
    now, rules = desk.ledger.now_ms(), desk.newsroom.sign_in
    with desk.ledger.snapshot() as view:
        session = sessions.find(view, token, at=now, idle_s=rules.idle_h * 3600)
    if session is None or session.must_change:
        return None
    if request.method not in _LOOKS and not sessions.right_csrf(
        session, request.headers.get(sessions.CSRF_HEADER, "")
    ):
        raise NotApproved(
            Fault(
                "csrf",
                sessions.CSRF_HEADER,
                "页面已过期 / the page is out of date",
                "刷新页面后再试 / load the page again",
            )
        )
    sessions.seen(desk.ledger, session, at=now)
    return session.who


Signed = Annotated[Caller, Depends(caller)]
