"""The page desk's hot folder, with acknowledgements by the simulated desk."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consumers.channels import newspaper
from schemas.channel import Channel
from tests import fakes
from tests.conformance.contract import World
from tests.conformance.folder_outlet import FAULTS, FolderOutlet, faulty_renames, open_desk


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    station = open_desk(folder)
    outlet = FolderOutlet(station, "newspaper", "*/manifest.json", _read, _spoil)
    spec = newspaper.Spec(
        id="newspaper", module="newspaper", name="青禾日报", family="newspaper", wave=3,
        folder=station.newspaper, ack_folder=station.newspaper_ack, prefix="QH", settle_s=0,
    )  # fmt: skip
    outside = fakes.outside(folder / "state")
    module: Channel = newspaper
    with faulty_renames(outlet):
        yield World(
            module=module,
            spec=spec,
            story=fakes.text_story(),
            connect=lambda: newspaper.connect(spec, outside),
            items=outlet.items,
            media=fakes.FakeMedia(folder / "media"),
            faults=FAULTS,
            inject=outlet.inject,
            settle=outlet.settle,
        )


def _read(path: Path) -> dict[str, str]:
    told = json.loads(path.read_bytes())
    text = path.with_name("story.txt")
    shown = text.read_text("utf-8") if text.exists() else told["headline"]
    return {"id": told["id"], "verb": told["verb"], "item": told["item"], "text": shown}


def _spoil(path: Path) -> None:
    path.with_name("story.docx").write_bytes(b"cut short")
