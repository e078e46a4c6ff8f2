"""The body: a closed union of blocks, read in order."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.body import Block, Image, Paragraph, Span, Video, media_of, plain, shown_in
from tests.strategies import blocks, spans

as_block: TypeAdapter[Any] = TypeAdapter(Block)


@given(blocks(["p1", "v1"]))
def test_a_block_travels_unchanged(block: Any) -> None:
    assert as_block.validate_json(as_block.dump_json(block), extra="forbid") == block


@given(st.lists(blocks(["p1", "p2", "v1"]), max_size=6).map(tuple))
def test_media_are_named_once_in_reading_order(body: tuple[Any, ...]) -> None:
    found = media_of(body)
    assert len(found) == len(set(found))
    named = [ref for block in body for ref in media_of((block,))]
    assert found == list(dict.fromkeys(named))


def test_a_gallery_names_each_of_its_pictures() -> None:
    gallery = as_block.validate_python(
        {"kind": "gallery", "images": [{"media": "p2"}, {"media": "p1"}, {"media": "p2"}]}
    )
    body = (Video(media="v1"), gallery, Image(media="p1"))
    assert media_of(body) == ["v1", "p2", "p1"]


@given(spans)
def test_plain_text_is_the_text_of_all_spans(found: tuple[Span, ...]) -> None:
    assert plain(found) == "".join(span.text for span in found)


def test_a_block_for_one_family_shows_there_alone() -> None:
    everywhere = Paragraph(spans=(Span(text="都看"),))
    paper = Paragraph(spans=(Span(text="报纸"),), only=("newspaper",))
    assert shown_in((everywhere, paper), "newspaper") == (everywhere, paper)
    assert shown_in((everywhere, paper), "web") == (everywhere,)


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "html", "html": "<script>"},
        {"spans": [{"text": "无类型"}]},
        {"kind": "paragraph", "spans": []},
        {"kind": "paragraph", "spans": [{"text": "a", "href": "javascript:alert(1)"}]},
        {"kind": "paragraph", "spans": [{"text": "a", "href": "https://a.cn/ x"}]},
        {"kind": "paragraph", "spans": [{"text": "a", "href": 'https://a.cn/"onclick='}]},
        {"kind": "paragraph", "spans": [{"text": "a", "colour": "red"}]},
        {"kind": "heading", "text": "题", "level": 1},
        {"kind": "heading", "text": ""},
        {"kind": "image", "media": "../p1"},
        {"kind": "gallery", "images": []},
        {"kind": "image", "media": "p1", "only": ["tiktok"]},
        {"kind": "table", "rows": []},
    ],
)
def test_what_is_no_block_is_refused_by_a_writer(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        as_block.validate_python(bad, extra="forbid")


def test_a_reader_tolerates_a_later_field() -> None:
    later = {"kind": "paragraph", "spans": [{"text": "a", "colour": "red"}], "mood": "gay"}
    assert as_block.validate_python(later) == Paragraph(spans=(Span(text="a"),))
