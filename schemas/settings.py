"""Where things are: folders, ports and addresses of one stack, from the environment.

Built once at the entry point and passed down. Secrets are files under ``secrets_dir``.
"""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

REPOSITORY = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Environment ``SHOUFA_*``; every address has a default on loopback derived from ``port_base``."""

    model_config = SettingsConfigDict(env_prefix="SHOUFA_", extra="ignore")

    data: Path = REPOSITORY / "var"
    port_base: int = Field(default=7400, ge=1024, le=65000)
    channels: Path = REPOSITORY / "deploy" / "channels.toml"
    newsroom: Path = REPOSITORY / "deploy" / "newsroom.toml"
    ledger: str = ""
    """SQLAlchemy URL; empty means SQLite in ``data/ledger``."""
    lease_s: float = Field(default=15.0, ge=1.0)
    """How long an owner of what there may be only one of is believed to live without a sign; for
    a ledger on PostgreSQL, the same on every host."""
    kafka: str = ""
    """Bootstrap ``host:port``, several by comma; empty means the local broker."""
    kafka_nodes: int = 1
    """Nodes of the local Kafka: 1, or 3 with every record on at least two of them."""
    s3: str = ""
    """Endpoint URL; empty means the local S3 server."""
    s3_bucket: str = "shoufa"
    keep_free_bytes: int = Field(default=1024**3, ge=0)
    """Uploads are refused (507) when they would leave less free disk than this."""
    otlp: str = ""
    """Address of an OTLP/HTTP collector that is sent traces; empty sends none."""
    probe_every_s: float = Field(default=300.0, ge=0)
    """Seconds between two probes through every channel's queue; 0 sends none."""
    backup: str = ""
    """Where backups go: a folder, or ``s3://bucket/prefix``; empty means ``data/backups``."""
    backup_s3: str = ""
    """Endpoint of that S3; its keys in ``secrets/backup-s3.json``. Empty: the centre's own."""
    backup_every_s: int = Field(default=900, ge=0)
    """Seconds between two copies of the ledger; 0 makes none."""
    backup_keep: int = Field(default=8, ge=1)
    """Newest copies that are kept."""
    backup_days: int = Field(default=14, ge=0)
    """Days of which the last copy is kept as well."""
    ffmpeg: str = ""
    """Path of ffmpeg; empty means found on PATH, else the packaged binary."""
    ffprobe: str = ""
    sandbox: str = "auto"
    """How ffmpeg is shut in: ``auto`` (bubblewrap where it works, else Landlock), ``bwrap`` or a
    path of it, ``landlock``, ``none``."""
    process: str = "cli"
    """Name of this process: log field, Kafka client id, static group member id."""

    @field_validator("kafka_nodes")
    @classmethod
    def _one_or_three(cls, nodes: int) -> int:
        if nodes not in {1, 3}:
            raise ValueError("1 or 3: two nodes would stop with either of them")
        return nodes

    @property
    def ledger_url(self) -> str:
        return self.ledger or f"sqlite:///{(self.data / 'ledger' / 'shoufa.db').resolve()}"

    @property
    def kafka_bootstrap(self) -> str:
        local = (self.kafka_node_ports(node)[0] for node in range(1, self.kafka_nodes + 1))
        return self.kafka or ",".join(f"127.0.0.1:{port}" for port in local)

    @property
    def s3_endpoint(self) -> str:
        return self.s3 or f"http://127.0.0.1:{self.s3_port}"

    @property
    def secrets_dir(self) -> Path:
        return self.data / "secrets"

    @property
    def run_dir(self) -> Path:
        return self.data / "run"

    @property
    def log_dir(self) -> Path:
        return self.data / "log"

    @property
    def spool_dir(self) -> Path:
        return self.data / "spool"

    @property
    def backup_place(self) -> str:
        return self.backup or str(self.data.resolve() / "backups")

    @property
    def web_port(self) -> int:
        return self.port_base

    @property
    def site_port(self) -> int:
        return self.port_base + 1

    @property
    def kafka_port(self) -> int:
        return self.port_base + 2

    @property
    def kafka_controller_port(self) -> int:
        return self.port_base + 3

    def kafka_node_ports(self, node: int) -> tuple[int, int]:
        """(clients, controller) of a local node, 1 to 3."""
        if node == 1:
            return self.kafka_port, self.kafka_controller_port
        first = self.port_base + 12 + 2 * (node - 2)
        return first, first + 1

    @property
    def s3_port(self) -> int:
        return self.port_base + 4

    def s3_inner_port(self, index: int) -> int:
        """Ports of the S3 server's own parts, index 0..6."""
        return self.port_base + 5 + index

    @property
    def wechat_port(self) -> int:
        return self.port_base + 20

    @property
    def douyin_port(self) -> int:
        return self.port_base + 21

    @property
    def relay_port(self) -> int:
        """UDP on loopback: one datagram after each commit wakes the relay."""
        return self.port_base + 22

    @property
    def robot_port(self) -> int:
        return self.port_base + 23

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def site_url(self) -> str:
        return f"http://127.0.0.1:{self.site_port}"

    @property
    def wechat_url(self) -> str:
        return f"http://127.0.0.1:{self.wechat_port}"

    @property
    def douyin_url(self) -> str:
        return f"http://127.0.0.1:{self.douyin_port}"

    @property
    def robot_url(self) -> str:
        return f"http://127.0.0.1:{self.robot_port}"
