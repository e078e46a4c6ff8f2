"""An article as ICML (InCopy markup), which InDesign places as a linked story. Pure.

Structure after Adobe's IDML specification (Story, ParagraphStyleRange, CharacterStyleRange, Table,
HyperlinkTextSource); where the page has a style of the same name, the page's own look wins.
Pictures stay files of the package: the story carries their captions and file names.
"""

from collections.abc import Mapping

from lxml import etree

from consumers.article import Article
from consumers.story_lines import Piece, Role
from schemas.body import Span

_HEAD = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    b'<?aid style="50" type="snippet" readerVersion="6.0" featureSet="513" product="8.0(370)" ?>\n'
    b'<?aid SnippetType="InCopyInterchange"?>\n'
)
_PLAIN = "$ID/NormalCharacterStyle"
_BASE = "$ID/NormalParagraphStyle"

PARAGRAPH_STYLES: dict[str, dict[str, str]] = {
    "引题": {"PointSize": "16", "Justification": "CenterAlign", "SpaceAfter": "2"},
    "标题": {"PointSize": "28", "Justification": "CenterAlign", "SpaceAfter": "6"},
    "副题": {"PointSize": "16", "Justification": "CenterAlign", "SpaceAfter": "4"},
    "署名": {"PointSize": "9", "Justification": "CenterAlign", "SpaceAfter": "6"},
    "来源": {"PointSize": "9", "Justification": "CenterAlign", "SpaceAfter": "6"},
    "导语": {"PointSize": "10.5", "FirstLineIndent": "21", "SpaceAfter": "4"},
    "正文": {"PointSize": "9.5", "FirstLineIndent": "19", "Justification": "LeftJustified"},
    "小标题": {"PointSize": "12", "Justification": "CenterAlign", "SpaceBefore": "4", "SpaceAfter": "4"},
    "小标题二级": {"PointSize": "10.5", "FirstLineIndent": "21", "SpaceBefore": "2"},
    "引文": {"PointSize": "9.5", "LeftIndent": "19", "RightIndent": "19", "FirstLineIndent": "19"},
    "引文出处": {"PointSize": "9.5", "RightIndent": "19", "Justification": "RightAlign"},
    "列表": {"PointSize": "9.5", "LeftIndent": "19", "BulletsAndNumberingListType": "BulletList"},
    "编号列表": {
        "PointSize": "9.5", "LeftIndent": "19", "BulletsAndNumberingListType": "NumberedList",
        "NumberingExpression": "^#.^t", "NumberingLevel": "1",
    },
    "图注": {"PointSize": "8", "Justification": "LeftAlign", "SpaceBefore": "2", "SpaceAfter": "4"},
    "表题": {"PointSize": "9", "Justification": "CenterAlign", "SpaceBefore": "4"},
    "表格": {"PointSize": "8.5", "Justification": "CenterAlign"},
    "表头": {"PointSize": "8.5", "Justification": "CenterAlign", "FontStyle": "Bold"},
    "分隔": {"PointSize": "9.5", "Justification": "CenterAlign"},
    "更正": {"PointSize": "9.5", "FirstLineIndent": "19", "SpaceAfter": "4"},
    "点题": {"PointSize": "9.5", "FirstLineIndent": "19", "SpaceAfter": "4"},
}  # fmt: skip
"""Names and default looks; 引题 and 副题 are there for the editor to use."""

CHARACTER_STYLES: dict[str, dict[str, str]] = {
    "加粗": {"FontStyle": "Bold"},
    "着重": {"KentenKind": "KentenBlackCircle"},
    "加粗着重": {"FontStyle": "Bold", "KentenKind": "KentenBlackCircle"},
    "链接": {},
    "标签": {"FontStyle": "Bold"},
}
_STYLE_OF: dict[Role, str] = {
    "correction": "更正", "asked": "点题", "lead": "导语", "paragraph": "正文", "heading": "小标题",
    "subheading": "小标题二级", "quote": "引文", "cite": "引文出处", "bullet": "列表",
    "number": "编号列表", "picture": "图注", "table_title": "表题", "table": "表格",
    "divider": "分隔",
}  # fmt: skip
_LABELS: dict[Role, str] = {"correction": "更正：", "asked": "百姓点题："}


def icml_document(article: Article, names: Mapping[int, str]) -> bytes:
    """UTF-8 bytes; ``names``: picture number → file name in the package."""
    root = etree.Element("Document", DOMVersion="8.0", Self="shoufa_document")
    _styles(root)
    story = etree.SubElement(
        root, "Story", Self="shoufa_story", TrackChanges="false", StoryTitle=article.headline,
        AppliedTOCStyle="n", AppliedNamedGrid="n",
    )  # fmt: skip
    etree.SubElement(story, "StoryPreference", OpticalMarginAlignment="false")
    links: list[str] = []
    _paragraph(story, "标题", [Span(text=article.headline)], links)
    if article.byline:
        _paragraph(story, "署名", [Span(text=article.byline)], links)
    if article.source:
        _paragraph(story, "来源", [Span(text=f"来源：{article.source}")], links)
    for number, piece in enumerate(article.pieces):
        if piece.role == "table":
            _table(story, piece, f"table{number}")
        else:
            _piece(story, piece, article, names, links)
    _end_without_break(story)
    _destinations(root, links)
    return _HEAD + etree.tostring(root, encoding="UTF-8", pretty_print=True)


def _piece(
    story: etree._Element,
    piece: Piece,
    article: Article,
    names: Mapping[int, str],
    links: list[str],
) -> None:
    spans, label = list(piece.spans), _LABELS.get(piece.role, "")
    if piece.role == "picture":
        picture = article.pictures[piece.number - 1]
        label = f"图{picture.number}　"
        spans = [Span(text=picture.line), Span(text=f"〔{names[picture.number]}〕")]
    elif piece.role == "divider":
        spans = [Span(text="——————")]
    elif piece.role == "cite":
        spans = [Span(text="——"), *spans]
    element = _paragraph(story, _STYLE_OF[piece.role], spans, links, label=label)
    if piece.role == "number" and piece.number == 1:
        element.set("NumberingContinue", "false")


def _paragraph(
    parent: etree._Element,
    style: str,
    spans: list[Span],
    links: list[str],
    *,
    label: str = "",
) -> etree._Element:
    paragraph = etree.SubElement(
        parent, "ParagraphStyleRange", AppliedParagraphStyle=f"ParagraphStyle/{style}"
    )
    if label:
        _run(paragraph, "CharacterStyle/标签", label)
    for span in spans:
        holder = paragraph
        if span.href:
            links.append(span.href)
            holder = etree.SubElement(
                paragraph, "HyperlinkTextSource", Self=f"htss-{len(links)}", Name="", Hidden="false"
            )
        _run(holder, _character_style(span), span.text)
    last = paragraph[-1] if len(paragraph) else None
    if last is None or last.tag != "CharacterStyleRange":
        last = _run(paragraph, _PLAIN, "")
    etree.SubElement(last, "Br")
    return paragraph


def _run(parent: etree._Element, style: str, text: str) -> etree._Element:
    run = etree.SubElement(parent, "CharacterStyleRange", AppliedCharacterStyle=style)
    if text:
        # a line break inside a paragraph is U+2028; a newline would be lost
        etree.SubElement(run, "Content").text = text.replace("\n", "\u2028")
    return run


def _character_style(span: Span) -> str:
    if span.strong and span.em:
        return "CharacterStyle/加粗着重"
    if span.strong or span.em:
        return "CharacterStyle/加粗" if span.strong else "CharacterStyle/着重"
    return "CharacterStyle/链接" if span.href else _PLAIN


def _table(story: etree._Element, piece: Piece, self_id: str) -> None:
    head = 1 if piece.header else 0
    columns = len(piece.rows[0])
    paragraph = etree.SubElement(
        story, "ParagraphStyleRange", AppliedParagraphStyle="ParagraphStyle/表格"
    )
    run = _run(paragraph, _PLAIN, "")
    table = etree.SubElement(
        run, "Table", Self=self_id, AppliedTableStyle="TableStyle/表格",
        HeaderRowCount=str(head), FooterRowCount="0",
        BodyRowCount=str(len(piece.rows) - head), ColumnCount=str(columns),
    )  # fmt: skip
    for row in range(len(piece.rows)):
        etree.SubElement(table, "Row", Self=f"{self_id}Row{row}", Name=str(row))
    for column in range(columns):
        etree.SubElement(
            table, "Column", Self=f"{self_id}Column{column}", Name=str(column),
            SingleColumnWidth=f"{240 / columns:.2f}",
        )  # fmt: skip
    for row, cells in enumerate(piece.rows):
        for column, text in enumerate(cells):
            name = f"{column}:{row}"
            cell = etree.SubElement(
                table, "Cell", Self=f"{self_id}Cell{name}", Name=name, RowSpan="1", ColumnSpan="1",
                AppliedCellStyle="CellStyle/表格",
            )  # fmt: skip
            style = "表头" if row < head else "表格"
            inside = etree.SubElement(
                cell, "ParagraphStyleRange", AppliedParagraphStyle=f"ParagraphStyle/{style}"
            )
            _run(inside, _PLAIN, text)
    run.append(etree.Element("Br"))


def _end_without_break(story: etree._Element) -> None:
    """A story that ends in a break would show an empty last paragraph on the page."""
    last = story[-1][-1]
    last.remove(last[-1])


def _styles(root: etree._Element) -> None:
    characters = etree.SubElement(root, "RootCharacterStyleGroup", Self="shoufa_character_styles")
    etree.SubElement(characters, "CharacterStyle", Self=_PLAIN, Name="Default")
    for name, look in CHARACTER_STYLES.items():
        _style(characters, "CharacterStyle", name, look, _PLAIN)
    paragraphs = etree.SubElement(root, "RootParagraphStyleGroup", Self="shoufa_paragraph_styles")
    etree.SubElement(paragraphs, "ParagraphStyle", Self=_BASE, Name=_BASE)
    for name, look in PARAGRAPH_STYLES.items():
        _style(paragraphs, "ParagraphStyle", name, look, _BASE)
    tables = etree.SubElement(root, "RootTableStyleGroup", Self="shoufa_table_styles")
    etree.SubElement(tables, "TableStyle", Self="TableStyle/表格", Name="表格")
    cells = etree.SubElement(root, "RootCellStyleGroup", Self="shoufa_cell_styles")
    etree.SubElement(
        cells, "CellStyle", Self="CellStyle/表格", Name="表格",
        AppliedParagraphStyle="ParagraphStyle/$ID/[No paragraph style]",
    )  # fmt: skip


def _style(
    group: etree._Element, kind: str, name: str, look: Mapping[str, str], based_on: str
) -> None:
    style = etree.SubElement(group, kind, {"Self": f"{kind}/{name}", "Name": name, **look})
    properties = etree.SubElement(style, "Properties")
    etree.SubElement(properties, "BasedOn", type="object").text = based_on


def _destinations(root: etree._Element, links: list[str]) -> None:
    """Hyperlinks and their addresses, each address once."""
    keys = {address: str(n) for n, address in enumerate(dict.fromkeys(links), 1)}
    for address, key in keys.items():
        etree.SubElement(
            root, "HyperlinkURLDestination", Self=_destination(address), Name=f"link{key}",
            DestinationURL=address, DestinationUniqueKey=key,
        )  # fmt: skip
    for number, address in enumerate(links, 1):
        link = etree.SubElement(
            root, "Hyperlink", Self=f"uf-{number}", Name=f"{number} {address}",
            Source=f"htss-{number}", Visible="false", DestinationUniqueKey=keys[address],
        )  # fmt: skip
        properties = etree.SubElement(link, "Properties")
        etree.SubElement(properties, "BorderColor", type="enumeration").text = "Black"
        etree.SubElement(properties, "Destination", type="object").text = _destination(address)


def _destination(address: str) -> str:
    return f"HyperlinkURLDestination/{address.replace(':', '%3a')}"
