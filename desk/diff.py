"""What changed between two versions of a story, block by block. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from schemas.body import Block, Divider, Gallery, Image, Video
from schemas.checks import words_of
from schemas.story import Story

KINDS = {
    "paragraph": "段落",
    "heading": "小标题",
    "quote": "引文",
    "list_item": "列表",
    "image": "图片",
    "video": "视频",
    "gallery": "图集",
    "table": "表格",
    "divider": "分隔",
    "correction": "更正",
}


USUAL = 5
"""Urgency that nobody has to be told of."""


@dataclass(frozen=True)
class Piece:
    """A run of text: kept, added or taken out."""

    how: Literal["same", "added", "removed"]
    text: str


@dataclass(frozen=True)
class Change:
    """One field or block of the newer version beside the older one."""

    what: str
    how: Literal["same", "changed", "added", "removed"]
    before: tuple[Piece, ...] = ()
    after: tuple[Piece, ...] = ()


def changes(old: Story | None, new: Story) -> list[Change]:
    """In the order of the newer version, what was taken out where it stood. Without an older one
    everything is simply there (``same``)."""
    after = _lines(new)
    if old is None:
        return [Change(what, "same", after=(Piece("same", text),)) for what, text in after]
    before = _lines(old)
    found: list[Change] = []
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for how, i, k, j, m in matcher.get_opcodes():
        if how == "equal":
            found += [Change(w, "same", after=(Piece("same", t),)) for w, t in after[j:m]]
        else:
            found += _replaced(before[i:k], after[j:m])
    return found


def _replaced(before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]]) -> list[Change]:
    """Blocks of a kind are taken for each other in their order; the rest came or went."""
    found: list[Change] = []
    left = list(before)
    for what, text in after:
        same = next((one for one in left if one[0] == what), None)
        if same is None:
            found.append(Change(what, "added", after=(Piece("added", text),)))
            continue
        while left[0] is not same:
            found.append(_gone(*left.pop(0)))
        left.pop(0)
        found.append(Change(what, "changed", *_within(same[1], text)))
    return found + [_gone(*one) for one in left]


def _gone(what: str, text: str) -> Change:
    return Change(what, "removed", before=(Piece("removed", text),))


def _within(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """The characters that differ, on both sides."""
    before: list[Piece] = []
    after: list[Piece] = []
    for how, i, k, j, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if how == "equal":
            before.append(Piece("same", old[i:k]))
            after.append(Piece("same", new[j:m]))
            continue
        if i < k:
            before.append(Piece("removed", old[i:k]))
        if j < m:
            after.append(Piece("added", new[j:m]))
    return tuple(before), tuple(after)


def _lines(story: Story) -> list[tuple[str, str]]:
    """(what, text) of every field that a reader may meet."""
    fields = [
        ("标题", story.headline),
        ("导语", story.lead),
        ("署名", story.byline),
        ("来源", story.source),
        ("更正说明", story.correction),
        ("栏目", "、".join(story.columns)),
        ("关键词", "、".join(story.keywords)),
        ("紧急程度", str(story.urgency) if story.urgency != USUAL else ""),
        ("定时", story.embargoed_until.isoformat() if story.embargoed_until else ""),
    ]
    for channel, variant in story.variants.items():
        fields.append((f"{channel} 标题", variant.headline or ""))
        fields.append((f"{channel} 导语", variant.lead or ""))
        fields.append((f"{channel} 封面", variant.cover or ""))
    fields += [(KINDS.get(block.kind, block.kind), _text(story, block)) for block in story.body]
    return [(what, text) for what, text in fields if text]


def _text(story: Story, block: Block) -> str:
    if isinstance(block, Divider):
        return "——"
    text = " · ".join(words_of(block))
    shown: Sequence[Image | Video] = ()
    if isinstance(block, Gallery):
        shown = block.images
    elif isinstance(block, Image | Video):
        shown = (block,)
    files = []
    for one in shown:
        asset = story.asset(one.media)
        # the same name with other bytes is another picture
        files.append(f"[{asset.file_name} {asset.sha256[:8]}]")
    only = f" (只在 {'、'.join(block.only)})" if block.only else ""
    return " ".join(filter(None, (*files, text))) + only
