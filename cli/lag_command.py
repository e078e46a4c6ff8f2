"""``./run lag``: what waits, how long, and whether it moves. In the terminal, or as JSON for cron."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands import api_of
from cli.options import AsJson, Data, Key, PortBase, person, settings_of
from cli.tables import terminal
from cli.tracing import explain
from schemas.errors import InvalidInput
from schemas.lag import LagSnapshot, Status
from schemas.settings import Settings
from stores.ledger.replacing import is_missing

if TYPE_CHECKING:
    from consumers.lag import LagMonitor

out = terminal()
err = terminal(stderr=True)

LOOKS = 3
"""One call takes this many looks, so that it can tell moving from standing."""

EXIT: dict[Status, int] = {
    "OK": 0,
    "EMPTY": 0,
    "REBALANCING": 1,
    "WARN": 1,
    "REWIND": 1,
    "STALL": 2,
    "STOP": 2,
    "UNKNOWN": 3,
    "NOTFOUND": 3,
}

Bootstrap = Annotated[
    str | None,
    typer.Option(
        "--bootstrap",
        metavar="HOST:PORT",
        help="任何 Kafka ≥ 2.1; 不给则用本机这套 / any Kafka; without it, the stack of this machine",
    ),
]
Asked = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[explain STORY]", help="这篇稿件卡在哪一步 / why this story is not there yet"
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--group", metavar="GROUP", help="只看这个消费组, 可重复 / this group; repeatable"
    ),
]


def lag(
    ask: Asked = None,
    bootstrap: Bootstrap = None,
    group: Only = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="一直看着, Ctrl-C 结束 / keep watching")
    ] = False,
    every: Annotated[
        float, typer.Option("--every", min=0.2, help="每隔几秒看一次 / seconds between looks")
    ] = 1.0,
    deadline: Annotated[
        float,
        typer.Option(
            "--deadline",
            min=0.1,
            help="一条记录最多在手里几秒 (别家的消费组) / how long one record may be in hand",
        ),
    ] = 60.0,
    data: Data = None,
    port_base: PortBase = None,
    who: Annotated[str, typer.Option("--as", help=person("reporter"))] = "reporter",
    key: Key = None,
    json_: AsJson = False,
) -> None:
    """积压 / What each consumer group has not taken yet: records, seconds, whether it moves.

    \b
    ./run lag                                 本机这套, 连同各渠道一句话 / this machine's stack
    ./run lag --watch                         一直看着 / keep watching
    ./run lag explain 7                       7 号稿卡在哪一步 / why story 7 is not there yet
    ./run lag --bootstrap kafka:9092          别处的 Kafka / any cluster, nothing else needed
    ./run lag --bootstrap kafka:9092 --group billing --json

    \b
    积压 lag: 还没提交的条数 / records; "-" 没有数字, 右边写着原因 / no figure, the reason beside it
    已等 waits: 最早一条没处理的记录有多旧 / age of the first record not consumed
    还要 eta: 按净速度多久追上; "-" 没在减少 / at the net rate; "-" does not drain
    状态 / status: OK · EMPTY 没人读也没有积压 · REBALANCING 重新分配 · WARN 积压在涨 ·
      REWIND 退回过 · STALL 有人读但不动 · STOP 没人读 · UNKNOWN 读不到 · NOTFOUND 没有这个组
    它看三次 (间隔 --every) 再下结论; 判 STALL 要看得比 --deadline 久, 用 --watch
      / three looks; to see STALL it has to watch for longer than --deadline

    \b
    退出码 / exit status, by the worst: 0 OK EMPTY · 1 WARN REWIND REBALANCING ·
      2 STALL STOP · 3 UNKNOWN NOTFOUND, 或连不上 / or no broker answers
    """
    import structlog

    if ask:
        if len(ask) != 2 or ask[0] != "explain":
            raise typer.BadParameter("./run lag explain STORY", param_hint="explain STORY")
        with api_of(data, port_base, who, key) as api:
            explain(api, ask[1], json_=json_)
        return
    # the library logs each failed connection; what matters is said in the table
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    settings = settings_of(data, port_base)
    names = frozenset(group) if group else None
    with _monitor(settings, bootstrap, names, every, deadline) as monitor:
        if watch:
            snapshot = _watched(monitor, every, json_=json_)
        else:
            snapshot = _looked(monitor, every)
            _say(snapshot, json_=json_)
    raise typer.Exit(exit_status(snapshot))


def exit_status(snapshot: LagSnapshot) -> int:
    """By the worst group; 3 where nothing could be had."""
    return 3 if snapshot.at_ms is None or snapshot.stale else EXIT[snapshot.status]


@contextmanager
def _monitor(
    settings: Settings,
    bootstrap: str | None,
    names: frozenset[str] | None,
    every: float,
    deadline: float,
) -> Iterator["LagMonitor"]:
    from cli.lag_wiring import monitor_of
    from cli.wiring import open_ledger_of, read_centre, told
    from consumers.lag import LagMonitor
    from consumers.lag_read import Brokers
    from consumers.lag_status import Rules

    if bootstrap is not None:
        rules = Rules(deadline_s=deadline, window_s=max(20 * every, deadline))
        brokers = Brokers(bootstrap, timeout_ms=5000)
        monitor = LagMonitor(
            brokers, cycle_s=every, rules_of=lambda _group, _topic: rules, groups=names
        )
        try:
            yield monitor
        finally:
            monitor.stop()
        return
    try:
        centre = read_centre(settings)
    except InvalidInput as error:
        err.print(told(error.faults), markup=False)
        raise typer.Exit(2) from None
    if is_missing(settings.ledger_url):
        text = f"{settings.data}: 这里没有启动过 / no stack was started here; or pass --bootstrap"
        err.print(text, markup=False)
        raise typer.Exit(3)
    ledger = open_ledger_of(settings)
    monitor = monitor_of(centre, ledger, cycle_s=every, groups=names)
    try:
        yield monitor
    finally:
        monitor.stop()
        ledger.close()


def _looked(monitor: "LagMonitor", every: float) -> LagSnapshot:
    for turn in range(LOOKS):
        snapshot = monitor.once()
        if snapshot.at_ms is None:
            break  # nobody answers: the time-out was the wait
        if turn < LOOKS - 1:
            time.sleep(every)
    return snapshot


def _watched(monitor: "LagMonitor", every: float, *, json_: bool) -> LagSnapshot:
    from rich.live import Live

    from cli.lag_screen import picture

    snapshot = monitor.once()
    try:
        if json_:
            while True:
                _say(snapshot, json_=True)
                time.sleep(every)
                snapshot = monitor.once()
        shown = picture(snapshot, out.height)
        with Live(shown, console=out, auto_refresh=False, screen=False) as live:
            while True:
                time.sleep(every)
                snapshot = monitor.once()
                live.update(picture(snapshot, out.height), refresh=True)
    except KeyboardInterrupt:
        return snapshot


def _say(snapshot: LagSnapshot, *, json_: bool) -> None:
    from pydantic import TypeAdapter

    from cli.lag_screen import picture

    if json_:
        typer.echo(TypeAdapter(LagSnapshot).dump_json(snapshot).decode())
    else:
        out.print(picture(snapshot))
