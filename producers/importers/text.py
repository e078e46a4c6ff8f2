"""Plain text: the first line is the headline, each further one a paragraph."""

from producers.import_contract import Imported, Notes
from producers.import_story import draft
from producers.markup import Markup
from producers.markup_text import spans_of
from producers.plain_text import decode
from schemas.body import Heading, Paragraph
from schemas.errors import Fault, InvalidInput

FORMAT = "text"
HEADLINE_LINE_MOST = 120


def fits(head: bytes, name: str) -> bool:
    wide = head[:2] in {b"\xff\xfe", b"\xfe\xff"}
    return name.lower().endswith((".txt", ".md")) and (wide or b"\x00" not in head)


def read(data: bytes, name: str) -> Imported:
    notes = Notes()
    lines = [
        spans_of([(line, False, False, None)], notes) for line in decode(data, name).splitlines()
    ]
    found = Markup(body=[Paragraph(spans=spans) for spans in lines if spans])
    if not found.body:
        raise InvalidInput(
            Fault(
                "empty",
                name,
                "文稿是空的 / the text is empty",
                "第一行写标题, 下面写正文 / headline on the first line, then the text",
            )
        )
    first = found.body[0]
    if isinstance(first, Paragraph) and len(first.spans[0].text) <= HEADLINE_LINE_MOST:
        found.body[0] = Heading(text=first.spans[0].text)
    return draft(FORMAT, found, notes)
