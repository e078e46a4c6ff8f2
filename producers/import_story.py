"""From the blocks of a document to the draft of a story: which line is the headline, who wrote it.
Pure."""

import re
from collections.abc import Sequence
from typing import Any

from producers.import_contract import MOST_BLOCKS, Enclosed, Imported, Notes, keyed
from producers.markup import Markup
from schemas.body import Block, Heading, Paragraph, plain
from schemas.errors import Fault, InvalidInput

_BYLINE = re.compile(
    r"^[（(]?\s*((?:本报|本台|融媒体?|见习|特约)*(?:记者|通讯员|作者|编辑|文[/／]|文图|图文|摄影|撰稿)[^。]{1,50}?)\s*[）)]?$"
)
_SOURCE = re.compile(r"^[（(]?\s*(?:稿件)?来源\s*[:：]\s*([^。]{1,50}?)\s*[）)]?$")
HEADLINE_MOST = 60
"""A first paragraph longer than this is text, not a headline."""


def draft(
    format_id: str,
    read: Markup,
    notes: Notes,
    *,
    enclosed: Sequence[Enclosed] = (),
    fields: dict[str, Any] | None = None,
    headline: bool = True,
) -> Imported:
    """The document as a draft. ``fields`` are known already and win; ``headline`` False: it is a
    piece of a body (pasted), no whole document. Raises InvalidInput over 400 blocks."""
    body = list(read.body)
    told = dict(fields or {})
    if headline:
        if not told.get("headline"):
            found = _headline(read, body, notes)
            if found:
                told["headline"] = found
        elif body and _says(body[0]) == told["headline"]:
            del body[0]
        _credits(body, told, notes)
    if len(body) > MOST_BLOCKS:
        raise InvalidInput(
            Fault(
                "too_many_blocks",
                "body",
                f"正文有 {len(body)} 段, 上限 {MOST_BLOCKS} / {len(body)} blocks, at most {MOST_BLOCKS}",
                "分成几篇再导入 / split the document",
            )
        )
    notes.add("kept", "正文段落 / blocks of the body", len(body))
    inside = [*enclosed, *(e for e in read.enclosed if e not in enclosed)]
    return Imported(format_id, told, keyed(body), tuple(inside), tuple(read.wanted), notes.all())


def _headline(read: Markup, body: list[Block], notes: Notes) -> str:
    at = read.first_h1
    if at is None and body and isinstance(body[0], Heading):
        at = 0
    if at is not None:
        block = body.pop(at)
        return block.text if isinstance(block, Heading) else ""
    first = _says(body[0]) if body else ""
    if len(body) > 1 and first and len(first) <= HEADLINE_MOST and first[-1] not in "。；，、.;,":
        del body[0]
        notes.add("changed", "第一行作了标题 / the first line became the headline")
        return first
    if read.title:
        notes.add("changed", "网页标题作了标题 / the page's title became the headline")
    return read.title[:200]


def _credits(body: list[Block], told: dict[str, Any], notes: Notes) -> None:
    """A line of its own that says who wrote it, among the first three or the last two."""
    for index in [*range(min(3, len(body))), *range(max(3, len(body) - 2), len(body))][::-1]:
        text = _says(body[index])
        for field, pattern in (("byline", _BYLINE), ("source", _SOURCE)):
            found = pattern.match(text) if len(text) <= 60 else None
            if found is not None and not told.get(field):
                told[field] = found[1].strip()
                del body[index]
                notes.add("changed", "署名、来源的那一行成了字段 / the credit line became a field")
                break


def _says(block: Block) -> str:
    if isinstance(block, Paragraph):
        return plain(block.spans)
    return block.text if isinstance(block, Heading) else ""
