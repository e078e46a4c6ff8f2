"""What each process of the stack runs: ``shoufa.py process NAME``, started by the supervisor."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from types import FrameType

import structlog

from bus import liveness
from bus.lease import Keeper, identity, keeper_of
from bus.topics import make_topics
from cli import logs
from cli.backups import Backups
from cli.orphans import Orphans
from cli.wiring import Centre, ensure_administrator, ensure_people, open_ledger_of, read_centre
from schemas.channel import ChannelSpec, Outside
from schemas.errors import InvalidInput, PipelineError, Unavailable
from schemas.settings import Settings
from schemas.topics import STORY_EVENTS
from stores import objects
from stores.ledger import renditions
from stores.ledger.migrate import migrate
from stores.ledger.replacing import is_missing
from stores.ledger.transaction import DAMAGE, Ledger

log = structlog.get_logger("process")

BEAT_S = 1.0
SWITCH_S = 0.0005
"""A thread that comes back from the disk or the network waits so long at most for one that
computes. Python's own 5 ms at each such turn was most of the way from a release to its receipt."""


def run(name: str, settings: Settings, channels: list[str] | None = None) -> int:
    """Run one process until SIGTERM or SIGINT; returns its exit status."""
    logs.configure(settings.process)
    sys.setswitchinterval(SWITCH_S)
    try:
        centre = read_centre(settings)
    except InvalidInput as error:
        log.critical(
            "process.configuration", faults=[f"{f.field}: {f.reason}" for f in error.faults]
        )
        return 2
    DAMAGE.end = _end_of_damage
    mains: dict[str, Callable[[Centre], int]] = {
        "migrate": run_migrate,
        "core": run_core,
        "web": run_web,
        "publish": lambda c: run_publish(c, channels),
        "work": run_work,
        "platforms": run_platforms,
    }
    return mains[name](centre)


def _end_of_damage(told: str) -> None:
    """Nothing that a damaged ledger says can be trusted: end at once, whatever runs."""
    log.critical("ledger.damaged", reason=told)
    sys.stdout.flush()
    os._exit(1)


def run_migrate(centre: Centre) -> int:
    """Ledger tables, people and keys, the S3 bucket: once, before the others start."""
    if lost := _lost_ledger(centre.settings):
        log.critical("migrate.refused", reason=lost)
        return 1
    ledger = open_ledger_of(centre.settings)
    try:
        revision = migrate(ledger, centre.settings.data / "ledger" / "backups")
    except Unavailable as error:
        log.critical("migrate.refused", reason=str(error))
        return 1
    new = ensure_people(centre, ledger)
    administrator = ensure_administrator(centre, ledger)
    mode = objects.probe_when_up(centre.settings)
    log.info("migrate.done", revision=revision, new_keys=new, s3=mode, administrator=administrator)
    ledger.close()
    return 0


def _lost_ledger(settings: Settings) -> str:
    """Why an empty ledger must not be made: the old one is gone, and Kafka has the record of one. It
    would take every story of that record for a forgery."""
    logs_of_events = (settings.data / "kafka").glob(f"**/{STORY_EVENTS}-*/*.log")
    if not is_missing(settings.ledger_url) or not any(f.stat().st_size for f in logs_of_events):
        return ""
    return (
        "账本不见了, 而 Kafka 里有它的记录; 先恢复 ./run restore DIR 或重建 ./run rebuild / "
        "the ledger is gone and Kafka has its record: ./run restore DIR, or ./run rebuild"
    )


def run_core(centre: Centre) -> int:
    """Faust conductor and adapter, the relay, the timer."""
    return asyncio.run(_core(centre))


def _topics(centre: Centre) -> None:
    settings = centre.settings
    brokers = 1 if settings.kafka else settings.kafka_nodes
    make_topics(settings.kafka_bootstrap, centre.topics(), brokers=brokers)


async def _core(centre: Centre) -> int:
    from bus.clock_watch import ClockWatch
    from bus.relay import Relay
    from streams.adapter import Adapter
    from streams.app import make_app
    from streams.conductor import Conductor
    from streams.sweep import Sweep
    from streams.timer import Timer

    settings = centre.settings
    ledger = open_ledger_of(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    keeper = keeper_of(ledger, settings)
    if keeper is not None and (taken := await _stand_by(keeper, "core", settings, stop)):
        ledger = taken
    if stop.is_set():
        ledger.close()
        return 0
    await asyncio.to_thread(_topics, centre)
    watch = ClockWatch(ledger.now_ms)
    conductor = Conductor(ledger, centre.rules(), centre.newsroom, watch.frozen)
    adapter = Adapter(ledger, objects.open_objects(settings), centre.specs, centre.modules)
    app = make_app(settings, ledger, conductor, adapter)
    relay, timer = Relay(ledger, settings), Timer(ledger, Sweep(conductor).once, watch.frozen)
    relay.start()
    timer.start()
    await app.start()
    liveness.announce_ready(settings)
    status = 0
    while not stop.is_set():
        if not (relay.alive and timer.alive) or app.crashed:
            log.error("core.broken", relay=relay.alive, timer=timer.alive, stacks=logs.stacks())
            status = 1
            break
        liveness.beat(settings)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), BEAT_S)
    with suppress(TimeoutError):
        await asyncio.wait_for(app.stop(), 6)
    timer.stop()
    relay.stop()
    if keeper is not None and status == 0:
        keeper.close()
    ledger.close()
    return status


async def _stand_by(
    keeper: Keeper, name: str, settings: Settings, stop: asyncio.Event
) -> Ledger | None:
    """Wait until this host is the owner; None when told to stop first."""
    while not stop.is_set():
        taken = await asyncio.to_thread(keeper.take, name)
        if taken is not None:
            return taken
        liveness.announce_ready(settings)  # standing by is its work now
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), BEAT_S)
    return None


def run_publish(centre: Centre, channels: list[str] | None) -> int:
    """A thread for each channel. Before it starts, the supervisor has reaped its predecessor; on
    another host it may be alive, so each account is taken by its lease, and stood by for."""
    from bus.clock_watch import ClockWatch
    from consumers.publish import Publisher

    settings = centre.settings
    ledger = open_ledger_of(settings)
    store = objects.open_objects(settings)
    _topics(centre)
    wanted = [s for s in centre.specs.values() if channels is None or s.id in channels]
    keeper = keeper_of(ledger, settings)
    publishers: list[Publisher] = []

    def start(spec: ChannelSpec, own: Ledger) -> None:
        state = settings.data / "accounts" / spec.id
        state.mkdir(parents=True, exist_ok=True)
        state.chmod(0o700)
        outside = Outside(
            state_dir=state,
            log=structlog.get_logger("channel").bind(channel=spec.id),
            now=lambda: datetime.now(UTC),
        )
        # what was under way when the clock jumped is over after this, whatever the clock says
        watch = ClockWatch(own.now_ms, hold_s=spec.call_deadline_s + spec.settle_s)
        module = centre.modules[spec.module]
        publisher = Publisher(settings, own, store, spec, module, outside, watch.frozen)
        publisher.start()
        publishers.append(publisher)

    def take_up() -> None:
        for spec in list(wanted):
            own = ledger
            if keeper is not None:
                taken = keeper.take(f"publish/{spec.id}", wait_s=spec.call_deadline_s)
                if taken is None:
                    continue
                own = taken
            wanted.remove(spec)
            start(spec, own)

    take_up()

    def alive() -> bool:
        take_up()
        broken = [p.spec.id for p in publishers if not p.alive]
        if broken:
            log.error("publish.broken", channels=broken)
        return not broken

    def stop() -> None:
        for publisher in publishers:
            publisher.ask_to_stop()
        for publisher in publishers:
            publisher.stop()
        if keeper is not None and all(publisher.ended for publisher in publishers):
            keeper.close()
        ledger.close()

    return _until_told(settings, alive, stop)


def run_work(centre: Centre) -> int:
    """The transcode pool, one ffmpeg at a time; the ledger's copies; what nothing in S3 names."""
    from streams.programs import find_programs
    from streams.worker import TranscodeWorker

    settings = centre.settings
    ledger = open_ledger_of(settings)
    programs = find_programs(settings)
    _topics(centre)
    # the rows it takes and its place in the consumer group are this host's
    mine = f"{settings.process}-{identity(settings)}" if ledger.shared else settings.process
    keeper = keeper_of(ledger, settings)
    if keeper is not None:
        ledger = keeper.take(mine) or _away(mine)
    own = settings.model_copy(update={"process": mine})
    store = objects.open_objects(settings)
    worker = TranscodeWorker(own, ledger, store, programs, centre.newsroom.centre)
    copies, unnamed = Backups(own, ledger), Orphans(ledger, store)
    worker.start()
    copies.start()
    unnamed.start()

    def alive() -> bool:
        if keeper is not None:
            _give_back_of_the_dead(ledger, keeper)
        return worker.alive

    def stop() -> None:
        unnamed.stop()
        copies.stop()
        worker.stop()
        if keeper is not None:
            keeper.close()
        ledger.close()

    return _until_told(settings, alive, stop)


def _away(name: str) -> Ledger:
    raise Unavailable("ledger", f"{name}: no lease now; tried again at the next start")


def _give_back_of_the_dead(ledger: Ledger, keeper: Keeper) -> None:
    """What workers of hosts that are gone had claimed is anybody's again."""
    try:
        with ledger.snapshot() as view:
            owners = renditions.owners_at_work(view)
        for owner in keeper.dead(owners) if owners else ():
            with ledger.transaction() as tx:
                rows = renditions.release_owned(tx, owner, ledger.now_ms())
            log.warning("work.given_back", of=owner, renditions=rows)
    except PipelineError as error:
        log.warning("work.waiting", error=str(error))


def run_web(centre: Centre) -> int:
    """The API, the board, the public site and the watched folder."""
    import uvloop

    from cli.web import serve

    status: int = uvloop.run(serve(centre))
    return status


def run_platforms(centre: Centre) -> int:
    """The simulators of the outside platforms."""
    from deploy.simulators import serve

    serve.run(centre.settings)
    return 0


def _until_told(settings: Settings, alive: Callable[[], bool], stop: Callable[[], None]) -> int:
    """Beat while everything lives; end on SIGTERM, SIGINT or when a part is dead."""
    told = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        told.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    liveness.announce_ready(settings)
    status = 0
    while not told.wait(BEAT_S):
        if not alive():
            status = 1
            break
        liveness.beat(settings)
    if status:
        log.error("process.stuck", stacks=logs.stacks())
        # a stuck thread cannot be joined; the supervisor starts a clean process
        sys.stdout.flush()
        return status
    stop()
    return status
