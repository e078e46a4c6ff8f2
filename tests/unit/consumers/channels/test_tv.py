"""What the station finds in its folder, and what the newsroom is told of it."""

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from lxml import etree
from pydantic import ValidationError

from consumers import sidecar
from consumers.channels import tv
from schemas.body import Paragraph, Span, Video
from schemas.channel import (
    Absent,
    Accepted,
    CannotRecall,
    CannotTell,
    Live,
    Recalled,
    Refused,
)
from schemas.errors import PermanentError, TransientError, UnknownOutcome
from schemas.receipt import Receipt
from tests import fakes
from tests.conformance.samples import corrected
from tests.unit.consumers.hand_offs import Died, HandOffs, dying, opened

NAME = "QH000007_r1"
WITHOUT_VERB = (
    "<A>{{ delivery.id }}{{ delivery.story.title }}{{ delivery.files[0].name }}"
    "{{ delivery.files[0].md5 }}</A>"
)


@pytest.fixture
def plain(tmp_path: Path) -> HandOffs:
    return opened(tmp_path, tv, fakes.video_story())


@pytest.fixture
def acked(tmp_path: Path) -> HandOffs:
    return opened(tmp_path, tv, fakes.video_story(), acks=True)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """For worlds by the dozen: nothing is forced to the disk."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


def told(box: HandOffs, name: str = f"{NAME}_v1.xml") -> Any:
    return etree.parse(box.folder / name).getroot()


def test_the_clip_and_its_sidecar(plain: HandOffs) -> None:
    answer = plain.call("submit")
    assert isinstance(answer, Live)
    assert plain.visible() == [f"{NAME}.mxf", f"{NAME}_v1.xml"]
    clip = (plain.folder / f"{NAME}.mxf").read_bytes()
    root = told(plain)
    assert root.findtext(".//File/Name") == f"{NAME}.mxf"
    assert root.findtext(".//File/Size") == str(len(clip))
    assert root.findtext(".//File/MD5") == hashlib.md5(clip).hexdigest()
    assert root.findtext("Verb") == "new"
    assert root.findtext("Version") == "1"
    assert root.findtext("TitleChinese") == "航拍青禾：云海漫过古桥"
    assert root.findtext("File/Duration") == "00:00:12:00"
    assert root.findtext("File/EndTimecode") == "00:00:12:00"
    assert root.findtext("Slip").splitlines()[-1] == "【视频】航拍云海"
    receipt = answer.receipt
    assert receipt.item_id == NAME
    assert receipt.media[0].sha256 == hashlib.sha256(clip).hexdigest()
    data = (plain.folder / f"{NAME}_v1.xml").read_bytes()
    assert receipt.text_sha256 == hashlib.sha256(data).hexdigest()


def test_the_slip_carries_all_words_and_names_what_stays_behind(tmp_path: Path) -> None:
    story = fakes.text_story()
    clip = fakes.video_story()
    mixed = story.model_copy(
        update={"body": (*story.body, *clip.body), "assets": (*story.assets, *clip.assets)}
    )
    payload = tv.render(mixed, opened(tmp_path, tv, mixed).spec)  # type: ignore[arg-type]
    for words in ("清晨六点，梯田", "一亩田的账", "——村民", "云岭乡\t3200", "【图片】打谷"):
        assert words in payload.slip.splitlines() or words in payload.slip
    assert '引号“测试”与 <b>尖括号</b> & "符号"。' in payload.slip.splitlines()
    assert any("2 幅" in note for note in payload.notes)


def test_a_title_too_long_names_the_variant(tmp_path: Path) -> None:
    story = fakes.video_story(headline="长" * 21)
    spec = opened(tmp_path, tv, story, title_max=20).spec
    with pytest.raises(PermanentError) as refused:
        tv.render(story, spec)  # type: ignore[arg-type]
    fault = refused.value.faults[0]
    assert (fault.field, fault.code) == ("headline", "too_long")
    assert "21" in fault.reason
    assert "20" in fault.reason
    assert "variants.tv.headline" in fault.next_step


def test_a_story_without_a_clip_for_tv_is_refused(tmp_path: Path) -> None:
    story = fakes.video_story()
    hidden = story.model_copy(
        update={"body": (story.body[0], Video(key="b2", media="v1", only=("web",)))}
    )
    spec = opened(tmp_path, tv, story).spec
    with pytest.raises(PermanentError):
        tv.render(hidden, spec)  # type: ignore[arg-type]
    loose = story.model_copy(update={"body": (Paragraph(key="b1", spans=(Span(text="只有字"),)),)})
    assert len(tv.render(loose, spec).clips) == 1  # type: ignore[arg-type]


def test_two_clips_have_a_file_each(tmp_path: Path) -> None:
    story = fakes.video_story()
    second = fakes.asset("v2", "video", b"clip two", "video/mp4", duration_s=1.5)
    two = story.model_copy(
        update={
            "body": (*story.body, Video(key="b3", media="v2"), Video(key="b4", media="v1")),
            "assets": (*story.assets, second),
        }
    )
    box = opened(tmp_path, tv, two)
    assert isinstance(box.call("submit"), Live)
    assert box.visible() == [f"{NAME}.mxf", f"{NAME}_2.mxf", f"{NAME}_v1.xml"]
    assert [e.text for e in told(box).iter("Name")] == [f"{NAME}.mxf", f"{NAME}_2.mxf"]


def test_an_acknowledged_clip_is_live(acked: HandOffs) -> None:
    first = acked.call("submit")
    assert isinstance(first, Accepted)
    assert "回执" in first.reason
    assert isinstance(acked.call("confirm", first.handle), Accepted)
    md5 = told(acked).findtext(".//MD5")
    acked.acknowledge(f"{NAME}_v1.ack.json", told(acked).findtext("Id"), md5=md5.upper())
    live = acked.call("confirm", first.handle)
    assert isinstance(live, Live)
    assert live.receipt.at.hour == 5, "the station's own time"
    assert live.receipt.payload_sha256 == acked.attempt().payload_sha256


def test_a_refused_clip_tells_why(acked: HandOffs) -> None:
    first = acked.call("submit")
    acked.acknowledge(f"{NAME}_v1.ack.json", told(acked).findtext("Id"), "error", reason="响度超标")
    answer = acked.call("confirm", first.handle)
    assert isinstance(answer, Refused)
    assert "响度超标" in answer.reason
    assert isinstance(acked.call("submit"), Refused), "not sent again as it is"
    assert isinstance(acked.call("find"), Accepted), "asking again leads to the refusal"


@pytest.mark.parametrize(
    "ack",
    [
        b"",
        b'{"id": "QH0000',
        b"[]",
        b'{"id": "another", "result": "ok"}',
        b'{"id": "QH000007-r1-v1-new-sf00", "result": "ok"}',
    ],
)
def test_half_and_stale_acknowledgements_count_for_nothing(acked: HandOffs, ack: bytes) -> None:
    first = acked.call("submit")
    (acked.acks / f"{NAME}_v1.ack.json").write_bytes(ack)
    assert isinstance(acked.call("confirm", first.handle), Accepted)
    assert isinstance(acked.call("find"), Accepted)


def test_an_acknowledgement_of_another_file_is_not_live(acked: HandOffs) -> None:
    first = acked.call("submit")
    acked.acknowledge(f"{NAME}_v1.ack.json", told(acked).findtext("Id"), md5="0" * 32)
    answer = acked.call("confirm", first.handle)
    assert isinstance(answer, Accepted)
    assert "MD5" in answer.reason


def test_odd_but_clear_acknowledgements_count(acked: HandOffs) -> None:
    first = acked.call("submit")
    delivery = told(acked).findtext("Id")
    data = {"id": delivery, "result": "OK", "reason": None, "at": "yesterday", "md5": None, "x": 1}
    (acked.acks / f"{NAME}_v1.ack.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(data).encode())
    assert isinstance(acked.call("confirm", first.handle), Live)


def test_a_correction_replaces_the_clip(acked: HandOffs) -> None:
    first = acked.call("submit")
    old_id = told(acked).findtext("Id")
    acked.acknowledge(f"{NAME}_v1.ack.json", old_id)
    live = acked.call("confirm", first.handle)
    acked.story = corrected(acked.story)
    second = acked.call("update", live.receipt)
    assert isinstance(second, Accepted)
    assert acked.visible() == [f"{NAME}.mxf", f"{NAME}_v2.xml"]
    root = told(acked, f"{NAME}_v2.xml")
    assert root.findtext("Verb") == "update"
    assert root.findtext("Correction") == acked.story.correction
    assert root.findtext("ClipId") == NAME
    assert root.findtext("Id") != old_id
    acked.acknowledge(f"{NAME}_v2.ack.json", old_id)
    assert isinstance(acked.call("confirm", second.handle), Accepted), "a stale id"
    acked.acknowledge(f"{NAME}_v2.ack.json", root.findtext("Id"))
    newer = acked.call("confirm", second.handle)
    assert isinstance(newer, Live)
    assert newer.receipt.payload_sha256 != live.receipt.payload_sha256


def test_no_way_back_to_an_older_version(plain: HandOffs) -> None:
    older = plain.story
    live = plain.call("submit")
    plain.story = corrected(older, 3)
    assert isinstance(plain.call("update", live.receipt), Live)
    plain.story = corrected(older, 2)
    answer = plain.call("update", live.receipt)
    assert isinstance(answer, Refused)
    assert answer.code == "newer_version"
    assert told(plain, f"{NAME}_v3.xml").findtext("Version") == "3"


def test_a_withdrawal_takes_the_files_back(plain: HandOffs) -> None:
    live = plain.call("submit")
    answer = plain.call("recall", live.receipt, "事实有误")
    assert isinstance(answer, Recalled)
    assert "确认" in answer.reason, "without acknowledgements somebody must ask"
    assert plain.visible() == [f"{NAME}_v1_delete.xml"]
    root = told(plain, f"{NAME}_v1_delete.xml")
    assert root.findtext("Verb") == "delete"
    assert root.findtext("Reason") == "事实有误"
    assert root.findtext(".//File/Name") == f"{NAME}.mxf"
    assert isinstance(plain.call("recall", live.receipt, "事实有误"), Recalled)
    assert isinstance(plain.call("find"), CannotTell), "never sent again"
    assert isinstance(plain.call("submit"), Refused)


def test_a_withdrawal_waits_for_the_station(acked: HandOffs) -> None:
    first = acked.call("submit")
    acked.acknowledge(f"{NAME}_v1.ack.json", told(acked).findtext("Id"))
    live = acked.call("confirm", first.handle)
    asked = acked.call("recall", live.receipt, "事实有误")
    assert isinstance(asked, Accepted)
    assert asked.handle["verb"] == "recall"
    gone = told(acked, f"{NAME}_v1_delete.xml").findtext("Id")
    acked.acknowledge(f"{NAME}_v1_delete.ack.json", gone, "error", reason="已播出")
    answer = acked.call("confirm", asked.handle)
    assert isinstance(answer, CannotRecall)
    assert "已播出" in answer.reason
    assert answer.who == "值班编辑"
    acked.acknowledge(f"{NAME}_v1_delete.ack.json", gone)
    assert isinstance(acked.call("confirm", asked.handle), Recalled)


def test_what_was_not_fetched_is_simply_taken_back(acked: HandOffs) -> None:
    first = acked.call("submit")
    live = Live(_receipt_of(first))
    asked = acked.call("recall", live.receipt, "事实有误")
    gone = told(acked, f"{NAME}_v1_delete.xml").findtext("Id")
    acked.acknowledge(f"{NAME}_v1_delete.ack.json", gone, "error", reason="no such clip")
    assert isinstance(acked.call("confirm", asked.handle), Recalled)


def _receipt_of(accepted: Accepted) -> Any:
    record: Any = accepted.handle["record"]
    shown = {k: record[k] for k in ("payload_sha256", "text_sha256", "media")}
    made = {"item_id": record["item"], "at": record["placed_at"], **shown, "data": record}
    return Receipt.model_validate(made)


def test_a_typed_receipt_can_be_withdrawn_too(plain: HandOffs) -> None:
    live = plain.call("submit")
    typed = live.receipt.model_copy(update={"data": {}, "item_id": "9527"})
    assert isinstance(plain.call("recall", typed, "事实有误"), Recalled)
    assert plain.visible() == [f"{NAME}_v1_delete.xml"]


@pytest.mark.usefixtures("quick")
def test_a_crash_between_any_two_file_operations(tmp_path: Path) -> None:
    probe = _fresh(tmp_path / "probe")
    with dying(0, probe.folder) as done:
        probe.call("submit")
    assert len(done) > 8
    for at in range(1, len(done) + 1):
        box = _fresh(tmp_path / str(at))
        with dying(at, box.folder), pytest.raises(Died):
            box.call("submit")
        if f"{NAME}_v1.xml" in box.visible():
            clip = (box.folder / f"{NAME}.mxf").read_bytes()
            assert told(box).findtext(".//MD5") == hashlib.md5(clip).hexdigest()
            assert isinstance(box.call("find"), Live), done[at - 1]
        else:
            assert isinstance(box.call("find"), Absent), done[at - 1]
        assert isinstance(box.call("submit"), Live), done[at - 1]
        assert box.visible() == [f"{NAME}.mxf", f"{NAME}_v1.xml"], done[at - 1]


@pytest.mark.usefixtures("quick")
def test_a_crash_in_a_correction_never_pairs_old_and_new(tmp_path: Path) -> None:
    probe = _fresh(tmp_path / "probe")
    live = probe.call("submit")
    probe.story = corrected(probe.story)
    with dying(0, probe.folder) as done:
        probe.call("update", live.receipt)
    for at in range(1, len(done) + 1):
        box = _fresh(tmp_path / str(at))
        live = box.call("submit")
        box.story = corrected(box.story)
        with dying(at, box.folder), pytest.raises(Died):
            box.call("update", live.receipt)
        shown = [name for name in box.visible() if name.endswith(".xml")]
        assert len(shown) <= 1, done[at - 1]
        for name in shown:
            clip = (box.folder / f"{NAME}.mxf").read_bytes()
            assert told(box, name).findtext(".//MD5") == hashlib.md5(clip).hexdigest()
        assert isinstance(box.call("update", live.receipt), Live)
        assert box.visible() == [f"{NAME}.mxf", f"{NAME}_v2.xml"], done[at - 1]


@pytest.mark.usefixtures("quick")
def test_a_crash_in_a_withdrawal_then_again(tmp_path: Path) -> None:
    probe = _fresh(tmp_path / "probe")
    live = probe.call("submit")
    with dying(0, probe.folder) as done:
        probe.call("recall", live.receipt, "错")
    for at in range(1, len(done) + 1):
        box = _fresh(tmp_path / str(at))
        live = box.call("submit")
        with dying(at, box.folder), pytest.raises(Died):
            box.call("recall", live.receipt, "错")
        assert isinstance(box.call("recall", live.receipt, "错"), Recalled)
        assert box.visible() == [f"{NAME}_v1_delete.xml"], done[at - 1]


def _fresh(root: Path) -> HandOffs:
    root.mkdir()
    return opened(root, tv, fakes.video_story())


def test_a_station_that_fetches_at_once_needs_no_second_look(plain: HandOffs) -> None:
    real = Path.replace

    def fetch(source: Path, target: Path) -> Path:
        moved = real(source, target)
        if target.suffix == ".xml" and target.parent == plain.folder:
            (plain.folder / f"{NAME}.mxf").unlink()
            target.unlink()
        return moved

    with patch.object(Path, "replace", fetch):
        assert isinstance(plain.call("submit"), Live)
    found = plain.call("find")
    assert isinstance(found, CannotTell), "afterwards nothing proves it"
    with pytest.raises(UnknownOutcome):
        plain.call("submit")


def test_a_damaged_delivery_is_not_claimed_live(plain: HandOffs) -> None:
    assert isinstance(plain.call("submit"), Live)
    (plain.folder / f"{NAME}.mxf").write_bytes(b"overwritten")
    assert isinstance(plain.call("find"), CannotTell)


def test_a_lost_ledger_still_finds_what_stands_there(plain: HandOffs) -> None:
    live = plain.call("submit")
    plain.forget()
    with pytest.raises(UnknownOutcome):
        plain.call("submit")
    found = plain.call("find")
    assert isinstance(found, Live)
    assert found.receipt.item_id == live.receipt.item_id
    assert found.receipt.media == live.receipt.media
    assert found.receipt.text_sha256 == live.receipt.text_sha256


def test_a_lost_ledger_and_an_acknowledgement(acked: HandOffs) -> None:
    acked.call("submit")
    delivery = told(acked).findtext("Id")
    acked.acknowledge(f"{NAME}_v1.ack.json", delivery)
    for path in acked.folder.iterdir():
        path.unlink()
    acked.forget()
    assert isinstance(acked.call("find"), Live)


def test_another_version_after_a_lost_ledger_is_for_a_person(plain: HandOffs) -> None:
    plain.call("submit")
    plain.forget()
    plain.story = corrected(plain.story)
    assert isinstance(plain.call("find"), CannotTell)


def test_a_name_taken_by_another_story_is_refused(plain: HandOffs) -> None:
    (plain.folder / f"{NAME}_v1.xml").write_text("<Handoff><Id>QH000007-old</Id></Handoff>")
    answer = plain.call("submit")
    assert isinstance(answer, Refused)
    assert answer.field == "prefix"
    assert plain.visible() == [f"{NAME}_v1.xml"], "it is left alone"
    assert isinstance(plain.call("find"), Absent)


@pytest.mark.parametrize("gone", ["hot", "acks"])
def test_a_missing_folder_is_named(acked: HandOffs, gone: str) -> None:
    (acked.root / gone).rename(acked.root / "away")
    for name in ("submit", "find"):
        with pytest.raises(TransientError) as error:
            acked.call(name)
        assert str(acked.root / gone) in str(error.value)


def test_a_folder_that_may_not_be_written_is_named(plain: HandOffs) -> None:
    with patch("os.access", return_value=False), pytest.raises(TransientError) as error:
        plain.call("submit")
    assert str(plain.folder) in str(error.value)


def test_a_share_that_is_not_mounted_is_noticed(tmp_path: Path) -> None:
    box = opened(tmp_path, tv, fakes.video_story(), proof=".station")
    with pytest.raises(TransientError) as error:
        box.call("submit")
    assert ".station" in str(error.value)
    (box.folder / ".station").touch()
    assert isinstance(box.call("submit"), Live)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_is_transient_and_leaves_room(plain: HandOffs, code: int) -> None:
    with (
        patch("os.fsync", side_effect=OSError(code, "no")),
        pytest.raises(TransientError) as error,
    ):
        plain.call("submit")
    assert str(plain.folder) in str(error.value)
    assert list(plain.folder.iterdir()) == []
    assert isinstance(plain.call("submit"), Live)


def test_time_over_before_the_sidecar_leaves_nothing_visible(plain: HandOffs) -> None:
    with pytest.raises(TransientError):
        plain.call("submit", attempt=plain.attempt(seconds=0.0))
    assert plain.visible() == []


def test_a_rendition_that_changed_is_not_handed_over(plain: HandOffs) -> None:
    attempt = plain.attempt()
    file = attempt.media.files(tv.render(plain.story, plain.spec).clips[0].media)[0]  # type: ignore[arg-type]
    file.path.write_bytes(file.path.read_bytes()[:-1])
    with pytest.raises(TransientError):
        plain.call("submit", attempt=attempt)
    assert plain.visible() == []


def test_r1_and_r10_do_not_touch_each_other(plain: HandOffs) -> None:
    plain.call("submit")
    plain.release = 10
    live = plain.call("submit")
    plain.call("recall", live.receipt, "错")
    assert f"{NAME}.mxf" in plain.visible()
    assert f"{NAME}0.mxf" not in plain.visible()


def test_the_adi_template(tmp_path: Path) -> None:
    station = {
        "provider": "青禾<台>", "provider_id": "qinghe.example", "product": "NEWS",
        "asset_letters": "QHTV",
    }  # fmt: skip
    box = opened(
        tmp_path, tv, fakes.video_story(headline='云海 "漫过" <古桥>'),
        sidecar_template="sidecar_adi.xml", station=station,
    )  # fmt: skip
    live = box.call("submit")
    root = told(box)
    ams = root.findall(".//AMS")
    assert {a.get("Asset_Class") for a in ams} == {"package", "title", "movie"}
    ids = [a.get("Asset_ID") for a in ams]
    assert all(len(i) == 20 and i[:4] == "QHTV" and i[4:].isdecimal() for i in ids)
    assert len(set(ids)) == 3
    assert all(len(a.get("Asset_Name")) <= 50 for a in ams)
    values = {e.get("Name"): e.get("Value") for e in root.iter("App_Data")}
    assert values["Title"] == '云海 "漫过" <古桥>'
    clip = (box.folder / f"{NAME}.mxf").read_bytes()
    assert values["Content_CheckSum"] == hashlib.md5(clip).hexdigest()
    assert "\n" in values["Summary_Long"], "line breaks survive in an attribute"
    assert root.find(".//Content").get("Value") == f"{NAME}.mxf"
    assert {a.get("Verb") for a in ams} == {""}
    box.call("recall", live.receipt, "错")
    gone = told(box, f"{NAME}_v1_delete.xml")
    assert {a.get("Verb") for a in gone.iter("AMS")} == {"DELETE"}
    assert [a.get("Asset_ID") for a in gone.iter("AMS")] == ids, "the station finds it by these"


def test_a_station_may_read_gb18030(tmp_path: Path) -> None:
    box = opened(tmp_path, tv, fakes.video_story(headline="𠮷野镕"), sidecar_encoding="GB18030")
    box.call("submit")
    data = (box.folder / f"{NAME}_v1.xml").read_bytes()
    assert "𠮷野镕".encode("gb18030") in data
    assert b'encoding="GB18030"' in data


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("<A>{{ delivery.nothing }}</A>", "sidecar_template"),
        ("<A>{{ delivery.id }", "有错"),
        ("<A>{{ delivery.id }}", "XML"),
        ("<A/>", "MD5"),
        (WITHOUT_VERB, "相同"),
        ("<A>{{ delivery.__class__.__mro__ }}</A>", "XML"),
    ],
)
def test_a_template_that_will_not_do_stops_the_start(
    tmp_path: Path, template: str, complaint: str
) -> None:
    path = tmp_path / "own.xml"
    path.write_text(template, "utf-8")
    with pytest.raises(ValidationError) as error:
        opened(tmp_path, tv, fakes.video_story(), sidecar_template=path)
    assert complaint in str(error.value)
    assert "sidecar_template" in str(error.value)


def test_a_refused_clip_may_come_again_as_a_newer_version(acked: HandOffs) -> None:
    acked.call("submit")
    acked.acknowledge(f"{NAME}_v1.ack.json", told(acked).findtext("Id"), "error", reason="黑场")
    acked.story = corrected(acked.story)
    assert isinstance(acked.call("find"), Absent)
    assert isinstance(acked.call("submit"), Accepted)
    assert acked.visible() == [f"{NAME}.mxf", f"{NAME}_v2.xml"]
    assert told(acked, f"{NAME}_v2.xml").findtext("Verb") == "new"


def test_acknowledgements_in_the_same_folder_stay(tmp_path: Path) -> None:
    box = opened(tmp_path, tv, fakes.video_story(), ack_folder=tmp_path / "hot")
    first = box.call("submit")
    ack = {"id": told(box).findtext("Id"), "result": "ok"}
    (box.folder / f"{NAME}_v1.ack.json").write_text(json.dumps(ack))
    live = box.call("confirm", first.handle)
    assert isinstance(live, Live)
    assert isinstance(box.call("recall", live.receipt, "错"), Accepted)
    assert f"{NAME}_v1.ack.json" in box.visible()


def test_a_long_clip_is_not_copied_twice(plain: HandOffs) -> None:
    with (
        patch.object(sidecar, "write", side_effect=TransientError("time over")),
        pytest.raises(TransientError),
    ):
        plain.call("submit")
    part = plain.folder / f"{NAME}.mxf.part"
    before = part.stat().st_ino, part.stat().st_mtime_ns
    assert isinstance(plain.call("submit"), Live)
    clip = plain.folder / f"{NAME}.mxf"
    assert (clip.stat().st_ino, clip.stat().st_mtime_ns) == before


def test_timecode() -> None:
    assert sidecar.timecode(3661.48, 25) == "01:01:01:12"
    assert sidecar.timecode(0.999, 25) == "00:00:01:00"
    assert sidecar.seconds_of("10:00:00:05", 25) == 36000.2
