"""Short words for writing a story's body, and what the demo keeps with a story."""

from dataclasses import dataclass
from datetime import date, timedelta

from schemas.body import (
    Block,
    Gallery,
    Heading,
    Image,
    ListItem,
    Paragraph,
    Quote,
    Span,
    Table,
    Video,
)
from schemas.story import MediaIn, StoryIn

SOURCE = "青禾县融媒体中心"
ARTIST = "青禾县融媒体中心 绘"
"""Credit of the drawn pictures."""


@dataclass(frozen=True)
class DemoStory:
    """One story of the demo and what happens to it."""

    story: StoryIn
    media: tuple[str, ...]
    """Keys of the pictures and clips that ``story.media`` names, in its order."""
    filed_by: str
    """Id of the person in ``newsroom.toml`` who files it."""
    correction: StoryIn | None = None
    """The corrected version, with its note, where the demo corrects the story."""
    withdraw_reason: str = ""
    """Why it is withdrawn, where the demo withdraws it."""


def body(*blocks: Block) -> tuple[Block, ...]:
    """The blocks with keys in reading order."""
    return tuple(
        block.model_copy(update={"key": f"b{number}"}) for number, block in enumerate(blocks, 1)
    )


def media(*files: str) -> tuple[MediaIn, ...]:
    """Media of the story by file name; each is referred to by the name without its ending."""
    return tuple(MediaIn(ref=name.rpartition(".")[0], file=name) for name in files)


def told(
    story: StoryIn, filed_by: str, correction: StoryIn | None = None, withdraw_reason: str = ""
) -> DemoStory:
    """The story with the keys of its media."""
    keys = tuple(medium.ref for medium in story.media)
    return DemoStory(story, keys, filed_by, correction, withdraw_reason)


def spans(text: str) -> tuple[Span, ...]:
    """Text as spans; what stands between two ``*`` is strong."""
    runs = text.split("*")
    return tuple(Span(text=run, strong=bool(number % 2)) for number, run in enumerate(runs) if run)


def para(text: str) -> Paragraph:
    return Paragraph(spans=spans(text))


def head(text: str) -> Heading:
    return Heading(level=2, text=text)


def quote(text: str, cite: str) -> Quote:
    return Quote(spans=spans(text), cite=cite)


def item(text: str, *, ordered: bool = False) -> ListItem:
    return ListItem(ordered=ordered, spans=spans(text))


def picture(ref: str, caption: str, alt: str) -> Image:
    return Image(media=ref, caption=caption, alt=alt, credit=ARTIST)


def gallery(*images: Image) -> Gallery:
    return Gallery(images=images)


def clip(ref: str, caption: str, credit: str) -> Video:
    return Video(media=ref, caption=caption, credit=credit)


def table(caption: str, *rows: tuple[str, ...]) -> Table:
    return Table(caption=caption, rows=rows)


def day(at: date) -> str:
    """As a newspaper writes it: 11月24日."""
    return f"{at.month}月{at.day}日"


def weekday(at: date) -> str:
    """周一 to 周日."""
    return "周" + "一二三四五六日"[at.weekday()]


def next_monday(today: date) -> date:
    """The first Monday after today."""
    return today + timedelta(days=7 - today.weekday())
