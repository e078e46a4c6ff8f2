"""Where everything of one faults run is: folders, ports, times of the outlets."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.faults.proxy import Link
from schemas.settings import REPOSITORY, Settings

HERE = Path(__file__).resolve().parent
INJECT = HERE / "inject"
FALLBACK_S = {2: 45, 3: 90}
"""Short enough that waves open by their fallback time too."""


@dataclass(frozen=True)
class Places:
    """One run's folder: ``data`` is the product's, the rest the harness's own."""

    folder: Path
    port_base: int
    nodes: int = 1

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def control(self) -> Path:
        """What the injected module reads and writes."""
        return self.folder / "control"

    @property
    def settings(self) -> Settings:
        return Settings(
            data=self.data,
            port_base=self.port_base,
            channels=self.folder / "channels.toml",
            newsroom=self.folder / "newsroom.toml",
            keep_free_bytes=4 * 1024 * 1024,
            kafka_nodes=self.nodes,
            ledger="",
            kafka="",
            s3="",
        )

    @property
    def kafkas(self) -> list[str]:
        """Names of the brokers, as the supervisor and the network have them."""
        if self.nodes == 1:
            return ["kafka"]
        return [f"kafka-{node}" for node in range(1, self.nodes + 1)]

    def _targets(self) -> dict[str, int]:
        at = self.settings
        brokers = {name: at.kafka_node_ports(n)[0] for n, name in enumerate(self.kafkas, 1)}
        outside = {"site": at.site_port, "wechat": at.wechat_port, "douyin": at.douyin_port}
        return {"s3": at.s3_port, **outside, **brokers}

    def link_port(self, name: str) -> int:
        return self.port_base + 60 + list(self._targets()).index(name)

    def links(self) -> list[Link]:
        """The network between the product and everything else, and between brokers."""
        return [
            Link(name, self.link_port(name), target, http=not name.startswith("kafka"))
            for name, target in self._targets().items()
        ]

    @property
    def kafka_bootstrap(self) -> str:
        """The brokers as the product reaches them."""
        return ",".join(f"127.0.0.1:{self.link_port(name)}" for name in self.kafkas)

    def write_configuration(self) -> None:
        """The two files that the product reads: facts of these outlets and of this newsroom."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.control / "arm").mkdir(parents=True, exist_ok=True)
        text = (HERE / "channels.toml").read_text(encoding="utf-8")
        for name in ("site", "wechat", "douyin"):
            text = text.replace(f'"${name}', f'"http://127.0.0.1:{self.link_port(name)}')
        self.settings.channels.write_text(text, encoding="utf-8")
        shipped = (REPOSITORY / "deploy" / "newsroom.toml").read_text(encoding="utf-8")
        for wave, seconds in ((2, 900), (3, 1800)):
            shipped = shipped.replace(f"{wave} = {seconds}", f"{wave} = {FALLBACK_S[wave]}")
        self.settings.newsroom.write_text(shipped, encoding="utf-8")

    def channels(self) -> dict[str, dict[str, Any]]:
        """The channels as the checker knows them, read from the file that was written."""
        with self.settings.channels.open("rb") as file:
            tables: dict[str, dict[str, Any]] = tomllib.load(file)["channels"]
        return tables
