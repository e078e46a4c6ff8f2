"""The documents of a package, read back: the text as it was written, under the right styles."""

import io
import json
from pathlib import Path
from typing import Any

import docx
import jsonschema
import pytest
from docx.oxml.ns import qn
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from consumers.article import (
    Article,
    PrintCopy,
    captions_document,
    effective_ppi,
    sharpness,
    text_document,
    widest_mm,
)
from consumers.docx_document import docx_document
from consumers.icml_document import CHARACTER_STYLES, PARAGRAPH_STYLES, icml_document
from consumers.ninjs_document import PictureFile, ninjs_document
from consumers.story_lines import Picture, lines_of
from schemas.body import (
    Block,
    Gallery,
    Heading,
    Image,
    ListItem,
    Paragraph,
    Quote,
    Span,
    Table,
    Video,
)
from schemas.story import Story, Variant
from schemas.text import without_controls
from tests import fakes
from tests.conformance.samples import WORDS, answering, corrected, every_block
from tests.strategies import examples

GOLDEN = Path(__file__).parents[2] / "golden" / "ninjs" / "ninjs-schema_3.1.json"


def article(story: Story) -> Article:
    lines = lines_of(
        story, "newspaper", "newspaper", image="print_image", clip="print_still", with_cover=True
    )
    return Article(
        pieces=lines.pieces, pictures=lines.pictures, headline=story.headline,
        byline=story.byline, source=story.source, imprint="QH000007",
    )  # fmt: skip


def names_of(told: Article) -> dict[int, str]:
    return {p.number: f"QH000007_r1_{p.number:02d}.jpg" for p in told.pictures}


def icml_paragraphs(data: bytes) -> list[tuple[str, str]]:
    """Style and text of each paragraph, tables cell by cell."""
    found = []
    for paragraph in etree.fromstring(data).iter("ParagraphStyleRange"):
        if paragraph.find(".//Table") is None:
            text = "".join(element.text or "" for element in paragraph.iter("Content"))
            style = paragraph.get("AppliedParagraphStyle", "").removeprefix("ParagraphStyle/")
            found.append((style, text.replace("\u2028", "\n")))
    return found


def docx_paragraphs(data: bytes) -> list[tuple[str, str]]:
    return [
        (p.style.name if p.style else "", p.text)
        for p in docx.Document(io.BytesIO(data)).paragraphs
    ]


RICH = answering(corrected(every_block(fakes.text_story())))


def test_every_word_is_in_every_document() -> None:
    told = article(RICH)
    names = names_of(told)
    document = docx.Document(io.BytesIO(docx_document(told, names, {}, fakes.NOON)))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    texts = {
        "docx": "\n".join([p.text for p in document.paragraphs] + cells),
        "icml": "\n".join(text for _, text in icml_paragraphs(icml_document(told, names))),
        "txt": text_document(told, names),
        "gb18030": text_document(told, names).encode("gb18030").decode("gb18030"),
    }
    wanted = [
        *WORDS,
        RICH.headline,
        RICH.lead,
        RICH.byline,
        RICH.correction,
        "村口的路灯什么时候修？",
    ]
    for form, text in texts.items():
        assert [word for word in wanted if word not in text] == [], form


def test_styles_by_role() -> None:
    told = article(RICH)
    icml = dict(reversed(icml_paragraphs(icml_document(told, names_of(told)))))
    word = dict(reversed(docx_paragraphs(docx_document(told, names_of(told), {}, fakes.NOON))))
    assert icml["标题"] == word["Title"] == RICH.headline
    assert icml["署名"] == word["署名"] == "本报记者 禾小满"
    assert icml["导语"] == word["导语"] == RICH.lead
    assert icml["小标题"] == word["Heading 2"] == "乙小标题"
    assert icml["小标题二级"] == word["Heading 3"] == "乙小标题之二"
    assert icml["引文"] == word["Quote"] == "丙引文"
    assert icml["正文"] == word["Body Text"] == "甲段首句，加重词组着重词组链接文字"
    assert icml["列表"] == word["List Bullet"] == "戊列项"
    assert icml["图注"].startswith("图1　庚图说（青禾融媒）")
    assert word["Caption"].startswith("图1　庚图说（青禾融媒）")
    assert icml["表头"] == "子表头"
    assert RICH.correction in icml["更正"]


def test_marks_and_links_survive() -> None:
    told = article(RICH)
    document = docx.Document(io.BytesIO(docx_document(told, names_of(told), {}, fakes.NOON)))
    body = next(p for p in document.paragraphs if p.text.startswith("甲段首句"))
    assert [r.text for r in body.runs if r.bold] == ["加重词组"]
    marked = [r for r in body.runs if r._element.find(f".//{qn('w:em')}") is not None]
    assert [r.text for r in marked] == ["着重词组"]
    assert [(link.text, link.url) for link in body.hyperlinks] == [
        ("链接文字", "https://example.com/a?b=1&c=2")
    ]
    root = etree.fromstring(icml_document(told, names_of(told)))
    runs = {
        (run.get("AppliedCharacterStyle") or "").removeprefix("CharacterStyle/"): run.findtext(
            "Content"
        )
        for run in root.iter("CharacterStyleRange")
    }
    assert runs["加粗"] == "加重词组"
    assert runs["着重"] == "着重词组"
    source = root.find(".//HyperlinkTextSource")
    assert source is not None
    link = root.find(f"Hyperlink[@Source='{source.get('Self')}']")
    assert link is not None
    target = root.find(f"*[@Self='{link.findtext('Properties/Destination')}']")
    assert target is not None
    assert target.get("DestinationURL") == "https://example.com/a?b=1&c=2"


def test_numbered_lists_start_at_one_each() -> None:
    def item(text: str) -> ListItem:
        return ListItem(key="l", ordered=True, spans=(Span(text=text),))

    between = Paragraph(key="p", spans=(Span(text="隔开"),))
    story = fakes.text_story(body=(item("一"), item("二"), between, item("又一")), lead="")
    told = article(story)
    assert "1. 一\n2. 二\n隔开\n1. 又一\n" in text_document(told, {})
    document = docx.Document(io.BytesIO(docx_document(told, {}, {}, fakes.NOON)))
    lists = [
        p.paragraph_format.element.pPr.numPr.numId.val
        for p in document.paragraphs
        if p.style is not None and p.style.name == "List Number"
    ]
    assert lists[0] == lists[1] != lists[2]
    root = etree.fromstring(icml_document(told, {}))
    numbered = root.findall(
        ".//ParagraphStyleRange[@AppliedParagraphStyle='ParagraphStyle/编号列表']"
    )
    assert [p.get("NumberingContinue") for p in numbered] == ["false", None, "false"]


def test_tables() -> None:
    rows = (("乡镇", "亩数"), ("云岭乡",), ("", "3200"))
    story = fakes.text_story(body=(Table(key="t", caption="面积", rows=rows), _said("完")))
    told = article(story)
    document = docx.Document(io.BytesIO(docx_document(told, {}, {}, fakes.NOON)))
    got = [[cell.text for cell in row.cells] for row in document.tables[0].rows]
    assert got == [["乡镇", "亩数"], ["云岭乡", ""], ["", "3200"]]
    table = etree.fromstring(icml_document(told, {})).find(".//Table")
    assert table is not None
    assert (table.get("HeaderRowCount"), table.get("BodyRowCount")) == ("1", "2")
    assert table.get("ColumnCount") == "2"
    cells = {
        c.get("Name"): "".join(e.text or "" for e in c.iter("Content")) for c in table.iter("Cell")
    }
    assert cells == {
        "0:0": "乡镇",
        "1:0": "亩数",
        "0:1": "云岭乡",
        "1:1": "",
        "0:2": "",
        "1:2": "3200",
    }
    assert "面积\n乡镇\t亩数\n云岭乡\t\n\t3200\n完\n" in text_document(told, {})
    empty = fakes.text_story(body=(Table(key="t", rows=((), ())), _said("完")))
    assert "table" not in {piece.role for piece in article(empty).pieces}


def test_icml_names_only_what_it_defines() -> None:
    told = article(RICH)
    data = icml_document(told, names_of(told))
    assert data.startswith(
        b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<?aid style="50"'
    )
    root = etree.fromstring(data)
    defined = {e.get("Self") for e in root.iter("*")}
    for element in root.iter("ParagraphStyleRange", "CharacterStyleRange", "Table", "Cell"):
        for name, value in element.attrib.items():
            if str(name).startswith("Applied"):
                assert value in defined, value
    selves = [e.get("Self") for e in root.iter("*") if e.get("Self")]
    assert len(selves) == len(set(selves)), "InDesign drops what has an id twice"
    story = root.find("Story")
    assert story is not None
    assert story[-1].findall(".//Br")[-1:] != [list(story[-1].iter())[-1]], (
        "no empty last paragraph"
    )
    assert {"标题", "引题", "副题", "正文", "小标题", "图注"} <= set(PARAGRAPH_STYLES)
    assert set(CHARACTER_STYLES) >= {"加粗", "着重", "链接"}


def test_the_same_article_gives_the_same_bytes() -> None:
    told = article(RICH)
    first = docx_document(told, names_of(told), {}, fakes.NOON)
    assert first == docx_document(told, names_of(told), {}, fakes.NOON)
    core = docx.Document(io.BytesIO(first)).core_properties
    assert core.title == RICH.headline
    assert core.created == fakes.NOON


def test_a_preview_shows_in_place() -> None:
    from PIL import Image as Drawn

    kept = io.BytesIO()
    Drawn.new("RGB", (60, 40), (200, 160, 60)).save(kept, "JPEG")
    told = article(fakes.text_story())
    data = docx_document(told, names_of(told), {1: kept.getvalue()}, fakes.NOON)
    document = docx.Document(io.BytesIO(data))
    assert len(document.inline_shapes) == 1
    described: Any = document.inline_shapes[0]._inline.docPr
    assert described.get("descr") == "金黄的梯田"


_TEXT = st.text(max_size=40).map(lambda s: s.replace("\r", "")).filter(bool)


def _said(text: str) -> Paragraph:
    return Paragraph(key="p", spans=(Span(text=text),))


def _clean(text: str) -> bool:
    try:
        return without_controls(text) == text and "\u2028" not in text
    except ValueError:
        return False


@examples(25)
@given(st.lists(_TEXT.filter(_clean), min_size=1, max_size=6), _TEXT.filter(_clean))
def test_any_text_reads_back_as_written(paragraphs: list[str], quoted: str) -> None:
    body: tuple[Block, ...] = (
        *(_said(text) for text in paragraphs),
        Quote(key="q", spans=(Span(text=quoted, strong=True),)),
    )
    told = article(fakes.text_story(body=body, lead=""))
    icml = icml_paragraphs(icml_document(told, {}))
    assert [t for style, t in icml if style == "正文"] == paragraphs
    assert [t for style, t in icml if style == "引文"] == [quoted]
    word = docx_paragraphs(docx_document(told, {}, {}, fakes.NOON))
    assert [t for style, t in word if style == "Body Text"] == paragraphs
    text = text_document(told, {})
    assert text.endswith("\n" + "\n".join([*paragraphs, quoted]) + "\n")
    assert text.encode("gb18030").decode("gb18030") == text


def test_the_lead_is_not_said_twice() -> None:
    body = (_said("第一段。"), _said("第二段。"))
    assert [p.role for p in article(fakes.text_story(body=body, lead="")).pieces] == [
        "paragraph"
    ] * 2
    same = article(fakes.text_story(body=body, lead="第一段。"))
    assert [p.role for p in same.pieces] == ["paragraph"] * 2
    own = fakes.text_story(body=body, variants={"newspaper": Variant(lead="报纸导语。")})
    assert article(own).pieces[0].text == "报纸导语。"
    web_only = Paragraph(key="w", only=("web",), spans=(Span(text="只给网站"),))
    hidden = article(fakes.text_story(body=(web_only, *body), lead=""))
    assert "只给网站" not in text_document(hidden, {})


def test_a_cover_of_its_own_comes_first_and_a_hidden_picture_stays_out() -> None:
    story = fakes.text_story()
    cover = fakes.asset("c1", "image", b"cover", "image/jpeg", width=3000, height=2000)
    with_cover = story.model_copy(update={"cover": "c1", "assets": (*story.assets, cover)})
    assert article(with_cover).pictures[0].width == 3000
    assert len(article(story.model_copy(update={"cover": "p1"})).pictures) == 2
    hidden = Gallery(
        key="g",
        images=(
            Image(key="i", media="p1", only=("web",)),
            Image(key="j", media="p2", caption="在"),
        ),
    )
    told = article(story.model_copy(update={"body": (_said("字"), hidden)}))
    assert [p.caption for p in told.pictures] == ["在"]


def test_captions_say_how_wide_a_picture_may_be_printed() -> None:
    told = article(every_block(fakes.text_story()))
    text = captions_document(told, names_of(told), 120)
    assert "QH000007_r1_01.jpg" in text
    assert "1600 × 1067；印 120 毫米宽为 338 ppi" in text
    assert "最宽 135 毫米" in text
    assert "出自：视频截图" in text
    assert captions_document(article(fakes.text_story(body=(_said("字"),))), {}, 120).startswith(
        "本稿没有图片"
    )


@pytest.mark.parametrize(
    ("width", "ppi", "verdict"),
    [
        (1600, 338, "清晰"),
        (1417, 299, "可用"),
        (945, 200, "可用"),
        (900, 190, "偏低"),
        (None, None, "未知"),
    ],
)
def test_effective_resolution(width: int | None, ppi: int | None, verdict: str) -> None:
    picture = Picture(number=1, kind="image", placeholder="", width=width, height=width)
    assert effective_ppi(picture, 120) == ppi
    assert verdict in sharpness(ppi)
    assert (widest_mm(picture) is None) == (width is None)


def test_the_ninjs_item_is_valid() -> None:
    told = article(RICH)
    copy = PrintCopy(
        **told.model_dump(), created_at=fakes.NOON.isoformat(), updated_at=fakes.NOON.isoformat(),
        keywords=("梯田",), columns=("热点",), digital_source_type="humanEdits",
    )  # fmt: skip
    files = {n: PictureFile(name, "image/jpeg", 10) for n, name in names_of(told).items()}
    item = json.loads(ninjs_document(copy, str(fakes.STORY_ID), 2, files))
    schema = json.loads(GOLDEN.read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(item)
    assert item["uri"] == f"urn:uuid:{fakes.STORY_ID}"
    assert item["version"] == "2"
    assert item["headlines"][0]["value"] == RICH.headline
    assert item["bodies"][0]["value"] == text_document(told, names_of(told))
    assert len(item["associations"]) == len(told.pictures)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({**item, "surprise": 1})


def test_headings_and_videos_keep_their_place() -> None:
    body: tuple[Block, ...] = (
        Heading(key="h", text="先"), Video(key="v", media="v1", caption="片"), _said("后"),
    )  # fmt: skip
    story = fakes.video_story(body=body, lead="")
    told = article(story)
    assert [p.role for p in told.pieces] == ["heading", "picture", "paragraph"]
    assert told.pictures[0].placeholder.endswith("/print_still")
    assert "先\n【视频截图1】片〔a.png〕\n后\n" in text_document(told, {1: "a.png"})
