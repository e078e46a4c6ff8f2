"""Who calls: the API key of a person of the newsroom, or 401 and nothing changed."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from producers.filing import Desk
from schemas.errors import Fault, InvalidInput
from stores.ledger import people
from stores.ledger.people import Caller

_bearer = HTTPBearer(auto_error=False, description="API key of a person of the newsroom")


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


At = Annotated[Desk, Depends(desk_of)]


def caller(
    desk: At, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Caller:
    """The person whose key this is; raises InvalidInput (401)."""
    if given is not None:
        with desk.ledger.snapshot() as view:
            found = people.by_key(view, given.credentials)
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


Signed = Annotated[Caller, Depends(caller)]
