"""DOCX against mammoth's own test documents, and archives that were built to hurt."""

import io
import socket
import zipfile
from typing import Any

import pytest

from producers.import_contract import Imported
from producers.imports import import_document
from schemas.body import plain
from schemas.errors import InvalidInput
from schemas.settings import REPOSITORY

FOLDER = REPOSITORY / "tests/golden/docx"


def seen(found: Imported) -> list[str]:
    """The text of a document, a line a block, the headline first."""
    lines = [f"# {found.fields['headline']}"] if "headline" in found.fields else []
    for block in found.body:
        match block.kind:
            case "paragraph":
                lines.append(plain(block.spans))
            case "list_item":
                lines.append(f"{'1.' if block.ordered else '*'} {plain(block.spans)}")
            case "table":
                lines += [" | ".join(row) for row in block.rows]
            case "image":
                lines.append(f"[{block.media}]")
            case other:
                lines.append(other)
    return lines


VERDICTS: dict[str, list[str]] = {
    "comments": ["Ouch."],  # comments are told, never text
    "embedded-style-map": ["Walking on imported air"],  # a document does not set our styles
    "empty": [],
    "endnotes": ["# Ouch[1].[2]", "1. A tachyon walks into a bar.", "1. Fin."],
    "external-picture": [],  # never opened
    "footnote-hyperlink": ["# [1]", "1. Example"],
    "footnotes": ["# Ouch[1].[2]", "1. A tachyon walks into a bar.", "1. Fin."],
    "simple-list": ["* Apple", "* Banana"],
    "single-paragraph": ["Walking on imported air"],
    "strict-format": ["Test"],
    "strikethrough": ["Today's Special: Salmon Sold out"],
    "tables": ["# Above", "Top left | Top right", "Bottom left | Bottom right", "Below"],
    "text-box": ["Datum plane"],
    "tiny-picture": ["[p1]"],
    "tiny-picture-target-base-relative": ["[p1]"],
    "underline": ["The Sunset Tree"],
    "utf8-bom": ["This XML has a byte order mark."],
}


def test_every_document_has_its_verdict() -> None:
    assert {path.stem for path in FOLDER.glob("*.docx")} == set(VERDICTS)


@pytest.mark.parametrize("stem", VERDICTS)
def test_the_text_is_what_mammoth_reads(stem: str) -> None:
    data = (FOLDER / f"{stem}.docx").read_bytes()
    assert seen(import_document(data, f"{stem}.docx")) == VERDICTS[stem]


@pytest.mark.parametrize(
    ("stem", "told"),
    [
        ("comments", "批注"),
        ("external-picture", "图片在文档之外"),
        ("strikethrough", "删除线"),
        ("underline", "下划线"),
    ],
)
def test_what_was_not_kept_is_told(stem: str, told: str) -> None:
    found = import_document((FOLDER / f"{stem}.docx").read_bytes(), "a.docx")
    assert any(note.text.startswith(told) or told in note.text for note in found.notes)
    assert all(" / " in note.text or ": " in note.text for note in found.notes)


WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def docx(document: str | bytes, **more: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        )
        archive.writestr("word/document.xml", document)
        for name, data in more.items():
            archive.writestr(name, data)
    return out.getvalue()


def body(inside: str) -> str:
    return f"<w:document {WORD}><w:body>{inside}</w:body></w:document>"


def test_a_document_of_ours_is_read() -> None:
    text = "<w:p><w:r><w:t>{}</w:t></w:r></w:p>"
    made = docx(
        body(
            text.format("青禾梯田开镰")
            + text.format("（通讯员 稻小穗）")
            + text.format("清晨六点。")
        )
    )
    found = import_document(made, "稿.docx")
    assert found.fields == {"headline": "青禾梯田开镰", "byline": "通讯员 稻小穗"}
    assert seen(found)[1:] == ["清晨六点。"]


def bomb() -> bytes:
    return docx(body("<w:p/>"), **{"word/styles.xml": b"<a>" + b" " * (20 * 1024**2) + b"</a>"})


HOSTILE: dict[str, tuple[Any, str]] = {
    "a zip bomb": (bomb, "too_large"),
    "an outside entity": (
        lambda: docx('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + body("<w:p><w:r><w:t>&x;</w:t></w:r></w:p>")),
        "doctype",
    ),
    "laughs": (
        lambda: docx('<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + body("&b;")),
        "doctype",
    ),
    "a document type in a part beside": (
        lambda: docx(body("<w:p/>"), **{"word/comments.xml": b"<!DOCTYPE a><a/>"}),
        "doctype",
    ),
    "deep nesting": (lambda: docx(body("<w:p>" * 5000 + "</w:p>" * 5000)), "too_deep"),
    "broken xml": (lambda: docx("<w:document"), "broken"),
    "no document": (lambda: zipped("readme.txt"), "broken"),
    "too many parts": (lambda: zipped(*(f"word/{n}" for n in range(2001))), "too_many_parts"),
    "cut off": (lambda: docx(body("<w:p/>"))[:-40], "broken"),
    "an old file": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old_format"),
    "rtf": (lambda: b"{\\rtf1 text}", "old_format"),
}  # fmt: skip


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return out.getvalue()


@pytest.mark.parametrize("case", HOSTILE)
def test_what_was_built_to_hurt_is_refused_in_words(case: str) -> None:
    make, code = HOSTILE[case]
    with pytest.raises(InvalidInput) as refused:
        import_document(make(), "a.docx")
    fault = refused.value.faults[0]
    assert fault.code == code
    assert " / " in fault.reason


def test_no_document_makes_us_open_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    data = (FOLDER / "external-picture.docx").read_bytes()
    assert not import_document(data, "a.docx").enclosed
    page = b"<html><img src='http://127.0.0.1:9/a.png'><p>x</p><link rel=stylesheet href='http://127.0.0.1:9/'>"
    found = import_document(page, "a.html")
    assert found.wanted == ("a.png",)
