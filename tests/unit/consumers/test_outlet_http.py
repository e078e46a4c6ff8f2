"""What was carried out and what was not: the client against an outlet that misbehaves."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from consumers.outlet_http import (
    MAX_ANSWER_BYTES,
    Answer,
    OutletHttp,
    base_address,
    json_body,
    read_object,
    until_beijing,
)
from schemas.errors import PermanentError, TransientError, UnknownOutcome
from tests.fakes import FakeMedia, attempt

Talk = Callable[[socket.socket, bytes], None]


def reply(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def read_request(connection: socket.socket) -> bytes:
    """One request with its body."""
    seen = b""
    while b"\r\n\r\n" not in seen:
        more = connection.recv(65536)
        if not more:
            return seen
        seen += more
    head, _, body = seen.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def outlet(talk: Talk, *, read: bool = True) -> Iterator[tuple[str, list[bytes]]]:
    """An outlet that does ``talk`` with each connection; yields its address and what it read."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    try:
                        request = read_request(connection) if read else b""
                        seen.append(request)
                        talk(connection, request)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", seen
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def ask(base: str, tmp_path: Path, **arguments: Any) -> Answer:
    arguments.setdefault("content", b"{}")
    arguments.setdefault("timeout_s", 2.0)
    seconds = arguments.pop("seconds", 20.0)
    with OutletHttp(base) as http:
        return http.request(
            "POST", "/x", attempt(FakeMedia(tmp_path), "wechat", seconds=seconds), **arguments
        )


def hang_up(_connection: socket.socket, _request: bytes) -> None:
    return


def test_an_answer_is_read_whole(tmp_path: Path) -> None:
    body = json_body({"标题": "青禾"})
    with outlet(lambda c, _r: c.sendall(reply(body))) as (base, seen):
        answer = ask(base, tmp_path, content=body, params={"a": "一&二"}, creating=True)
    assert read_object(answer) == {"标题": "青禾"}
    assert "标题".encode() in seen[0], "raw UTF-8 on the wire"
    assert seen[0].startswith(b"POST /x?a=%E4%B8%80%26%E4%BA%8C HTTP/1.1")


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        base = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(TransientError, match="not sent"):
        ask(base, tmp_path, creating=True)


def test_an_answer_that_never_came(tmp_path: Path) -> None:
    with outlet(hang_up) as (base, seen):
        with pytest.raises(UnknownOutcome):
            ask(base, tmp_path, creating=True)
        with pytest.raises(TransientError):
            ask(base, tmp_path, creating=False)
    assert len(seen) == 2


def test_a_connection_that_ends_before_the_body_has_left(tmp_path: Path) -> None:
    """The outlet cannot have carried out what it did not get whole."""

    def slam(connection: socket.socket, _request: bytes) -> None:
        connection.recv(1024)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with outlet(slam, read=False) as (base, _), pytest.raises(TransientError, match="not sent"):
        ask(base, tmp_path, content=b"x" * 20_000_000, creating=True)


def test_a_half_answer(tmp_path: Path) -> None:
    cut = reply(b'{"errcode":0}')[:-5]
    with outlet(lambda c, _r: c.sendall(cut)) as (base, _), pytest.raises(UnknownOutcome):
        ask(base, tmp_path, creating=True)


def test_a_slow_answer_ends_by_the_deadline(tmp_path: Path) -> None:
    """Each byte comes within the read timeout of httpx; all of them together do not."""

    def drip(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(40):
            connection.sendall(b" ")
            time.sleep(0.05)

    began = time.monotonic()
    with outlet(drip) as (base, _), pytest.raises(UnknownOutcome):
        ask(base, tmp_path, timeout_s=0.4, creating=True)
    assert time.monotonic() - began < 1.5


def test_a_read_that_begins_late_ends_in_time(tmp_path: Path) -> None:
    def stall(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        time.sleep(0.5)
        connection.sendall(b" ")
        time.sleep(1.0)

    with outlet(stall) as (base, _):
        began = time.monotonic()
        with pytest.raises(UnknownOutcome):
            ask(base, tmp_path, timeout_s=0.6, creating=True)
        assert time.monotonic() - began < 0.9


def test_the_attempts_end_counts_too(tmp_path: Path) -> None:
    with outlet(lambda _c, _r: time.sleep(1)) as (base, seen):
        with pytest.raises(UnknownOutcome):
            ask(base, tmp_path, timeout_s=30, seconds=0.3, creating=True)
        with pytest.raises(TransientError, match="before the request left"):
            ask(base, tmp_path, seconds=0.01, creating=True)
    assert len(seen) == 1, "what is late does not leave"


def test_an_endless_answer_is_cut(tmp_path: Path) -> None:
    def flood(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 99000000\r\n\r\n")
        for _ in range(99):
            connection.sendall(b"x" * 1_000_000)

    with outlet(flood) as (base, _), pytest.raises(TransientError, match=str(MAX_ANSWER_BYTES)):
        ask(base, tmp_path)


def test_redirects_are_not_followed(tmp_path: Path) -> None:
    with outlet(hang_up) as (elsewhere, visited):
        answer = reply(b"", "302 Found", f"location: {elsewhere}/login")
        with outlet(lambda c, _r: c.sendall(answer)) as (base, _):
            found = ask(base, tmp_path, creating=True)
    assert found.status == 302
    assert visited == []
    with pytest.raises(UnknownOutcome):
        read_object(found, creating=True)


@pytest.mark.parametrize(
    ("status", "body", "creating", "error"),
    [
        (200, b"<html>login</html>", False, TransientError),
        (200, b"<html>login</html>", True, UnknownOutcome),
        (200, b'{"a":1', True, UnknownOutcome),
        (200, b"[1]", True, UnknownOutcome),
        (200, b"\xff\xfe", True, UnknownOutcome),
        (502, b"{}", True, UnknownOutcome),
        (502, b"{}", False, TransientError),
        (408, b"", True, UnknownOutcome),
        (429, b"", True, TransientError),
        (404, b"<html>", True, PermanentError),
        (413, b"<html>", False, PermanentError),
    ],
)
def test_what_an_unreadable_answer_means(
    status: int, body: bytes, creating: bool, error: type[Exception]
) -> None:
    with pytest.raises(error):
        read_object(Answer(status, {}, body), creating=creating)


def test_the_outlets_own_time_is_kept() -> None:
    for status in (429, 503):
        with pytest.raises(TransientError) as found:
            read_object(Answer(status, {"retry-after": "17"}, b""))
        assert found.value.retry_after_s == 17


def test_addresses() -> None:
    assert base_address("https://api.example.com/") == "https://api.example.com"
    assert base_address("http://127.0.0.1:9260") == "http://127.0.0.1:9260"
    assert base_address("http://[::1]:80/p/") == "http://[::1]:80/p"
    for bad in (
        "http://api.example.com",
        "https://user:word@example.com",
        "ftp://127.0.0.1",
        "https://example.com/?a=1",
        "example.com",
        "http://127.0.0.1.example.com",
    ):
        with pytest.raises(ValueError, match="/"):
            base_address(bad)


def test_quota_hours_are_beijings() -> None:
    evening = datetime(2026, 11, 24, 15, 59, tzinfo=UTC)  # 23:59 in Beijing
    assert until_beijing(evening) == 60 + 30
    assert until_beijing(evening, (8,)) == 8 * 3600 + 60 + 30
    assert until_beijing(datetime(2026, 11, 24, 16, 0, tzinfo=UTC)) == 86_400 + 30


def test_addresses_with_tokens_stay_out_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), outlet(lambda c, _r: c.sendall(reply(b"{}"))) as (base, _):
        ask(base, tmp_path, params={"access_token": "canary-token"})
    assert "canary-token" not in caplog.text
