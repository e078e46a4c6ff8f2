"""The TV station's hot folder, with acknowledgements by the simulated station."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lxml import etree

from consumers.channels import tv
from schemas.channel import Channel
from tests import fakes
from tests.conformance.contract import World
from tests.conformance.folder_outlet import FAULTS, FolderOutlet, faulty_renames, open_desk


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    station = open_desk(folder)
    outlet = FolderOutlet(station, "tv", "*.xml", _read, _spoil)
    spec = tv.Spec(
        id="tv", module="tv", name="青禾电视台", family="tv", wave=2, applies_to="video",
        folder=station.tv, ack_folder=station.tv_ack, prefix="QH", settle_s=0,
    )  # fmt: skip
    outside = fakes.outside(folder / "state")
    module: Channel = tv
    with faulty_renames(outlet):
        yield World(
            module=module,
            spec=spec,
            story=fakes.video_story(),
            connect=lambda: tv.connect(spec, outside),
            items=outlet.items,
            media=fakes.FakeMedia(folder / "media"),
            faults=FAULTS,
            inject=outlet.inject,
            settle=outlet.settle,
        )


def _read(path: Path) -> dict[str, str]:
    root = etree.parse(path).getroot()
    return {
        "id": root.findtext("Id") or "",
        "verb": root.findtext("Verb") or "",
        "item": root.findtext("ClipId") or "",
        "text": "\n".join(str(text) for text in root.itertext()),
    }


def _spoil(path: Path) -> None:
    name = etree.parse(path).getroot().findtext("File/Name") or ""
    (path.parent / name).write_bytes(b"cut short")
