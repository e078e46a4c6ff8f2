"""Adaptation: a copy for every channel, or the reason why there is none; one holds no other."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
import structlog.testing
from hypothesis import given
from pydantic import BaseModel

from schemas.body import Paragraph, Span
from schemas.channel import ChannelSpec
from schemas.copy import ChannelCopy, copies_fingerprint
from schemas.errors import Fault, PermanentError
from schemas.hashing import sha256
from schemas.rendition import placeholder
from schemas.story import Story, Variant
from streams.adapt import adapt, render
from tests.fakes import text_story
from tests.strategies import examples, stories


class Payload(BaseModel):
    headline: str
    text: str
    pictures: list[str]


def channel(make: Any) -> Any:
    return SimpleNamespace(render=make, Payload=Payload)


def carry(story: Story, spec: ChannelSpec) -> Payload:
    pictures = [placeholder(a.sha256, "web_image") for a in story.assets if a.kind == "image"]
    return Payload(
        headline=story.headline_for(spec.id), text=story.lead_for(spec.id), pictures=pictures
    )


def refuse(_story: Story, _spec: ChannelSpec) -> Payload:
    raise PermanentError(Fault("too_long", "headline", "标题超过 64 字", "请改短"))


def fail(_story: Story, _spec: ChannelSpec) -> Payload:
    raise KeyError("p9")


SPECS = {
    name: ChannelSpec(id=name, module=name, name=name, family="web", wave=1)
    for name in ("good", "strict", "broken")
}
MODULES = {"good": channel(carry), "strict": channel(refuse), "broken": channel(fail)}


def test_each_channel_has_its_copy_or_its_reason() -> None:
    with structlog.testing.capture_logs() as logged:
        made = adapt(text_story(), ("good", "strict", "broken", "gone"), SPECS, MODULES)
    told = {ref.channel: ref for ref in made.refs}
    assert told["good"].sha256 in made.bodies
    assert told["strict"].refused == "headline: 标题超过 64 字 请改短"
    assert "KeyError" in told["broken"].refused
    assert "gone" in told
    assert told["gone"].sha256 is None
    assert made.copies_sha256 == copies_fingerprint(made.refs)
    assert [line["event"] for line in logged] == ["adapt.channel_failed"]


@examples(30)
@given(stories())
def test_a_frozen_copy_is_found_by_its_hash_and_made_the_same_again(story: Story) -> None:
    made = adapt(story, ("good",), SPECS, MODULES)
    again = adapt(story, ("good",), SPECS, MODULES)
    assert made == again
    for digest, body in made.bodies.items():
        assert sha256(body) == digest
        copy = ChannelCopy.model_validate_json(body)
        assert (copy.story_id, copy.version) == (story.id, story.version)
        assert json.loads(body)["payload"]["headline"] == story.headline_for("good")


def test_what_a_copy_names_is_what_it_needs() -> None:
    story = text_story()
    made = adapt(story, ("good",), SPECS, MODULES)
    assert made.needs == {"good": tuple(placeholder(a.sha256, "web_image") for a in story.assets)}


def test_a_channels_own_words_are_in_its_copy_alone() -> None:
    story = text_story(variants={"good": Variant(headline="短题")})
    assert render(story, SPECS["good"], MODULES["good"]).headline == "短题"
    assert story.headline != "短题"


@pytest.mark.parametrize("recipe", ["web_image", "no_such_recipe"])
def test_text_that_looks_like_a_placeholder_is_refused(recipe: str) -> None:
    forged = f"看 asset://{'a' * 64}/{recipe} 这里"
    made = adapt(text_story(lead=forged), ("good",), SPECS, MODULES)
    assert made.needs == {}
    assert "asset://" in made.refs[0].refused
    own = text_story()
    forged = f"asset://{own.assets[0].sha256}/no_such_recipe"
    body = (Paragraph(spans=(Span(text=forged),)), *own.body)
    made = adapt(text_story(lead="", body=body), ("good",), SPECS, MODULES)
    assert made.bodies == {}
