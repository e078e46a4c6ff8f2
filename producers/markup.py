"""HTML as people paste it (Word, WPS, web pages) as typed blocks. Pure.

What the body of a story can hold is kept; everything else is told: changed (fonts, underline,
nested lists) or left out (scripts, forms, pictures at an address, hidden text). Nothing is fetched.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from producers.import_contract import Enclosed, Notes
from producers.markup_tables import Tables
from producers.markup_text import Line, href_of, spans_of, styled, tidy, tolerant
from producers.markup_tokens import Token, tokens
from schemas.body import Block, Divider, Heading, Image, ListItem, Paragraph, Quote

_BLOCKS = {"p", "div", "section", "article", "header", "footer", "main", "aside", "nav", "ul", "ol",
           "li", "dl", "dt", "dd", "blockquote", "figure", "figcaption", "h1", "h2", "h3", "h4",
           "h5", "h6", "pre", "address", "hr", "br", "body", "html", "center", "fieldset",
           "details", "summary", "hedline", "block"}  # fmt: skip
_VOID = {"br", "hr", "img", "input", "meta", "link", "col", "area", "base", "embed", "wbr",
         "source", "track", "param"}  # fmt: skip
_FOREIGN = {
    "script": "脚本 / script", "iframe": "嵌入网页 / embedded page", "object": "嵌入对象 / embedded object",
    "embed": "嵌入对象 / embedded object", "svg": "矢量图 / vector drawing", "math": "公式 / formula",
    "form": "表单 / form", "input": "表单 / form", "select": "表单 / form", "textarea": "表单 / form",
    "video": "网页里的视频 / video of the page", "audio": "网页里的音频 / sound of the page",
}  # fmt: skip
_LOOKS = {"u": "下划线 / underline", "ins": "下划线 / underline", "sub": "下标 / subscript",
          "sup": "上标 / superscript", "font": "字体颜色 / fonts and colours",
          "mark": "底色 / highlight"}  # fmt: skip
_MARKER = re.compile(
    r"^\s*(?:[·•●○■□◆◇➢✓Øü§\-–—]|(?:\d{1,3}|[A-Za-z])[.、)．]|[（(]\d{1,3}[)）])\s+"
)
_NUMBER = re.compile(r"[\d（(]")
_DATA = re.compile(r"data:image/(png|jpe?g|gif|webp|bmp|tiff);base64,", re.IGNORECASE)
MOST_ENCLOSED = 40


@dataclass
class Markup:
    """What was read: the blocks, the pictures inside, and the text of the first ``h1``."""

    body: list[Block] = field(default_factory=list)
    enclosed: list[Enclosed] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)
    title: str = ""
    first_h1: int | None = None


@dataclass
class _Frame:
    """One open tag: what it does to the text inside."""

    name: str
    strong: bool = False
    em: bool = False
    href: str | None = None
    hidden: bool = False
    marker: bool = False


def read_markup(html: str, notes: Notes, *, enclosed: Sequence[Enclosed] = ()) -> Markup:
    """The body of a page or fragment. ``enclosed`` are pictures known as ``enclosed:<ref>``."""
    reader = _Reader(notes, {e.ref: e for e in enclosed})
    for token in tokens(html):
        match token.kind:
            case "start":
                reader.start(token)
            case "end":
                reader.end(token.text)
            case "text":
                reader.text(token.text)
    reader.flush()
    reader.close_table()
    return reader.found


class _Reader:
    def __init__(self, notes: Notes, enclosed: dict[str, Enclosed]) -> None:
        self.found = Markup()
        self._notes = notes
        self._known = enclosed
        self._open: list[_Frame] = [_Frame("")]
        self._line: Line = []
        self._lists: list[bool] = []
        self._quotes = 0
        self._block = "p"
        self._marker = ""
        self._listed = False
        self._caption = False
        self._tables = Tables(notes)

    # -- tags ----------------------------------------------------------------------------------

    def start(self, token: Token) -> None:
        name, given = token.text, token.attributes
        if name == "title":
            self.found.title = self.found.title or tidy(
                tolerant(given.get("inside", ""), self._notes)
            )
            return
        self._tell(name, given)
        if name in _BLOCKS:
            self._start_block(name, given)
        if self._tables.start(name, given, self.flush):
            return
        if name == "table":
            self.flush()
        if name == "img":
            self._picture(given)
        if name not in _VOID:
            self._open.append(self._frame(name, given))

    def _start_block(self, name: str, given: dict[str, str]) -> None:
        self.flush()
        if name in {"ul", "ol"}:
            self._lists.append(name == "ol")
            if len(self._lists) == 2:
                self._notes.add("changed", "多级列表并成了一级 / nested lists became one level")
        elif name == "blockquote":
            self._quotes += 1
        elif name == "hr":
            self.found.body.append(Divider())
        if name in {"h1", "h2", "h3", "h4", "h5", "h6", "hedline"}:
            self._block = "h1" if name == "hedline" else name
        elif name == "li":
            self._block = "li"
        elif name != "br":
            self._block = "p" if not self._lists or name in {"ul", "ol"} else "li"
        self._caption = name == "figcaption"
        style = given.get("style", "").replace(" ", "").lower()
        self._listed = "mso-list:" in style and "mso-list:none" not in style

    def _frame(self, name: str, given: dict[str, str]) -> _Frame:
        up = self._open[-1]
        strong, em, hidden = styled(given.get("style", ""))
        if strong is None:
            strong = True if name in {"b", "strong", "th"} else up.strong
        if name == "th":
            strong = up.strong
        if em is None:
            em = True if name in {"i", "em", "cite", "dfn", "var"} else up.em
        href = up.href
        if name == "a":
            href = href_of(given.get("href", ""), self._notes)
        if name == "del":
            self._notes.add("left_out", "修订中删去的文字 / text deleted in a tracked change")
        marker = "mso-list:ignore" in given.get("style", "").replace(" ", "").lower()
        gone = hidden or name == "del" or "hidden" in given
        if hidden or "hidden" in given:
            self._notes.add("left_out", "隐藏的文字 / hidden text")
        return _Frame(name, strong, em, href, up.hidden or gone, up.marker or marker)

    def end(self, name: str) -> None:
        if name in _BLOCKS or name == "table":
            self.flush()
        if name in {"ul", "ol"} and self._lists:
            self._lists.pop()
        elif name == "blockquote":
            self._quotes = max(0, self._quotes - 1)
        elif name == "figcaption":
            self._caption = False
        if name in _BLOCKS:
            self._block = "li" if self._lists and name == "li" else "p"
        if self._tables.end(name):
            self.close_table()
        depth = next((i for i, f in enumerate(reversed(self._open[-64:])) if f.name == name), None)
        if depth is not None and len(self._open) > 1:
            del self._open[len(self._open) - 1 - depth :]

    def text(self, text: str) -> None:
        now = self._open[-1]
        if now.hidden:
            return
        if now.marker:
            self._marker += text
            return
        if self._tables.inside:
            self._tables.text(text)
            return
        self._line.append((text, now.strong, now.em, now.href))

    # -- blocks --------------------------------------------------------------------------------

    def flush(self) -> None:
        """The line that was collected becomes a block."""
        spans = spans_of(self._line, self._notes)
        self._line = []
        marker, self._marker = self._marker, ""
        if not spans:
            return
        plain = "".join(span.text for span in spans)
        if self._caption and self._caption_of_last(plain):
            return
        if self._block.startswith("h") and len(plain) <= 120:
            if self._block == "h1" and self.found.first_h1 is None:
                self.found.first_h1 = len(self.found.body)
            level = 3 if self._block in {"h3", "h4", "h5", "h6"} else 2
            self.found.body.append(Heading(level=level, text=plain))
            return
        listed = _MARKER.match(plain) if self._listed and not marker else None
        if listed is not None:
            marker = listed[0]
            spans = (spans[0].model_copy(update={"text": spans[0].text[len(marker) :]}), *spans[1:])
            spans = tuple(s for s in spans if s.text)
            if not spans:
                return
        if self._listed or self._block == "li":
            ordered = (
                bool(_NUMBER.search(marker))
                if self._listed
                else bool(self._lists and self._lists[-1])
            )
            self.found.body.append(ListItem(ordered=ordered, spans=spans))
        elif self._quotes:
            self.found.body.append(Quote(spans=spans))
        else:
            self.found.body.append(Paragraph(spans=spans))

    def close_table(self) -> None:
        self.found.body += self._tables.blocks()
        self._tables = Tables(self._notes)

    def _caption_of_last(self, text: str) -> bool:
        last = self.found.body[-1] if self.found.body else None
        if not isinstance(last, Image) or last.caption:
            return False
        if len(text) > 300:
            self._notes.add(
                "changed", "图片说明超过 300 字, 截短了 / a caption was cut to 300 characters"
            )
        self.found.body[-1] = last.model_copy(update={"caption": text[:300].strip()})
        return True

    # -- what cannot stay as it is ---------------------------------------------------------------

    def _tell(self, name: str, given: dict[str, str]) -> None:
        if name in _FOREIGN:
            self._notes.add("left_out", _FOREIGN[name])
        if name in _LOOKS:
            self._notes.add("changed", f"没有保留样式: {_LOOKS[name]}")
        if name in {"s", "strike"}:
            self._notes.add(
                "changed", "删除线没有了, 文字还在, 请核对 / struck text is kept as text: check it"
            )
        if any(key.startswith("on") for key in given):
            self._notes.add("left_out", "页面动作 / actions of the page")

    def _picture(self, given: dict[str, str]) -> None:
        source = given.get("src", "").strip()
        alt = tidy(tolerant(given.get("alt", ""), self._notes))[:300]
        if source.startswith("enclosed:"):
            one = self._known.get(source.removeprefix("enclosed:"))
        else:
            one = self._inline(source)
        if one is None:
            name = re.split(r"[/\\]", re.split(r"[?#]", source)[0])[-1][:80]
            if name and not source.lower().startswith("data:"):
                self.found.wanted.append(name)
            shown = tidy(tolerant(name, self._notes)) or "?"
            self._notes.add(
                "left_out",
                f"图片没有带进来, 请另传: {shown} / a picture at an address is not fetched",
            )
            return
        self.flush()
        if one not in self.found.enclosed:
            self.found.enclosed.append(one)
            self._notes.add("kept", "文中的图片 / pictures inside")
        block = Image(media=one.ref, alt=alt)
        self.found.body += self._tables.later(block)

    def _inline(self, source: str) -> Enclosed | None:
        found = _DATA.match(source[:64])
        if found is None or len(self.found.enclosed) >= MOST_ENCLOSED:
            return None
        try:
            data = base64.b64decode(source[found.end() :], validate=False)
        except binascii.Error:
            return None
        number = len(self.found.enclosed) + 1
        ending = {"jpeg": "jpg"}.get(found[1].lower(), found[1].lower())
        return Enclosed(f"p{number}", f"pasted-{number}.{ending}", data) if data else None
