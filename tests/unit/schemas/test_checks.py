"""The machine check: what it finds, where, with what evidence, and what stops a sign-off."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.body import Image, Paragraph, Span
from schemas.checks import CheckRules, WatchedWord, blocking, findings
from schemas.story import StoryIn

RULES = CheckRules(
    banned_hosts=("bad.example",),
    words=(
        WatchedWord(word="最佳", why="广告法第九条", instead="优秀"),
        WatchedWord(word="Top Secret", weight="block", why="保密规定"),
    ),
)


def story(*blocks: Any, **more: Any) -> StoryIn:
    body = blocks or (Paragraph(spans=(Span(text="正文"),)),)
    refs = {block.media for block in body if isinstance(block, Image)}
    media = [{"ref": ref, "file": f"{ref}.jpg"} for ref in refs]
    return StoryIn.model_validate({"headline": "标题", "body": body, "media": media, **more})


def told(*blocks: Any, **more: Any) -> list[tuple[str, str, str]]:
    return [(one.weight, one.code, one.place) for one in findings(story(*blocks, **more), RULES)]


def test_a_clean_story_has_no_findings() -> None:
    assert told() == []


def test_words_are_found_wherever_a_reader_meets_them_in_any_case() -> None:
    assert told(headline="本县最佳") == [("warn", "word", "headline")]
    assert told(lead="a TOP SECRET one") == [("block", "word", "lead")]
    for place in ("byline", "source"):
        assert told(**{place: "最佳"}) == [("warn", "word", place)]
    for place in ("keywords", "columns", "sections"):
        assert told(**{place: ["最佳"]}) == [("warn", "word", place)]
    assert told(answers={"id": "1", "asked": "哪家最佳？"}) == [("warn", "word", "answers")]
    assert told(variants={"tv": {"headline": "最佳"}}) == [("warn", "word", "variants.tv.headline")]
    split = Paragraph(spans=(Span(text="最"), Span(text="佳", strong=True)))
    assert told(split) == [("warn", "word", "body.1")], "marks do not hide a word"


def test_a_word_behind_letters_that_fold_longer_is_found_too() -> None:
    assert told(headline="ßßß 最佳") == [("warn", "word", "headline")]


def test_the_finding_shows_the_words_around_and_the_rule() -> None:
    (one,) = findings(story(headline="我们是本县十年来最佳的书屋, 欢迎大家"), RULES)
    assert "最佳" in one.evidence
    assert len(one.evidence) < 30
    assert "广告法第九条" in one.told
    assert "优秀" in one.told


@pytest.mark.parametrize(
    ("href", "found"),
    [
        ("https://bad.example/x", True),
        ("https://www.bad.example:8443/x", True),
        ("https://BAD.EXAMPLE./", True),
        ("https://user@bad.example/", True),
        ("https://notbad.example/", False),
        ("https://bad.example.org/", False),
        ("https://fine.example/?to=bad.example", False),
    ],
)
def test_links_to_banned_hosts_stop_a_sign_off(href: str, found: bool) -> None:
    linked = story(Paragraph(spans=(Span(text="看", href=href),)))
    assert bool(blocking(linked, RULES)) is found
    assert bool(blocking(linked, CheckRules(banned_hosts=("Bad.Example.",)))) is found


def test_pictures_without_alt_text_or_author_are_named() -> None:
    bare, whole = Image(media="p1"), Image(media="p2", alt="稻田", credit="某某 摄")
    assert told(bare, whole) == [
        ("warn", "missing_alt", "body.1"),
        ("warn", "missing_credit", "body.1"),
    ]
    strict = CheckRules(missing_alt="block")
    assert [one.code for one in blocking(story(bare), strict)] == ["missing_alt"]


def test_channels_that_cannot_carry_it_are_told_and_stop_nobody() -> None:
    found = findings(story(), RULES, {"抖音": "没有视频 / no clip"})
    assert [(one.weight, one.place, one.evidence) for one in found] == [
        ("warn", "channels.抖音", "没有视频 / no clip")
    ]


def test_what_blocks_stands_first() -> None:
    assert told(headline="最佳", lead="top secret")[0][0] == "block"


@given(st.text(min_size=1, max_size=40).filter(lambda t: t.strip() and t.isprintable()))
def test_no_rules_find_nothing_in_any_text(text: str) -> None:
    assert findings(story(Paragraph(spans=(Span(text=text),))), CheckRules()) == []
