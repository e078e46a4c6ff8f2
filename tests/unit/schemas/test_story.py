"""A story: references resolve, each channel finds its own words, nothing changes on the way."""

from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from schemas.story import MediaIn, Plan, Story, StoryIn, Variant, paragraphs, utc
from tests.fakes import NOON, asset, text_story, video_story
from tests.strategies import examples, plans, stories

FIELDS: dict[str, Any] = {
    "headline": "标题",
    "body": [{"kind": "paragraph", "spans": [{"text": "正文。"}]}],
}


@examples(40)
@given(stories())
def test_a_story_travels_unchanged(story: Story) -> None:
    assert Story.model_validate_json(story.model_dump_json(), extra="forbid") == story


@given(plans)
def test_a_plan_travels_unchanged(plan: Plan) -> None:
    assert Plan.model_validate_json(plan.model_dump_json(), extra="forbid") == plan


def test_a_length_is_counted_as_the_text_is_kept() -> None:
    grows = "\u0958"  # two code points in NFC
    assert StoryIn(**{**FIELDS, "headline": grows * 100}).headline == "\u0915\u093c" * 100
    with pytest.raises(ValidationError, match="200"):
        StoryIn(**{**FIELDS, "headline": grows * 101})


def test_a_channels_own_headline_is_counted_in_the_same_way() -> None:
    with pytest.raises(ValidationError):
        Variant(headline="\u0958" * 101)
    with pytest.raises(ValidationError):
        Variant(headline=" \u3000 ")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"body": [{"kind": "image", "media": "p1"}]}, "p1"),
        ({"cover": "c1"}, "c1"),
        ({"variants": {"web": {"cover": "c2"}}}, "c2"),
        ({"body": [{"kind": "gallery", "images": [{"media": "p9"}]}]}, "p9"),
    ],
)
def test_media_that_were_not_given_are_named(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        StoryIn(**{**FIELDS, **changes})


def test_a_reference_stands_for_one_piece_of_media() -> None:
    twice = [{"ref": "p1", "file": "a.jpg"}, {"ref": "p1", "file": "b.jpg"}]
    with pytest.raises(ValidationError, match="重复"):
        StoryIn(**{**FIELDS, "media": twice})


@pytest.mark.parametrize(
    "source", [{}, {"file": "a.jpg", "asset_id": "01930000-0000-7000-8000-000000000001"}]
)
def test_media_come_from_one_place(source: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="asset_id"):
        MediaIn(ref="p1", **source)


@pytest.mark.parametrize(
    "bad",
    [
        {"headline": ""},
        {"headline": "  "},
        {"headline": "字" * 201},
        {"headline": 7},
        {"body": []},
        {"urgency": 0},
        {"urgency": 10},
        {"urgency": "most"},
        {"embargoed_until": "2026-12-01T08:00:00"},
        {"variants": {"No Such": {}}},
        {"kind": "essay"},
        {"priority": 1},
    ],
)
def test_a_filing_with_a_fault_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StoryIn.model_validate({**FIELDS, **bad}, extra="forbid")


def test_each_channel_has_its_own_headline_lead_and_cover() -> None:
    own = Variant(headline="短标题", lead="", cover="p2")
    story = text_story(variants={"wechat": own})
    assert (story.headline_for("wechat"), story.headline_for("web")) == ("短标题", story.headline)
    assert (story.lead_for("wechat"), story.lead_for("web")) == ("", story.lead)
    assert [c.ref for c in (story.cover_for("wechat"), story.cover_for("web")) if c] == ["p2", "p1"]


def test_without_a_lead_the_first_paragraph_leads() -> None:
    assert text_story(lead="").lead_for("web") == "清晨六点，梯田"


def test_the_first_of_a_kind_is_the_first_in_the_text() -> None:
    story = text_story()
    turned = story.model_copy(update={"assets": tuple(reversed(story.assets))})
    found = turned.first("image")
    assert found is not None
    assert found.ref == "p1"
    clip = video_story().cover_for("web")
    assert clip is not None
    assert clip.ref == "v1"
    assert text_story(assets=(), body=paragraphs("无图")).cover_for("web") is None


def test_an_attached_piece_comes_after_those_in_the_text() -> None:
    story = text_story()
    extra = asset("p0", "image", b"attached", "image/jpeg")
    found = story.model_copy(update={"assets": (extra, *story.assets)}).first("image")
    assert found is not None
    assert found.ref == "p1"


def test_an_unknown_reference_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        text_story().asset("p9")


def test_plain_text_becomes_a_paragraph_a_line() -> None:
    made = paragraphs("第一段\n\n  第二段  \n")
    assert [(p.key, p.spans[0].text) for p in made] == [("p1", "第一段"), ("p2", "第二段")]


def test_times_are_kept_as_utc_milliseconds() -> None:
    assert utc(NOON) == 1795492800000
