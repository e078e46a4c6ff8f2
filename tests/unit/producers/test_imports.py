"""``POST /v1/imports``: a dry run first, then the story with its pictures, or nothing at all."""

from pathlib import Path
from typing import Any

import pytest

from producers.import_contract import Importer
from producers.imports import importers, recognise
from schemas.settings import REPOSITORY
from tests.unit.producers.importers.test_docx import body, docx
from tests.unit.producers.newsroom import Newsroom, faults

GOLDEN = REPOSITORY / "tests/golden"
GIF = "R0lGODlhAQABAAAAACw="
PAGE = f"<h1>梯田开镰</h1><p>清晨六点。</p><img src='data:image/gif;base64,{GIF}' alt='田'>"


def send(desk: Newsroom, data: bytes, name: str, **params: Any) -> Any:
    return desk.call("POST", "/imports", params={"name": name, **params}, content=data)


SAMPLES: dict[str, tuple[str, bytes]] = {
    "docx": ("a.docx", docx(body("<w:p/>"))),
    "html": ("clip", PAGE.encode()),
    "ninjs": ("a.json", b'{"uri": "x"}'),
    "picture": ("a.bin", b"\xff\xd8\xff\xe0"),
    "text": ("a.txt", "题\n文".encode()),
}


def test_every_importer_has_a_sample_and_no_two_want_the_same() -> None:
    assert set(importers()) == set(SAMPLES)
    for format_id, (name, data) in SAMPLES.items():
        wanted = [f for f, one in importers().items() if one.fits(data[:4096], name)]
        assert wanted == [format_id]
        found: Importer | None = recognise(data[:4096], name)
        assert found is importers()[format_id]


def test_a_dry_run_tells_all_and_changes_nothing(desk: Newsroom) -> None:
    before = desk.state()
    answer = send(desk, PAGE.encode(), "稿.html")
    assert answer.status_code == 200
    told = answer.json()
    assert told["format"] == "html"
    assert told["story"]["headline"] == "梯田开镰"
    assert told["files"] == [{"ref": "p1", "name": "pasted-1.gif", "size_bytes": 14}]
    assert {row["fate"] for row in told["report"]} == {"kept"}
    assert told["faults"] == []
    assert desk.state() == before


def test_a_dry_run_says_what_is_missing(desk: Newsroom) -> None:
    told = send(desk, docx(body("<w:p/>")), "a.docx").json()
    assert {fault["field"] for fault in told["faults"]} == {"story.headline", "story.body"}


def test_the_story_is_filed_with_its_pictures(desk: Newsroom) -> None:
    answer = send(desk, PAGE.encode(), "稿.html", dry_run=False)
    assert answer.status_code == 201, answer.text
    assert answer.json()["report"]
    story = desk.call("GET", "/stories/1").json()["story"]
    assert [block["kind"] for block in story["body"]] == ["paragraph", "image"]
    (asset,) = story["assets"]
    assert desk.s3.objects[f"originals/{asset['id']}"].startswith(b"GIF89a")


def test_the_same_key_files_once(desk: Newsroom) -> None:
    params = {"name": "a.txt", "dry_run": False}
    for replayed in (None, "true"):
        answer = desk.call(
            "POST",
            "/imports",
            params=params,
            content="题\n文".encode(),
            headers={"Idempotency-Key": "k"},
        )
        assert answer.status_code == 201
        assert answer.headers.get("Idempotency-Replayed") == replayed
    assert len(desk.call("GET", "/stories").json()["stories"]) == 1


@pytest.mark.parametrize(
    ("data", "name", "field", "code", "status"),
    [
        (b"\x00\x01", "a.bin", "a.bin", "unknown_format", 415),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a.doc", "a.doc", "old_format", 422),
        (b"<p>x", "../a.html", "name", "bad_file_name", 422),
        ("只有标题".encode(), "a.txt", "story.body", "too_short", 422),
        (b"<h1>x</h1><img src='data:image/gif;base64,eHh4'>x", "a.html", "file.pasted-1.gif", "bad_file", 422),
    ],
)  # fmt: skip
def test_a_refusal_leaves_nothing(
    desk: Newsroom, data: bytes, name: str, field: str, code: str, status: int
) -> None:
    before = desk.state()
    answer = send(desk, data, name, dry_run=False)
    assert answer.status_code == status, answer.text
    assert faults(answer) == {field: code}
    assert desk.state() == before


def test_a_pasted_piece_is_blocks(calm: Newsroom) -> None:
    told = send(calm, "<p class=MsoNormal>一</p><p>二</p>".encode(), "x", piece=True).json()
    assert [b["spans"][0]["text"] for b in told["story"]["body"]] == ["一", "二"]
    assert "headline" not in told["story"]


def test_a_document_is_not_longer_than_a_picture_may_be(desk: Newsroom) -> None:
    limit = desk.centre.desk.newsroom.uploads.image_bytes
    answer = send(desk, b"<p>" + b"x" * limit, "a.html")
    assert (answer.status_code, faults(answer)) == (413, {"body": "too_large"})


def test_schemas_lie_beside_the_code() -> None:
    """They are read at run time: nothing may be fetched."""
    folder = REPOSITORY / "producers/ninjs_schemas"
    assert {path.stem for path in Path(folder).glob("*.json")} >= {"1.0", "2.2", "3.1", "GeoJSON"}
