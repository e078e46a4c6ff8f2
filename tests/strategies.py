"""Hypothesis strategies: whatever a newsroom might really send, and what it should not."""

import uuid
from datetime import UTC, datetime
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from schemas.body import (
    Block,
    Correction,
    Divider,
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
from schemas.copy import CopyRef
from schemas.events import EVENTS, Event
from schemas.orders import ORDERS, Order
from schemas.receipt import Receipt, Substitution
from schemas.rendition import Rendition, RenditionFile, placeholder
from schemas.review import Signature
from schemas.settling import QUESTIONS
from schemas.story import Asset, Plan, Story, TopicRequest, Variant


def examples(whole: int) -> settings:
    """So many examples in the whole run, and the same share of them as everywhere in a fast one."""
    return settings(max_examples=max(5, whole * settings().max_examples // 100))


CHINESE = "青禾县融媒体中心梯田开镰今年多收三成，。！？“”《》、：；（）—…　·"
AWKWARD = "𠮷é e\u0301ﬃ\u1e9b\u0323\u0958\ufb2c㍿\U0001f468\u200d\U0001f469\u200d\U0001f467<>&\"'\\/{}%$`~\u00a0\u200b"
"""Astral, combining, what grows under NFC, emoji joined by ZWJ, markup, unusual blanks."""
FORBIDDEN = "\x00\x08\x0b\x1f\x7f\x85\x9f\u202e\u2066\ufffe\uffff"

characters = st.sampled_from(CHINESE + AWKWARD + "abcXYZ019 ") | st.characters(
    exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="\u202a\u202b\u202c\u202d\u202e"
).filter(lambda c: not "\u2066" <= c <= "\u2069" and c not in "\u2028\u2029")


def lines(*, least: int = 0, most: int = 40) -> st.SearchStrategy[str]:
    """One line as a sender may type it; not blank where ``least`` is above 0."""
    made = st.text(characters, min_size=least, max_size=most)
    return made.filter(lambda text: bool(text.strip())) if least else made


def texts(*, least: int = 0, most: int = 80) -> st.SearchStrategy[str]:
    """Any number of lines."""
    return st.text(characters | st.sampled_from("\n\t"), min_size=least, max_size=most)


refs = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,12}", fullmatch=True)
channel_ids = st.sampled_from(["web", "app_feed", "wechat", "douyin", "tv", "newspaper"])
shas = st.integers(0, 16**64 - 1).map(lambda n: f"{n:064x}")
uuids = st.integers(0, 2**122 - 1).map(lambda n: uuid.UUID(int=n, version=4))
times = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
recipes = st.sampled_from(["web_image", "vertical", "tv_xdcam_hd422", "web_hls"])
placeholders = st.builds(placeholder, shas, recipes)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(characters, max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(characters, max_size=4), inner)
    ),
    max_leaves=6,
)

spans = st.lists(
    st.builds(
        Span,
        text=texts(most=20),
        strong=st.booleans(),
        em=st.booleans(),
        href=st.none() | st.just("https://example.cn/a?b=c&d=%20"),
    ),
    min_size=1,
    max_size=3,
).map(tuple)


def images(media: st.SearchStrategy[str]) -> st.SearchStrategy[Image]:
    return st.builds(Image, key=refs, media=media, caption=lines(), alt=lines(), credit=lines())


def blocks(media: list[str]) -> st.SearchStrategy[Block]:
    """Blocks that name only the given media."""
    kinds: list[st.SearchStrategy[Any]] = [
        st.builds(Paragraph, key=refs, spans=spans),
        st.builds(Heading, key=refs, text=lines(least=1), level=st.sampled_from([2, 3])),
        st.builds(Quote, key=refs, spans=spans, cite=lines()),
        st.builds(ListItem, key=refs, ordered=st.booleans(), spans=spans),
        st.builds(Table, key=refs, rows=st.just((("镇", "亩"), ("云岭", "3200")))),
        st.builds(Divider, key=refs),
        st.builds(Correction, key=refs, text=texts(least=1)),
    ]
    if media:
        named = st.sampled_from(media)
        kinds += [
            images(named),
            st.builds(Video, key=refs, media=named, caption=lines()),
            st.builds(
                Gallery, key=refs, images=st.lists(images(named), min_size=1, max_size=2).map(tuple)
            ),
        ]
    return st.one_of(kinds)


def assets(ref: str) -> st.SearchStrategy[Asset]:
    return st.builds(
        Asset,
        ref=st.just(ref),
        id=uuids,
        kind=st.sampled_from(["image", "video"]),
        sha256=shas,
        size_bytes=st.integers(1, 2**40),
        content_type=st.just("image/jpeg"),
        file_name=lines(least=1),
        width=st.none() | st.integers(1, 8192),
        height=st.none() | st.integers(1, 8192),
        duration_s=st.none() | st.floats(0.04, 3600),
    )


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A whole story that the models take."""
    media = draw(st.lists(refs, max_size=3, unique=True))
    variant = st.builds(
        Variant, headline=st.none() | lines(least=1), lead=st.none() | texts(most=40)
    )
    return Story(
        id=draw(uuids),
        number=draw(st.integers(1, 10**6)),
        version=draw(st.integers(1, 50)),
        created_at=draw(times),
        updated_at=draw(times),
        kind=draw(st.sampled_from(["news", "video", "answer", "notice"])),
        headline=draw(lines(least=1)),
        lead=draw(texts()),
        byline=draw(lines(most=12)),
        columns=tuple(draw(st.lists(lines(most=8), max_size=2))),
        urgency=draw(st.integers(1, 9)),
        embargoed_until=draw(st.none() | times),
        body=tuple(draw(st.lists(blocks(media), min_size=1, max_size=4))),
        cover=draw(st.none() | st.sampled_from(media)) if media else None,
        variants=draw(st.dictionaries(channel_ids, variant, max_size=2)),
        answers=draw(st.none() | st.builds(TopicRequest, id=lines(least=1), asked=texts(least=1))),
        assets=tuple(draw(assets(ref)) for ref in media),
    )


plans = st.builds(
    Plan,
    channels=st.none() | st.lists(channel_ids, min_size=1, unique=True).map(tuple),
    waves=st.dictionaries(channel_ids, st.integers(1, 9), max_size=3),
    gate=st.none() | st.sampled_from(["any", "all"]),
    fallback_after_s=st.none() | st.integers(1, 86400),
    release_at=st.none() | times,
)
copy_refs = st.builds(CopyRef, channel=channel_ids, sha256=shas) | st.builds(
    CopyRef, channel=channel_ids, refused=lines(least=1)
)
receipts = st.builds(
    Receipt,
    item_id=lines(least=1),
    url=st.just("https://example.cn/x"),
    at=times,
    payload_sha256=shas,
    text_sha256=shas,
    media=st.lists(
        st.builds(Substitution, placeholder=placeholders, sha256=shas, address=lines()), max_size=2
    ).map(tuple),
    data=st.dictionaries(refs, json_values, max_size=2),
)
renditions = st.builds(
    Rendition,
    source_sha256=shas,
    recipe=recipes,
    recipe_key=refs,
    files=st.lists(
        st.builds(
            RenditionFile,
            name=refs,
            object_key=refs,
            sha256=shas,
            size_bytes=st.integers(1, 2**40),
            content_type=st.just("video/mp4"),
        ),
        min_size=1,
        max_size=2,
    ).map(tuple),
)
signatures = st.builds(
    Signature,
    level=st.integers(1, 3),
    person_id=st.sampled_from(["a", "b", "c", "d"]),
    person_name=st.just("同名"),
    copies_sha256=st.sampled_from(["1" * 64, "2" * 64]),
    urgent=st.booleans(),
)

_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "story_id": uuids,
    "story": stories(),
    "plan": plans,
    "by": refs,
    "person": refs,
    "version": st.integers(1, 99),
    "level": st.integers(1, 3),
    "urgent": st.booleans(),
    "copies": st.lists(copy_refs, max_size=3).map(tuple),
    "copies_sha256": shas,
    "needs": st.dictionaries(channel_ids, st.lists(placeholders, max_size=2).map(tuple)),
    "rendition": renditions,
    "source_sha256": shas,
    "recipe": recipes,
    "reason": texts(),
    "note": texts(),
    "wave": st.integers(1, 9),
    "channel": channel_ids,
    "channels": st.lists(channel_ids, unique=True).map(tuple),
    "release": st.integers(1, 9),
    "verb": st.sampled_from(["create", "update", "recall"]),
    "state": st.sampled_from(["live", "refused", "recalled"]),
    "receipt": st.none() | receipts,
    "at": times,
    "question": st.sampled_from(sorted(QUESTIONS)),
    "answer": st.sampled_from(["live", "absent", "still_up", "give_up"]),
    "by_name": st.just("值班编辑己"),
    "replaces": st.none() | st.integers(1, 9),
    "kind": st.sampled_from(["release", "fallback"]),
    "key": st.sampled_from(["", "2"]),
    "rows": st.dictionaries(
        st.sampled_from(["stories", "publications"]),
        st.lists(
            st.dictionaries(refs, st.none() | st.integers() | st.booleans() | texts()), max_size=2
        ).map(tuple),
    ),
}


def message(model: type[Event] | type[Order]) -> st.SearchStrategy[Event | Order]:
    """Any message of one type; a field without a strategy fails here, not silently."""
    return st.builds(model, **{name: _FIELDS[name] for name in model.model_fields})


messages: st.SearchStrategy[Event | Order] = st.one_of(
    [message(event) for event in EVENTS.values()] + [message(order) for order in ORDERS.values()]
)
