"""A story as a flat run of pieces, for outlets that set it themselves: the newspaper, the TV desk.

Each piece has one role; nothing of the story's text is lost on the way, and it stays as written.
Pure.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, assert_never

from schemas.body import (
    Block,
    Correction,
    Divider,
    Family,
    Gallery,
    Heading,
    Image,
    ListItem,
    Model,
    Paragraph,
    Quote,
    Span,
    Table,
    Video,
    plain,
    shown_in,
)
from schemas.rendition import RecipeName, placeholder
from schemas.story import Asset, Story

Role = Literal[
    "correction", "asked", "lead", "paragraph", "heading", "subheading", "quote", "cite", "bullet",
    "number", "picture", "table_title", "table", "divider",
]  # fmt: skip


class Piece(Model):
    """One line or table of the story."""

    role: Role
    spans: tuple[Span, ...] = ()
    number: int = 0
    """Of a ``number``: its place in the list, from 1. Of a ``picture``: that of the Picture."""
    rows: tuple[tuple[str, ...], ...] = ()
    """Of a ``table``: all rows of one width."""
    header: bool = False

    @property
    def text(self) -> str:
        return plain(self.spans)


class Picture(Model):
    """A picture or a clip where the story shows it."""

    number: int
    """From 1, in reading order."""
    kind: Literal["image", "video"]
    placeholder: str
    caption: str = ""
    credit: str = ""
    alt: str = ""
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None

    @property
    def line(self) -> str:
        """Caption and credit in one line, as both desks print them."""
        return f"{self.caption}（{self.credit}）" if self.credit else self.caption


class Lines(Model):
    """The whole story for one outlet, without its headline and byline."""

    pieces: tuple[Piece, ...]
    pictures: tuple[Picture, ...]

    @property
    def lead(self) -> str:
        """The lead, or the first paragraph where there is none."""
        return next((p.text for p in self.pieces if p.role in {"lead", "paragraph"}), "")


def lines_of(
    story: Story,
    channel: str,
    family: Family,
    *,
    image: RecipeName,
    clip: RecipeName,
    with_cover: bool,
) -> Lines:
    """What a channel of this family shows; pictures under the recipes given.

    The lead is left out where it is nothing but the first paragraph again. ``with_cover``: a cover
    that stands nowhere in the body comes first.
    """
    body = shown_in(story.body, family)
    pictures: list[Picture] = []

    def add(block: Image | Video) -> Piece:
        made = _picture(len(pictures) + 1, block, story.asset(block.media), image, clip)
        pictures.append(made)
        return Piece(role="picture", number=made.number)

    pieces = [*_notices(story), *_lead(story, channel, body)]
    cover = _lone_cover(story, channel) if with_cover else None
    if cover is not None:
        pieces.append(add(Image(media=cover.ref)))
    count = 0
    for block in body:
        count = count + 1 if isinstance(block, ListItem) and block.ordered else 0
        if isinstance(block, Image | Video):
            pieces.append(add(block))
        elif isinstance(block, Gallery):
            pieces += [add(i) for i in block.images if not i.only or family in i.only]
        else:
            pieces += _text_pieces(block, count)
    return Lines(pieces=tuple(pieces), pictures=tuple(pictures))


def text_lines(pieces: tuple[Piece, ...], pictures: Mapping[int, str]) -> Iterator[str]:
    """Plain text, one line a paragraph; ``pictures``: the line that stands for each picture."""
    for piece in pieces:
        match piece.role:
            case "correction":
                yield f"【更正】{piece.text}"
            case "asked":
                yield f"【百姓点题】{piece.text}"
            case "cite":
                yield f"——{piece.text}"
            case "bullet":
                yield f"· {piece.text}"
            case "number":
                yield f"{piece.number}. {piece.text}"
            case "picture":
                yield pictures[piece.number]
            case "table":
                yield from ("\t".join(row) for row in piece.rows)
            case "divider":
                yield "——————"
            case "lead" | "paragraph" | "heading" | "subheading" | "quote" | "table_title":
                yield piece.text
            case _:
                assert_never(piece.role)


def links_of(pieces: tuple[Piece, ...]) -> list[tuple[str, str]]:
    """Linked words and their addresses, for outlets whose text carries no links."""
    return [(span.text, span.href) for piece in pieces for span in piece.spans if span.href]


def _notices(story: Story) -> Iterator[Piece]:
    if story.correction:
        yield Piece(role="correction", spans=(Span(text=story.correction),))
    if story.answers is not None:
        asked = f"{story.answers.asked}（{story.answers.id}）"
        yield Piece(role="asked", spans=(Span(text=asked),))


def _lead(story: Story, channel: str, body: tuple[Block, ...]) -> Iterator[Piece]:
    variant = story.variants.get(channel)
    written = bool(story.lead) or (variant is not None and variant.lead is not None)
    lead = story.lead_for(channel) if written else ""
    first = next((plain(b.spans) for b in body if isinstance(b, Paragraph)), "")
    if lead and lead != first:
        yield Piece(role="lead", spans=(Span(text=lead),))


def _lone_cover(story: Story, channel: str) -> Asset | None:
    """A cover named by the story or for this channel that no block of the story shows."""
    variant = story.variants.get(channel)
    ref = (variant.cover if variant else None) or story.cover
    if ref is None or any(ref in _media_in(block) for block in story.body):
        return None
    return story.asset(ref)


def _media_in(block: Block) -> list[str]:
    if isinstance(block, Image | Video):
        return [block.media]
    return [image.media for image in block.images] if isinstance(block, Gallery) else []


def _picture(
    number: int, block: Image | Video, asset: Asset, image: RecipeName, clip: RecipeName
) -> Picture:
    kind: Literal["image", "video"] = "video" if asset.kind == "video" else "image"
    return Picture(
        number=number,
        kind=kind,
        placeholder=placeholder(asset.sha256, clip if kind == "video" else image),
        caption=block.caption,
        credit=block.credit,
        alt=block.alt if isinstance(block, Image) else "",
        width=asset.width,
        height=asset.height,
        duration_s=asset.duration_s,
    )


def _text_pieces(
    block: Paragraph | Heading | Quote | ListItem | Table | Divider | Correction, count: int
) -> list[Piece]:
    match block:
        case Paragraph():
            return [Piece(role="paragraph", spans=block.spans)]
        case Heading():
            role: Role = "heading" if block.level == 2 else "subheading"
            return [Piece(role=role, spans=(Span(text=block.text),))]
        case Quote():
            cite = [Piece(role="cite", spans=(Span(text=block.cite),))] if block.cite else []
            return [Piece(role="quote", spans=block.spans), *cite]
        case ListItem():
            return [
                Piece(role="number" if block.ordered else "bullet", spans=block.spans, number=count)
            ]
        case Table():
            return _table(block)
        case Divider():
            return [Piece(role="divider")]
        case Correction():
            return [Piece(role="correction", spans=(Span(text=block.text),))]
        case _:
            assert_never(block)


def _table(block: Table) -> list[Piece]:
    title = [Piece(role="table_title", spans=(Span(text=block.caption),))] if block.caption else []
    width = max(len(row) for row in block.rows)
    if width == 0:
        return title
    rows = tuple((*row, *[""] * (width - len(row))) for row in block.rows)
    return [*title, Piece(role="table", rows=rows, header=block.header and len(rows) > 1)]
