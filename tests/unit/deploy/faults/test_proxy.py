"""The network does to requests what it was told, and counts it."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from deploy.faults.proxy import Link, Network, Rule


class Outlet(BaseHTTPRequestHandler):
    """Takes what it is sent and keeps it."""

    taken: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append(body)
        answer = b"taken " + body
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_args: object) -> None:
        return


@pytest.fixture
def taken() -> list[bytes]:
    return []


@pytest.fixture
def link(taken: list[bytes]) -> Iterator[tuple[Network, str]]:
    handler = type("Handler", (Outlet,), {"taken": taken})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    network = Network([Link("outlet", port, server.server_address[1], http=True)])
    network.start()
    yield network, f"http://127.0.0.1:{port}/create"
    network.stop()
    server.shutdown()
    server.server_close()
    thread.join()


def post(url: str, body: str, timeout_s: float = 5.0) -> httpx.Response:
    return httpx.post(url, content=body, timeout=timeout_s, trust_env=False)


def test_it_carries_as_it_is(link: tuple[Network, str], taken: list[bytes]) -> None:
    _network, url = link
    assert post(url, "a").text == "taken a"
    assert post(url, "b").text == "taken b"
    assert taken == [b"a", b"b"]


def test_a_lost_answer_was_carried_out(link: tuple[Network, str], taken: list[bytes]) -> None:
    network, url = link
    network.arm("outlet", Rule("lost", 1, path="create"))
    with pytest.raises(httpx.HTTPError):
        post(url, "a")
    assert taken == [b"a"]
    assert post(url, "b").text == "taken b"
    assert network.links["outlet"].struck["lost"] == 1


def test_a_late_request_is_carried_out_after_its_sender_gave_up(
    link: tuple[Network, str], taken: list[bytes]
) -> None:
    network, url = link
    network.arm("outlet", Rule("late", 1, seconds=0.3))
    with pytest.raises(httpx.ReadTimeout):
        post(url, "a", timeout_s=0.1)
    assert taken == []
    end = time.monotonic() + 10
    while not taken and time.monotonic() < end:
        time.sleep(0.02)
    assert taken == [b"a"]


def test_an_error_is_not_carried_out(link: tuple[Network, str], taken: list[bytes]) -> None:
    network, url = link
    network.arm("outlet", Rule("error", 1, status=503))
    assert post(url, "a").status_code == 503
    assert taken == []


def test_a_changed_byte_and_a_torn_answer(link: tuple[Network, str]) -> None:
    network, url = link
    network.arm("outlet", Rule("wrong", 1))
    network.arm("outlet", Rule("short", 1))
    changed = post(url, "abc").content
    assert changed != b"taken abc"
    assert len(changed) == len(b"taken abc")
    with pytest.raises(httpx.RemoteProtocolError):
        post(url, "abc")


def test_a_cut_ends_and_refuses_until_it_heals(link: tuple[Network, str]) -> None:
    network, url = link
    network.set("outlet", "cut")
    with pytest.raises(httpx.HTTPError):
        post(url, "a")
    assert network.links["outlet"].struck["cut"] > 0
    network.heal()
    assert post(url, "b").text == "taken b"


def test_a_rule_strikes_only_what_fits(link: tuple[Network, str]) -> None:
    network, url = link
    network.arm("outlet", Rule("error", 1, path="submit"))
    assert post(url, "a").status_code == 200
    network.heal()
    assert network.links["outlet"].rules == []
