"""Answers of the desk's pages: their headers, and what every page is told."""

import secrets
from typing import Any

from starlette.responses import HTMLResponse, RedirectResponse, Response

from desk import pages
from schemas.errors import Fault

# "no-referrer" would make a browser send its own forms with "Origin: null"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def policy(nonce: str = "") -> str:
    """Scripts run only with this answer's nonce; none without one."""
    return "; ".join((
        "default-src 'none'",
        f"script-src 'nonce-{nonce}'" if nonce else "script-src 'none'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ))  # fmt: skip


def html(template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page or a part of one. ``visit`` is who is signed in (``desk.door.Visit``) or None."""
    nonce = secrets.token_urlsafe(16)
    context.setdefault("visit", None)
    made = pages.render(template, nonce=nonce, **context)
    headers = {**HEADERS, "Content-Security-Policy": policy(nonce)}
    return HTMLResponse(made, status, headers=headers)


def go(address: str) -> Response:
    """On to another page of ours, after something was done."""
    headers = {**HEADERS, "Content-Security-Policy": policy()}
    return RedirectResponse(address, 303, headers=headers)


def refusal(status: int, fault: Fault, visit: object = None, *, part: bool = False) -> HTMLResponse:
    """Why not, and what to do now."""
    template = "refused_part.html" if part else "refused.html"
    return html(template, status, visit=visit, fault=fault)
