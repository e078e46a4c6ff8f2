"""Placeholders stand for renditions inside a copy, and are found again."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.rendition import (
    RecipeName,
    Rendition,
    RenditionFile,
    cost_s,
    parse_placeholder,
    placeholder,
    placeholders,
)
from tests.strategies import lines, recipes, renditions, shas
from tests.strategies import placeholders as any_placeholder


@given(shas, recipes)
def test_a_placeholder_names_source_and_recipe(source: str, recipe: Any) -> None:
    assert parse_placeholder(placeholder(source, recipe)) == (source, recipe)


@given(st.lists(any_placeholder, max_size=4), lines())
def test_placeholders_are_found_anywhere_in_order_each_once(found: list[str], text: str) -> None:
    payload: Any = {
        "html": f"<img src='{' '.join(found)}'>",
        "again": [{"deep": list(reversed(found))}, 7, None, text],
    }
    assert placeholders(payload) == list(dict.fromkeys(found))


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "asset://x/web_image",
        "asset://" + "a" * 64 + "/",
        "asset://" + "A" * 64 + "/web_image",
        "asset://" + "a" * 64 + "/web_image\n",
        " asset://" + "a" * 64 + "/web_image",
    ],
)
def test_what_is_no_placeholder_is_refused(bad: str) -> None:
    with pytest.raises(ValueError):
        parse_placeholder(bad)


def test_every_recipe_fits_the_placeholder_and_costs_at_least_a_second() -> None:
    for recipe in get_args(RecipeName):
        assert parse_placeholder(placeholder("a" * 64, recipe))[1] == recipe
        assert cost_s(recipe, None) >= 1
    assert cost_s("tv_xdcam_hd422", 600) > cost_s("tv_xdcam_hd422", 60) > 1


@given(renditions)
def test_a_rendition_is_known_by_its_entry_file(made: Rendition) -> None:
    assert made.sha256 == made.files[0].sha256
    assert Rendition.model_validate_json(made.model_dump_json(), extra="forbid") == made


@pytest.mark.parametrize("bad", ["../x", "a/b", "", ".hidden", "a" * 101, "a\x00"])
def test_a_rendition_file_has_a_plain_name(bad: str) -> None:
    with pytest.raises(ValidationError):
        RenditionFile(
            name=bad, object_key="k", sha256="a" * 64, size_bytes=1, content_type="image/png"
        )
