"""The processes of one machine, in order, from the settings."""

import os
import sys

from deploy.proc import STACK_MARK
from deploy.process_spec import ProcessSpec
from deploy.stack import kafka, s3
from schemas.settings import REPOSITORY, Settings

TITLES = {
    "kafka": "消息总线 Apache Kafka",
    "kafka-1": "消息总线一 Kafka node 1",
    "kafka-2": "消息总线二 Kafka node 2",
    "kafka-3": "消息总线三 Kafka node 3",
    "s3": "素材库 S3 (SeaweedFS)",
    "s3-fsync": "素材库落盘 S3 fsync",
    "migrate": "数据库升级 ledger",
    "web": "接口和看板 API, board",
    "core": "调度 conductor, relay",
    "publish": "发布 publishers",
    "work": "转码 transcoding",
    "platforms": "外部平台模拟 simulators",
}

SERVICES = ("web", "core", "publish", "work")


def process_table(
    settings: Settings, class_path: str, *, synchronous: bool, simulators: bool
) -> list[ProcessSpec]:
    """All processes to be started.

    Kafka and S3 only where they are local; the Python processes start beside them and wait for
    them themselves, but after ``migrate``, since they rest on the ledger's tables.
    ``synchronous``: the S3 server's folder writes through (deploy.stack.s3.prepare_s3).
    """
    table: list[ProcessSpec] = []
    if not settings.kafka:
        table.extend(_kafka(settings, class_path, node) for node in kafka.nodes(settings))
    if not settings.s3:
        table.append(_s3(settings))
        if not synchronous:
            table.append(_s3_fsync(settings))
    table.append(python_process(settings, "migrate", step=True))
    table.extend(python_process(settings, name, after=["migrate"]) for name in SERVICES)
    if simulators:
        table.append(python_process(settings, "platforms"))
    return table


def python_process(
    settings: Settings, name: str, *, step: bool = False, after: list[str] | None = None
) -> ProcessSpec:
    """One of ours: ``shoufa.py process NAME``."""
    return ProcessSpec(
        name=name,
        title=TITLES[name],
        argv=[sys.executable, str(REPOSITORY / "shoufa.py"), "process", name],
        cwd=str(REPOSITORY),
        env=python_environment(settings, name),
        ready="exit" if step else "file",
        after=after or [],
        layer=2,
        tells_stacks=True,
        start_limit_s=1800.0 if step else 120.0,
    )


def python_environment(settings: Settings, name: str) -> dict[str, str]:
    """Environment with every setting spelt out, so that a child needs no other source."""
    kept = {k: v for k, v in os.environ.items() if k == "SHOUFA_HOME" or k[:7] != "SHOUFA_"}
    told = {
        f"SHOUFA_{field.upper()}": str(value) for field, value in settings if field != "process"
    }
    return {
        **kept,
        **told,
        "SHOUFA_PROCESS": name,
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "2",
        STACK_MARK: str(settings.data),
    }


def _kafka(settings: Settings, class_path: str, node: int) -> ProcessSpec:
    name = "kafka" if settings.kafka_nodes == 1 else f"kafka-{node}"
    return ProcessSpec(
        name=name,
        title=TITLES[name],
        argv=kafka.kafka_command(class_path),
        cwd=str(kafka.node_dir(settings, node)),
        env=kafka.java_environment() | {STACK_MARK: str(settings.data)},
        ready="kafka",
        port=settings.kafka_node_ports(node)[0],
        layer=0,
        grace_s=15.0,
        silence_limit_s=60.0,
        start_limit_s=300.0,  # it reads its logs again after a power cut
    )


def _s3(settings: Settings) -> ProcessSpec:
    return ProcessSpec(
        name="s3",
        title=TITLES["s3"],
        argv=s3.s3_command(settings),
        cwd=str(s3.s3_dir(settings)),
        env=s3.s3_environment(settings) | {STACK_MARK: str(settings.data)},
        ready="http",
        port=settings.s3_port,
        layer=0,
        # It does not end on SIGTERM (not after ten minutes), and loses nothing by SIGKILL.
        grace_s=2.0,
        silence_limit_s=60.0,
        start_limit_s=120.0,
    )


def _s3_fsync(settings: Settings) -> ProcessSpec:
    filer = f"http://127.0.0.1:{settings.s3_inner_port(s3.FILER)}"
    return ProcessSpec(
        name="s3-fsync",
        title=TITLES["s3-fsync"],
        argv=[sys.executable, "-m", "deploy.stack.s3_fsync", filer],
        cwd=str(REPOSITORY),
        env=python_environment(settings, "s3-fsync"),
        ready="exit",
        after=["s3"],
        layer=2,
    )


def places(settings: Settings, *, simulators: bool) -> list[tuple[str, str]]:
    """What is where, for the operator."""
    pages = [
        ("看板 board", f"{settings.api_url}/"),
        ("积压 lag", f"{settings.api_url}/lag"),
        ("接口 API", f"{settings.api_url}/v1"),
        ("网站 site", f"{settings.site_url}/"),
    ]
    if simulators:
        pages.append(("微信页 WeChat page", f"{settings.wechat_url}/"))
        pages.append(("短视频页 video page", f"{settings.douyin_url}/"))
        pages.append(("值班群 chat group", f"{settings.robot_url}/group"))
    folders = [
        ("投稿和交接 folders", settings.data / "hotfolders"),
        ("个人密钥 keys", settings.secrets_dir / "keys"),
        ("日志 logs", settings.log_dir),
        ("数据 data", settings.data),
    ]
    return pages + [(name, str(path)) for name, path in folders]
