"""Commands for what people do by hand: settle a delivery, resend what failed, dead letters."""

from typing import Annotated, Any

import typer
from rich.table import Table

from cli.client import Api
from cli.commands import api_of, out
from cli.options import AsJson, Data, Key, PortBase, Story, person
from cli.tables import clock_day, state_text
from cli.wiring import as_json
from schemas.errors import Fault, InvalidInput

Who = Annotated[str, typer.Option("--as", help=person("duty"))]
Yes = Annotated[
    bool, typer.Option("--yes", help="真的做; 不给则只看计划 / do it, not only the plan")
]
Letters = Annotated[
    list[str], typer.Argument(help="死信编号, 写开头几位即可 / ids, their beginning will do")
]


def settle(
    story: Story,
    channel: Annotated[str, typer.Argument(help="渠道 / channel id")],
    live: Annotated[
        str, typer.Option("--live", help="在, 地址或平台编号 / it is live at this address or id")
    ] = "",
    absent: Annotated[
        bool, typer.Option("--absent", help="不在, 或已撤下 / it is not there, or no longer")
    ] = False,
    still_up: Annotated[
        bool, typer.Option("--still-up", help="还在, 再撤一次 / still up: recall it again")
    ] = False,
    give_up: Annotated[str, typer.Option("--give-up", help="放弃, 理由 / give up, why")] = "",
    note: Annotated[str, typer.Option(help="备注 / note")] = "",
    who: Who = "duty",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """人工登记 / Say what only a person can tell: is it live, is it down, was it handed in?

    Without an answer it shows what to look at. After --absent a publication is sent again;
    nothing else ever sends again what may be there already.
    """
    given = {"live": live, "absent": absent, "still_up": still_up, "give_up": give_up}
    chosen = [name for name, value in given.items() if value]
    with api_of(data, port_base, who, key) as api:
        row = _newest(api, story, channel)
        if not chosen:
            _say_look(row, json_)
            return
        if len(chosen) > 1:
            told = "只能选一个回答 / give one answer only"
            raise InvalidInput(Fault("several_answers", "answer", told, ", ".join(chosen)))
        where = {"url" if "://" in live else "item_id": live} if live else {}
        shown = api.post(
            f"/deliveries/{row['story_id']}/{channel}/{row['release']}/settle",
            {"answer": chosen[0], "note": give_up or note, "as_of": row["updated_at"], **where},
        )
        if json_:
            out.print_json(as_json(shown))
            return
        out.print(state_text(shown["state"]), shown["reason"], markup=False)


def _newest(api: Api, story: str, channel: str) -> dict[str, Any]:
    rows = api.get("/deliveries", story=story)["deliveries"]
    mine = [row for row in rows if row["channel"] == channel]
    if not mine:
        known = "、".join(dict.fromkeys(row["channel"] for row in rows))
        told = f"这篇稿件没有渠道 {channel} / the story has no such channel"
        raise InvalidInput(Fault("unknown_channel", "channel", told, f"有 / it has: {known}"))
    return max(mine, key=lambda row: int(row["release"]))


def _say_look(row: dict[str, Any], json_: bool) -> None:
    look = row["look"]
    if json_:
        out.print_json(as_json({"delivery": row, "look": look}))
        return
    out.print(state_text(row["state"]), row["reason"], markup=False)
    if look is None:
        out.print("不用登记 / nothing to settle here")
        return
    flags = {
        "live": "--live",
        "absent": "--absent",
        "still_up": "--still-up",
        "give_up": "--give-up",
    }
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("问题 / question", look["asks"])
    table.add_row("问谁 / contact", look["contact"])
    table.add_row("看哪里 / look at", f"{look['outlet']}  {look['address']}")
    table.add_row("标题 / title", f"稿 {row['number']}  {look['headline']}")
    table.add_row("标记 / marker", look["marker"])
    table.add_row("发出 / sent", clock_day(look["sent_at"]))
    for name, means in look["answers"].items():
        table.add_row(flags[name], means)
    out.print(table)


def resend(
    story: Story,
    channel: Annotated[
        list[str] | None, typer.Option("--channel", help="只发这个渠道 / this one, repeatable")
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="全部失败的, 默认 / all that failed, the default")
    ] = False,
    note: Annotated[str, typer.Option(help="备注 / note")] = "",
    yes: Yes = False,
    who: Who = "duty",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """人工重发 / Try failed deliveries again; shows the plan, and does it with --yes.

    Never one that is live; never one of which nobody knows whether it is there (see: settle).
    """
    with api_of(data, port_base, who, key) as api:
        if failed and channel:
            told = "--channel 和 --failed 只能选一个 / give one of them"
            raise InvalidInput(Fault("several_choices", "channel", told))
        asked = {"channels": channel or [], "note": note, "dry_run": not yes}
        answer = api.post(f"/stories/{story}/resend", asked)
        if json_:
            out.print_json(as_json(answer))
            return
        table = Table("渠道", "次", "状态", "怎么做 / what", "原因 / why it failed")
        for line in answer["plan"]:
            mark = "" if line["way"] else "[dim]不发[/] "
            state = state_text(line["state"])
            table.add_row(
                line["channel"], str(line["release"]), state, mark + line["says"], line["reason"]
            )
        out.print(table)
        _say_done(answer["done"], sum(bool(line["way"]) for line in answer["plan"]))


letters = typer.Typer(no_args_is_help=True, help="死信 / Records that could not be processed.")


@letters.command("list")
def list_letters(
    closed: Annotated[
        bool, typer.Option("--closed", help="也看处理过的 / closed ones too")
    ] = False,
    who: Who = "duty",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """列出 / Newest first, with cause and origin."""
    with api_of(data, port_base, who, key) as api:
        found = _all_letters(api, closed=closed)
        if json_:
            out.print_json(as_json({"letters": found}))
            return
        table = Table("编号", "首次", "次数", "来处 / origin", "读者", "类型", "原因 / cause")
        for row in found:
            done = f"{row['closed_how']} ({row['closed_by']}) " if row["closed_at"] else ""
            table.add_row(
                row["id"][:8],
                clock_day(row["first_at"]),
                str(row["times"]),
                f"{row['topic']}/{row['partition']}/{row['offset']}",
                row["consumer"],
                row["type"].removeprefix("cn.shoufa."),
                done + row["cause"],
            )
        out.print(table)


def _all_letters(api: Api, *, closed: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = api.get("/dead-letters", closed=closed, cursor=cursor, limit=200)
        found += page["letters"]
        cursor = page["next"]
        if cursor is None:
            return found


@letters.command("show")
def show_letter(
    letter: Annotated[str, typer.Argument(help="死信编号, 写开头几位即可 / its id or beginning")],
    who: Who = "duty",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """看一封 / One letter with its record, and what a replay would do."""
    with api_of(data, port_base, who, key) as api:
        row = api.get(f"/dead-letters/{letter}")
        if json_:
            out.print_json(as_json(row))
            return
        for name in ("id", "cause", "consumer", "key", "times"):
            out.print(f"{name:9} {row[name]}", markup=False)
        out.print(f"origin    {row['topic']}/{row['partition']}/{row['offset']}", markup=False)
        out.print(f"first     {clock_day(row['first_at'])}  last {clock_day(row['last_at'])}")
        for name, value in row["headers"]:
            out.print(f"  {name}: {value}", markup=False)
        out.print(row["value"], markup=False)
        out.print(f"replay: {row['replay']['says']}", markup=False)


@letters.command("replay")
def replay_letters(
    which: Letters = [],  # noqa: B006  # typer copies it
    every: Annotated[bool, typer.Option("--all", help="全部未处理的 / all open ones")] = False,
    note: Annotated[str, typer.Option(help="备注 / note")] = "",
    yes: Yes = False,
    who: Who = "duty",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """重放 / Send records to their topics again; shows the plan, and does it with --yes."""
    with api_of(data, port_base, who, key) as api:
        if bool(which) == every:
            told = "写出编号, 或用 --all / name letters, or all"
            raise InvalidInput(Fault("which", "letters", told))
        asked = {"letters": which, "note": note, "dry_run": not yes}
        _say_plan(api.post("/dead-letters/replay", asked), json_)


@letters.command("discard")
def discard_letters(
    which: Letters,
    reason: Annotated[str, typer.Option(help="理由 / why nobody needs it")],
    yes: Yes = False,
    who: Who = "duty",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """弃置 / Close letters for good, with a reason; they stay in the ledger."""
    with api_of(data, port_base, who, key) as api:
        asked = {"letters": which, "reason": reason, "dry_run": not yes}
        _say_plan(api.post("/dead-letters/discard", asked), json_, counted=len(which))


def _say_plan(answer: dict[str, Any], json_: bool, *, counted: int | None = None) -> None:
    if json_:
        out.print_json(as_json(answer))
        return
    for line in answer["plan"]:
        origin = f"{line['topic']}/{line['partition']}/{line['offset']}"
        out.print(f"{line['id'][:8]}  {origin}  {line['says']}", markup=False)
    sends = sum(line["sends"] for line in answer["plan"])
    _say_done(answer["done"], sends if counted is None else counted)


def _say_done(done: bool, count: int) -> None:
    if not count:
        out.print("没有可做的 / nothing to do")
    elif done:
        out.print(f"已做 {count} 项 / done")
    else:
        out.print(f"这只是计划, 要做请加 --yes / only the plan: {count} with --yes")


def install(app: typer.Typer, panel: str, operate: str) -> None:
    """Add the commands to the command line."""
    app.command(rich_help_panel=panel)(settle)
    app.command(rich_help_panel=panel)(resend)
    app.add_typer(letters, name="dead-letters", rich_help_panel=operate)
