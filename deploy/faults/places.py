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
            ledger="",
            kafka="",
            s3="",
        )

    def link_port(self, name: str) -> int:
        return self.port_base + 60 + ["kafka", "s3", "site", "wechat", "douyin"].index(name)

    def links(self) -> list[Link]:
        """The network between the product and everything else."""
        at = self.settings
        targets = {
            "kafka": at.kafka_port,
            "s3": at.s3_port,
            "site": at.site_port,
            "wechat": at.wechat_port,
            "douyin": at.douyin_port,
        }
        return [
            Link(name, self.link_port(name), target, http=name != "kafka")
            for name, target in targets.items()
        ]

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
