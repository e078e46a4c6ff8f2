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
    if nodes is not None:
        given["kafka_nodes"] = nodes
    settings = Settings(**given)  # type: ignore[arg-type]  # validated by pydantic
    return settings.model_copy(update={"data": settings.data.resolve()})


def person(default: str) -> str:
    """Help text of ``--as``."""
    return f"以谁的身份 (密钥文件名) / whose key file to use, e.g. {default}"
