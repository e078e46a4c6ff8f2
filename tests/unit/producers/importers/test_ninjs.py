"""ninjs against the IPTC's own test suite and one story in three versions of the standard."""

import json
from pathlib import Path
from typing import Any

import pytest

from producers.importers import ninjs
from producers.imports import import_document
from producers.ninjs_schema import VERSIONS, violations
from schemas.errors import InvalidInput
from schemas.settings import REPOSITORY
from schemas.story import StoryIn

GOLDEN = REPOSITORY / "tests/golden/ninjs"
SUITE = sorted(GOLDEN.glob("suite/*/should_*/*.json"))


def named(path: Path) -> str:
    return "/".join(path.parts[-3:])


def test_the_suite_is_there() -> None:
    assert len(SUITE) == 200
    assert {path.parts[-3] for path in SUITE} == set(VERSIONS)


@pytest.mark.parametrize("path", SUITE, ids=named)
def test_every_verdict_agrees_with_the_suite(path: Path) -> None:
    """Bad items are taken all the same where they are JSON, and told."""
    version, fate = path.parts[-3], path.parts[-2]
    try:
        item = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        with pytest.raises(InvalidInput) as refused:
            import_document(path.read_bytes(), path.name, format_id="ninjs")
        assert (refused.value.faults[0].code, fate) == ("json_invalid", "should_fail")
        return
    assert bool(violations(item, version)) == (fate == "should_fail")
    found = ninjs.of_item(item, version=version)
    told = [note for note in found.notes if f"不合 ninjs {version} 标准" in note.text]
    assert bool(told) == (fate == "should_fail")


@pytest.mark.parametrize("version", ["1.4", "2.1", "3.0"])
def test_one_story_in_three_versions_is_one_story(version: str) -> None:
    data = (GOLDEN / f"examples/{version}.json").read_bytes()
    found = import_document(data, "business-wire.json")
    assert found.format == "ninjs"
    story = StoryIn.model_validate(found.story())
    assert story.headline.startswith("Lunch Taking a Toll? Let Applebee’s®")
    assert story.language == "en"
    assert story.keywords[:2] == ("Other Consumer", "United States")
    assert found.wanted == ("AB_LOGO_thumbnail.jpg", "Applebees-72.jpg")
    (block,) = story.body
    assert getattr(block, "spans")[0].text.startswith("With more Applebee’s® Lunch Combos")  # noqa: B009


def item(**more: Any) -> dict[str, Any]:
    return {"uri": "urn:x", "headline": "标题", "body_text": "一\n二", **more}


@pytest.mark.parametrize(
    ("more", "field", "value"),
    [
        ({"urgency": 2}, "urgency", 2),
        ({"urgency": True}, "urgency", None),
        ({"urgency": 99}, "urgency", None),
        ({"byline": "记者 甲\n乙"}, "byline", "记者 甲 乙"),
        ({"by": "通讯员 丙"}, "byline", "通讯员 丙"),
        ({"embargoed": "2099-01-01T08:00:00+08:00"}, "embargoed_until", "2099-01-01T08:00:00+08:00"),
        ({"embargoed": "2099-01-01T08:00:00"}, "embargoed_until", None),
        ({"embargoed": "soon"}, "embargoed_until", None),
        ({"embargoed": "2001-01-01T08:00:00Z"}, "embargoed_until", None),
        ({"infosource": [{"name": "青禾通讯社"}]}, "source", "青禾通讯社"),
        ({"headline": None, "headlines": [{"role": "short", "value": "短"}, {"role": "main", "value": "长"}]},
         "headline", "长"),
        ({"headline": ["不是文字"]}, "headline", "一"),
        ({"headline": "一\u202e二\x00"}, "headline", "一二"),
    ],
)  # fmt: skip
def test_fields(more: dict[str, Any], field: str, value: Any) -> None:
    assert ninjs.of_item(item(**more)).fields.get(field) == value


def test_an_item_that_may_not_be_used_is_told() -> None:
    told = [n.text for n in ninjs.of_item(item(pubstatus="canceled")).notes]
    assert any("canceled" in text for text in told)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"[" * 100_000, "json_invalid"),
        (b'{"uri":' + b'{"a":' * 500 + b"1" + b"}" * 501, "too_deep"),
        (b'{"uri":"x","urgency":NaN}', "json_invalid"),
        (b'["uri"]', "not_an_object"),
        (b'{"uri":"\xff"}', "json_invalid"),
    ],
)
def test_hostile_json_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        import_document(data, "a.json", format_id="ninjs")
    assert refused.value.faults[0].code == code
