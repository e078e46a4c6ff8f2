"""Lag as the terminal shows it: outlets, groups, the partitions that are not fine."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from schemas.beijing import span, time_of_day
from schemas.lag import SEVERITY, GroupLag, LagSnapshot, PartitionLag, Status

MOST_ROWS = 100
_FRAME = 18
"""Lines of titles, heads, borders and notes."""
_RECORDS = (
    "积压按消息算, 不按稿件: 排在前面的一条没做完, 后面做完的也还在数 / "
    "records, not stories: one that is done counts until all before it are"
)

STYLE: dict[Status, str] = {
    "OK": "green",
    "EMPTY": "dim",
    "REBALANCING": "cyan",
    "WARN": "yellow",
    "REWIND": "magenta",
    "STALL": "bold red",
    "STOP": "bold red",
    "UNKNOWN": "bold yellow",
    "NOTFOUND": "bold yellow",
}
WORD_STYLE = {"正常": "green", "排队中": "cyan", "偏慢": "yellow"}


def picture(snapshot: LagSnapshot, height: int | None = None) -> Group:
    """The whole of it for a terminal: outlets, groups, the partitions that are not fine. Where it is
    higher than ``height`` lines, groups without anything to tell and then partitions are left out,
    and their number is told."""
    bad = [(g, p) for g in snapshot.groups for p in g.partitions if _worth_a_line(p)]
    groups, rows = snapshot.groups, MOST_ROWS
    if height is not None:
        room = height - _FRAME - len(snapshot.outlets) - len(snapshot.errors)
        if len(groups) + len(bad) > room:
            groups = tuple(g for g in groups if g.lag or g.status not in {"OK", "EMPTY"})
            rows = max(0, min(rows, room - len(groups)))
    parts: list[Table | Text] = []
    if snapshot.outlets:
        parts.append(_outlets(snapshot))
    if snapshot.work is not None and (snapshot.work.waiting or snapshot.work.working):
        work = snapshot.work
        eta = f", 约 {span(work.eta_s)}做完" if work.eta_s else ""
        parts.append(
            Text(
                f"转码 / transcodes: 在做 {work.working}, 在等 {work.waiting}, "
                f"还有 {span(work.work_s)}的活{eta}"
            )
        )
    parts.append(_groups(groups))
    if len(groups) < len(snapshot.groups):
        fine = len(snapshot.groups) - len(groups)
        parts.append(Text(f"另有 {fine} 个组没有积压 / {fine} more groups are fine", style="dim"))
    if bad and rows:
        parts.append(_partitions(bad[:rows]))
    if len(bad) > rows:
        parts.append(Text(f"… 还有 {len(bad) - rows} 个分区 / more, see --json"))
    if any(group.lag for group in snapshot.groups):
        parts.append(Text(_RECORDS, style="dim"))
    parts += [Text(f"! {text}", style="yellow") for text in snapshot.errors]
    parts.append(_foot(snapshot))
    return Group(*parts)


def _foot(snapshot: LagSnapshot) -> Text:
    if snapshot.at_ms is None:
        return Text("未知: 还没有读到任何数字 / nothing could be had yet", style="bold yellow")
    age = f"{snapshot.age_s:.1f}" if snapshot.age_s is not None else "?"
    took = f"{(snapshot.took_s or 0) * 1000:.0f} ms, {snapshot.requests} 次请求 / requests"
    old = "  未知: 数字过时 / out of date" if snapshot.stale else ""
    return Text(
        f"{time_of_day(snapshot.at_ms)} · {age} 秒前 / s ago · {took} · {snapshot.status}{old}",
        style="bold yellow" if snapshot.stale else "dim",
    )


def _outlets(snapshot: LagSnapshot) -> Table:
    table = Table("渠道", "", "一句话", title="各渠道 / outlets", title_justify="left")
    for one in snapshot.outlets:
        style = WORD_STYLE.get(one.word, "bold red")
        table.add_row(Text(one.name), Text(one.word, style=style), Text(one.sentence))
    return table


def _groups(groups: tuple[GroupLag, ...]) -> Table:
    table = Table("消费组 / group", "状态", "成员", "积压", "已等", "还要", "丢失", "说明 / why")
    shown = groups
    if len(groups) > MOST_ROWS:  # the worst ones
        shown = tuple(sorted(groups, key=lambda g: (-SEVERITY[g.status], -(g.lag or 0))))[
            :MOST_ROWS
        ]
        table.caption = f"{MOST_ROWS} / {len(groups)}"
    for one in shown:
        table.add_row(
            Text(one.group),
            Text(one.status, style=STYLE[one.status]),
            _number(one.members),
            _number(one.lag),
            _span(one.lag_s),
            _span(one.eta_s),
            str(one.lost or ""),
            Text(one.reason),
        )
    return table


def _worth_a_line(part: PartitionLag) -> bool:
    return part.lag != 0 and (part.status != "OK" or bool(part.lag)) and part.status != "EMPTY"


def _partitions(rows: list[tuple[GroupLag, PartitionLag]]) -> Table:
    table = Table(
        "消费组",
        "主题-分区 / partition",
        "状态",
        "积压",
        "已等",
        "进/秒",
        "出/秒",
        "还要",
        "说明 / why",
    )
    for group, part in rows:
        table.add_row(
            Text(group.group),
            Text(f"{part.topic}-{part.partition}"),
            Text(part.status, style=STYLE[part.status]),
            _number(part.lag),
            _span(part.lag_s),
            _rate(part.rate_in),
            _rate(part.rate_out),
            _span(part.eta_s),
            Text(part.reason),
        )
    return table


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return "0" if seconds == 0 else f"{seconds:.1f} 秒" if seconds < 10 else span(seconds)


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
