"""Decisions about one story: level-triggered, so that carrying them out once is enough."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import CopiesReady, StoryApproved, StoryFiled, WakeupDue, WaveOpened
from schemas.orders import AdaptOrder, ReleaseOrder
from schemas.rendition import placeholder
from schemas.story import Plan
from streams.decide import decide
from streams.story_state import (
    ChangePublication,
    ChangeStory,
    ChannelRule,
    Copy,
    Decision,
    NeedRendition,
    Publication,
    PutPublication,
    Send,
    StoryState,
    Wake,
)
from tests.fakes import STORY_ID, text_story
from tests.strategies import examples

NOW = 1_800_000_000_000
CHANNELS = ("web", "short", "tv", "paper")
RULES = {
    "web": ChannelRule("web", 1, True, "all", True, "值班编辑"),
    "short": ChannelRule("short", 1, True, "video", False, "短视频编辑"),
    "tv": ChannelRule("tv", 2, True, "all", True, "总编室"),
    "paper": ChannelRule("paper", 3, True, "all", False, "版面编辑", cut_off="23:30"),
}
RING = WakeupDue(story_id=STORY_ID, kind="release")
CLIP = placeholder("a" * 64, "vertical")
STATES = (
    *("planned", "held", "gated", "ready", "intent", "accepted", "live", "retry_wait"),
    *("unknown", "needs_person", "awaiting_person", "refused", "updating", "recalling"),
    *("recalled", "superseded", "cancelled", "not_applicable"),
)

AT_THE_OUTLET = {"live", "updating", "recalling", "accepted", "intent", "unknown", "needs_person"}


def story(**changes: Any) -> StoryState:
    """Version 1, approved, released, all copies made and nothing to wait for."""
    fields: dict[str, Any] = {
        "id": STORY_ID,
        "urgency": 5,
        "version": 1,
        "version_state": "approved",
        "has_video": True,
        "approved_version": 1,
        "missing_levels": (),
        "released_at": NOW - 1000,
        "release_not_before": None,
        "withdrawn_reason": None,
        "held_reason": None,
        "channels": CHANNELS,
        "waves": {c: r.wave for c, r in RULES.items()},
        "gate_rule": "any",
        "fallback_s": {1: 1800, 2: 900, 3: 1800},
        "opened_waves": {},
        "copies": {1: copies(1)},
        "renditions": {},
    }
    return StoryState(**{**fields, **changes})


def copies(version: int, **changes: Copy) -> dict[str, Copy]:
    return {c: Copy(f"{version}{c}", "", ()) for c in CHANNELS} | changes


def row(channel: str, state: str, **changes: Any) -> Publication:
    live = state in {"live", "updating", "recalling", "recalled"}
    fields: dict[str, Any] = {
        "channel": channel,
        "release": 1,
        "wave": RULES[channel].wave,
        "state": state,
        "verb": "create",
        "version": 1,
        "copy_sha256": f"1{channel}",
        "live_version": 1 if live else None,
        "gate": "首发",
        "reason": "",
        "epoch": 1 if live else 0,
        "open_attempt": state == "intent",
        "was_live": live,
    }
    return Publication(**{**fields, **changes})


def apply(state: StoryState, decisions: list[Decision]) -> StoryState:
    """What the shell does, on the state alone."""
    rows = {(p.channel, p.release): p for p in state.publications}
    for decision in decisions:
        match decision:
            case PutPublication(publication=p):
                assert (p.channel, p.release) not in rows
                rows[p.channel, p.release] = p
            case ChangePublication(channel=channel, release=release, changes=changes):
                known = {k: v for k, v in changes.items() if k in Publication.__dataclass_fields__}
                if "handle" in changes:
                    known["awaited"] = changes["handle"] is not None
                rows[channel, release] = replace(rows[channel, release], **known)
            case ChangeStory(changes=changes):
                state = replace(state, **changes)
            case _:
                pass
    return replace(state, publications=tuple(rows.values()))


def newest(state: StoryState) -> dict[str, Publication]:
    return {p.channel: p for p in sorted(state.publications, key=lambda p: p.release)}


def settled(state: StoryState, event: Any = RING, now: int = NOW) -> StoryState:
    return apply(state, decide(state, event, RULES, now))


def sent(decisions: list[Decision]) -> list[tuple[str, int, str]]:
    return [
        (d.message.channel, d.message.release, d.message.verb)
        for d in decisions
        if isinstance(d, Send) and isinstance(d.message, ReleaseOrder)
    ]


# -- whatever the state ------------------------------------------------------------------------

any_copy = st.builds(
    Copy,
    sha256=st.just("c" * 64),
    refused=st.sampled_from(["", "", "", "太长"]),
    needs=st.sampled_from([(), (CLIP,)]),
)


@st.composite
def publications(draw: st.DrawFn, channel: str) -> Publication:
    state = draw(st.sampled_from(STATES))
    verb = {"updating": "update", "recalling": "recall", "recalled": "recall"}.get(state, "create")
    if state == "needs_person":
        verb = draw(st.sampled_from(["create", "update", "recall"]))
    lived = verb != "create" or state in {"live", "superseded"}
    awaited = state == "accepted" or (state in {"updating", "recalling"} and draw(st.booleans()))
    opened = state == "intent" or (
        state in {"updating", "recalling"} and not awaited and draw(st.booleans())
    )
    return row(
        channel,
        state,
        verb=verb,
        version=draw(st.integers(1, 3)),
        live_version=draw(st.integers(1, 2)) if lived else None,
        was_live=lived,
        epoch=1 if lived or awaited else draw(st.integers(0, 1)),
        open_attempt=opened,
        awaited=awaited,
    )


@st.composite
def states(draw: st.DrawFn) -> StoryState:
    version = draw(st.integers(1, 3))
    approved = draw(st.none() | st.integers(1, version))
    rows = [draw(publications(channel)) for channel in CHANNELS if draw(st.integers(0, 4))]
    made = {
        v: {c: draw(any_copy) for c in CHANNELS if draw(st.integers(0, 5))}
        for v in {version, approved} - {None}
        if v is not None
    }
    released = approved is not None and draw(st.booleans())
    return story(
        version=version,
        version_state=draw(st.sampled_from(["in_review", "approved", "returned"])),
        has_video=draw(st.booleans()),
        approved_version=approved,
        missing_levels=(2, 3),
        released_at=NOW - draw(st.sampled_from([0, 10**6, 10**7])) if released else None,
        release_not_before=draw(st.sampled_from([None, NOW - 1, NOW + 5000])),
        withdrawn_reason=draw(st.sampled_from([None, None, "有误"])),
        held_reason=draw(st.sampled_from([None, None, "核实"])),
        gate_rule=draw(st.sampled_from(["any", "all"])),
        opened_waves=draw(st.sampled_from([{}, {2: "总编 开闸"}])),
        copies={v: found for v, found in made.items() if found},
        renditions=draw(st.sampled_from([{}, {CLIP: ("done", "")}, {CLIP: ("failed", "坏文件")}])),
        publications=tuple(p for p in rows if approved is not None or p.state != "ready"),
    )


@examples(300)
@given(states())
def test_deciding_again_after_carrying_out_changes_nothing(state: StoryState) -> None:
    after = settled(state)
    again = decide(after, RING, RULES, NOW)
    assert [d for d in again if not isinstance(d, Wake)] == []


@examples(300)
@given(states())
def test_orders_rest_on_approval_time_copies_and_gates(state: StoryState) -> None:
    decisions = decide(state, RING, RULES, NOW)
    before, after = newest(state), newest(apply(state, decisions))
    for channel, release, verb in sent(decisions):
        target = after[channel]
        assert target.release == release
        old = before.get(channel)
        assert old is None or not old.open_attempt, "an open intent is left to end"
        if verb == "recall":
            assert old is not None
            assert old.was_live
            continue
        assert state.withdrawn_reason is None
        assert state.held_reason is None
        assert target.version == state.approved_version
        assert state.release_not_before is None or state.release_not_before <= NOW
        copy = state.copies[target.version][channel]
        assert (copy.sha256, copy.refused) == (target.copy_sha256, "")
        assert all(state.renditions.get(n, ("", ""))[0] == "done" for n in copy.needs)
        if verb == "create":
            assert target.gate
            assert target.live_version is None
            fresh = old is None or release > old.release
            assert fresh or (old is not None and old.state not in AT_THE_OUTLET)
        else:
            assert old is not None
            assert RULES[channel].can_update
            assert not old.awaited
            assert (target.version or 0) > (old.live_version or 0)


@examples(300)
@given(states())
def test_every_row_tells_why_it_waits(state: StoryState) -> None:
    for publication in newest(settled(state)).values():
        if publication.state in {"planned", "held", "not_applicable", "cancelled"}:
            touched = publication not in state.publications
            assert publication.reason or not touched
        if publication.state in {"gated", "ready"}:
            assert publication.gate


@examples(200)
@given(states())
def test_a_withdrawal_leaves_nothing_that_would_go_out(state: StoryState) -> None:
    state = replace(state, withdrawn_reason="有误")
    decisions = decide(state, RING, RULES, NOW)
    assert {verb for _, _, verb in sent(decisions)} <= {"recall"}
    for publication in newest(apply(state, decisions)).values():
        assert publication.state not in {"planned", "held", "gated", "ready", "retry_wait"}
        open_or_asked = publication.open_attempt or publication.state in {"accepted", "unknown"}
        assert publication.state != "live" or open_or_asked


# -- one by one ----------------------------------------------------------------------------------


def test_a_filed_story_is_adapted_for_the_channels_that_it_fits() -> None:
    filed = StoryFiled(story_id=STORY_ID, story=text_story(), plan=Plan(), by="reporter")
    state = story(approved_version=None, released_at=None, copies={}, has_video=False)
    decisions = decide(state, filed, RULES, NOW)
    orders = [d.message for d in decisions if isinstance(d, Send)]
    assert orders == [AdaptOrder(story_id=STORY_ID, version=1, channels=("web", "tv", "paper"))]
    after = newest(apply(state, decisions))
    assert after["short"].state == "not_applicable"
    assert {after[c].state for c in ("web", "tv", "paper")} == {"planned"}


def test_renditions_of_the_first_wave_are_asked_for_first() -> None:
    early, late = placeholder("b" * 64, "vertical"), placeholder("a" * 64, "tv_xdcam_hd422")
    ready = CopiesReady(
        story_id=STORY_ID,
        version=1,
        copies=(),
        copies_sha256="f" * 64,
        needs={"tv": (late, early), "web": (early,)},
    )
    needs = [d for d in decide(story(), ready, RULES, NOW) if isinstance(d, NeedRendition)]
    assert [(n.source_sha256[0], n.wave) for n in needs] == [("b", 1), ("a", 2)]


def test_an_approval_is_read_from_the_ledger_not_from_the_event() -> None:
    told = StoryApproved(story_id=STORY_ID, version=1, copies_sha256="f" * 64)
    state = story(approved_version=None, released_at=None, missing_levels=(3,))
    decisions = decide(state, told, RULES, NOW)
    assert sent(decisions) == []
    assert "终审" in newest(apply(state, decisions))["web"].reason


def test_the_fallback_is_one_wakeup_for_a_wave() -> None:
    wakes = [d for d in decide(story(), RING, RULES, NOW) if isinstance(d, Wake)]
    released = NOW - 1000
    assert sorted((w.key, w.due_at) for w in wakes) == [
        ("2", released + 900_000),
        ("3", released + 1_800_000),
    ]


def test_an_override_opens_its_wave_and_is_kept_with_name_and_reason() -> None:
    told = WaveOpened(story_id=STORY_ID, wave=2, by="总编", reason="汛情")
    decisions = decide(story(), told, RULES, NOW)
    after = apply(story(), decisions)
    assert ("tv", 1, "create") in sent(decisions)
    assert after.opened_waves[2] == "总编 开闸: 汛情"
    assert newest(after)["tv"].gate == "总编 开闸: 汛情"
    assert newest(after)["paper"].state == "gated"


def test_a_failed_rendition_holds_its_own_channel_alone() -> None:
    needy = copies(1, short=Copy("s", "", (CLIP,)))
    after = newest(settled(story(copies={1: needy}, renditions={CLIP: ("failed", "坏文件")})))
    assert after["short"].state == "refused"
    assert "坏文件" in after["short"].reason
    assert after["web"].state == "ready"


def test_a_hold_stops_what_has_not_gone_out_and_a_resume_sends_it() -> None:
    held = settled(story(held_reason="核实"))
    assert {p.state for p in held.publications} == {"held"}
    decisions = decide(replace(held, held_reason=None), RING, RULES, NOW)
    assert {channel for channel, _, _ in sent(decisions)} == {"web", "short"}


def test_a_correction_waits_for_its_own_embargo() -> None:
    live = tuple(row(c, "live") for c in CHANNELS)
    state = story(
        version=2,
        approved_version=2,
        copies={2: copies(2)},
        publications=live,
        release_not_before=NOW + 60_000,
    )
    decisions = decide(state, RING, RULES, NOW)
    assert sent(decisions) == []
    assert Wake(NOW + 60_000, "release") in decisions
    assert "定时" in newest(apply(state, decisions))["web"].reason
    later = decide(state, RING, RULES, NOW + 60_000)
    assert ("web", 1, "update") in sent(later)
    assert ("short", 1, "recall") in sent(later)


def test_a_version_without_a_clip_is_not_waited_for_where_a_clip_is_needed() -> None:
    made = {c: copy for c, copy in copies(2).items() if c != "short"}
    state = story(version=2, approved_version=2, has_video=False, copies={2: made})
    unsent = settled(replace(state, publications=(row("short", "planned", reason="等待渠道稿"),)))
    assert newest(unsent)["short"].state == "not_applicable"
    assert "没有视频" in newest(unsent)["short"].reason
    live = settled(replace(state, publications=(row("short", "live"),)))
    assert newest(live)["short"].state == "live"
    assert "短视频编辑" in newest(live)["short"].reason


def test_a_channel_that_takes_part_no_longer_holds_no_wave_back() -> None:
    made = {c: copy for c, copy in copies(2).items() if c != "short"}
    waves = {"short": 1, "web": 2, "tv": 2, "paper": 3}
    planned = row("short", "planned", reason="等待终审")
    state = story(version=2, approved_version=2, has_video=False, copies={2: made}, waves=waves)
    decisions = decide(replace(state, publications=(planned,)), RING, RULES, NOW)
    assert {channel for channel, _, _ in sent(decisions)} == {"web", "tv"}


def test_all_of_a_wave_counts_each_channel_once_whatever_its_releases() -> None:
    rows = (
        row("web", "live"),
        row("short", "superseded", live_version=None, was_live=False),
        row("short", "live", release=2),
        row("tv", "gated"),
    )
    decisions = decide(story(gate_rule="all", publications=rows), RING, RULES, NOW)
    assert sent(decisions) == [("tv", 1, "create")]


def test_a_later_version_with_a_clip_brings_the_channel_back() -> None:
    gone = row("short", "not_applicable", reason="稿件没有视频 / the story has no clip")
    assert newest(settled(story(publications=(gone,))))["short"].state == "ready"
    unreviewed = story(approved_version=None, released_at=None, publications=(gone,))
    assert newest(settled(unreviewed))["short"].state == "planned"
    withdrawn = settled(story(withdrawn_reason="有误", publications=(gone,)))
    assert newest(withdrawn)["short"].state == "not_applicable"


@pytest.mark.parametrize("state", ["recalled", "refused"])
def test_what_an_outlet_had_once_is_followed_by_a_new_release(state: str) -> None:
    old = row("short", state, verb="recall" if state == "recalled" else "create", epoch=1)
    before = story(version=2, approved_version=2, copies={2: copies(2)}, publications=(old,))
    decisions = decide(before, RING, RULES, NOW)
    assert ("short", 2, "create") in sent(decisions)
    rows = {(p.channel, p.release): p for p in apply(before, decisions).publications}
    assert rows["short", 1].state == "superseded"
    assert "2" in rows["short", 1].reason
    assert rows["short", 2].version == 2


def test_a_new_release_waits_for_its_renditions_like_any_other() -> None:
    needy = copies(2, short=Copy("s", "", (CLIP,)))
    recalled = row("short", "recalled", verb="recall", epoch=2)
    state = story(version=2, approved_version=2, copies={2: needy}, publications=(recalled,))
    after = newest(settled(state))
    assert (after["short"].release, after["short"].state) == (2, "planned")
    assert "vertical" in after["short"].reason


def test_a_handed_over_package_of_a_withdrawn_story_names_who_must_act() -> None:
    waiting = row("paper", "awaiting_person")
    after = newest(settled(story(withdrawn_reason="有误", publications=(waiting,))))
    assert after["paper"].state == "cancelled"
    assert "版面编辑" in after["paper"].reason


def test_what_cannot_be_told_names_who_must_look_when_withdrawn() -> None:
    lost = row("short", "needs_person", reason="答复丢失")
    after = settled(story(withdrawn_reason="有误", publications=(lost,)))
    reason = newest(after)["short"].reason
    assert "撤稿" in reason
    assert "短视频编辑" in reason
    assert newest(settled(after))["short"].reason == reason
