"""The web process: two servers on loopback, the watched folder, and the lag reader."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from functools import partial

import structlog
import uvicorn
from starlette.responses import Response

from bus import liveness
from bus.offsets import LagReader
from cli.watching import Watching
from cli.wiring import Centre, desk_of, open_ledger_of
from consumers.alarms import Alarms
from consumers.metrics import CONTENT_TYPE, Metrics
from consumers.robot import say
from consumers.story_figures import StoryFigures
from deploy.site import make_site
from desk.app import install_board
from producers.api import make_api
from schemas.lag import NOTHING
from schemas.topics import ADAPT_ORDERS, STORY_EVENTS, TRANSCODE_ORDERS, release_orders
from stores import objects
from stores.ledger.transaction import Ledger
from streams.inspect import inspect
from streams.programs import find_programs

log = structlog.get_logger("web")


class _Server(uvicorn.Server):
    """Leaves the signals to ``serve``: there are two servers in this process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(centre: Centre) -> int:
    """Serve until SIGTERM or SIGINT."""
    settings = centre.settings
    ledger = open_ledger_of(settings)
    programs = find_programs(settings)
    desk = desk_of(
        centre,
        ledger,
        objects.open_objects(settings),
        lambda path, field, name: inspect(path, programs, field=field, file_name=name),
    )
    watched = {STORY_EVENTS: "shoufa-core", ADAPT_ORDERS: "shoufa-core"}
    watched[TRANSCODE_ORDERS] = "shoufa-transcode"
    watched |= {release_orders(c): f"shoufa-publish-{c}" for c in centre.specs}
    lag = LagReader(settings.kafka_bootstrap, watched)
    app = make_api(desk, lag=lag.read)
    metrics = _metrics(centre, ledger)
    install_board(
        app,
        ledger,
        list(centre.specs.values()),
        centre.newsroom,
        late=lambda: metrics.stories.figures.late,
    )
    root = settings.data / "site"
    feed = settings.data / "app"
    app.add_route(
        "/metrics",
        lambda _request: Response(metrics.text(), media_type=CONTENT_TYPE),
        methods=["GET"],
        include_in_schema=False,
    )
    for folder in (root, feed):
        folder.mkdir(parents=True, exist_ok=True)
    servers = [
        _server(app, settings.web_port),
        _server(make_site(root, feed), settings.site_port),
    ]
    watching = Watching(desk, settings.data / "hotfolders" / "in")
    await asyncio.to_thread(watching.attend)
    metrics.start()
    tasks = [asyncio.create_task(server.serve()) for server in servers]
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    while not all(server.started for server in servers):
        if any(task.done() for task in tasks):
            return 1
        await asyncio.sleep(0.02)
    liveness.announce_ready(settings)
    while not stop.is_set():
        liveness.beat(settings)
        await asyncio.to_thread(watching.attend)
        if any(task.done() for task in tasks):
            return 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1.0)
    for server in servers:
        server.should_exit = True
    app.state.board.close()
    await asyncio.wait(tasks, timeout=6)
    watching.stop()
    metrics.close()
    lag.close()
    ledger.close()
    return 0


def _metrics(centre: Centre, ledger: Ledger) -> Metrics:
    """The figures of ``/metrics``, and the alarms that rest on them."""
    robot = centre.newsroom.robot
    alarms = Alarms(ledger, centre.newsroom.centre, None if robot is None else partial(say, robot))
    metrics = Metrics(StoryFigures(ledger, centre.specs.values()), lambda: NOTHING)
    metrics.each = lambda: alarms.turn(metrics.stories.figures, NOTHING)
    return metrics


def _server(app: object, port: int) -> uvicorn.Server:
    return _Server(
        uvicorn.Config(
            app,  # type: ignore[arg-type]  # an ASGI application
            host="127.0.0.1",
            port=port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=3,
            timeout_keep_alive=30,
        )
    )
