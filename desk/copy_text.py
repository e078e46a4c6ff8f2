"""A channel's frozen copy as plain text: every word that will leave, in its order; figures and
switches beside the words are left to the preview. Pure."""

import json
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

_MARKUP = re.compile(r"<[a-zA-Z!/]")
_BREAKS = frozenset({"p", "br", "div", "li", "h1", "h2", "h3", "h4", "section", "tr", "figure",
                     "figcaption", "blockquote", "table", "ul", "ol", "article"})  # fmt: skip
_SILENT = frozenset({"script", "style"})


@dataclass(frozen=True)
class Line:
    name: str
    """Where it stands in the payload: ``title``, ``articles.0.content`` …"""
    text: str


class _Words(HTMLParser):
    """The text of a piece of markup, a line a block."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = [""]
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        if tag in _BREAKS:
            self.found.append("")
        told = dict(attrs)
        if tag == "img":
            self.found[-1] += f"[图 {told.get('alt') or ''}]"
        elif tag == "video":
            self.found[-1] += "[视频]"

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        if tag in _BREAKS:
            self.found.append("")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found[-1] += data


def lines(body: str) -> list[Line]:
    """``body``: the frozen bytes of a ``ChannelCopy`` as text."""
    copy = json.loads(body)
    found = [Line("headline", copy.get("headline", ""))]
    _walk("", copy.get("payload"), found)
    return [line for line in found if line.text]


def _walk(name: str, value: Any, found: list[Line]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _walk(f"{name}.{key}".lstrip("."), inner, found)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _walk(f"{name}.{index}", inner, found)
    elif isinstance(value, str):
        found.append(Line(name, _plain(value)))


def _plain(text: str) -> str:
    if not _MARKUP.search(text):
        return text
    words = _Words()
    words.feed(text)
    words.close()
    return "\n".join(" ".join(line.split()) for line in words.found if line.strip())
