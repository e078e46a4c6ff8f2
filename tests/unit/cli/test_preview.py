"""``./run preview`` of a story: the renditions that one outlet's copy names."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli import preview_files
from schemas.errors import InvalidInput
from schemas.settings import Settings
from schemas.story import Asset
from stores import objects
from stores.ledger import assets, renditions
from streams.programs import Programs
from tests.centre import CentreInMemory, Outlet

PROGRAMS = Programs("ffmpeg", "ffprobe", "x")


@pytest.fixture
def centre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CentreInMemory]:
    made = CentreInMemory(tmp_path / "c", [Outlet("web", 1, needs="web_hls"), Outlet("app", 1)])
    ledger = SimpleNamespace(snapshot=made.ledger.snapshot, close=lambda: None)
    monkeypatch.setattr(preview_files, "open_ledger_of", lambda _: ledger)
    monkeypatch.setattr(objects, "open_objects", lambda _: None)
    monkeypatch.setattr(objects, "get_file", lambda _, key, __, path: path.write_text(key))
    yield made
    made.close()


def test_files_of_one_outlet_once_they_are_made(
    centre: CentreInMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = clip(centre)
    story = str(
        centre.file(
            body=[{"kind": "video", "media": "v1"}], media=[{"ref": "v1", "asset_id": source}]
        )
    )
    centre.pump()
    centre.finish_renditions()
    out = tmp_path / "out"
    out.mkdir()
    with monkeypatch.context() as patched:
        patched.setattr(renditions, "manifest", lambda *_: None)
        assert not preview_files.of_story(story, "web", out, PROGRAMS, Settings())
    assert list(out.iterdir()) == []  # said, not made yet
    assert preview_files.of_story("1", "web", out, PROGRAMS, Settings())
    (folder,) = out.iterdir()
    assert folder.name.startswith("web_hls-")
    assert (folder / "a.mp4").read_text("utf-8") == "renditions/a"
    assert preview_files.of_story("1", "app", out, PROGRAMS, Settings())  # names none


def clip(centre: CentreInMemory) -> str:
    """A clip that was uploaded before."""
    made = Asset(
        ref="v1",
        id=uuid.uuid4(),
        kind="video",
        sha256="a" * 64,
        size_bytes=9,
        content_type="video/mp4",
        file_name="a.mp4",
        duration_s=3.0,
    )
    with centre.ledger.transaction() as tx:
        assets.put(tx, made, object_key="originals/a", facts={}, by="reporter", at=1)
    return str(made.id)


def test_the_outlet_must_be_named_and_have_a_copy(centre: CentreInMemory, tmp_path: Path) -> None:
    story = str(centre.file())
    for channel in ("", "tv"):
        with pytest.raises(InvalidInput):
            preview_files.of_story(story, channel, tmp_path, PROGRAMS, Settings())
