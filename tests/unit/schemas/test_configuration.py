"""The two files: every fault at once, each with its place, and nothing half taken."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from schemas.channel import ChannelSpec
from schemas.configuration import faults_of, read_channels, read_newsroom
from schemas.errors import InvalidInput
from schemas.settings import REPOSITORY


class FolderSpec(ChannelSpec):
    folder: str


MODULES: Any = {
    "web": SimpleNamespace(Spec=ChannelSpec),
    "handoff": SimpleNamespace(Spec=FolderSpec),
}
GOOD = """
[channels.web]
name = "网站"
family = "web"
wave = 1

[channels.toutiao]
module = "handoff"
name = "头条"
family = "app"
wave = 2
folder = "${data}/toutiao"
"""
NEWSROOM = """
county = "青禾县"
centre = "青禾县融媒体中心"
[[people]]
id = "one"
name = "甲"
roles = ["editor"]
"""


def faults(text: str) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        read_channels(text, {"data": "/srv"}, MODULES)
    return {f.field: f.code for f in refused.value.faults}


def test_channels_are_read_in_the_order_of_the_file_with_variables_filled() -> None:
    specs = read_channels(GOOD, {"data": "/srv"}, MODULES)
    assert list(specs) == ["web", "toutiao"]
    toutiao = specs["toutiao"]
    assert isinstance(toutiao, FolderSpec)
    assert (toutiao.id, toutiao.module, toutiao.folder) == ("toutiao", "handoff", "/srv/toutiao")


def test_all_faults_are_told_at_once() -> None:
    text = """
    [channels.web]
    name = ""
    family = "television"
    wave = 0
    colour = "red"
    [channels.toutiao]
    module = "handoff"
    name = "头条"
    family = "app"
    wave = 2
    folder = "${nowhere}/x"
    [channels.kuaishou]
    name = "快手"
    [channels.Bad-Id]
    module = "web"
    name = "坏"
    family = "web"
    wave = 1
    """
    assert faults(text) == {
        "channels.web.name": "string_too_short",
        "channels.web.family": "literal_error",
        "channels.web.wave": "greater_than_equal",
        "channels.web.colour": "extra_forbidden",
        "channels.toutiao.folder": "unknown_variable",
        "channels.kuaishou.module": "unknown_module",
        "channels.Bad-Id.id": "string_pattern_mismatch",
    }


@pytest.mark.parametrize(
    ("text", "field", "code"),
    [
        ("channels = 3", "channels", "empty"),
        ("", "channels", "empty"),
        ("[channels]\nweb = 3", "channels.web", "not_a_table"),
        ("[channels.web", "channels", "not_toml"),
    ],
)
def test_a_file_that_is_no_channels_file(text: str, field: str, code: str) -> None:
    assert faults(text) == {field: code}


def test_a_variable_inside_a_list_is_told_by_its_place() -> None:
    told = faults(GOOD + '\nextra = [{ a = "${x}" }]')
    assert told["channels.toutiao.extra.0.a"] == "unknown_variable"


def test_the_newsroom_is_read_with_its_resting_values() -> None:
    newsroom = read_newsroom(NEWSROOM, {})
    assert newsroom.plan.fallback_s(2) == 900
    assert newsroom.plan.fallback_s(7) == 1800
    assert newsroom.people[0].roles == ("editor",)


def test_a_person_stands_in_the_newsroom_once() -> None:
    person = NEWSROOM[NEWSROOM.index("[[people]]") :]
    with pytest.raises(InvalidInput, match="one"):
        read_newsroom(NEWSROOM + person, {})


def test_unknown_roles_and_fields_of_the_newsroom_are_faults() -> None:
    with pytest.raises(InvalidInput) as refused:
        read_newsroom(NEWSROOM.replace('"editor"', '"king"') + 'phone = "1"', {})
    fields = {f.field for f in refused.value.faults}
    assert fields == {"newsroom.people.0.roles.0", "newsroom.people.0.phone"}


def test_the_shipped_newsroom_can_review() -> None:
    newsroom = read_newsroom(
        (REPOSITORY / "deploy" / "newsroom.toml").read_text("utf-8"),
        {"robot_url": "http://127.0.0.1:7423", "secrets": "/secrets"},
    )
    for level in (1, 2, 3):
        assert any(f"reviewer{level}" in p.roles for p in newsroom.people)


def test_faults_speak_chinese_first_and_name_the_field() -> None:
    class Inner(BaseModel):
        n: int

    class Outer(BaseModel):
        rows: list[Inner]

    with pytest.raises(ValidationError) as error:
        Outer.model_validate({"rows": [{"n": 1}, {"n": "x"}, {}]})
    told = {f.field: f.reason for f in faults_of(error.value, "story")}
    assert set(told) == {"story.rows.1.n", "story.rows.2.n"}
    assert told["story.rows.1.n"].startswith("应为整数 / ")
    assert told["story.rows.2.n"].startswith("缺少此项 / ")
