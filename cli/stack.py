"""Starting the stack, and looking at its processes."""

import sys
from collections.abc import Callable
from pathlib import Path

from rich.table import Table

from cli.tables import clock_day, terminal
from cli.wiring import as_json, read_centre, told
from deploy import supervise
from schemas.errors import InvalidInput
from schemas.settings import REPOSITORY, Settings

out = terminal()
err = terminal(stderr=True)

SHIPPED = REPOSITORY / "deploy" / "channels.toml"


def start(settings: Settings, *, simulators: bool | None, only: list[str] | None = None) -> int:
    """``./run up``: in the foreground until Ctrl-C."""
    return _checked(
        settings,
        lambda: supervise.run(settings, simulators=_simulated(settings, simulators), only=only),
    )


def start_demo(settings: Settings, *, once: bool, json_file: Path | None) -> int:
    """``./run demo``: the stack, and on it the guided run."""
    guide = [sys.executable, str(REPOSITORY / "shoufa.py"), "guide"]
    if json_file is not None:
        guide += ["--json", str(json_file.resolve())]
    return _checked(
        settings,
        lambda: supervise.run(settings, simulators=True, foreground=guide, stop_when_done=once),
    )


def check_files(settings: Settings) -> int:
    """``./run check``: both configuration files; status 2 with all faults."""
    return _checked(settings, lambda: _say_channels(settings))


def _say_channels(settings: Settings) -> int:
    centre = read_centre(settings)
    table = Table("渠道 / id", "名称", "模块", "波次", "启用")
    for spec in centre.specs.values():
        active = "是" if spec.active else "否"
        table.add_row(spec.id, spec.name, spec.module, str(spec.wave), active)
    out.print(table)
    out.print(f"{len(centre.newsroom.people)} 人, 配置没有问题 / both files are fine")
    return 0


def show_processes(settings: Settings, *, json_: bool) -> int:
    """``./run ps``; status 3 when the stack is not running."""
    rows = supervise.ps_table(settings)
    if json_:
        out.print_json(as_json([vars(row) for row in rows]))
        return 0 if rows else 3
    if not rows:
        out.print(
            f"没有在运行 / not running: {settings.data}\n启动 / start it: ./run up", markup=False
        )
        return 3
    table = Table("进程", "说明", "状态", "自", "重启", "内存 MiB", "pid")
    for row in rows:
        table.add_row(
            row.name,
            row.title,
            row.state,
            clock_day(row.since),
            str(row.restarts),
            f"{row.rss_bytes / 2**20:.0f}",
            str(row.pid or ""),
        )
    total = sum(row.rss_bytes for row in rows) / 2**20
    table.add_section()
    table.add_row("合计", "", "", "", "", f"{total:.0f}", "")
    out.print(table)
    return 0


def _simulated(settings: Settings, asked: bool | None) -> bool:
    """The shipped channels file speaks to the simulated platforms; another one does not."""
    return settings.channels.resolve() == SHIPPED if asked is None else asked


def _checked(settings: Settings, act: Callable[[], int]) -> int:
    try:
        read_centre(settings)
    except InvalidInput as error:
        err.print("[bold red]配置有误, 没有启动 / the configuration has faults:[/]")
        err.print(told(error.faults), markup=False)
        return 2
    return act()
