"""HTML as a stream of tags and text, in one pass whatever is wrong with it. Pure.

No tree is built: a tree builder spends quadratic time or memory on nesting that was made for it,
and what is read here becomes typed blocks, in which no markup can survive. Each byte is looked at
a bounded number of times.
"""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Literal


@dataclass(frozen=True)
class Token:
    kind: Literal["start", "end", "text"]
    text: str
    """Name of the tag in small letters, or the text with its character references resolved."""
    attributes: dict[str, str] = field(default_factory=dict)


_TAG = re.compile(r"<(/?)([A-Za-z][^\s/>]*+)((?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+)>")
_PLAIN_TAG = re.compile(r"<(/?)([A-Za-z/][^\s/>]*+)([^>]*+)>")
_ATTRIBUTE = re.compile(r"([^\s=/\"'>]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>]++)))?")
_RAW = {"script", "style", "title", "textarea", "xmp", "noscript", "iframe", "noembed", "noframes",
        "template", "object", "svg", "math", "xml", "select", "button"}  # fmt: skip
"""Elements whose inside is no text of the story: told as one start tag with ``inside``."""
MOST_ATTRIBUTES = 40


def tokens(html: str) -> Iterator[Token]:
    """Start tags, end tags and text in order; comments, declarations and a cut-off tag are gone."""
    at = 0
    torn = False  # a quote without its end was met: from there on a tag ends at the next ``>``
    while True:
        opens = html.find("<", at)
        if opens < 0:
            if at < len(html):
                yield Token("text", unescape(html[at:]))
            return
        if opens > at:
            yield Token("text", unescape(html[at:opens]))
        after = html[opens + 1 : opens + 2]
        if after in {"!", "?"}:
            at = _past(html, opens)
        elif after == "/" or (after.isascii() and after.isalpha()):
            found = None if torn else _TAG.match(html, opens)
            torn = found is None
            found = found or _PLAIN_TAG.match(html, opens)
            if found is None:
                return  # the document ends inside a tag
            at = yield from _tag(html, found)
        else:
            yield Token("text", "<")
            at = opens + 1


def _tag(html: str, found: "re.Match[str]") -> Generator[Token, None, int]:
    """Tells the tag; returns where to go on."""
    name = found[2].lower()
    if found[1]:
        yield Token("end", name)
        return found.end()
    attributes = _attributes(found[3])
    if name in _RAW and not found[3].rstrip().endswith("/"):
        closing = re.compile(rf"</{re.escape(name)}\s*+>", re.IGNORECASE).search(html, found.end())
        inside = html[found.end() : closing.start() if closing else len(html)]
        yield Token("start", name, {**attributes, "inside": inside[:2000]})
        return closing.end() if closing else len(html)
    yield Token("start", name, attributes)
    return found.end()


def _attributes(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, match in enumerate(_ATTRIBUTE.finditer(text)):
        if number >= MOST_ATTRIBUTES:
            break
        value = next((v for v in match.groups()[1:] if v is not None), "")
        found.setdefault(match[1].lower(), unescape(value))
    return found


def _past(html: str, opens: int) -> int:
    """Past a comment, a declaration or a processing instruction."""
    if html.startswith("<!--", opens):
        end = html.find("-->", opens + 4)
        return len(html) if end < 0 else end + 3
    end = html.find(">", opens)
    return len(html) if end < 0 else end + 1
