"""What the page desk finds in its folder, and what the newsroom is told of it."""

import errno
import hashlib
import io
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import docx
import pytest
from lxml import etree
from PIL import Image as Drawn
from pydantic import ValidationError

from consumers import print_package
from consumers.channels import newspaper
from consumers.print_manifest import closing
from schemas.body import Paragraph, Span
from schemas.channel import Absent, Accepted, CannotTell, Live, Recalled, Refused
from schemas.errors import PermanentError, TransientError, UnknownOutcome
from schemas.rendition import placeholders
from schemas.story import Story
from tests import fakes
from tests.conformance.samples import corrected
from tests.unit.consumers.hand_offs import Died, HandOffs, dying, opened

ITEM = "QH000007_r1"
FILES = [
    "QH000007_r1_01.jpg", "QH000007_r1_02.jpg", "captions.txt", "manifest.json", "story.docx",
    "story.gb18030.txt", "story.icml", "story.ninjs.json", "story.txt",
]  # fmt: skip


@pytest.fixture
def plain(tmp_path: Path) -> HandOffs:
    return opened(tmp_path, newspaper, fakes.text_story(), edition="青禾日报", page="A2")


@pytest.fixture
def acked(tmp_path: Path) -> HandOffs:
    return opened(tmp_path, newspaper, fakes.text_story(), acks=True)


def package(box: HandOffs) -> Path:
    return box.folder / ITEM


def manifest(box: HandOffs) -> Any:
    return json.loads((package(box) / "manifest.json").read_bytes())


def whole(box: HandOffs) -> bool:
    """The manifest names all files of the package, each as it stands there."""
    named = {f["name"]: (f["size"], f["sha256"]) for f in manifest(box)["files"]}
    there = {
        p.name: (p.stat().st_size, hashlib.sha256(p.read_bytes()).hexdigest())
        for p in package(box).iterdir()
        if p.name != "manifest.json"
    }
    return named == there


def test_the_package(plain: HandOffs) -> None:
    answer = plain.call("submit")
    assert isinstance(answer, Live)
    assert plain.visible() == [ITEM]
    assert sorted(p.name for p in package(plain).iterdir()) == FILES
    assert whole(plain)
    told = manifest(plain)
    assert (told["verb"], told["version"]) == ("new", 1)
    assert told["story_id"] == str(plain.story.id)
    assert told["headline"] == plain.story.headline
    assert (told["edition"], told["page"], told["column"]) == ("青禾日报", "A2", "热点")
    assert datetime.fromisoformat(told["placed_at"]).utcoffset()
    picture = told["pictures"][0]
    assert picture["effective_ppi"] == 338
    assert picture["widest_mm_at_300_ppi"] == 135
    receipt = answer.receipt
    text = (package(plain) / "story.txt").read_bytes()
    assert receipt.text_sha256 == hashlib.sha256(text).hexdigest()
    for one in receipt.media:
        file = plain.folder / one.address
        assert hashlib.sha256(file.read_bytes()).hexdigest() == one.sha256


def test_the_documents_say_the_same(plain: HandOffs) -> None:
    plain.call("submit")
    text = (package(plain) / "story.txt").read_text("utf-8")
    assert (package(plain) / "story.gb18030.txt").read_bytes().decode("gb18030") == text
    line = '引号“测试”与 <b>尖括号</b> & "符号"。'
    assert line in text.splitlines()
    document = docx.Document(str(package(plain) / "story.docx"))
    assert line in [p.text for p in document.paragraphs]
    assert len(document.inline_shapes) == 2
    icml = etree.parse(package(plain) / "story.icml")
    assert line in [e.text for e in icml.iter("Content")]
    ninjs = json.loads((package(plain) / "story.ninjs.json").read_bytes())
    assert ninjs["bodies"][0]["value"] == text


def test_pictures_are_the_renditions_and_only_shown_small_in_word(tmp_path: Path) -> None:
    box = opened(tmp_path, newspaper, fakes.text_story())
    kept = io.BytesIO()
    Drawn.effect_noise((2400, 1600), 90).convert("RGB").save(kept, "JPEG", quality=95)
    attempt = box.attempt()
    media: Any = attempt.media
    found = placeholders(box.payload().model_dump(mode="json"))
    media.put(found[0], ("print_image.jpg", kept.getvalue(), "image/jpeg"))
    media.put(found[1], ("print_image.png", b"not a picture at all", "image/png"))
    assert isinstance(box.call("submit", attempt=attempt), Live)
    assert (package(box) / f"{ITEM}_01.jpg").read_bytes() == kept.getvalue()
    assert (package(box) / f"{ITEM}_02.png").read_bytes() == b"not a picture at all"
    assert (package(box) / "story.docx").stat().st_size < len(kept.getvalue()) / 2
    document = docx.Document(str(package(box) / "story.docx"))
    assert len(document.inline_shapes) == 1, "what cannot be shown is only named"
    assert any(f"{ITEM}_02.png" in p.text for p in document.paragraphs)


def test_column_and_page_come_from_the_story_where_they_fit(tmp_path: Path) -> None:
    spec: Any = opened(
        tmp_path, newspaper, fakes.text_story(), page="A4", column="综合", pages={"热点": "A1"}
    ).spec
    assert newspaper.render(fakes.text_story(), spec).page == "A1"
    loose = newspaper.render(fakes.text_story(columns=()), spec)
    assert (loose.page, loose.column) == ("A4", "综合")


def test_a_headline_too_long_names_the_variant(tmp_path: Path) -> None:
    story = fakes.text_story(headline="长" * 31)
    spec: Any = opened(tmp_path, newspaper, story, headline_max=30).spec
    with pytest.raises(PermanentError) as refused:
        newspaper.render(story, spec)
    fault = refused.value.faults[0]
    assert fault.field == "headline"
    assert "31" in fault.reason
    assert "variants.newspaper.headline" in fault.next_step


def test_the_edition_that_a_story_reaches(tmp_path: Path) -> None:
    before = datetime(2026, 11, 24, 9, 59, tzinfo=UTC)
    after = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    assert str(closing("18:00", before)) == "2026-11-24 18:00:00+08:00"
    assert str(closing("18:00", after)) == "2026-11-25 18:00:00+08:00"
    assert closing(None, after) is None
    box = opened(tmp_path, newspaper, fakes.text_story(), cut_off="18:00")
    box.call("submit")
    assert manifest(box)["closes_at"].endswith("T18:00+08:00")
    with pytest.raises(ValidationError):
        newspaper.Spec(**{**box.spec.model_dump(), "cut_off": "25:00"})


def test_an_acknowledged_package_is_live(acked: HandOffs) -> None:
    first = acked.call("submit")
    assert isinstance(first, Accepted)
    acked.acknowledge(f"{ITEM}.ack.json", manifest(acked)["id"], md5="")
    assert isinstance(acked.call("confirm", first.handle), Live)
    acked.acknowledge(f"{ITEM}.ack.json", manifest(acked)["id"], "error", reason="版面已满")
    answer = acked.call("confirm", first.handle)
    assert isinstance(answer, Refused)
    assert "版面已满" in answer.reason


def test_a_correction_takes_the_same_place(acked: HandOffs) -> None:
    first = acked.call("submit")
    acked.acknowledge(f"{ITEM}.ack.json", manifest(acked)["id"])
    live = acked.call("confirm", first.handle)
    acked.story = corrected(acked.story.model_copy(update={"body": (_said("更正后的正文。"),)}))
    second = acked.call("update", live.receipt)
    assert isinstance(second, Accepted)
    assert isinstance(acked.call("confirm", second.handle), Accepted), "the old ack is stale"
    assert acked.visible() == [ITEM]
    assert whole(acked)
    told = manifest(acked)
    assert (told["verb"], told["version"]) == ("update", 2)
    text = (package(acked) / "story.txt").read_text("utf-8")
    assert f"【更正】{acked.story.correction}" in text
    assert not (package(acked) / f"{ITEM}_01.jpg").exists()
    acked.acknowledge(f"{ITEM}.ack.json", told["id"])
    assert isinstance(acked.call("confirm", second.handle), Live)


def _said(text: str) -> Paragraph:
    return Paragraph(key="p", spans=(Span(text=text),))


def test_a_withdrawal_is_a_notice(acked: HandOffs) -> None:
    first = acked.call("submit")
    acked.acknowledge(f"{ITEM}.ack.json", manifest(acked)["id"])
    live = acked.call("confirm", first.handle)
    asked = acked.call("recall", live.receipt, "事实有误")
    assert isinstance(asked, Accepted)
    assert [p.name for p in package(acked).iterdir()] == ["manifest.json"]
    told = manifest(acked)
    assert (told["verb"], told["reason"], told["files"]) == ("withdraw", "事实有误", [])
    assert told["headline"] == acked.story.headline
    assert told["column"] == "热点"
    assert isinstance(acked.call("recall", live.receipt, "事实有误"), Accepted)
    acked.acknowledge(f"{ITEM}.ack.json", told["id"])
    answer = acked.call("confirm", asked.handle)
    assert isinstance(answer, Recalled)
    assert "版面编辑" in answer.reason
    assert isinstance(acked.call("find"), CannotTell)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """For worlds by the dozen: small documents, and nothing is forced to the disk."""
    monkeypatch.setattr(print_package, "docx_document", lambda *_: b"DOCX")
    monkeypatch.setattr(print_package, "icml_document", lambda *_: b"ICML")
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


def _fresh(root: Path) -> HandOffs:
    root.mkdir()
    # one short story without pictures: what counts here is the order of the operations
    return opened(root, newspaper, fakes.text_story(body=(_said("正文。"),)))


def _each_crash(
    tmp_path: Path, first: Callable[[HandOffs], Any], act: Callable[[HandOffs, Any], Any]
) -> list[tuple[HandOffs, Any, str]]:
    """A world for each file operation of ``act`` that was never made."""
    probe = _fresh(tmp_path / "probe")
    given = first(probe)
    with dying(0, probe.folder) as done:
        act(probe, given)
    worlds = []
    for at in range(1, len(done) + 1):
        box = _fresh(tmp_path / str(at))
        given = first(box)
        with dying(at, box.folder), pytest.raises(Died):
            act(box, given)
        worlds.append((box, given, done[at - 1]))
    return worlds


@pytest.mark.usefixtures("quick")
def test_a_crash_between_any_two_file_operations(tmp_path: Path) -> None:
    crashed = _each_crash(tmp_path, lambda _box: None, lambda box, _: box.call("submit"))
    assert len(crashed) > 20
    for box, _, last in crashed:
        if (package(box) / "manifest.json").exists():
            assert whole(box), last
            assert isinstance(box.call("find"), Live), last
        else:
            assert isinstance(box.call("find"), Absent), last
        assert isinstance(box.call("submit"), Live), last
        assert box.visible() == [ITEM], last
        assert whole(box), last


@pytest.mark.usefixtures("quick")
def test_a_crash_in_a_correction(tmp_path: Path) -> None:
    def correct(box: HandOffs, live: Live) -> Any:
        box.story = corrected(box.story)
        return box.call("update", live.receipt)

    for box, live, last in _each_crash(tmp_path, lambda box: box.call("submit"), correct):
        if (package(box) / "manifest.json").exists():
            assert whole(box), last
        assert isinstance(box.call("update", live.receipt), Live), last
        assert box.visible() == [ITEM], last
        assert whole(box), last
        assert manifest(box)["version"] == 2


@pytest.mark.usefixtures("quick")
def test_a_crash_in_a_withdrawal(tmp_path: Path) -> None:
    def withdraw(box: HandOffs, live: Live) -> Any:
        return box.call("recall", live.receipt, "错")

    for box, live, last in _each_crash(tmp_path, lambda box: box.call("submit"), withdraw):
        assert isinstance(withdraw(box, live), Recalled), last
        assert [p.name for p in package(box).iterdir()] == ["manifest.json"], last
        assert manifest(box)["verb"] == "withdraw"


def test_a_full_disk_is_transient(plain: HandOffs) -> None:
    calls = 0

    def full(_descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 9:
            raise OSError(errno.ENOSPC, "No space left on device")

    with patch("os.fsync", full), pytest.raises(TransientError) as error:
        plain.call("submit")
    assert str(plain.folder) in str(error.value)
    assert "满" in str(error.value)
    assert not (package(plain) / "manifest.json").exists()
    assert isinstance(plain.call("submit"), Live)
    assert whole(plain)


def test_a_missing_folder_is_named(plain: HandOffs) -> None:
    plain.folder.rmdir()
    for name in ("submit", "find"):
        with pytest.raises(TransientError) as error:
            plain.call(name)
        assert str(plain.folder) in str(error.value)


def test_a_lost_ledger_still_finds_what_stands_there(plain: HandOffs) -> None:
    live = plain.call("submit")
    plain.forget()
    with pytest.raises(UnknownOutcome):
        plain.call("submit")
    found = plain.call("find")
    assert isinstance(found, Live)
    assert found.receipt.media == live.receipt.media
    assert found.receipt.text_sha256 == live.receipt.text_sha256
    plain.forget()
    (package(plain) / "story.txt").write_bytes(b"changed by hand")
    assert isinstance(plain.call("find"), CannotTell)


def test_a_lost_ledger_and_an_acknowledgement(acked: HandOffs) -> None:
    acked.call("submit")
    acked.acknowledge(f"{ITEM}.ack.json", manifest(acked)["id"])
    package(acked).rename(acked.root / "fetched")
    acked.forget()
    found = acked.call("find")
    assert isinstance(found, Live)
    text = (acked.root / "fetched" / "story.txt").read_bytes()
    assert found.receipt.text_sha256 == hashlib.sha256(text).hexdigest()


def test_a_package_of_another_story_is_left_alone(plain: HandOffs) -> None:
    package(plain).mkdir()
    (package(plain) / "manifest.json").write_text('{"id": "QH000007-older"}')
    answer = plain.call("submit")
    assert isinstance(answer, Refused)
    assert answer.code == "name_taken"
    assert [p.name for p in package(plain).iterdir()] == ["manifest.json"]


def test_a_clip_gives_a_still(tmp_path: Path) -> None:
    box = opened(tmp_path, newspaper, _with_clip())
    assert isinstance(box.call("submit"), Live)
    assert (package(box) / f"{ITEM}_01.png").exists()
    assert "视频截图" in (package(box) / "captions.txt").read_text("utf-8")


def _with_clip() -> Story:
    return fakes.video_story()
