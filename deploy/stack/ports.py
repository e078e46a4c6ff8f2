"""Which ports a stack needs, and whether they are free."""

import os
import socket
from contextlib import closing
from dataclasses import dataclass

from deploy.stack.s3 import INNER_PORTS, socket_paths
from schemas.settings import Settings

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM


@dataclass(frozen=True)
class Port:
    """One port on loopback and who needs it."""

    number: int
    owner: str
    kind: socket.SocketKind = TCP


def needed_ports(settings: Settings, *, simulators: bool) -> list[Port]:
    """All ports that this stack will open."""
    ports = [Port(settings.web_port, "web: API, 看板 board"), Port(settings.site_port, "网站 site")]
    if not settings.kafka:
        for node in range(1, settings.kafka_nodes + 1):
            clients, controller = settings.kafka_node_ports(node)
            ports.append(Port(clients, "Kafka"))
            ports.append(Port(controller, "Kafka controller"))
    if not settings.s3:
        ports.append(Port(settings.s3_port, "S3"))
        ports.extend(
            Port(settings.s3_inner_port(index), f"S3 {name}")
            for index, name in enumerate(INNER_PORTS)
        )
    if simulators:
        ports.append(Port(settings.wechat_port, "微信模拟 WeChat simulator"))
        ports.append(Port(settings.douyin_port, "抖音模拟 Douyin simulator"))
        ports.append(Port(settings.robot_port, "值班群机器人模拟 chat robot simulator"))
    ports.append(Port(settings.relay_port, "relay", UDP))
    return ports


def is_free(port: Port) -> bool:
    """Whether we could listen there now; connections of a stack just stopped do not count."""
    with closing(socket.socket(socket.AF_INET, port.kind)) as probe:
        if port.kind is TCP:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port.number))
            if port.kind is TCP:
                probe.listen(1)
        except OSError:
            return False
    return True


def busy_ports(settings: Settings, *, simulators: bool) -> list[Port]:
    """The needed ports that another program holds.

    A socket that another user's S3 server left in /tmp counts too: ours could not replace it.
    """
    busy = [port for port in needed_ports(settings, simulators=simulators) if not is_free(port)]
    if not settings.s3 and os.geteuid() != 0:
        busy.extend(
            Port(settings.s3_port, f"S3: {path}")
            for path in socket_paths(settings)
            if os.path.lexists(path) and path.lstat().st_uid != os.geteuid()
        )
    return busy


def free_base(settings: Settings, *, simulators: bool) -> int | None:
    """The next port base, in steps of 100, at which all is free."""
    for base in range(settings.port_base + 100, settings.port_base + 3000, 100):
        if base > 32000:  # above that Linux hands out ports to outgoing connections
            return None
        if not busy_ports(settings.model_copy(update={"port_base": base}), simulators=simulators):
            return base
    return None


def explain_busy(settings: Settings, *, simulators: bool) -> str:
    """Empty when all ports are free; else which are not, who needs them, and what to do."""
    busy = busy_ports(settings, simulators=simulators)
    if not busy:
        return ""
    lines = [f"  {port.number}  {port.owner}" for port in busy]
    base = free_base(settings, simulators=simulators)
    advice = f"--port-base {base}" if base else "--port-base N"
    head = "端口已被占用 / ports in use by another program:"
    return "\n".join([head, *lines, f"请改用 / use: {advice}"])
