"""All platforms in one real process: ports, signals, a kill, lost and late requests."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.deploy.simulators.callers import picture

WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
"""Tests may run beside each other: each worker has ports of its own."""
PORT_BASE = 9200 + 40 * WORKER
WECHAT = f"http://127.0.0.1:{PORT_BASE + 20}"
DOUYIN = f"http://127.0.0.1:{PORT_BASE + 21}"
REPOSITORY = Path(__file__).resolve().parents[4]

DRIVER = """
import sys, types
from pathlib import Path
data = Path(sys.argv[1])
liveness = types.ModuleType("bus.liveness")
liveness.announce_ready = lambda settings: (settings.data / "ready").touch()
liveness.beat = lambda settings: (settings.data / "beat").touch()
sys.modules["bus.liveness"] = liveness
from deploy.simulators.serve import run
from schemas.settings import Settings
run(Settings(data=data, port_base=int(sys.argv[2])))
"""


class Served:
    """The process, which a test may kill and start again."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        (self.data / "ready").unlink(missing_ok=True)
        command = [sys.executable, "-c", DRIVER, str(self.data), str(PORT_BASE)]
        self.process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE)
        wait_for(self.data / "ready", self.process)
        return self.process

    def stop(self, number: signal.Signals) -> tuple[int, bytes]:
        self.process.send_signal(number)
        _out, errors = self.process.communicate(timeout=8)
        return self.process.returncode, errors


def wait_for(file: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 15
    while not file.exists():
        assert process.poll() is None, process.communicate()[1].decode()
        assert time.monotonic() < deadline, f"{file.name} did not come"
        time.sleep(0.02)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "wechat.secret").write_text("wx-secret\n")
    (secrets / "robot.key").write_text("robot-key\n")
    (secrets / "douyin.client_secret").write_text("dy-secret\n")
    tokens = {"access_token": "act.1", "refresh_token": "rft.1", "open_id": "open-1"}
    (secrets / "douyin.tokens.json").write_text(json.dumps(tokens))
    process = Served(tmp_path)
    yield process
    if process.process.poll() is None:
        process.stop(signal.SIGKILL)


def wechat(name: str, body: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
    credentials = {"appid": "wxqinghe00000001", "secret": "wx-secret"}
    token = httpx.post(
        f"{WECHAT}/cgi-bin/stable_token",
        json={"grant_type": "client_credential"} | credentials,
    ).json()["access_token"]
    params = {"access_token": token} | arguments.pop("params", {})
    content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    response = httpx.post(f"{WECHAT}/cgi-bin/{name}", params=params, content=content, **arguments)
    answer: dict[str, Any] = response.json()
    return answer


def draft() -> str:
    files = {"media": ("cover.jpg", picture())}
    cover = wechat("material/add_material", files=files, params={"type": "image"})["media_id"]
    article = {"title": "稻田里的音乐会", "content": "<p>正文</p>", "thumb_media_id": cover}
    return str(wechat("draft/add", {"articles": [article]})["media_id"])


def control(**switches: Any) -> None:
    assert httpx.post(f"{WECHAT}/_sim/control", json=switches).json()["ok"]


def outcomes(path: str) -> list[str]:
    found = httpx.get(f"{WECHAT}/_sim/requests", params={"path": path}).json()["requests"]
    return [line["outcome"] for line in found]


def test_a_kill_loses_nothing_that_was_answered(served: Served) -> None:
    control(publish_delay_s=0)
    kept = draft()
    publish_id = wechat("freepublish/submit", {"media_id": draft()})["publish_id"]
    served.stop(signal.SIGKILL)
    served.start()
    assert wechat("draft/get", {"media_id": kept})["news_item"][0]["title"] == "稻田里的音乐会"
    status = wechat("freepublish/get", {"publish_id": publish_id})
    page = httpx.get(status["article_detail"]["item"][0]["article_url"])
    assert "稻田里的音乐会" in page.text
    assert httpx.get(f"{DOUYIN}/").status_code == 200
    assert served.stop(signal.SIGTERM) == (0, b"")


def test_the_station_answers_beside_the_platforms(served: Served) -> None:
    programme = b"\x06\x0e\x2b\x34" + b"x" * 1000
    folder = served.data / "hotfolders" / "tv"
    wait_for(folder, served.process)
    (folder / "QH1.mxf").write_bytes(programme)
    md5 = hashlib.md5(programme).hexdigest()
    (folder / "QH1.tmp").write_text(
        f"<R><Id>d1</Id><Verb>new</Verb><File><Name>QH1.mxf</Name><Size>{len(programme)}</Size>"
        f"<MD5>{md5}</MD5></File></R>"
    )
    (folder / "QH1.tmp").rename(folder / "QH1.xml")
    answer = served.data / "hotfolders" / "tv-ack" / "QH1.ack.json"
    wait_for(answer, served.process)
    assert json.loads(answer.read_text())["result"] == "ok"
    assert (served.data / "beat").exists()


def test_a_lost_answer_closes_the_connection_without_a_byte(served: Served) -> None:
    media_id = draft()
    control(drop_answer_next={"path": "freepublish/submit"})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        wechat("freepublish/submit", {"media_id": media_id})
    assert wechat("draft/get", {"media_id": media_id})["errcode"] == 40007
    assert outcomes("freepublish/submit") == ["dropped:0"]
    assert served.stop(signal.SIGTERM) == (0, b"")


def test_a_request_held_back_lands_after_its_caller_has_gone(served: Served) -> None:
    media_id = draft()
    control(delay_next={"path": "freepublish/submit", "seconds": 3})
    with pytest.raises(httpx.ReadTimeout):
        wechat("freepublish/submit", {"media_id": media_id}, timeout=0.1)
    assert wechat("draft/get", {"media_id": media_id})["news_item"]
    deadline = time.monotonic() + 20
    while outcomes("freepublish/submit") != ["0"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert wechat("draft/get", {"media_id": media_id})["errcode"] == 40007


def test_a_missing_secret_stops_the_start(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DRIVER, str(tmp_path), str(PORT_BASE)]
    done = subprocess.run(command, check=False, cwd=REPOSITORY, capture_output=True, timeout=15)
    assert done.returncode != 0
    assert b"wechat.secret" in done.stderr
