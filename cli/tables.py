"""How deliveries look in a terminal."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

SHANGHAI = ZoneInfo("Asia/Shanghai")
STATES: dict[str, tuple[str, str]] = {
    "planned": ("准备中", "dim"),
    "held": ("暂缓", "yellow"),
    "gated": ("等闸门", "cyan"),
    "ready": ("待发", "cyan"),
    "intent": ("发送中", "blue"),
    "accepted": ("平台审核", "blue"),
    "live": ("已上线", "bold green"),
    "retry_wait": ("稍后重试", "yellow"),
    "unknown": ("待对账", "magenta"),
    "reconciling": ("对账中", "magenta"),
    "needs_person": ("要人处理", "bold red"),
    "awaiting_person": ("等人投递", "bold yellow"),
    "refused": ("被拒", "bold red"),
    "updating": ("更新中", "blue"),
    "recalling": ("撤稿中", "yellow"),
    "recalled": ("已撤", "bold"),
    "superseded": ("已被接替", "dim"),
    "cancelled": ("已取消", "dim"),
    "removed_by_platform": ("被平台删除", "bold red"),
    "not_applicable": ("不适用", "dim"),
}


def terminal(*, stderr: bool = False) -> Console:
    """A console that keeps its width where the output goes to a file or a pipe."""
    console = Console(highlight=False, stderr=stderr)
    if not console.is_terminal:
        console.width = 170
    return console


def state_text(state: str) -> Text:
    word, style = STATES.get(state, (state, ""))
    return Text(f"{word} {state}", style=style)


def clock(iso: str | None) -> str:
    """``HH:MM:SS`` in Shanghai."""
    if not iso:
        return ""
    return datetime.fromisoformat(iso).astimezone(SHANGHAI).strftime("%H:%M:%S")


def age_s(iso: str | None) -> float:
    if not iso:
        return 0.0
    return (datetime.now(UTC) - datetime.fromisoformat(iso)).total_seconds()


def deliveries_table(rows: list[dict[str, Any]], *, title: str = "") -> Table:
    """Stories in order, channels in wave order."""
    table = Table(title=title or None, expand=True, show_lines=False, pad_edge=False)
    table.add_column("稿号", justify="right", no_wrap=True)
    table.add_column("标题", max_width=28, no_wrap=True, overflow="ellipsis")
    table.add_column("波", justify="right")
    table.add_column("渠道", no_wrap=True)
    table.add_column("状态", no_wrap=True)
    table.add_column("版", justify="right")
    table.add_column("请求", no_wrap=True)
    table.add_column("回执", no_wrap=True)
    table.add_column("地址 / 原因", overflow="fold", ratio=1)
    last = None
    for row in sorted(rows, key=lambda r: (r["number"], r["wave"], r["channel"], r["release"])):
        if last not in {None, row["number"]}:
            table.add_section()
        first = row["number"] != last
        last = row["number"]
        version = row["live_version"] or row["version"]
        table.add_row(
            str(row["number"]) if first else "",
            row["headline"] if first else "",
            str(row["wave"]),
            row["channel"] + (f" #{row['release']}" if row["release"] > 1 else ""),
            state_text(row["state"]),
            str(version),
            clock(row["requested_at"]),
            clock(row["received_at"]),
            _where(row),
        )
    return table


def _where(row: dict[str, Any]) -> str:
    if row["state"] == "live" and (row["url"] or row["receipt_id"]):
        return str(row["url"] or row["receipt_id"])
    return str(row["reason"] or row["gate"] or row["package"] or "")
