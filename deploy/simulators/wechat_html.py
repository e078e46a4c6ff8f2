"""What WeChat leaves of an article's HTML.

Scripts, forms, frames, players, ``class``, ``id`` and ``<style>`` go; inline styles stay but for
positioning and animation; links out of the platform are unwrapped; a picture stays only if it came
through ``media/uploadimg``. Source: api_draft_add ("JS is removed, outside pictures are filtered")
and the constraints that publishers of article templates list.
"""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import nh3

TAGS = {
    *("section", "p", "span", "div", "br", "hr", "strong", "b", "em", "i", "u", "s", "sub", "sup"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "code", "ul", "ol", "li", "img"),
    *("table", "thead", "tbody", "tfoot", "tr", "td", "th", "figure", "figcaption", "a"),
}
STYLES = {
    *("color", "background", "background-color", "font-size", "font-weight", "font-style"),
    *("font-family", "line-height", "letter-spacing", "text-align", "text-indent"),
    *("text-decoration", "padding", "padding-top", "padding-right", "padding-bottom"),
    *("padding-left", "margin", "margin-top", "margin-right", "margin-bottom", "margin-left"),
    *("border", "border-top", "border-right", "border-bottom", "border-left", "border-color"),
    *("border-radius", "border-collapse", "width", "max-width", "height", "max-height", "display"),
    *("vertical-align", "box-sizing", "white-space", "word-break", "overflow", "list-style"),
    *("box-shadow", "opacity", "flex", "justify-content", "align-items"),
}
REMOVED_WITH_CONTENT = {
    *("script", "style", "iframe", "object", "embed", "form", "video", "audio", "noscript"),
    *("title", "template", "svg", "math"),
}
_EMPTY_PICTURE = re.compile(r"<img(?![^>]*\ssrc=)[^>]*>")
_EMPTY_LINK = re.compile(r"<a>(.*?)</a>", re.DOTALL)


def clean(content: str, is_uploaded: Callable[[str], bool]) -> str:
    """The content as the platform stores it; ``is_uploaded`` tells its own pictures' addresses."""

    def keep(tag: str, attribute: str, value: str) -> str | None:
        if tag == "img" and attribute == "src":
            return value if is_uploaded(value) else None
        if tag == "a" and attribute == "href":
            return value if urlsplit(value).hostname == "mp.weixin.qq.com" else None
        return value

    stored = nh3.clean(
        content,
        tags=TAGS,
        clean_content_tags=REMOVED_WITH_CONTENT,
        attributes={"*": {"style"}, "img": {"src", "alt", "width", "height"}, "a": {"href"}},
        attribute_filter=keep,
        link_rel=None,
        url_schemes={"http", "https"},
        filter_style_properties=STYLES,
    )
    return _EMPTY_LINK.sub(r"\1", _EMPTY_PICTURE.sub("", stored))


def plain_text(content: str) -> str:
    """The words of an article without markup, for the digest the platform makes by itself."""
    text = nh3.clean(content, tags=set(), clean_content_tags=REMOVED_WITH_CONTENT)
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return " ".join(text.split())
