"""shoufa (首发): the command line. ``./run help`` lists the commands."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import commands, enter, hands, lag_command, preview, recover_commands, tracing
from cli.options import AsJson, Data, Nodes, PortBase, settings_of

app = typer.Typer(
    name="./run",
    help="首发: 一稿到所有渠道, 新媒体首发, 有据可查 / "
    "one story to every outlet, new media first, with evidence.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

STACK = "运行 / Stack"
STORIES = "稿件 / Stories"
BUILD = "开发 / Development"


@app.command(rich_help_panel=STACK)
def up(
    data: Data = None,
    port_base: PortBase = None,
    simulators: Annotated[
        bool | None,
        typer.Option(help="模拟外部平台; 默认: 用自带渠道文件时 / simulate the outside platforms"),
    ] = None,
    nodes: Nodes = None,
    only: Annotated[
        str | None,
        typer.Option(help="只起这些进程, 逗号分隔 / only these processes, on a further host"),
    ] = None,
) -> None:
    """启动整套系统 / Start Kafka, S3, ledger, workers, API and board; Ctrl-C stops all."""
    from cli.stack import start

    raise typer.Exit(
        start(
            settings_of(data, port_base, nodes),
            simulators=simulators,
            only=only.split(",") if only else None,
        )
    )


@app.command(rich_help_panel=STACK)
def demo(
    data: Data = None,
    port_base: PortBase = None,
    once: Annotated[bool, typer.Option("--once", help="做完就结束 / end by itself")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="结果写入此文件 / write the result here")
    ] = None,
    nodes: Nodes = None,
) -> None:
    """演示: 青禾县的一天 / The whole job on an invented county, then look at everything."""
    from cli.stack import start_demo

    raise typer.Exit(
        start_demo(settings_of(data, port_base, nodes), once=once, json_file=json_file)
    )


@app.command(rich_help_panel=STACK)
def ps(data: Data = None, port_base: PortBase = None, json_: AsJson = False) -> None:
    """进程状态 / Each process with state, memory and restarts."""
    from cli.stack import show_processes

    raise typer.Exit(show_processes(settings_of(data, port_base), json_=json_))


@app.command(rich_help_panel=STACK)
def check(data: Data = None, port_base: PortBase = None) -> None:
    """检查配置 / Check the channels file and the newsroom file; all faults at once."""
    from cli.stack import check_files

    raise typer.Exit(check_files(settings_of(data, port_base)))


app.command(rich_help_panel=STACK)(lag_command.lag)
app.command(rich_help_panel=STACK)(enter.enter)

for _command in (
    commands.submit,
    commands.copies,
    preview.preview,
    commands.sign,
    commands.status,
    commands.deliveries,
    tracing.trace,
    commands.correct,
    commands.withdraw,
    commands.hold,
    commands.resume,
    commands.open_wave,
):
    app.command(rich_help_panel=STORIES)(_command)
hands.install(app, STORIES, STACK)


app.command(rich_help_panel=STACK)(recover_commands.backup)
app.command(rich_help_panel=STACK)(recover_commands.restore)
app.command(rich_help_panel=STACK)(recover_commands.rebuild)
app.command("restore-now", hidden=True)(recover_commands.restore_now)
app.command("rebuild-now", hidden=True)(recover_commands.rebuild_now)


@app.command("test", rich_help_panel=BUILD, context_settings={"ignore_unknown_options": True})
def run_the_tests(
    fast: Annotated[
        bool, typer.Option("--fast", help="只跑快的 / without Kafka, S3, ffmpeg; under a minute")
    ] = False,
    selection: Annotated[
        list[str] | None, typer.Argument(help="pytest 的参数 / passed on to pytest")
    ] = None,
) -> None:
    """全部测试 / Run the tests."""
    from cli.development import run_tests

    raise typer.Exit(run_tests(fast=fast, selection=selection or []))


@app.command(rich_help_panel=BUILD)
def lint() -> None:
    """静态检查 / ruff, mypy strict, import-linter."""
    from cli.development import run_lint

    raise typer.Exit(run_lint())


@app.command(rich_help_panel=BUILD)
def bench(
    name: Annotated[str | None, typer.Argument(help="哪一项; 不给则列出 / which one")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.5, help="load 测多久, 默认 10 / how long load runs")
    ] = None,
    json_: AsJson = False,
) -> None:
    """测速 / Measure against the floor in the same run."""
    from cli.development import run_bench

    raise typer.Exit(run_bench(name, json_=json_, minutes=minutes))


@app.command(rich_help_panel=BUILD)
def faults(
    minutes: Annotated[float, typer.Option(help="故障持续多久 / how long faults strike")] = 6,
    stories: Annotated[int, typer.Option(help="提交多少篇 / stories filed meanwhile")] = 200,
    seed: Annotated[
        int, typer.Option(help="同一个种子, 同一张故障表 / decides which and when")
    ] = 1,
    nodes: Nodes = None,
    kinds: Annotated[
        str | None, typer.Option(help="只要这几种, 逗号分开 / only these kinds, by comma")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="放在哪里: 空的, 或上次留下的 / folder: empty, or an earlier run"),
    ] = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """故障试验 / The real stack under a schedule of faults, then judged from outside."""
    from cli.faults import run_faults

    raise typer.Exit(
        run_faults(
            data=data,
            port_base=port_base or 7600,
            seed=seed,
            stories=stories,
            minutes=minutes,
            nodes=nodes or 1,
            kinds=kinds.split(",") if kinds else None,
            json_=json_,
        )
    )


@app.command(rich_help_panel=BUILD)
def schemas(
    out: Annotated[Path, typer.Option(help="写到哪里 / folder to write to")] = Path("docs/schemas"),
) -> None:
    """导出契约 / Write the JSON Schemas, the AsyncAPI and the OpenAPI document."""
    from cli.contracts import export

    raise typer.Exit(export(out))


@app.command(hidden=True)
def process(
    name: str,
    data: Data = None,
    port_base: PortBase = None,
    channels: Annotated[str | None, typer.Option(help="only these, by comma")] = None,
) -> None:
    """One process of the stack; the supervisor starts it."""
    from cli.processes import run

    settings = settings_of(data, port_base).model_copy(
        update={"process": os.environ.get("SHOUFA_PROCESS", name)}
    )
    raise typer.Exit(run(name, settings, channels.split(",") if channels else None))


@app.command(hidden=True)
def guide(json_file: Annotated[Path | None, typer.Option("--json")] = None) -> None:
    """The demo's guided run on a stack that is up; ``demo`` starts it."""
    from cli.demo import run

    raise typer.Exit(run(settings_of(None, None), json_file=json_file))


@app.command("help", hidden=True)
def help_(context: typer.Context) -> None:
    """Show the commands."""
    parent = context.parent
    typer.echo(parent.get_help() if parent is not None else "")


def main() -> None:
    """Entry point of ``./run``. Refuses a build that is broken on purpose: those are the tests'.

    SIGPIPE stays ignored, as Python has it: a neighbour that closes a connection must not be the
    end of a process that writes to it. A closed terminal ends a command as click does it.
    """
    if os.environ.get("SHOUFA_BROKEN"):
        sys.stderr.write(
            "SHOUFA_BROKEN 只供测试使用, 不启动 / is for the tests alone: nothing is started\n"
            "  unset SHOUFA_BROKEN\n"
        )
        raise SystemExit(2)
    arguments = sys.argv[1:]
    app(args=arguments or ["--help"], prog_name="./run")


if __name__ == "__main__":
    main()
