"""Commands for the worst days: rebuild the ledger, restore a backup. The stack is down meanwhile."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from cli.options import AsJson, Data, PortBase, settings_of
from cli.recovery import Recovered
from cli.tables import terminal
from cli.wiring import Centre, as_json, open_ledger_of, read_centre, told
from deploy import supervise
from deploy.leftovers import kill_leftovers, take_lock
from schemas.errors import Fault, InvalidInput, PermanentError, PipelineError, Unavailable
from schemas.settings import REPOSITORY, Settings
from stores.ledger.replacing import is_missing

out = terminal()
err = terminal(stderr=True)

NOT_DONE = "没有做成, 账本未改动 / not done; the ledger is as it was"
NO_BACKUP = "没有备份完 / the backup is not complete"

At = Annotated[
    str, typer.Option("--at", help="哪一份备份, 默认最新 / which backup; default: the newest")
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="只看会怎样, 不改 / say what would come out, change nothing"),
]
Hold = Annotated[
    bool,
    typer.Option(
        "--hold", help="没发完的稿件先暂缓, 逐篇核对后恢复 / hold all stories that are not out"
    ),
]


def rebuild(
    dry_run: DryRun = False,
    hold: Hold = False,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """重建账本 / Make a new ledger from the topics; nothing is published by it.

    For a ledger that is lost and has no backup. The stack must be down; Kafka alone is started for
    it. The present ledger is kept aside. Deliveries without a receipt become unknown: the outlet is
    asked before anything is sent.
    """
    settings = settings_of(data, port_base)
    flags = ["--dry-run"] * dry_run + ["--hold"] * hold + ["--json"] * json_
    raise typer.Exit(with_servers(settings, ["rebuild-now", *flags], {"kafka"}, quiet=json_))


def restore(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FROM", help="备份目录或 s3://桶/前缀 / folder or s3://BUCKET/PREFIX"
        ),
    ],
    at: At = "",
    without_kafka: Annotated[
        bool,
        typer.Option(
            "--without-kafka",
            help="Kafka 也没了: 只用备份, 没发完的先暂缓 / Kafka is lost too: implies --hold",
        ),
    ] = False,
    dry_run: DryRun = False,
    hold: Hold = False,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """恢复备份 / Put the ledger of a backup in place, with all that was written since.

    The stack must be down; Kafka alone is started for it, for what came after the backup, and the
    S3 server where the backup lies there. The present ledger is kept aside. Deliveries without a
    receipt become unknown: the outlet is asked before anything is sent.
    """
    settings = settings_of(data, port_base)
    flags = ["--dry-run"] * dry_run + ["--hold"] * hold + ["--json"] * json_
    where = source if source.startswith("s3://") else str(Path(source).resolve())
    servers = set() if without_kafka else {"kafka"}
    if where.startswith("s3://") and not settings.backup_s3:
        servers.add("s3")
    if servers:
        flags += ["--without-kafka"] * without_kafka
        command = ["restore-now", where, "--at", at, *flags]
        raise typer.Exit(with_servers(settings, command, servers, quiet=json_))
    try:
        hold_data_folder(settings)
    except Unavailable as error:
        err.print(error.reason, markup=False)
        raise typer.Exit(1) from None
    raise typer.Exit(_restore(settings, where, at, dry_run, hold, json_, kafka=False))


def restore_now(
    source: str,
    at: At = "",
    without_kafka: Annotated[bool, typer.Option("--without-kafka")] = False,
    dry_run: DryRun = False,
    hold: Hold = False,
    json_: AsJson = False,
) -> None:
    """What ``restore`` does once its servers are up; the supervisor starts it."""
    settings = settings_of(None, None)
    kafka = not without_kafka
    raise typer.Exit(_restore(settings, source, at, dry_run, hold, json_, kafka=kafka))


def _restore(
    settings: Settings, source: str, at: str, dry_run: bool, hold: bool, json_: bool, *, kafka: bool
) -> int:
    from cli import recovery

    return spoken(
        settings,
        lambda centre: recovery.restore(
            centre, say, source=source, at=at, kafka=kafka, dry_run=dry_run, hold=hold
        ),
        json_=json_,
    )


def backup(
    to: Annotated[
        str | None,
        typer.Argument(help="目录或 s3://桶/前缀; 默认按设置 / folder or s3://BUCKET/PREFIX"),
    ] = None,
    events_only: Annotated[
        bool, typer.Option("--events-only", help="只补新记录 / only what came since the last copy")
    ] = False,
    with_objects: Annotated[
        bool,
        typer.Option("--with-objects", help="连同素材, 只补缺的 / the objects too, missing ones"),
    ] = False,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """备份账本 / Copy the ledger while it runs, and what was written since; the stack may be up."""
    from cli.backups import back_up, copy_objects

    settings = settings_of(data, port_base)
    if is_missing(settings.ledger_url):
        told = f"{settings.data} 里没有账本 / there is no ledger in it"
        fault = Fault("no_ledger", "data", told, "用 --data 指明 / name the folder by --data")
        raise typer.Exit(_refused((fault,), NO_BACKUP, json_=json_))
    where = settings.backup_place if to is None else to
    if not where.startswith("s3://"):
        where = str(Path(where).resolve())
    try:
        ledger = open_ledger_of(settings)
        result = back_up(settings, ledger, where, events_only=events_only)
        if with_objects:
            err.print("复制素材 / copies the objects that are missing there …")
            result["objects"] = copy_objects(settings, where)
        ledger.close()
    except PermanentError as error:
        raise typer.Exit(_refused(error.faults, NO_BACKUP, json_=json_)) from None
    except (PipelineError, OSError) as error:
        fault = Fault(
            "failed", "backup", str(error), "看它是否可达, 再试 / see whether it is there"
        )
        raise typer.Exit(_refused((fault,), NO_BACKUP, json_=json_)) from None
    if json_:
        out.print_json(as_json(result))
        return
    out.print(f"备份 / backup: {where}/{result['name']}", markup=False)
    for name in result["files"]:
        out.print(f"  {name}", markup=False)
    if not result["made"]:
        out.print("  上次之后没有新记录 / nothing was written since it was made")
    if with_objects:
        out.print(
            f"  素材 / objects: +{result['objects']}, {where.rstrip('/')}-objects", markup=False
        )


def rebuild_now(dry_run: DryRun = False, hold: Hold = False, json_: AsJson = False) -> None:
    """What ``rebuild`` does once Kafka is up; the supervisor starts it."""
    from cli import recovery

    settings = settings_of(None, None)
    raise typer.Exit(
        spoken(
            settings,
            lambda centre: recovery.rebuild(centre, say, dry_run=dry_run, hold=hold),
            json_=json_,
        )
    )


def with_servers(settings: Settings, command: list[str], servers: set[str], *, quiet: bool) -> int:
    """Run a command of ours while nothing of the stack runs but these; returns its exit status.

    The lock of the data folder is held meanwhile: no stack can start. Another stack's lock: 1.
    """
    argv = [sys.executable, str(REPOSITORY / "shoufa.py"), *command]
    if not quiet:
        names = " + ".join(sorted(servers))
        err.print(f"只启动 / starts for this: {names}; 其余不运行 / nothing else runs")
    return supervise.run(
        settings,
        simulators=False,
        quiet=quiet,
        foreground=argv,
        stop_when_done=True,
        shown=[],
        servers=frozenset(servers),
    )


def hold_data_folder(settings: Settings) -> None:
    """Keep every stack off the data folder until this process ends; raises Unavailable."""
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    if take_lock(settings.run_dir) is None:
        raise Unavailable(
            "stack",
            f"这个数据目录正在运行, 先停止 (Ctrl-C) / a stack runs on {settings.data}: stop it first",
        )
    kill_leftovers(settings.data)


def spoken(settings: Settings, act: Callable[[Centre], Recovered], *, json_: bool) -> int:
    """Do it and say what came out; faults in plain words and status 1 (2: the configuration)."""
    try:
        centre = read_centre(settings)
    except InvalidInput as error:
        err.print("[bold red]配置有误 / the configuration has faults:[/]")
        err.print(told(error.faults), markup=False)
        return 2
    try:
        result = act(centre)
    except PermanentError as error:
        return _refused(error.faults, json_=json_)
    except PipelineError as error:
        return _refused((Fault("failed", "recovery", str(error)),), json_=json_)
    if json_:
        out.print_json(as_json(result.as_dict()))
    else:
        show(result)
    return 0


def _refused(faults: tuple[Fault, ...], head: str = NOT_DONE, *, json_: bool) -> int:
    if json_:
        out.print_json(as_json({"faults": [vars(fault) for fault in faults]}))
    err.print(f"[bold red]{head}:[/]")
    err.print(told(faults), markup=False)
    return 1


def say(line: str) -> None:
    """Progress goes to stderr: stdout is the result's."""
    err.print(line, markup=False)


def show(result: Recovered) -> None:
    """The result for the operator."""
    table = Table("状态 / state", "发布 / deliveries")
    for state, count in sorted(result.deliveries.items()):
        table.add_row(state, str(count))
    out.print(table)
    counts = result.rows
    out.print(
        f"稿件 {counts.get('stories', 0)} · 版本 {counts.get('versions', 0)} · 签字 "
        f"{counts.get('signatures', 0)} · 记录 {result.records} / stories, versions, sign-offs, records"
    )
    out.print(f"先问渠道再发 {result.asked} · 暂缓 {result.held} / asked first, held")
    if result.untold:
        out.print(
            f"[bold red]{len(result.untold)} 篇只有文本, 无法重建[/]: 由早期版本写入, 请恢复备份 / stories "
            "of an early build have their text alone and are not in the new ledger: restore a backup"
        )
        out.print("  " + ", ".join(result.untold[:20]), markup=False)
    for line in result.strange[:20]:
        out.print(f"  不是账本写的, 未采用 / not the ledger's, left out: {line}", markup=False)
    if result.dry_run:
        out.print("只是试算, 没有改动 / a dry run: nothing was changed")
        return
    if result.kept:
        out.print(f"原账本留存于 / the former ledger is kept: {result.kept}", markup=False)
    out.print("下一步 / next: ./run up", markup=False)
