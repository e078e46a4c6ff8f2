"""What a machine can say about a story before people read it (机审). Pure.

Each finding names its place and the evidence, so that a person can judge it. ``block`` stops a
sign-off, ``warn`` does not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from schemas.body import (
    Block,
    Correction,
    Gallery,
    Heading,
    Image,
    ListItem,
    Paragraph,
    Quote,
    Span,
    Table,
    Video,
    plain,
)
from schemas.story import StoryFields
from schemas.text import Line

Weight = Literal["block", "warn"]
AROUND = 12
"""Characters of evidence on each side of a word."""


class WatchedWord(BaseModel):
    """A word that must not, or had better not, appear."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    word: Line = Field(min_length=1, max_length=60)
    weight: Weight = "warn"
    why: Line = Field(min_length=1, max_length=200)
    """The reason and where the rule comes from; shown beside the finding."""
    instead: Line = Field(default="", max_length=60)


class CheckRules(BaseModel):
    """What the newsroom wants looked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    banned_hosts: tuple[Line, ...] = ()
    """Hosts that no link may lead to, their subdomains included."""
    missing_alt: Weight = "warn"
    """A picture without words for who cannot see it."""
    missing_credit: Weight = "warn"
    """A picture or clip without its author."""
    words: tuple[WatchedWord, ...] = ()


@dataclass(frozen=True)
class Finding:
    weight: Weight
    code: str
    place: str
    """``headline``, ``lead``, ``body.3``, ``channels.tv`` …"""
    told: str
    """Chinese first, English after `` / ``."""
    evidence: str = ""


def findings(
    story: StoryFields, rules: CheckRules, refused: Mapping[str, str] | None = None
) -> list[Finding]:
    """Everything found, blocking ones first, each kind in reading order.

    ``refused``: channel → why its copy could not be made (limits and the like).
    """
    found = [
        Finding(
            "warn", "refused", f"channels.{channel}", f"{channel} 发不了 / cannot carry it", why
        )
        for channel, why in (refused or {}).items()
    ]
    for place, text in texts(story):
        found += _words(place, text, rules)
    for number, block in enumerate(story.body, 1):
        place = f"body.{number}"
        found += _media(place, block, rules)
        for span in _spans(block):
            found += _link(place, span, rules)
    return sorted(found, key=lambda one: one.weight != "block")


def blocking(story: StoryFields, rules: CheckRules) -> list[Finding]:
    """What stops a sign-off."""
    return [one for one in findings(story, rules) if one.weight == "block"]


def texts(story: StoryFields) -> Iterator[tuple[str, str]]:
    """Every piece of text that a reader may meet, with its place."""
    yield "headline", story.headline
    yield "lead", story.lead
    yield "correction", story.correction
    yield "byline", story.byline
    yield "source", story.source
    yield from (("keywords", word) for word in story.keywords)
    yield from (("columns", name) for name in story.columns)
    yield from (("sections", name) for name in story.sections)
    if story.answers is not None:
        yield "answers", story.answers.asked
    for channel, variant in story.variants.items():
        yield f"variants.{channel}.headline", variant.headline or ""
        yield f"variants.{channel}.lead", variant.lead or ""
    for number, block in enumerate(story.body, 1):
        yield from ((f"body.{number}", text) for text in words_of(block))


def words_of(block: Block) -> list[str]:
    """The texts of a block in reading order, empty ones left out."""
    match block:
        case Paragraph() | ListItem():
            found = [plain(block.spans)]
        case Quote():
            found = [plain(block.spans), block.cite]
        case Heading() | Correction():
            found = [block.text]
        case Image():
            found = [block.caption, block.alt, block.credit]
        case Video():
            found = [block.caption, block.credit]
        case Gallery():
            found = [text for image in block.images for text in words_of(image)]
        case Table():
            found = [block.caption, *(" | ".join(row) for row in block.rows)]
        case _:
            found = []
    return [text for text in found if text]


def _spans(block: Block) -> tuple[Span, ...]:
    return block.spans if isinstance(block, Paragraph | Quote | ListItem) else ()


def _words(place: str, text: str, rules: CheckRules) -> Iterator[Finding]:
    folded = text.casefold()
    for rule in rules.words:
        at = folded.find(rule.word.casefold())
        if at < 0:
            continue
        cut = rule.word
        if len(folded) == len(text):  # else the places in the two are not the same
            cut = text[max(0, at - AROUND) : at + len(rule.word) + AROUND]
        instead = f", 建议改为“{rule.instead}”" if rule.instead else ""
        told = f"“{rule.word}”: {rule.why}{instead} / a watched word"
        yield Finding(rule.weight, "word", place, told, cut)


def _link(place: str, span: Span, rules: CheckRules) -> Iterator[Finding]:
    if span.href is None:
        return
    try:
        host = (urlsplit(span.href).hostname or "").rstrip(".")
    except ValueError:
        host = ""
    for banned in (name.casefold().strip(".") for name in rules.banned_hosts):
        if not host or host == banned or host.endswith(f".{banned}"):
            told = f"链接指向禁止的网站 {banned} / a link to a banned host"
            yield Finding("block", "banned_host", place, told, f"{span.text} → {span.href}")
            return


def _media(place: str, block: Block, rules: CheckRules) -> Iterator[Finding]:
    shown: tuple[Image | Video, ...] = ()
    if isinstance(block, Gallery):
        shown = block.images
    elif isinstance(block, Image | Video):
        shown = (block,)
    for one in shown:
        if isinstance(one, Image) and not one.alt:
            told = "图片没有替代文字 (给看不见图的人读) / a picture without alt text"
            yield Finding(rules.missing_alt, "missing_alt", place, told, one.media)
        if not one.credit:
            told = "没有署名 (摄影、来源) / no credit"
            yield Finding(rules.missing_credit, "missing_credit", place, told, one.media)
