"""The body of a story as HTML of the web site, with placeholders for media. Pure."""

from dataclasses import dataclass

from consumers.story_media import clip, fitted, picture
from consumers.web_templates import environment
from schemas.body import Block, Family, Gallery, Image, ListItem, Video, shown_in
from schemas.rendition import placeholder
from schemas.story import Asset, Story


@dataclass(frozen=True)
class Shown:
    """One medium of the body: its placeholders and the size it is shown at."""

    src: str
    small: str
    size: tuple[int, int] | None
    alt: str
    caption: str
    credit: str
    duration_s: float | None = None

    @property
    def tall(self) -> bool:
        return self.size is not None and self.size[1] > self.size[0]


@dataclass(frozen=True)
class Piece:
    """A block as the template takes it: list items that follow each other are one piece."""

    kind: str
    block: Block
    items: tuple[ListItem, ...] = ()
    media: tuple[Shown, ...] = ()


def body_html(story: Story, family: Family) -> str:
    """Raises PermanentError where a block names a medium of the wrong kind."""
    template = environment().get_template("body.html")
    return template.render(pieces=pieces(story, family)).strip()


def pieces(story: Story, family: Family) -> list[Piece]:
    found: list[Piece] = []
    for block in shown_in(story.body, family):
        if isinstance(block, ListItem):
            last = found[-1] if found else None
            if last and isinstance(last.block, ListItem) and last.block.ordered == block.ordered:
                found[-1] = Piece("list", last.block, (*last.items, block))
            else:
                found.append(Piece("list", block, (block,)))
        else:
            found.append(Piece(block.kind, block, media=_media(story, block)))
    return found


def clips(story: Story, family: Family) -> list[Shown]:
    return [m for p in pieces(story, family) if isinstance(p.block, Video) for m in p.media]


def images(story: Story, family: Family) -> list[Shown]:
    return [
        m for p in pieces(story, family) if isinstance(p.block, Image | Gallery) for m in p.media
    ]


def _media(story: Story, block: Block) -> tuple[Shown, ...]:
    if isinstance(block, Image):
        return (_image(picture(story, block), block),)
    if isinstance(block, Gallery):
        return tuple(_image(picture(story, image), image) for image in block.images)
    if isinstance(block, Video):
        asset = clip(story, block)
        return (
            Shown(
                src=placeholder(asset.sha256, "web_hls"),
                small=placeholder(asset.sha256, "web_poster"),
                size=fitted(asset, 1920),
                alt="",
                caption=block.caption,
                credit=block.credit,
                duration_s=asset.duration_s,
            ),
        )
    return ()


def _image(asset: Asset, block: Image) -> Shown:
    return Shown(
        src=placeholder(asset.sha256, "web_image"),
        small=placeholder(asset.sha256, "web_thumb"),
        size=fitted(asset, 1920),
        alt=block.alt or block.caption,
        caption=block.caption,
        credit=block.credit,
    )
