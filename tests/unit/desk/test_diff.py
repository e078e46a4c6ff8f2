"""What changed between two versions, as a reviewer reads it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from desk.diff import Change, changes
from schemas.body import Paragraph, Span
from schemas.story import Story
from tests.fakes import text_story


def version(*paragraphs: str, **more: Any) -> Story:
    body = tuple(
        Paragraph(key=f"p{i}", spans=(Span(text=text),)) for i, text in enumerate(paragraphs)
    )
    return text_story().model_copy(update={"body": body, **more})


def text(pieces: Any, without: str) -> str:
    return "".join(piece.text for piece in pieces if piece.how != without)


def body_of(found: list[Change]) -> list[tuple[str, str, str]]:
    return [
        (one.how, text(one.before, ""), text(one.after, "")) for one in found if one.what == "段落"
    ]


def test_nothing_before_is_all_there() -> None:
    assert {one.how for one in changes(None, version("一"))} == {"same"}


def test_a_changed_word_is_marked_on_both_sides() -> None:
    (one,) = [c for c in changes(version("周六九点"), version("周日九点")) if c.how != "same"]
    assert [(p.how, p.text) for p in one.before] == [
        ("same", "周"), ("removed", "六"), ("same", "九点")
    ]  # fmt: skip
    assert [(p.how, p.text) for p in one.after] == [
        ("same", "周"), ("added", "日"), ("same", "九点")
    ]  # fmt: skip


def test_blocks_that_came_and_went_stand_in_their_place() -> None:
    assert body_of(changes(version("一", "二", "三"), version("一", "三"))) == [
        ("same", "", "一"), ("removed", "二", ""), ("same", "", "三")
    ]  # fmt: skip
    assert body_of(changes(version("一", "三"), version("一", "二", "三"))) == [
        ("same", "", "一"), ("added", "", "二"), ("same", "", "三")
    ]  # fmt: skip


def test_a_field_that_was_emptied_is_told() -> None:
    found = changes(version("一", lead="导语"), version("一", lead=""))
    assert [(c.what, c.how) for c in found if c.how != "same"] == [("导语", "removed")]


WORDS = st.lists(st.text("甲乙丙丁", min_size=1, max_size=6), min_size=1, max_size=8)


@given(WORDS, WORDS)
def test_both_versions_can_be_read_back_from_the_changes(old: list[str], new: list[str]) -> None:
    found = [c for c in changes(version(*old), version(*new)) if c.what == "段落"]
    after = [text(c.after, "removed") for c in found if c.after]
    before = [text(c.before or c.after, "added") for c in found if c.before or c.how == "same"]
    assert after == new
    assert before == old
