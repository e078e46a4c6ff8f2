"""A gateway in front of a simulated platform that spoils single answers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

LOGIN = "<!doctype html><html><title>登录</title><body>请先登录网络</body></html>".encode()


@dataclass(frozen=True)
class Bad:
    """An answer that no platform documents."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    location: str = ""


BAD = {
    "no json": Bad(b"OK", content_type="text/plain"),
    "empty": Bad(b""),
    "half json": Bad(b'{"errcode":0,"publish_id":"12'),
    "html with 200": Bad(LOGIN, content_type="text/html"),
    "a list": Bad(b"[]"),
    "another object": Bad(b'{"ok":true,"message":"success"}'),
    "5 MB": Bad(b'{"errcode":0,"pad":"' + b"x" * (5 * 1024 * 1024) + b'"}'),
    "redirect": Bad(b"", status=302, location="/elsewhere"),
    "bad gateway": Bad(LOGIN, status=502, content_type="text/html"),
}


@dataclass
class Gateway:
    """``spoil`` says what becomes of the next request whose path holds ``path``."""

    target: str
    base: str = ""
    path: str = ""
    bad: Bad | None = None
    carried_out: bool = False
    spoiled: int = 0
    elsewhere: list[str] = field(default_factory=list)
    """Requests that followed a redirect."""

    def spoil(self, path: str, bad: Bad, *, carried_out: bool) -> None:
        self.path, self.bad, self.carried_out, self.spoiled = path, bad, carried_out, 0

    def takes(self, path: str) -> Bad | None:
        if self.bad is None or self.path not in path:
            return None
        bad, self.bad = self.bad, None
        self.spoiled += 1
        return bad


@contextmanager
def gateway(target: str) -> Iterator[Gateway]:
    """Yields the gateway to ``target``, listening on a loopback port of its own."""
    made = Gateway(target)
    client = httpx.Client(base_url=target, trust_env=False, verify=False)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.path.startswith("/elsewhere"):
                made.elsewhere.append(self.path)
            bad = made.takes(self.path)
            if bad is None or made.carried_out:
                kept = {
                    k: v
                    for k, v in self.headers.items()
                    if k.lower() not in {"host", "content-length", "connection"}
                }
                found = client.request(self.command, self.path, headers=kept, content=body)
                status, kind, data = found.status_code, found.headers["content-type"], found.content
            if bad is not None:
                status, kind, data = bad.status, bad.content_type, bad.body
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(data)))
            if bad is not None and bad.location:
                self.send_header("location", made.base + bad.location)
            self.end_headers()
            try:
                self.wfile.write(data)
            except OSError:
                self.close_connection = True  # the client had read enough

        do_GET = do_POST = _answer  # noqa: N815  # names of the library

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        made.base = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join(5)
            client.close()
