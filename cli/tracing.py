"""``./run trace STORY`` and ``./run lag explain STORY``: where the time went, and what it waits for."""

from typing import Annotated, Any

import typer
from rich.console import Group
from rich.table import Table
from rich.text import Text

from cli.client import Api
from cli.commands import api_of
from cli.options import AsJson, Data, Key, PortBase, person
from cli.tables import terminal
from cli.wiring import as_json

out = terminal()

WIDTH = 48
HOPS = {
    "relay": "进消息总线", "adapt": "做渠道稿", "review": "审稿", "hold": "暂缓或定时",
    "transcode": "转码", "decide": "调度", "wave": "等前一波", "queue": "排队待发",
    "outlet": "渠道处理中", "retry": "等待重试", "person": "要人处理", "done": "完成",
}  # fmt: skip

STEPS = {
    "story": "全程", "adapt": "做渠道稿", "review": "审稿", "transcode": "转码", "deliver": "送到",
    "create": "发出", "update": "更正", "recall": "撤下", "send": "进消息总线",
}  # fmt: skip
PROMPT_MS = 1000
"""A record that was on Kafka sooner than this has no line of its own."""


def trace(
    story: Annotated[str, typer.Argument(help="稿号 / story number or id")],
    who: Annotated[str, typer.Option("--as", help=person("reporter"))] = "reporter",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """全程轨迹 / A story's whole way, from upload to each receipt, step by step on one time line."""
    with api_of(data, port_base, who, key) as api:
        told = api.get(f"/stories/{story}/trace")
    if json_:
        out.print_json(as_json(told))
        return
    out.print(waterfall(told))


def waterfall(told: dict[str, Any]) -> Group:
    """One line a span: when it began after the upload, how long it took, a bar to scale. Records
    that were on Kafka at once are counted in one line."""
    root, *rest = told["spans"]
    start = root["start_ms"]
    whole = max(1, root["end_ms"] - start)
    prompt = [span for span in rest if _is_prompt(span)]
    table = Table("步骤 / step", "开始 / at", "用时 / took", "时间线 / time line", box=None)
    for span in [root, *(span for span in rest if not _is_prompt(span))]:
        before = round((span["start_ms"] - start) / whole * WIDTH)
        length = max(1, round(_took_ms(span) / whole * WIDTH))
        bar = " " * min(before, WIDTH - 1) + "█" * min(length, WIDTH - min(before, WIDTH - 1))
        inner = span["parent"] not in {"", root["span_id"]}
        verb = span["name"].split(" ")[0]
        word = f"{STEPS[verb]} / " if verb in STEPS else ""
        table.add_row(
            ("  " if inner else "") + word + span["name"],
            f"+{(span['start_ms'] - start) / 1000:.3f} s",
            f"{_took_ms(span) / 1000:.3f} s",
            f"[red]{bar}[/]" if span["failed"] else f"[cyan]{bar}[/]",
        )
    if not prompt:
        return Group(table)
    slowest = max(map(_took_ms, prompt)) / 1000
    many = len(prompt)
    note = (
        f"另有 {many} 条消息进总线, 最慢 {slowest:.3f} s, 见 --json / "
        f"and {many} records to Kafka, the slowest in {slowest:.3f} s; all in --json"
    )
    return Group(table, Text(note, style="dim"))


def _is_prompt(span: dict[str, Any]) -> bool:
    return span["name"].startswith("send ") and not span["failed"] and _took_ms(span) < PROMPT_MS


def _took_ms(span: dict[str, Any]) -> int:
    return int(span["end_ms"] - span["start_ms"])


def explain(api: Api, story: str, *, json_: bool) -> None:
    """Why a story is not there yet, one line a delivery."""
    told = api.get(f"/stories/{story}/explain")
    if json_:
        out.print_json(as_json(told))
        return
    out.print(f"{told['number']} 《{told['headline']}》", markup=False)
    table = Table(
        "渠道 / channel", "卡在 / at", "说明 / why", "前面 / ahead", "预计 / eta", "谁能处理 / who"
    )
    for hop in told["hops"]:
        table.add_row(
            hop["channel"],
            f"{HOPS.get(hop['hop'], hop['hop'])} / {hop['hop']}",
            hop["sentence"],
            "" if hop["waiting"] is None else str(hop["waiting"]),
            "" if hop["eta_s"] is None else f"{hop['eta_s']:.0f} s",
            hop["who"] or ("" if hop["hop"] == "done" else "系统 / the system"),
        )
    out.print(table)
    if told["figures_at_ms"] is None:
        out.print("积压数字现在看不到 / no lag figures just now")
