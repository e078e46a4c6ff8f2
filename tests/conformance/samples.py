"""What the suite feeds to every channel: stories with all that may stand in one, small media."""

import io
import uuid
from functools import cache

from PIL import Image as Picture

from schemas.body import (
    Block,
    Correction,
    Divider,
    Family,
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
from schemas.rendition import RecipeName, parse_placeholder, placeholders
from schemas.story import Asset, Story, TopicRequest, Variant
from tests.conformance.contract import World
from tests.fakes import NOON, asset

CORRECTION = "原稿把三千二百亩误写成三千亩，现予更正。"

_SIZES: dict[str, tuple[int, int]] = {
    "web_poster": (1280, 720),
    "web_image": (640, 426),
    "web_thumb": (320, 213),
    "wechat_image": (640, 426),
    "wechat_cover": (900, 383),
    "vertical_cover": (1080, 1920),
    "print_image": (640, 426),
    "print_still": (640, 360),
}
_HLS = (
    ("master.m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000\n360.m3u8\n"),
    ("360.m3u8", b"#EXTM3U\n#EXT-X-MAP:URI=init.mp4\n#EXTINF:2,\n1.m4s\n#EXT-X-ENDLIST\n"),
    ("init.mp4", b"\x00\x00\x00\x18ftypiso5\x00\x00\x02\x00iso5dash"),
    ("1.m4s", b"\x00\x00\x00\x10stypmsdh\x00\x00\x00\x00"),
)
_TYPES = {"m3u8": "application/vnd.apple.mpegurl", "mp4": "video/mp4", "m4s": "video/iso.segment"}


@cache
def _picture(recipe: str, seed: str) -> bytes:
    colour = (int(seed[:2], 16), int(seed[2:4], 16), int(seed[4:6], 16))
    kept = io.BytesIO()
    Picture.new("RGB", _SIZES[recipe], colour).save(kept, "PNG" if "still" in recipe else "JPEG")
    return kept.getvalue()


def files_of(recipe: RecipeName, source_sha256: str) -> list[tuple[str, bytes, str]]:
    """A small stand-in for a rendition, different for each source."""
    mark = source_sha256.encode()
    if recipe == "web_hls":
        return [(n, d if n == "master.m3u8" else d + mark, _TYPES[n[-4:].strip(".")])
                for n, d in _HLS]  # fmt: skip
    if recipe == "vertical":
        return [("vertical.mp4", b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + mark * 64,
                 "video/mp4")]  # fmt: skip
    if recipe == "tv_xdcam_hd422":
        return [("tv.mxf", b"\x06\x0e\x2b\x34\x02\x05\x01\x01" + mark * 64, "application/mxf")]
    kind = "png" if recipe == "print_still" else "jpg"
    type_ = "image/png" if kind == "png" else "image/jpeg"
    return [(f"{recipe}.{kind}", _picture(recipe, source_sha256), type_)]


def stock(world: World, payload_json: object) -> list[str]:
    """Put a file behind each placeholder of the payload; returns the placeholders."""
    found = placeholders(payload_json)  # type: ignore[arg-type]
    for placeholder in found:
        if placeholder not in world.media.known:
            source, recipe = parse_placeholder(placeholder)
            own = world.rendition(recipe)  # type: ignore[arg-type]
            world.media.put(placeholder, *(own or files_of(recipe, source)))  # type: ignore[arg-type]
    return found


def numbered(story: Story, number: int) -> Story:
    """The same story under another id and number, so that one world serves many trials."""
    return story.model_copy(
        update={"id": uuid.uuid5(uuid.NAMESPACE_OID, f"story {number}"), "number": number}
    )


def corrected(story: Story, version: int = 2) -> Story:
    """A newer version with another headline and a correction notice."""
    return story.model_copy(
        update={
            "version": version,
            "headline": f"更正后的第{version}版标题",
            "correction": CORRECTION,
            "updated_at": NOON.replace(hour=5),
        }
    )


def _assets() -> tuple[Asset, ...]:
    pictures = tuple(
        asset(f"p{n}", "image", f"picture {n}".encode(), "image/jpeg", width=1600, height=1067)
        for n in (1, 2, 3)
    )
    clip = asset("v1", "video", b"clip", "video/mp4", width=1920, height=1080, duration_s=12.0)
    return (*pictures, clip)


WORDS = (
    "甲段首句", "加重词组", "着重词组", "链接文字", "乙小标题", "丙引文", "丁出处", "戊列项", "己序项",
    "庚图说", "辛图一", "辛图二", "壬片说", "癸表题", "子表头", "丑格子", "寅更正说明", "<卯&尖括>",
)  # fmt: skip
"""One unmistakable piece of text for each place of a body where text may stand."""


def every_block(story: Story) -> Story:
    """The story with one block of every kind and text in every field that shows text."""
    body: tuple[Block, ...] = (
        Paragraph(
            key="a1",
            spans=(
                Span(text="甲段首句，"),
                Span(text="加重词组", strong=True),
                Span(text="着重词组", em=True),
                Span(text="链接文字", href="https://example.com/a?b=1&c=2"),
            ),
        ),
        Heading(key="a2", text="乙小标题"),
        Heading(key="a3", level=3, text="乙小标题之二"),
        Quote(key="a4", spans=(Span(text="丙引文"),), cite="丁出处"),
        ListItem(key="a5", spans=(Span(text="戊列项"),)),
        ListItem(key="a6", ordered=True, spans=(Span(text="己序项"),)),
        Image(key="a7", media="p1", caption="庚图说", alt="替代文字", credit="青禾融媒"),
        Gallery(
            key="a8",
            images=(
                Image(key="a8a", media="p2", caption="辛图一"),
                Image(key="a8b", media="p3", caption="辛图二"),
            ),
        ),
        Video(key="a9", media="v1", caption="壬片说", credit="青禾融媒"),
        Table(key="b1", caption="癸表题", rows=(("子表头", "数"), ("丑格子", "1"))),
        Divider(key="b2"),
        Correction(key="b3", text="寅更正说明"),
        Paragraph(key="b4", spans=(Span(text='<卯&尖括> "引号"'),)),
    )
    return story.model_copy(update={"body": body, "assets": _assets(), "cover": None})


def only_for(story: Story, family: Family, other: Family) -> Story:
    """The story with a paragraph for this family alone and one for another family alone."""
    extra = (
        Paragraph(key="o1", only=(family,), spans=(Span(text="只给本类渠道看"),)),
        Paragraph(key="o2", only=(other,), spans=(Span(text="只给别的渠道看"),)),
    )
    return story.model_copy(update={"body": (*story.body, *extra)})


def with_headline_for(story: Story, channel: str, headline: str) -> Story:
    return story.model_copy(update={"variants": {channel: Variant(headline=headline)}})


def answering(story: Story) -> Story:
    """An answer to a citizen's request."""
    asked = TopicRequest(id="DT-0042", asked="村口的路灯什么时候修？", asked_at=NOON)
    return story.model_copy(update={"kind": "answer", "answers": asked})
