"""The web process: two servers on loopback, the watched folder, the lag monitor, the figures."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from functools import partial

import structlog
import uvicorn
from starlette.requests import Request
from starlette.responses import Response

from bus import liveness
from cli.desk_acts import acts_of
from cli.lag_wiring import monitor_of
from cli.telling import Telling
from cli.watching import Watching
from cli.wiring import Centre, desk_of, open_ledger_of
from cli.writing import writing_of
from consumers.lag import behind
from consumers.lag_newsroom import groups_of
from consumers.lag_read import Brokers
from consumers.metrics import Metrics
from consumers.story_figures import StoryFigures
from consumers.traces import TraceExporter
from deploy.site import make_site
from desk.app import install_board
from desk.ways_pages import WaysPages
from producers.api import make_api
from producers.tus_uploads import Uploads, sweep
from schemas.errors import PipelineError
from schemas.lag import Latest
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
        lambda path, field, name: inspect(path, programs, field=field, file_name=name, listen=True),
    )
    watched = groups_of(list(centre.specs.values()))
    now = Brokers(settings.kafka_bootstrap, timeout_ms=2000)
    lag = monitor_of(centre, ledger)
    app = make_api(desk, lag=lambda: behind(now, watched), latest=lag.latest)
    traces = TraceExporter(ledger, settings.otlp) if settings.otlp else None
    telling = Telling(ledger, settings, centre.newsroom)
    metrics = _metrics(centre, ledger, lag.latest, telling)
    door = install_board(
        app,
        ledger,
        list(centre.specs.values()),
        centre.newsroom,
        lag=lag.latest,
        late=lambda: metrics.stories.figures.late,
        acts=acts_of(desk),
    )
    WaysPages(door, centre.specs, desk.store, writing_of(centre, desk)).install()
    root = settings.data / "site"
    feed = settings.data / "app"
    app.add_route(
        "/metrics",
        partial(scrape, metrics),
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
    lag.start()
    metrics.start()
    if traces is not None:
        traces.start()
    tasks = [asyncio.create_task(server.serve()) for server in servers]
    sweeping = asyncio.create_task(_sweep_uploads(app.state.uploads))
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
    sweeping.cancel()
    app.state.board.close()
    await asyncio.wait(tasks, timeout=6)
    app.state.uploads.close()
    watching.stop()
    metrics.close()
    telling.close()
    if traces is not None:
        traces.close()
    lag.stop()
    now.close()
    ledger.close()
    return 0


async def scrape(metrics: Metrics, request: Request) -> Response:
    """``GET /metrics``: made beforehand, so in the server's own thread."""
    body, headers = metrics.answer(request.headers.get("accept-encoding", ""))
    return Response(body, headers=headers)


async def _sweep_uploads(held: Uploads) -> None:
    """End uploads that nobody goes on with; this process has their spool."""
    while True:
        try:
            gone = await asyncio.to_thread(sweep, held)
            if gone:
                log.info("uploads.expired", uploads=gone)
        except PipelineError as error:
            log.warning("uploads.not_swept", error=str(error))
        await asyncio.sleep(60)


def _metrics(centre: Centre, ledger: Ledger, latest: Latest, telling: Telling) -> Metrics:
    """The figures of ``/metrics``, and the alarms that rest on them."""
    stories = StoryFigures(ledger, centre.specs.values())
    every_s = centre.settings.probe_every_s
    metrics = Metrics(stories, latest, probe_every_s=every_s)
    metrics.each = lambda: telling.turn(
        stories.figures,
        latest(),
        probe_silent_s=stories.probe_silent_s() if every_s else 0.0,
    )
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
