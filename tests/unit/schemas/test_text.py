"""What may travel as text: nothing that breaks XML or turns a line around, always in one form."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.text import ChannelId, Line, Ref, Text, characters, without_controls
from tests.strategies import FORBIDDEN, lines, texts

as_text: TypeAdapter[str] = TypeAdapter(Text)
as_line: TypeAdapter[str] = TypeAdapter(Line)


@given(texts())
def test_text_is_kept_in_nfc_and_reading_it_again_changes_nothing(text: str) -> None:
    kept = as_text.validate_python(text)
    assert kept == unicodedata.normalize("NFC", text)
    assert as_text.validate_python(kept) == kept


@given(lines())
def test_a_line_read_again_is_the_same_line(text: str) -> None:
    kept = as_line.validate_python(text)
    assert as_line.validate_python(kept) == kept
    assert len(kept.splitlines()) <= 1


@given(texts(), st.sampled_from(FORBIDDEN), texts())
def test_a_control_character_is_refused_by_its_place_and_number(
    before: str, bad: str, after: str
) -> None:
    with pytest.raises(ValueError) as refused:
        without_controls(before + bad + after)
    assert f"第 {len(before) + 1} 个" in str(refused.value)
    assert f"U+{ord(bad):04X}" in str(refused.value)


@pytest.mark.parametrize("bad", ["a\ud800b", "\udfff"])
def test_a_lone_surrogate_is_refused(bad: str) -> None:
    with pytest.raises(ValidationError):
        as_text.validate_python(bad)


@pytest.mark.parametrize("between", ["\n", "\r\n", "\t", "\u2028", "\u2029", "\x0b", "\x85"])
def test_a_line_holds_no_line_break_of_any_kind(between: str) -> None:
    with pytest.raises(ValidationError):
        as_line.validate_python(f"上{between}下")


def test_outer_blanks_of_a_line_go_and_inner_ones_stay() -> None:
    assert as_line.validate_python("\n 　青禾  县 \t") == "青禾  县"


def test_newlines_and_tabs_may_stand_in_text() -> None:
    assert as_text.validate_python("一\n\t二") == "一\n\t二"


def test_characters_are_code_points() -> None:
    assert characters("𠮷A👨‍👩‍👧") == 7


@pytest.mark.parametrize("bad", ["", "-a", "a/b", "a b", "é", "a" * 65, "a\n"])
def test_a_reference_is_a_short_plain_name(bad: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Ref).validate_python(bad)


@pytest.mark.parametrize("bad", ["", "Web", "1tv", "a-b", "we chat", "a" * 33, "web\n"])
def test_a_channel_id_is_lower_case(bad: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ChannelId).validate_python(bad)
