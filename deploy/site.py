"""The public site of the demo and of a small centre: serves the trees of web and app feed.

A centre with a web server of its own uses ``deploy/nginx/site.conf`` instead. Nothing here knows
what a story is: the tree says by ``gone.json`` which paths are gone (410).
"""

import json
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path

from anyio import to_thread
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from schemas.hashing import sha256

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".vtt": "text/vtt; charset=utf-8",
    ".webp": "image/webp",
    ".xml": "application/xml; charset=utf-8",
}
"""Anything else is offered as bytes, never guessed."""
WHOLE = {".html", ".json", ".m3u8", ".txt", ".vtt", ".xml"}
WHOLE_BYTES = 1024**2
RSS = "application/rss+xml; charset=utf-8"
POLICY = "; ".join((
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "media-src 'self' blob:",  # hls.js plays from blobs, and works in a worker made of one
    "worker-src 'self' blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
))  # fmt: skip
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
SHORT = "public, max-age=30"
"""Pages and feeds: a correction or a withdrawal is seen within half a minute."""
FOREVER = "public, max-age=31536000, immutable"
"""Media and static files: their names hold a hash of their content."""


@dataclass
class _Gone:
    """``gone.json`` of one tree, read again when it changed."""

    path: Path
    stamp: tuple[int, int] = (0, 0)
    paths: frozenset[str] = field(default_factory=frozenset)

    def __contains__(self, name: str) -> bool:
        self._refresh()
        parts = name.split("/")
        folders = {"/".join(parts[:n]) + "/" for n in range(1, len(parts))}
        return name in self.paths or not self.paths.isdisjoint(folders)

    def _refresh(self) -> None:
        try:
            now = self.path.stat()
            if (now.st_mtime_ns, now.st_ino) != self.stamp:
                self.paths = frozenset(json.loads(self.path.read_bytes())["paths"])
                self.stamp = (now.st_mtime_ns, now.st_ino)
        except FileNotFoundError:
            self.paths = frozenset()


@dataclass
class _Tree:
    """One folder with what is needed to answer for it."""

    root: Path
    cross_origin: bool
    """A feed may be read by an app's web view of another origin."""
    files: StaticFiles
    gone: _Gone

    async def answer(self, name: str, request: Request) -> Response:
        if _hidden(name):
            raise HTTPException(404)
        response = await to_thread.run_sync(self._at_once, name, request)
        if response is None:
            response = await self.files.get_response(name, request.scope)
            if response.status_code != 304:
                response.headers["content-type"] = _type_of(name)
        if response.status_code != 410:
            lasting = name.startswith(("m/", "static/"))
            response.headers["cache-control"] = FOREVER if lasting else SHORT
        response.headers.update(HEADERS)
        if self.cross_origin:
            response.headers["access-control-allow-origin"] = "*"
        return response

    def _at_once(self, name: str, request: Request) -> Response | None:
        """What is gone, and pages and feeds as a whole: one turn in a thread, where a file that is
        sent in pieces takes several. None: it is to be sent in pieces, or is not there."""
        if name in self.gone:
            return self._gone_answer(name)
        if Path(name).suffix not in WHOLE:
            return None
        try:
            path, stat = self.files.lookup_path(name)
            if stat is None or stat.st_size > WHOLE_BYTES:
                return None
            body = Path(path).read_bytes()
        except (OSError, ValueError):  # of these the other way makes a 404
            return None
        headers = {
            "etag": f'"{sha256(body)[:32]}"',
            "last-modified": formatdate(stat.st_mtime, usegmt=True),
        }
        if self.files.is_not_modified(Headers(headers), request.headers):
            return Response(status_code=304, headers=headers)
        return Response(body, 200, headers, _type_of(name))

    def _gone_answer(self, name: str) -> Response:
        """410 with the notice that stands in the tree, or a line where there is none."""
        notice = self.root / name
        headers = {"cache-control": SHORT, "x-robots-tag": "noindex"}
        if notice.is_file():
            return Response(notice.read_bytes(), 410, headers, _type_of(name))
        return PlainTextResponse("内容已撤回 / gone\n", 410, headers)


def make_site(root: Path, feed_root: Path | None) -> Starlette:
    """ASGI app: ``root`` at ``/``, ``feed_root`` (the app feed's tree) at ``/feed/``.

    Folders need not exist yet. GET and HEAD only, Range for media; no listing, no hidden file, no
    symbolic link out of the tree; 410 for what the tree says is gone.
    """
    site = _tree(root, cross_origin=False)
    feed = _tree(feed_root, cross_origin=True) if feed_root is not None else None

    async def page(request: Request) -> Response:
        name = request.path_params["name"] or "index.html"
        return await site.answer(name, request)

    async def feed_file(request: Request) -> Response:
        if feed is None:
            raise HTTPException(404)
        return await feed.answer(request.path_params["name"], request)

    async def not_served(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        missing = root / "404.html"
        if status == 404 and not request.url.path.startswith("/feed/") and missing.is_file():
            body = await to_thread.run_sync(missing.read_bytes)
            return Response(body, 404, {**HEADERS, "cache-control": SHORT}, TYPES[".html"])
        return PlainTextResponse(f"{status}\n", status, {**HEADERS, "cache-control": SHORT})

    routes = [
        Route("/feed/{name:path}", feed_file, methods=["GET"]),
        Route("/{name:path}", page, methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: not_served, 404: not_served})


def _tree(root: Path, *, cross_origin: bool) -> _Tree:
    files = StaticFiles(directory=root, check_dir=False)
    return _Tree(root, cross_origin, files, _Gone(root / "gone.json"))


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or "\\" in part or "\0" in part for part in name.split("/"))


def _type_of(name: str) -> str:
    if name == "rss.xml":
        return RSS
    return TYPES.get(Path(name).suffix.lower(), "application/octet-stream")
