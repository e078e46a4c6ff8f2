"""What a person is asked, what may be answered, where a typed address may lie."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.wiring import channel_modules
from schemas.channel import ChannelSpec
from schemas.settling import (
    ANSWERS,
    QUESTIONS,
    address_fault,
    answers_of,
    becomes,
    hosts_of,
    look,
    question_of,
)


def spec(**more: Any) -> ChannelSpec:
    return ChannelSpec(id="web", module="web", name="网站", family="web", wave=1, **more)


@pytest.mark.parametrize(
    ("state", "verb", "was_live", "asks"),
    [
        ("needs_person", "create", False, "published"),
        ("needs_person", "update", True, "corrected"),
        ("needs_person", "recall", True, "taken_down"),
        ("needs_person", "create", True, "taken_down"),
        ("awaiting_person", "create", False, "handed_off"),
        ("cancelled", "create", False, None),
        ("live", "update", True, None),
        ("unknown", "create", False, None),
        ("refused", "create", False, None),
    ],
)
def test_each_row_asks_its_own_question(
    state: str, verb: str, was_live: bool, asks: str | None
) -> None:
    assert question_of(state, verb, {}, was_live=was_live) == asks


@pytest.mark.parametrize("question", sorted(QUESTIONS))
@pytest.mark.parametrize("withdrawn", [False, True])
def test_every_answer_leads_out_and_none_puts_a_withdrawn_story_back(
    question: Any, withdrawn: bool
) -> None:
    for answer in answers_of(question, withdrawn=withdrawn):
        state = becomes(question, answer, withdrawn=withdrawn)
        assert state not in {"needs_person", "awaiting_person"}
        assert state != "planned" or not withdrawn
        if answer == "give_up":
            assert state in {"cancelled", "live"}
    assert set(answers_of(question, withdrawn=False)) == set(ANSWERS[question])


@given(st.text(max_size=60), st.sampled_from(["", "https://", "http://", "//", "https://a@"]))
def test_any_text_is_an_address_or_refused_with_a_reason(text: str, head: str) -> None:
    fault = address_fault(spec(hosts=("www.example.com",)), head + text)
    if fault is not None:
        assert " / " in fault.reason
        assert fault.next_step


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("www.example.com", "https://www.example.com/a/1.html"),
        ("www.example.com", "http://WWW.example.com:80/a/1"),
        ("https://www.example.com/feed", "https://www.example.com/?p=1"),
        ("127.0.0.1:7420", "http://127.0.0.1:7420/s/1"),
        ("http://127.0.0.1:7420", "http://127.0.0.1:7420/s/1"),
    ],
)
def test_an_address_at_the_outlet_is_taken(entry: str, url: str) -> None:
    assert address_fault(spec(hosts=(entry,)), url) is None


def test_the_shipped_platforms_know_where_their_items_appear() -> None:
    modules = channel_modules()
    for name in ("wechat", "douyin"):
        assert modules[name].Spec.model_fields["hosts"].default
        assert not modules[name].capabilities.by_marker, "these rest on the platform's own ids"
    for name in ("web", "app_feed"):
        assert "public_url" in modules[name].Spec.model_fields
        assert modules[name].capabilities.by_marker


def test_a_channel_that_is_gone_is_asked_about_all_the_same() -> None:
    found = look(None, "radio", "taken_down", withdrawn=True)
    assert (found.contact, found.outlet, found.hosts) == ("值班编辑", "radio", ())
    assert set(found.answers) == {"absent", "still_up"}
    assert hosts_of(None) == ()
