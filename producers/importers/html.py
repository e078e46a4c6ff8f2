"""HTML: a saved page, or what Word, WPS and browsers put on the clipboard."""

import re

from producers.import_contract import Imported, Notes
from producers.import_story import draft
from producers.markup import read_markup
from producers.plain_text import decode

FORMAT = "html"
_BEGINS = re.compile(
    rb"^(?:\xef\xbb\xbf|\s)*<(?:!doctype\s+html|!--|html|head|body|meta|p|div|span|h[1-6]|table|ul|ol|b|article|section)\b",
    re.IGNORECASE,
)
_DECLARED = re.compile(rb"<meta[^>]{0,200}charset=[\"']?\s*([A-Za-z0-9_-]{2,20})", re.IGNORECASE)


def fits(head: bytes, name: str) -> bool:
    if name.lower().endswith((".html", ".htm")):
        return b"\x00" not in head or head[:2] in {b"\xff\xfe", b"\xfe\xff"}
    return not name.lower().endswith((".txt", ".json", ".xml")) and _BEGINS.match(head) is not None


def read(data: bytes, name: str) -> Imported:
    """A whole document; its headline is the first h1, else a short first line, else its title."""
    notes = Notes()
    declared = _DECLARED.search(data[:4096])
    text = decode(data, name, declared=declared[1].decode() if declared else "")
    return draft(FORMAT, read_markup(_fragment(text), notes), notes)


def paste(text: str) -> Imported:
    """A piece of a body from the clipboard: blocks only."""
    notes = Notes()
    return draft(FORMAT, read_markup(_fragment(text), notes), notes, headline=False)


def _fragment(text: str) -> str:
    """What stands between the clipboard's marks, where there are any."""
    _, mark, rest = text.partition("<!--StartFragment-->")
    return rest.partition("<!--EndFragment-->")[0] if mark else text
