"""An article as DOCX for the page desk: named styles, tables, pictures small beside their captions.

Word's built-in style names are used where there is one (Title, Heading 2, Caption …), so that
Word, WPS and InDesign's import map them; 署名, 导语, 更正 and 点题 are styles of our own. Pure: the
same article gives the same bytes.
"""

import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import docx
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.text.paragraph import Paragraph
from docx.text.run import Run

from consumers.article import Article
from consumers.story_lines import Piece, Role
from schemas.body import Span

_EPOCH = (1980, 1, 1, 0, 0, 0)
_SONG, _HEI, _KAI = "宋体", "黑体", "楷体"
_LEFT, _CENTRE, _RIGHT = (
    WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT,
)  # fmt: skip
_JUSTIFY = WD_ALIGN_PARAGRAPH.JUSTIFY

# style: (East Asian font, points, alignment, first-line indent in characters, space before, after)
_LOOKS: dict[str, tuple[str, float, WD_ALIGN_PARAGRAPH, float, float, float]] = {
    "Title": (_HEI, 22, _CENTRE, 0, 0, 6),
    "署名": (_KAI, 12, _CENTRE, 0, 0, 2),
    "来源": (_KAI, 10.5, _CENTRE, 0, 0, 10),
    "导语": (_KAI, 12, _JUSTIFY, 2, 0, 6),
    "Body Text": (_SONG, 12, _JUSTIFY, 2, 0, 0),
    "Heading 2": (_HEI, 14, _LEFT, 0, 10, 4),
    "Heading 3": (_HEI, 12, _LEFT, 0, 6, 2),
    "Quote": (_KAI, 12, _JUSTIFY, 2, 4, 0),
    "引文出处": (_KAI, 12, _RIGHT, 0, 0, 4),
    "List Bullet": (_SONG, 12, _JUSTIFY, 0, 0, 0),
    "List Number": (_SONG, 12, _JUSTIFY, 0, 0, 0),
    "图片": (_SONG, 10.5, _CENTRE, 0, 8, 2),
    "Caption": (_KAI, 10.5, _CENTRE, 0, 0, 8),
    "表题": (_HEI, 10.5, _CENTRE, 0, 8, 4),
    "表格文字": (_SONG, 10.5, _CENTRE, 0, 2, 2),
    "分隔": (_SONG, 12, _CENTRE, 0, 6, 6),
    "更正": (_KAI, 12, _JUSTIFY, 2, 4, 6),
    "点题": (_KAI, 12, _JUSTIFY, 2, 4, 6),
    "Header": (_SONG, 9, _LEFT, 0, 0, 0),
}
_STYLE_OF: dict[Role, str] = {
    "correction": "更正", "asked": "点题", "lead": "导语", "paragraph": "Body Text",
    "heading": "Heading 2", "subheading": "Heading 3", "quote": "Quote", "cite": "引文出处",
    "bullet": "List Bullet", "number": "List Number", "picture": "Caption", "table_title": "表题",
    "table": "表格文字", "divider": "分隔",
}  # fmt: skip
_LABELS: dict[Role, str] = {"correction": "更正：", "asked": "百姓点题：", "cite": "——"}
_TONES = {"更正": RGBColor(0xB0, 0x1E, 0x1E), "Header": RGBColor(0x70, 0x70, 0x70)}


def docx_document(
    article: Article, names: Mapping[int, str], previews: Mapping[int, bytes], at: datetime
) -> bytes:
    """DOCX bytes. ``names``: picture number → file name; ``previews``: picture number → a small
    JPEG to show in place, none where it cannot be shown; ``at``: when this version was filed."""
    document = docx.Document()
    _page(document, article)
    _styles(document)
    _add(document, "Title", [Span(text=article.headline)])
    if article.byline:
        _add(document, "署名", [Span(text=article.byline)])
    if article.source:
        _add(document, "来源", [Span(text=f"来源：{article.source}")])
    numbering = 0
    for piece in article.pieces:
        match piece.role:
            case "table":
                _table(document, piece)
            case "picture":
                _picture(document, article, piece, names, previews)
            case "divider":
                _add(document, "分隔", [Span(text="——————")])
            case role:
                label = _LABELS.get(role, "")
                if role == "cite":
                    document.paragraphs[-1].paragraph_format.keep_with_next = True
                paragraph = _add(document, _STYLE_OF[role], piece.spans, label=label)
                if piece.role == "number" and piece.number == 1:
                    numbering = _new_list(document)
                if piece.role == "number":
                    _number(paragraph, numbering)
    _properties(document, article, at)
    kept = io.BytesIO()
    document.save(kept)
    return _without_clock(kept.getvalue())


def _page(document: Document, article: Article) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.8)
    section.top_margin = section.bottom_margin = Cm(2.5)
    section.header.paragraphs[0].text = article.imprint
    theme_language = document.settings.element.iter(qn("w:themeFontLang"))
    for language in (*document.styles.element.iter(qn("w:lang")), *theme_language):
        language.set(qn("w:eastAsia"), "zh-CN")
    # a line that ends in a break inside a justified paragraph must not be stretched
    compatible = document.settings.element.find(qn("w:compat"))
    if compatible is not None:
        compatible.insert(0, OxmlElement("w:doNotExpandShiftReturn"))


def _styles(document: Document) -> None:
    known = {style.name for style in document.styles}
    for name, (font, points, alignment, indent, before, after) in _LOOKS.items():
        if name in known:
            style = document.styles[name]
        else:
            style = document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        assert isinstance(style, ParagraphStyle)
        style.font.size, style.font.italic = Pt(points), False
        style.font.bold = name == "Title" or name.startswith("Heading")
        style.font.color.rgb = _TONES.get(name, RGBColor(0, 0, 0))
        _fonts(style.element.get_or_add_rPr(), font)
        layout = style.paragraph_format
        layout.alignment = alignment
        layout.space_before, layout.space_after = Pt(before), Pt(after)
        layout.line_spacing = 1.0 if name in {"Header", "图片", "表格文字"} else 1.5
        if indent:
            layout.first_line_indent = Pt(points * indent)
        layout.keep_with_next = name in {"图片", "表题", "Heading 2", "Heading 3"}
        border = style.element.pPr.find(qn("w:pBdr"))
        if border is not None:
            style.element.pPr.remove(border)
    link = document.styles.add_style("链接", WD_STYLE_TYPE.CHARACTER)
    assert hasattr(link, "font")
    link.font.color.rgb, link.font.underline = RGBColor(0x1F, 0x4E, 0x99), True


def _fonts(properties: Any, east_asian: str) -> None:
    fonts = properties.get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    fonts.set(qn("w:eastAsia"), east_asian)
    for script in ("ascii", "hAnsi", "cs"):
        fonts.set(qn(f"w:{script}"), "Times New Roman")


def _add(
    document: Document, style: str, spans: tuple[Span, ...] | list[Span], *, label: str = ""
) -> Paragraph:
    paragraph = document.add_paragraph(style=style)
    if label:
        paragraph.add_run(label).bold = style != "引文出处"
    for span in spans:
        run = paragraph.add_run(span.text, style="链接" if span.href else None)
        run.bold = span.strong or None
        if span.em:
            _emphasise(run)
        if span.href:
            _link(paragraph, run, span.href)
    return paragraph


def _emphasise(run: Run) -> None:
    """Dots below (着重号): Han fonts have no italics, and slanted Han is not set in print."""
    mark = OxmlElement("w:em")
    mark.set(qn("w:val"), "underDot")
    run.element.get_or_add_rPr().append(mark)


def _link(paragraph: Paragraph, run: Run, address: str) -> None:
    link = OxmlElement("w:hyperlink")
    relation = paragraph.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    link.set(qn("r:id"), relation)
    element = run.element
    element.addprevious(link)
    link.append(element)


def _picture(
    document: Document,
    article: Article,
    piece: Piece,
    names: Mapping[int, str],
    previews: Mapping[int, bytes],
) -> None:
    picture, name = article.pictures[piece.number - 1], names[piece.number]
    if piece.number in previews:
        tall = (picture.height or 0) > (picture.width or 0)
        size = {"height": Cm(9)} if tall else {"width": Cm(12)}
        shown = document.add_paragraph(style="图片").add_run()
        drawn = shown.add_picture(io.BytesIO(previews[piece.number]), **size)
        drawn._inline.docPr.set("descr", picture.alt or picture.caption)  # noqa: SLF001  # no public name for the text for the blind
    paragraph = _add(document, "Caption", [Span(text=picture.line)], label=f"图{picture.number}　")
    file = paragraph.add_run(f"〔{name}〕")
    file.font.color.rgb, file.font.size = RGBColor(0x80, 0x80, 0x80), Pt(9)


def _table(document: Document, piece: Piece) -> None:
    table = document.add_table(len(piece.rows), len(piece.rows[0]), style="Table Grid")
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    for index, (row, texts) in enumerate(zip(table.rows, piece.rows, strict=True)):
        head = piece.header and index == 0
        for cell, text in zip(row.cells, texts, strict=True):
            paragraph = cell.paragraphs[0]
            paragraph.style = "表格文字"
            paragraph.add_run(text).bold = head or None
        if head:
            repeated = OxmlElement("w:tblHeader")
            row._tr.get_or_add_trPr().append(repeated)  # noqa: SLF001  # the only way to repeat a head
    document.add_paragraph(style="图片")


def _new_list(document: Document) -> int:
    """A numbering that starts at 1: without it all numbered lists of a document run on."""
    numbering = document.part.numbering_part.element
    style = document.styles["List Number"].element
    base = numbering.num_having_numId(style.pPr.numPr.numId.val)
    fresh = numbering.add_num(base.abstractNumId.val)
    fresh.add_lvlOverride(ilvl=0).add_startOverride(1)
    return int(fresh.numId)


def _number(paragraph: Paragraph, numbering: int) -> None:
    numbered = paragraph.paragraph_format.element.get_or_add_pPr().get_or_add_numPr()
    numbered.get_or_add_ilvl().val = 0
    numbered.get_or_add_numId().val = numbering


def _properties(document: Document, article: Article, at: datetime) -> None:
    core = document.core_properties
    core.title, core.author, core.language = article.headline, article.byline, article.language
    core.comments, core.last_modified_by, core.revision = "", "shoufa", 1
    core.created = core.modified = at.astimezone(UTC).replace(tzinfo=None)


def _without_clock(data: bytes) -> bytes:
    """The same archive with fixed times, so that equal articles are equal files."""
    kept = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as made, zipfile.ZipFile(kept, "w") as plain:
        for member in made.infolist():
            entry = zipfile.ZipInfo(member.filename, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            plain.writestr(entry, made.read(member.filename))
    return kept.getvalue()
