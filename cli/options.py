"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from schemas.settings import Settings

Data = Annotated[
    Path | None,
    typer.Option("--data", help="数据目录 / data folder of the stack", envvar="SHOUFA_DATA"),
]
PortBase = Annotated[
    int | None,
    typer.Option(
        "--port-base", help="端口起点 / first port of the stack's block", envvar="SHOUFA_PORT_BASE"
    ),
]
Nodes = Annotated[
    int | None,
    typer.Option(
        "--nodes", help="Kafka 节点数, 1 或 3 / Kafka nodes, 1 or 3", envvar="SHOUFA_KAFKA_NODES"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="给程序读的 JSON / JSON for machines")]
Key = Annotated[
    str | None,
    typer.Option("--key", help="API 密钥; 不给则读密钥文件 / API key", envvar="SHOUFA_KEY"),
]
Story = Annotated[str, typer.Argument(help="稿号或编号 / story number or id")]


def settings_of(data: Path | None, port_base: int | None, nodes: int | None = None) -> Settings:
    """Settings from the environment, the options on top."""
    given: dict[str, object] = {}
    if data is not None:
        given["data"] = data.resolve()
    if port_base is not None:
        given["port_base"] = port_base
    elif running := _running_at((data or Settings().data).resolve()):
        given["port_base"] = running
    if nodes is not None:
        given["kafka_nodes"] = nodes
    settings = Settings(**given)  # type: ignore[arg-type]  # validated by pydantic
    return settings.model_copy(update={"data": settings.data.resolve()})


def _running_at(data: Path) -> int | None:
    """First port of the stack that runs on this data folder; None where none says so."""
    from deploy import proc
    from deploy.leftovers import read_state

    state = read_state(data / "run") or {}
    found, pid = state.get("port_base"), state.get("pid")
    alive = isinstance(pid, int) and proc.is_same(pid, int(state.get("start_ticks") or 0))
    return found if alive and isinstance(found, int) else None


def person(default: str) -> str:
    """Help text of ``--as``."""
    return f"以谁的身份 (密钥文件名) / whose key file to use, e.g. {default}"
