"""Run the outside platforms in one process: WeChat, Douyin, a chat robot, the station, the page desk.

They listen on loopback only and keep their state below ``data/platforms``. Nothing of the product
reads that folder, and a platform never reads the product's ledger.
"""

import asyncio
import contextlib
import json
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from deploy.simulators import douyin, wechat, wecom_robot
from deploy.simulators.douyin_account import Tokens
from deploy.simulators.probe import find_ffprobe, mp4_probe
from deploy.simulators.station import Station, watch
from schemas.settings import Settings

APP_ID = "wxqinghe00000001"
CLIENT_KEY = "awqinghe00000001"
BEAT_S = 1.0


class _Listener(uvicorn.Server):
    """A server that leaves the signals to ``run``: there are three in this process."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Secrets are files below ``settings.secrets_dir``: ``wechat.secret``, ``robot.key``,
    ``douyin.client_secret`` (text) and ``douyin.tokens.json`` (access_token, refresh_token, open_id). Raises
    FileNotFoundError when one is missing.
    """
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    listeners = [
        _listener(wechat_app(settings), settings.wechat_port),
        _listener(douyin_app(settings), settings.douyin_port),
        _listener(robot_app(settings), settings.robot_port),
    ]
    stop = threading.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, listeners, stop)
    desks = asyncio.to_thread(watch, station(settings), stop)
    beat = asyncio.create_task(_tell_liveness(settings, listeners))
    try:
        async with asyncio.TaskGroup() as parts:
            for part in (desks, *(one.serve() for one in listeners)):
                parts.create_task(part)
    finally:
        _stop(listeners, stop)
        beat.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beat


def wechat_app(settings: Settings) -> ASGIApp:
    """WeChat with the centre's account."""
    secret = _secret(settings, "wechat.secret")
    return wechat.create_app(_state(settings, "wechat"), app_id=APP_ID, secret=secret)


def douyin_app(settings: Settings) -> ASGIApp:
    """Douyin with the centre's account, whose person has authorised the application."""
    tokens = json.loads(_secret(settings, "douyin.tokens.json"))
    return douyin.create_app(
        _state(settings, "douyin"),
        client_key=CLIENT_KEY,
        client_secret=_secret(settings, "douyin.client_secret"),
        tokens=Tokens(tokens["access_token"], tokens["refresh_token"], tokens["open_id"]),
        probe=mp4_probe(find_ffprobe(settings.ffprobe)),
    )


def robot_app(settings: Settings) -> ASGIApp:
    """The robot of the newsroom's chat group."""
    return wecom_robot.create_app(_state(settings, "robot"), key=_secret(settings, "robot.key"))


def station(settings: Settings) -> Station:
    """The TV station's and the page desk's folders."""
    folders = settings.data / "hotfolders"
    return Station(
        _state(settings, "station"),
        tv=folders / "tv",
        tv_ack=folders / "tv-ack",
        newspaper=folders / "newspaper",
        newspaper_ack=folders / "newspaper-ack",
    )


def _state(settings: Settings, name: str) -> Path:
    return settings.data / "platforms" / name


def _secret(settings: Settings, name: str) -> str:
    return (settings.secrets_dir / name).read_text("utf-8").strip()


def _listener(app: ASGIApp, port: int) -> _Listener:
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        http="h11",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    return _Listener(config)


def _stop(listeners: list[_Listener], stop: threading.Event) -> None:
    stop.set()
    for one in listeners:
        one.should_exit = True


async def _tell_liveness(settings: Settings, listeners: list[_Listener]) -> None:
    from bus.liveness import announce_ready, beat

    for one in listeners:
        await one.listening.wait()
    announce_ready(settings)
    while True:
        beat(settings)
        await asyncio.sleep(BEAT_S)
