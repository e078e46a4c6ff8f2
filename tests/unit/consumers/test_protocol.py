"""Publishing once, as pure decisions: what may go out, and what follows from every answer."""

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.protocol import (
    LONGEST_RETRY_S,
    MOST_TRIES,
    MOST_UNTOLD_S,
    Answer,
    Claimant,
    Next,
    Verb,
    after_call,
    after_confirm,
    after_crash,
    after_find,
    may_claim,
)
from schemas.channel import (
    Absent,
    Accepted,
    AwaitingPerson,
    CannotRecall,
    CannotTell,
    Capabilities,
    ChannelSpec,
    Live,
    Recalled,
    Refused,
)
from schemas.errors import TransientError, UnknownOutcome
from schemas.receipt import Receipt
from tests.fakes import NOON

SPEC = ChannelSpec(
    id="web",
    module="web",
    name="网站",
    family="web",
    wave=1,
    contact="网站编辑",
    settle_s=5,
    poll_s=(2, 3),
    retry_s=(2, 10),
    confirm_within_s=600,
)
SURE = Capabilities(update=True, recall="yes", absent_is_sure=True, asynchronous=False)
RECEIPT = Receipt(item_id="7", at=NOON, payload_sha256="a" * 64, text_sha256="b" * 64)
VERBS: tuple[Verb, ...] = get_args(Verb)
LOST = UnknownOutcome("答复丢失")
BUSY = TransientError("忙")
ANSWERS: list[Answer] = [
    Live(RECEIPT),
    Accepted({"id": "1"}, "审核中"),
    AwaitingPerson("var/x.zip", "待上传"),
    Refused("不收", "48001"),
    Recalled("已撤"),
    CannotRecall("平台客服", "没有接口"),
    BUSY,
    LOST,
]
READY = Claimant(
    verb="create",
    state="ready",
    version=2,
    approved_version=2,
    withdrawn_reason=None,
    held_reason=None,
    gate="首发",
    missing_levels=(),
    copy_is_signed=True,
)
claimants = st.builds(
    Claimant,
    verb=st.sampled_from(VERBS),
    state=st.just("ready"),
    version=st.integers(1, 3),
    approved_version=st.none() | st.integers(1, 3),
    withdrawn_reason=st.none() | st.just("有误"),
    held_reason=st.none() | st.just("核实"),
    gate=st.sampled_from(["", "首发"]),
    missing_levels=st.sampled_from([(), (3,), (1, 2, 3)]),
    copy_is_signed=st.booleans(),
)
verbs = st.sampled_from(VERBS)
answers = st.sampled_from(ANSWERS)
SENDS_AGAIN = {"planned", "held", "gated", "ready", "retry_wait", "refused", "cancelled"}
"""States from which a create may follow, or in which the item is taken to be absent."""


def call(verb: Verb, answer: Answer, **more: Any) -> Next:
    return after_call(verb, answer, SPEC, **{"tries": 0, "left_s": 3.0, "jitter": 0.0, **more})


def confirm(verb: Verb, answer: Answer, **more: Any) -> Next:
    given_ = {"handle": {"id": "1"}, "tries": 0, "accepted_for_s": 10.0, "jitter": 0.0, **more}
    return after_confirm(verb, answer, SPEC, **given_)


@given(claimants)
def test_only_an_approved_open_newest_version_goes_out(c: Claimant) -> None:
    stop = may_claim(c)
    if c.verb == "recall":
        assert stop is None
        return
    fine = (
        c.withdrawn_reason is None
        and c.held_reason is None
        and c.approved_version is not None
        and c.version >= c.approved_version
        and not c.missing_levels
        and c.copy_is_signed
        and bool(c.gate)
    )
    assert (stop is None) == fine


@given(claimants)
def test_a_stopped_update_never_looks_like_something_that_was_not_sent(c: Claimant) -> None:
    stop = may_claim(replace(c, verb="update"))
    if stop is not None:
        assert stop.state not in SENDS_AGAIN
        assert stop.reason


@pytest.mark.parametrize(
    ("change", "state", "alarm"),
    [
        ({"withdrawn_reason": "有误"}, "cancelled", False),
        ({"approved_version": 3}, "planned", False),
        ({"approved_version": 3, "missing_levels": (1,)}, "planned", False),
        ({"missing_levels": (3,)}, "refused", True),
        ({"copy_is_signed": False}, "refused", True),
        ({"held_reason": "核实"}, "held", False),
        ({"gate": ""}, "gated", True),
    ],
)
def test_why_a_create_is_stopped(change: dict[str, Any], state: str, alarm: bool) -> None:
    stop = may_claim(replace(READY, **change))
    assert stop is not None
    assert (stop.state, stop.alarm) == (state, alarm)


@given(verbs, answers, st.integers(0, 20), st.floats(-5, 60), st.floats(0, 1))
def test_every_answer_leads_to_a_state_that_somebody_owns(
    verb: Verb, answer: Answer, tries: int, left_s: float, jitter: float
) -> None:
    after = call(verb, answer, tries=tries, left_s=left_s, jitter=jitter)
    moves = {"accepted", "updating", "recalling", "retry_wait", "unknown"}
    assert (after.state in moves) == (after.due_in_s is not None)
    assert after.due_in_s is None or after.due_in_s >= 0
    if after.state in {"needs_person", "refused", "awaiting_person"}:
        assert after.reason
        assert after.told


@given(verbs, answers)
def test_what_may_be_at_the_outlet_is_never_taken_for_absent(verb: Verb, answer: Answer) -> None:
    """An update or a recall names an item that is there; a lost create may be."""
    after = call(verb, answer)
    if verb != "create":
        assert after.state not in SENDS_AGAIN
    if answer is LOST:
        assert after.unanswered
        assert after.state not in SENDS_AGAIN


def test_a_lost_create_is_asked_for_once_nothing_can_be_on_its_way() -> None:
    after = call("create", LOST, left_s=12.0)
    assert (after.state, after.due_in_s, after.told) == ("unknown", 17.0, False)
    assert call("create", LOST, left_s=-3.0).due_in_s == 5.0


def test_a_refusal_carries_the_platforms_words_and_code() -> None:
    assert call("create", Refused("不收", "48001")).reason == "不收 (48001)"
    assert call("create", Refused("不收")).state == "refused"


def test_a_refused_correction_names_who_must_act() -> None:
    after = call("update", Refused("不收"))
    assert after.state == "needs_person"
    assert "网站编辑" in after.reason


@pytest.mark.parametrize("answer", [Refused("不收"), CannotRecall("平台客服", "没有接口")])
def test_what_was_not_taken_down_goes_to_a_person(answer: Answer) -> None:
    after = call("recall", answer)
    assert after.state == "needs_person"
    assert "网站编辑" in after.reason or "平台客服" in after.reason


def test_retries_follow_the_schedule_or_the_platforms_own_time() -> None:
    assert [call("create", BUSY, tries=n).due_in_s for n in (0, 1, 9)] == [2, 10, 10]
    assert call("create", BUSY, jitter=1.0).due_in_s == 2.5
    own = TransientError("忙", retry_after_s=120)
    assert call("create", own, tries=5, jitter=1.0).due_in_s == 120
    assert call("create", BUSY, tries=3).tries == 4


def test_what_the_outlet_took_is_asked_after_and_told() -> None:
    for verb, state in zip(VERBS, ("accepted", "updating", "recalling"), strict=True):
        after = call(verb, Accepted({"id": "1"}, "审核中"))
        assert (after.state, after.handle, after.due_in_s) == (state, {"id": "1"}, 2)
        assert after.told


def test_status_queries_slow_down_and_end_with_a_person() -> None:
    waiting = Accepted({"id": "2"}, "审核中")
    first = confirm("create", waiting)
    assert (first.state, first.due_in_s, first.tries) == ("accepted", 3, 1)
    assert (first.handle, first.told) == ({"id": "2"}, False)
    late = confirm("create", waiting, accepted_for_s=601)
    assert late.state == "needs_person"
    assert "网站编辑" in late.reason


@pytest.mark.parametrize("answer", [BUSY, LOST])
@pytest.mark.parametrize("verb", VERBS)
def test_a_status_query_that_fails_is_asked_again_with_the_same_handle(
    verb: Verb, answer: Answer
) -> None:
    after = confirm(verb, answer)
    assert after.handle == {"id": "1"}
    assert after.state == {"create": "accepted", "update": "updating", "recall": "recalling"}[verb]


@given(verbs, answers)
def test_a_status_answer_decides_like_the_call_itself(verb: Verb, answer: Answer) -> None:
    if isinstance(answer, Accepted | TransientError | UnknownOutcome):
        return
    assert confirm(verb, answer) == call(verb, answer, left_s=0.0)


def find(answer: Answer, can: Capabilities = SURE) -> Next:
    return after_find(answer, SPEC, can, tries=0, jitter=0.0)


def test_what_asking_the_outlet_leads_to() -> None:
    found = find(Live(RECEIPT))
    assert (found.state, found.receipt) == ("live", RECEIPT)
    assert find(Accepted({"id": "1"}, "审核中")).state == "accepted"
    assert find(Absent()).state == "retry_wait"
    assert find(BUSY).state == find(LOST).state == "unknown"


@pytest.mark.parametrize("answer", [Absent(), CannotTell("列表不全")])
def test_nothing_is_sent_again_on_a_guess(answer: Answer) -> None:
    after = find(answer, replace(SURE, absent_is_sure=False))
    assert after.state == "needs_person"
    assert "网站编辑" in after.reason
    assert after.due_in_s is None


@given(verbs, st.floats(-100, 100))
def test_a_dead_owners_call_is_left_to_end_first(verb: Verb, left_s: float) -> None:
    after = after_crash(verb, SPEC, left_s=left_s)
    assert after.state == {"create": "unknown", "update": "updating", "recall": "recalling"}[verb]
    assert after.due_in_s == max(0.0, left_s) + 5


@pytest.mark.parametrize("answer", [Absent(), CannotTell("?")])
def test_an_answer_that_means_nothing_here_is_an_error(answer: Answer) -> None:
    with pytest.raises(TypeError):
        call("create", answer)
    with pytest.raises(TypeError):
        find(Refused("?"))


@pytest.mark.parametrize("own", [0.0, -5.0, 120.0, 40_000.0, 1e12, float("inf")])
@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_an_outlets_own_retry_time_is_kept_within_bounds(own: float, jitter: float) -> None:
    answer = TransientError("忙", retry_after_s=own)
    due = after_call("create", answer, SPEC, tries=0, left_s=1, jitter=jitter).due_in_s
    assert due is not None
    assert 1 <= due <= LONGEST_RETRY_S + 60
    assert due >= min(own, LONGEST_RETRY_S), "never sooner than the outlet asked for"


@pytest.mark.parametrize("answer", [BUSY, LOST])
def test_no_row_is_tried_for_ever_without_a_person_being_told(answer: Answer) -> None:
    last = MOST_TRIES - 1
    for verb in ("create", "update"):
        if verb == "create" and answer is LOST:
            continue  # asked for, not tried again
        found = after_call(verb, answer, SPEC, tries=last, left_s=1, jitter=0)
        assert (found.state, found.due_in_s) == ("needs_person", None)
        assert "网站编辑" in found.reason
    recall = after_call("recall", answer, SPEC, tries=last, left_s=1, jitter=0)
    assert recall.state == "recalling", "a withdrawal is tried for ever"
    assert recall.due_in_s
    assert "网站编辑" in recall.reason
    found = after_find(answer, SPEC, SURE, tries=last, jitter=0)
    assert (found.state, found.due_in_s) == ("needs_person", None)
    assert "网站编辑" in found.reason


def test_status_queries_that_fail_reach_a_person_within_a_day() -> None:
    def asked(since_s: float) -> Next:
        return after_confirm(
            "create", BUSY, SPEC, handle={}, tries=3, accepted_for_s=since_s, jitter=0
        )

    assert asked(SPEC.confirm_within_s + 1).state == "accepted"
    assert asked(MOST_UNTOLD_S + 1).state == "needs_person"
