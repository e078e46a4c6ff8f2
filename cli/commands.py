"""Commands that talk to a running stack: submit, look, review, correct, withdraw."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from cli.client import Api, is_document, read_filing
from cli.options import AsJson, Data, Key, PortBase, Story, person, settings_of
from cli.tables import deliveries_table, terminal
from cli.wiring import as_json, told
from schemas.errors import Fault, InvalidInput, PermanentError, PipelineError

out = terminal()
err = terminal(stderr=True)


@contextmanager
def speaking() -> Iterator[None]:
    """Errors as plain words and exit status 1."""
    try:
        yield
    except PermanentError as error:
        err.print("[bold red]没有做成 / refused:[/]")
        err.print(told(error.faults), markup=False)
        raise typer.Exit(1) from None
    except PipelineError as error:
        err.print(f"没有做成 / failed: {error}", style="red", markup=False)
        raise typer.Exit(1) from None


@contextmanager
def api_of(data: Path | None, port_base: int | None, who: str, key: str | None) -> Iterator[Api]:
    with speaking():
        api = Api(settings_of(data, port_base), who, key)
        try:
            yield api
        finally:
            api.close()


def submit(
    file: Annotated[
        Path, typer.Argument(help="稿件 JSON, 素材放在旁边 / story JSON, media beside it")
    ],
    plan: Annotated[
        Path | None, typer.Option("--plan", help="发布方案 JSON / release plan as JSON")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="同一个键只收一次 / the same key is taken once")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="文稿只看导入结果, 不提交 / only tell, of a document")
    ] = False,
    who: Annotated[str, typer.Option("--as", help=person("reporter"))] = "reporter",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """提交稿件 / File a story with its media.

    FILE may be a document: .docx, .html, .txt, ninjs JSON, or a picture with its caption in it;
    what was kept, changed and left out is told. --dry-run tells it and files nothing.

    Else FILE is one story as JSON (fields: headline, lead, body blocks, media …), or
    {"story": …, "plan": …}. Example of a body:

    [{"kind":"paragraph","spans":[{"text":"…"}]},{"kind":"image","media":"p1","alt":"…"}]
    with "media":[{"ref":"p1","file":"photo.jpg"}].
    """
    with api_of(data, port_base, who, key) as api:
        if is_document(file):
            _say_imported(api.send_document(file, dry_run=dry_run, key=idempotency_key), json_)
            return
        if dry_run:
            raise InvalidInput(Fault("no_dry_run", "dry-run", _ONLY_DOCUMENTS))
        story, inside = read_filing(file)
        chosen = read_filing(plan)[0] if plan is not None else inside
        filed = api.send_story(story, chosen, file.parent, key=idempotency_key)
        _say_filed(filed, json_)


def correct(
    story: Story,
    file: Annotated[Path, typer.Argument(help="新版稿件 JSON / the newer version as JSON")],
    version: Annotated[
        int | None, typer.Option(help="改的是哪一版, 默认最新 / version that was edited")
    ] = None,
    who: Annotated[str, typer.Option("--as", help=person("reporter"))] = "reporter",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """修改或更正 / File a newer version; it is reviewed again, then replaces the live one."""
    with api_of(data, port_base, who, key) as api:
        edited = version or api.get(f"/stories/{story}")["version"]
        fields, _ = read_filing(file)
        _say_filed(api.send_story(fields, None, file.parent, revise=(story, edited)), json_)


def sign(
    story: Story,
    level: Annotated[int, typer.Option(help="1 初审, 2 复审, 3 终审")],
    who: Annotated[str, typer.Option("--as", help=person("reviewer-1"))],
    send_back: Annotated[str, typer.Option("--return", help="退回的理由 / send back, why")] = "",
    urgent: Annotated[
        str, typer.Option("--urgent", help="先发后补的理由 / release on 终审 alone, why")
    ] = "",
    note: Annotated[str, typer.Option(help="批注 / note")] = "",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """三审签字 / Sign one level over the present channel copies (see: copies)."""
    with api_of(data, port_base, who, key) as api:
        copies = copies_when_ready(api, story)
        shown = api.post(
            f"/stories/{story}/signatures",
            {
                "version": copies["version"],
                "level": level,
                "copies_sha256": copies["copies_sha256"],
                "decision": "return" if send_back else "sign",
                "note": send_back or urgent or note,
                "urgent": bool(urgent),
            },
        )
        if json_:
            out.print_json(as_json(shown))
            return
        if not shown["versions"]:
            out.print(shown["unread"])
            return
        newest = shown["versions"][0]
        waits = "、".join(newest["waits_for"]) or "已签发 / approved"
        out.print(f"稿 {shown['number']} 第 {newest['version']} 版: {waits}")


def copies(
    story: Story,
    who: Annotated[str, typer.Option("--as", help=person("reviewer-1"))] = "reviewer-1",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """看渠道稿 / Show what each outlet will be sent, and the hash that a sign-off binds."""
    with api_of(data, port_base, who, key) as api:
        found = copies_when_ready(api, story)
        if json_:
            out.print_json(as_json(found))
            return
        out.print(f"第 {found['version']} 版, 签字所对的指纹 {found['copies_sha256']}")
        for copy in found["copies"]:
            state = f"不收: {copy['refused']}" if copy["refused"] else copy["sha256"][:16]
            out.print(f"  {copy['channel']:12} {state}", markup=False)


def withdraw(
    story: Story,
    reason: Annotated[str, typer.Option(help="撤稿理由 / why")],
    who: Annotated[str, typer.Option("--as", help=person("duty"))] = "duty",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """撤稿 / Take a story down everywhere."""
    with api_of(data, port_base, who, key) as api:
        shown = api.post(f"/stories/{story}/withdraw", {"reason": reason})
        _say_deliveries(shown["deliveries"], json_, f"撤稿: {shown['headline']}")


def hold(
    story: Story,
    reason: Annotated[str, typer.Option(help="理由 / why")],
    who: Annotated[str, typer.Option("--as", help=person("duty"))] = "duty",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """暂缓 / Nothing further of this story goes out until it is resumed."""
    with api_of(data, port_base, who, key) as api:
        shown = api.post(f"/stories/{story}/hold", {"reason": reason})
        _say_deliveries(shown["deliveries"], json_, f"暂缓: {shown['headline']}")


def resume(
    story: Story,
    who: Annotated[str, typer.Option("--as", help=person("duty"))] = "duty",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """恢复 / End a hold."""
    with api_of(data, port_base, who, key) as api:
        shown = api.post(f"/stories/{story}/resume", {})
        _say_deliveries(shown["deliveries"], json_, f"恢复: {shown['headline']}")


def open_wave(
    story: Story,
    wave: Annotated[int, typer.Option(help="开哪一波 / which wave")],
    reason: Annotated[str, typer.Option(help="理由 / why")],
    who: Annotated[str, typer.Option("--as", help=person("duty"))] = "duty",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """越权开闸 / Open a wave before the one before it is live; kept with name and reason."""
    with api_of(data, port_base, who, key) as api:
        shown = api.post(f"/stories/{story}/waves", {"wave": wave, "reason": reason})
        _say_deliveries(shown["deliveries"], json_, f"开闸: {shown['headline']}")


def deliveries(
    story: Annotated[str | None, typer.Argument(help="稿号, 不给则全部 / story, or all")] = None,
    who: Annotated[str, typer.Option("--as", help=person("reporter"))] = "reporter",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """发布明细 / What is live where, with receipts."""
    with api_of(data, port_base, who, key) as api:
        _say_deliveries(api.get("/deliveries", story=story)["deliveries"], json_, "")


def status(
    story: Annotated[str | None, typer.Argument(help="稿号, 不给则全部 / story, or all")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="一直看着 / keep watching")] = False,
    who: Annotated[str, typer.Option("--as", help=person("reporter"))] = "reporter",
    key: Key = None,
    data: Data = None,
    port_base: PortBase = None,
    json_: AsJson = False,
) -> None:
    """现状 / What is going on; with --json whether the system is quiet."""
    with api_of(data, port_base, who, key) as api:
        if json_:
            told_ = api.get("/status") if story is None else api.get(f"/stories/{story}")
            out.print_json(as_json(told_))
            return
        if not watch:
            out.print(_picture(api, story))
            return
        try:
            with Live(
                _picture(api, story), console=out, refresh_per_second=4, screen=False
            ) as live:
                while True:
                    time.sleep(0.5)
                    live.update(_picture(api, story))
        except KeyboardInterrupt:
            return


def copies_when_ready(api: Api, story: str, patience_s: float = 20.0) -> dict[str, Any]:
    """The newest version's copies; they are made within a second of filing."""
    end = time.monotonic() + patience_s
    while True:
        found: dict[str, Any] = api.get(f"/stories/{story}/copies")
        if found["copies_sha256"] is not None:
            return found
        if time.monotonic() > end:
            raise InvalidInput(
                Fault(
                    "copies_not_ready",
                    "copies_sha256",
                    "渠道稿还没有生成 / the channel copies are not made yet",
                    "看 ./run ps 各进程是否正常 / see whether all processes run: ./run ps",
                )
            )
        time.sleep(0.1)


def _picture(api: Api, story: str | None) -> Group:
    rows = api.get("/deliveries", story=story)["deliveries"]
    now = api.get("/status")
    quiet = "安静 / quiet" if now["quiet"] else "工作中 / working"
    line = (
        f"{quiet} · 稿件 {now['stories']} · 未完成 {now['unfinished']} · 待转码 "
        f"{now['renditions_open']} · 要人处理 {now['needs_person']} · 死信 {now['dead_letters']}"
    )
    if now["overdue"]:
        line += f" · 滞留 {sum(now['overdue'].values())}"
    resting = [Text(f"{channel}: {told}") for channel, told in now["resting"].items()]
    return Group(deliveries_table(rows), *resting, Text(line))


def _say_filed(filed: dict[str, Any], json_: bool) -> None:
    if json_:
        out.print_json(as_json(filed))
        return
    out.print(f"收下了: 稿 {filed['number']} 第 {filed['version']} 版  {filed['story_id']}")
    for warning in filed["warnings"]:
        out.print(f"  注意 {warning['channel']}: {warning['reason']}", markup=False)
    for one in filed.get("media", []):
        for line in one["told"]:
            out.print(f"  {one['file']}: {line}", markup=False)
        for line in one["problems"]:
            out.print(f"  注意 {one['file']}: {line}", markup=False)
    out.print(f"下一步: ./run sign {filed['number']} --level 1 --as reviewer-1", markup=False)


_ONLY_DOCUMENTS = "只有文稿可以试导入 / only a document has a dry run"


def _say_imported(told_: dict[str, Any], json_: bool) -> None:
    if json_:
        out.print_json(as_json(told_))
        return
    words = {"left_out": "没带进来", "changed": "有改动", "kept": "保留"}
    for note in told_["report"]:
        out.print(f"  {words[note['fate']]} {note['count']:>3}  {note['text']}", markup=False)
    for fault in told_.get("faults", []):
        out.print(f"  还缺 {fault['field']}: {fault['reason']}", markup=False)
    if "number" in told_:
        _say_filed(told_, json_=False)
    else:
        out.print("试导入, 没有提交 / a dry run: nothing was filed", markup=False)


def _say_deliveries(rows: list[dict[str, Any]], json_: bool, title: str) -> None:
    if json_:
        out.print_json(as_json({"deliveries": rows}))
        return
    out.print(deliveries_table(rows, title=title))
