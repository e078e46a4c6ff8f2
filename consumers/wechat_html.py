"""A story's body as WeChat shows it: inline styles only. Pure.

WeChat removes scripts, ``class``, ``id``, outside links and pictures that were not uploaded to it.
What it would remove is not sent: a link's address stands in the text, a clip is its picture and a
line that points to the original page.
"""

from collections.abc import Iterable
from html import escape
from itertools import groupby

import nh3

from schemas.body import (
    Block,
    Correction,
    Divider,
    Gallery,
    Heading,
    Image,
    ListItem,
    Paragraph,
    Quote,
    Span,
    Table,
    Video,
    media_of,
    shown_in,
)
from schemas.rendition import placeholder
from schemas.story import Asset, Story

WATCH = "点击“阅读原文”观看视频"

_PAGE = "font-size:16px;line-height:1.8;color:#333;letter-spacing:0.5px"
_P = "margin:0 0 1em"
_NOTE = "margin:0 0 1em;padding:10px 14px;background-color:#fdf3e7;border-left:4px solid #d9822b"
_QUOTE = "margin:0 0 1em;padding:6px 14px;border-left:4px solid #ccc;color:#666"
_CAPTION = "margin:0 0 1.2em;font-size:14px;color:#888;text-align:center"
_SMALL = "font-size:14px;color:#888"
_CELL = "border:1px solid #ddd;padding:6px 8px"
_HEADINGS = {
    2: "margin:1.4em 0 0.8em;font-size:18px;font-weight:bold;color:#1f5f3f",
    3: "margin:1.2em 0 0.6em;font-size:17px;font-weight:bold",
}

_TAGS = {"section", "p", "span", "strong", "em", "br", "h2", "h3", "img", "ul", "ol", "li",
         "table", "tbody", "tr", "td", "th"}  # fmt: skip
_STYLES = {"font-size", "line-height", "color", "letter-spacing", "margin", "padding",
           "background-color", "border", "border-left", "border-top", "border-collapse",
           "text-align", "font-weight", "width", "height"}  # fmt: skip
_GATE = nh3.Cleaner(
    tags=_TAGS,
    attributes={tag: {"style"} for tag in _TAGS} | {"img": {"style", "src", "alt"}},
    url_schemes={"asset", "http", "https"},
    filter_style_properties=_STYLES,
    link_rel=None,
)


def content_of(story: Story, lead: str) -> str:
    """The article's HTML with ``asset://`` pictures; raises KeyError for an unknown reference.

    ``lead`` stands above the body; empty for none.
    """
    blocks = shown_in(story.body, "wechat")
    parts = [_notice("更正", story.correction)] if story.correction else []
    if story.answers:
        parts.append(_notice("百姓点题", story.answers.asked))
    if lead:
        parts.append(_paragraph(_breaks(lead), _QUOTE))
    for kind, group in groupby(blocks, key=type):
        run = list(group)
        parts += _lists(run) if kind is ListItem else [_block(story, block) for block in run]
    clip = story.first("video")
    if clip is not None and clip.ref not in media_of(story.body):
        parts.append(_clip(clip, "", ""))
    parts.append(_signed(story))
    return _GATE.clean(f'<section style="{_PAGE}">{"".join(parts)}</section>')


def _block(story: Story, block: Block) -> str:
    match block:
        case Paragraph():
            return _paragraph(_spans(block.spans))
        case Heading():
            tag = f"h{block.level}"
            return f'<{tag} style="{_HEADINGS[block.level]}">{escape(block.text)}</{tag}>'
        case Quote():
            cite = f'<br><span style="{_SMALL}">—— {escape(block.cite)}</span>' * bool(block.cite)
            return _paragraph(_spans(block.spans) + cite, _QUOTE)
        case Image():
            return _image(story, block)
        case Gallery():
            return "".join(_image(story, image) for image in block.images)
        case Video():
            return _clip(story.asset(block.media), block.caption, block.credit)
        case Table():
            return _table(block)
        case Divider():
            return '<p style="margin:1.5em 0;border-top:1px solid #ddd"></p>'
        case Correction():
            return _notice("更正", block.text)
        case ListItem():
            return "".join(_lists([block]))


def _paragraph(inner: str, style: str = _P) -> str:
    return f'<p style="{style}">{inner}</p>'


def _notice(word: str, text: str) -> str:
    return _paragraph(f"<strong>{word}：</strong>{_breaks(text)}", _NOTE)


def _breaks(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _spans(spans: Iterable[Span]) -> str:
    return "".join(map(_span, spans))


def _span(span: Span) -> str:
    inner = _breaks(span.text)
    inner = f"<strong>{inner}</strong>" if span.strong else inner
    inner = f"<em>{inner}</em>" if span.em else inner
    # an outside link is removed by WeChat: its address stays readable
    shown = f'<span style="{_SMALL}">（{escape(span.href)}）</span>' if span.href else ""
    return inner + shown


def _image(story: Story, image: Image) -> str:
    return _figure(story.asset(image.media), image.alt, image.caption, image.credit)


def _clip(clip: Asset, caption: str, credit: str) -> str:
    watch = f'<span style="color:#1f5f3f;font-weight:bold">▶ {WATCH}</span>'
    return _figure(clip, "", caption, credit) + _paragraph(
        watch, "margin:0 0 1em;text-align:center"
    )


def _figure(asset: Asset, alt: str, caption: str, credit: str) -> str:
    source = placeholder(asset.sha256, "wechat_image")
    picture = f'<img src="{source}" alt="{escape(alt or caption)}" style="width:100%">'
    under = "　".join(filter(None, (caption, credit)))
    gap = "margin:0 0 0.3em" if under else "margin:0 0 1em"
    return _paragraph(picture, gap) + (_paragraph(escape(under), _CAPTION) if under else "")


def _lists(items: Iterable[Block]) -> list[str]:
    made = []
    known = [item for item in items if isinstance(item, ListItem)]
    for ordered, group in groupby(known, key=lambda item: item.ordered):
        tag = "ol" if ordered else "ul"
        inner = "".join(f"<li>{_spans(item.spans)}</li>" for item in group)
        made.append(f'<{tag} style="margin:0 0 1em;padding:0 0 0 1.6em">{inner}</{tag}>')
    return made


def _table(table: Table) -> str:
    rows = []
    for number, row in enumerate(table.rows):
        head = table.header and number == 0
        tag, style = ("th", f"{_CELL};background-color:#eef5f0") if head else ("td", _CELL)
        cells = "".join(f'<{tag} style="{style}">{escape(cell)}</{tag}>' for cell in row)
        rows.append(f"<tr>{cells}</tr>")
    caption = _paragraph(escape(table.caption), _CAPTION) if table.caption else ""
    style = "width:100%;border-collapse:collapse;margin:0 0 1em;font-size:15px"
    return f'{caption}<table style="{style}"><tbody>{"".join(rows)}</tbody></table>'


def _signed(story: Story) -> str:
    """Source and byline in full; the author field above the article is short."""
    words = [f"来源：{story.source}"] * bool(story.source)
    words += [f"作者：{story.byline}"] * bool(story.byline)
    return _paragraph(escape("　".join(words)), _SMALL) if words else ""
