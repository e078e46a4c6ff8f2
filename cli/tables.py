"""How deliveries look in a terminal."""

from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from desk.words import Tone, word_of
from schemas.beijing import SHANGHAI

STYLES: dict[Tone, str] = {
    "good": "bold green",
    "wait": "cyan",
    "work": "blue",
    "warn": "yellow",
    "call": "bold red",
    "bad": "bold red",
    "gone": "dim",
    "none": "dim",
}


def terminal(*, stderr: bool = False) -> Console:
    """A console that keeps its width where the output goes to a file or a pipe."""
    console = Console(highlight=False, stderr=stderr)
    if not console.is_terminal:
        console.width = 170
    return console


def state_text(state: str) -> Text:
    """The board's own word for it, and the state's name."""
    word = word_of(state)
    return Text(f"{word.chinese} {state}", style=STYLES[word.tone])


def clock(iso: str | None) -> str:
    """``HH:MM:SS`` in Shanghai."""
    if not iso:
        return ""
    return datetime.fromisoformat(iso).astimezone(SHANGHAI).strftime("%H:%M:%S")


def clock_day(at: str | float | None) -> str:
    """``MM-DD HH:MM:SS`` in Shanghai, of RFC 3339 text or seconds since 1970."""
    if not at:
        return ""
    when = datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at, tz=UTC)
    return when.astimezone(SHANGHAI).strftime("%m-%d %H:%M:%S")


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
