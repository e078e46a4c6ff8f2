"""What makes a filed story a story; every reason to refuse it, in words. Pure."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers import intake
from schemas.channel import ChannelSpec
from schemas.errors import InvalidInput
from schemas.newsroom import UploadLimits
from schemas.story import Asset, MediaIn, Plan, Story, StoryIn, Variant
from tests.fakes import NOON, asset, text_story, video_story
from tests.strategies import json_values, lines, plans, refs

SPECS = {
    name: ChannelSpec(id=name, module=name, name=name, family="web", wave=wave, **more)
    for name, wave, more in (
        ("web", 1, {}),
        ("douyin", 1, {"applies_to": "video"}),
        ("tv", 2, {}),
        ("old", 3, {"active": False}),
    )
}
FILED = StoryIn.model_validate(
    {"headline": "题", "body": [{"kind": "paragraph", "spans": [{"text": "文"}]}]}
)


def faults(error: pytest.ExceptionInfo[InvalidInput]) -> dict[str, str]:
    return {f.field: f.code for f in error.value.faults}


def resolve(plan: Plan, story: StoryIn = FILED) -> Plan:
    return intake.resolve_plan(plan, SPECS, story, NOON)


@given(json_values | st.binary(max_size=50))
def test_whatever_is_sent_is_a_story_or_a_list_of_faults(sent: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        intake.read_model(StoryIn, sent, "story")
    assert all(f.field.startswith("story") and f.reason for f in refused.value.faults)


def test_every_fault_is_told_at_once_with_its_place() -> None:
    sent = {
        "headline": "",
        "urgency": 11,
        "body": [{"kind": "paragraph", "spans": [{"text": "a", "size": 3}]}, {"kind": "x"}],
        "extra": 1,
    }
    with pytest.raises(InvalidInput) as refused:
        intake.read_model(StoryIn, sent, "story")
    assert faults(refused) == {
        "story.headline": "string_too_short",
        "story.urgency": "less_than_equal",
        "story.body.0.paragraph.spans.0.size": "extra_forbidden",
        "story.body.1": "union_tag_invalid",
        "story.extra": "extra_forbidden",
    }


# -- names ---------------------------------------------------------------------------------------


@given(lines(least=1, most=30).filter(lambda n: not set(n) & set("/\\")))
def test_an_ordinary_name_is_taken_as_it_is(name: str) -> None:
    fault = intake.file_name_fault(name, "file")
    if fault is not None:  # only what cannot be seen, or is a name for a folder
        assert name in {".", ".."} or any(c in "\u200b\u200d" or not c.isprintable() for c in name)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "a/b", "/etc/passwd", "..\\a", "C:\\a.jpg", "a\x00.jpg", "a\nb"),
        *("a\u202eb", "\u200b", "\ud800", "字" * 86, "a" * 256, "\ue000"),
    ],
)
def test_a_name_that_tries_to_be_more_is_refused(name: str) -> None:
    fault = intake.file_name_fault(name, "file[0]")
    assert fault is not None
    assert (fault.code, fault.field) == ("bad_file_name", "file[0]")


# -- media ---------------------------------------------------------------------------------------

named = st.lists(
    st.builds(MediaIn, ref=refs, file=st.sampled_from(["a.jpg", "b.jpg", "c.jpg"])),
    max_size=4,
    unique_by=lambda m: m.ref,
)


@given(named, st.lists(st.sampled_from(["a.jpg", "b.jpg", "c.jpg", "d.jpg"]), max_size=5))
def test_files_and_media_fit_one_to_one_or_are_refused(
    media: list[MediaIn], files: list[str]
) -> None:
    wanted = [m.file for m in media]
    once = all(files.count(name or "") == 1 for name in wanted)
    if not once or set(files) != set(wanted):
        with pytest.raises(InvalidInput):
            intake.match_files(media, files)
        return
    found = intake.match_files(media, files)
    assert {m.ref for m in media} == set(found)
    assert {files[at] for at in found.values()} == set(files)
    assert all(files[found[m.ref]] == m.file for m in media)


def test_an_asset_uploaded_before_needs_no_file() -> None:
    assert intake.match_files([MediaIn(ref="p1", asset_id=uuid.uuid4())], []) == {}


def test_pictures_stand_where_pictures_belong() -> None:
    story = video_story()
    intake.check_kinds(story)
    turned = tuple(a.model_copy(update={"kind": "image"}) for a in story.assets)
    with pytest.raises(InvalidInput) as refused:
        intake.check_kinds(story.model_copy(update={"assets": turned}))
    assert faults(refused) == {"story.body.1.media": "wrong_kind"}


def test_a_cover_is_a_picture_or_a_clip() -> None:
    clip = video_story(cover="v1")
    intake.check_kinds(clip)
    intake.check_kinds(text_story(cover="p1"))
    sound = asset("a1", "audio", b"sound", "audio/mpeg")
    variants = {"web": {"cover": "a1"}}
    story = text_story(assets=(*text_story().assets, sound), cover="a1", variants=variants)
    with pytest.raises(InvalidInput) as refused:
        intake.check_kinds(story)
    assert faults(refused) == {
        "story.cover": "wrong_kind",
        "story.variants.web.cover": "wrong_kind",
    }


def limited(size_bytes: int, kind: str, duration_s: float | None = None) -> Asset:
    made = asset("m1", kind, b"x", "video/mp4", duration_s=duration_s)
    return made.model_copy(update={"size_bytes": size_bytes})


def test_the_limits_are_told_in_numbers() -> None:
    limits = UploadLimits(image_bytes=10, video_bytes=20, video_s=60)
    intake.check_limits(limited(10, "image"), limits)
    intake.check_limits(limited(20, "video", 60.0), limits)
    for bad, told, status in (
        (limited(11, "image"), "10", 413),
        (limited(21, "video"), "20", 413),
        (limited(5, "video", 61.0), "60", 422),
    ):
        with pytest.raises(InvalidInput, match=told) as refused:
            intake.check_limits(bad, limits)
        assert refused.value.status == status


# -- the plan --------------------------------------------------------------------------------------


def test_the_plan_is_written_out_so_that_a_later_channels_file_changes_nothing() -> None:
    made = resolve(Plan())
    assert made.channels == ("web", "douyin", "tv")
    assert made.waves == {"web": 1, "douyin": 1, "tv": 2}
    chosen = resolve(Plan(channels=("tv", "web", "tv"), waves={"tv": 1}))
    assert (chosen.channels, chosen.waves) == (("tv", "web"), {"tv": 1, "web": 1})


@given(plans)
def test_a_plan_is_written_out_or_refused_by_name(plan: Plan) -> None:
    known = set(plan.channels or ()) | set(plan.waves) <= set(SPECS)
    at = plan.release_at or NOON
    if not known or not NOON - intake.PAST_TOLERANCE <= at <= NOON + intake.FARTHEST:
        with pytest.raises(InvalidInput) as refused:
            resolve(plan)
        assert all(field.startswith("plan.") for field in faults(refused))
        return
    made = resolve(plan)
    assert made.channels
    assert set(made.waves) == set(made.channels)
    assert set(made.channels) <= set(SPECS)
    assert resolve(made) == made


@pytest.mark.parametrize(("late_s", "taken"), [(0, True), (59, True), (61, False), (-3600, True)])
def test_a_release_just_past_is_now_and_one_long_past_is_a_fault(late_s: int, taken: bool) -> None:
    at = NOON - timedelta(seconds=late_s)
    embargoed = FILED.model_copy(update={"embargoed_until": at})
    if taken:
        resolve(Plan(release_at=at), embargoed)
        return
    with pytest.raises(InvalidInput) as refused:
        resolve(Plan(release_at=at), embargoed)
    assert faults(refused) == {
        "plan.release_at": "in_the_past",
        "story.embargoed_until": "in_the_past",
    }


def test_a_variant_is_for_a_channel_that_there_is() -> None:
    story = FILED.model_copy(update={"variants": {"nosuch": Variant(headline="题")}})
    with pytest.raises(InvalidInput) as refused:
        resolve(Plan(), story)
    assert faults(refused) == {"story.variants.nosuch": "unknown_channel"}


def check(story: Story, channels: tuple[str, ...], refused: dict[str, str]) -> dict[str, str]:
    def refusals(_story: Story, asked: Any) -> dict[str, str]:
        return {c: why for c, why in refused.items() if c in asked}

    return intake.check_channels(story, Plan(channels=channels), SPECS, refusals)


def test_one_channel_that_carries_the_story_is_enough() -> None:
    assert check(text_story(), ("web", "tv"), {"tv": "太长"}) == {"tv": "太长"}
    with pytest.raises(InvalidInput) as refused:
        check(text_story(), ("web", "tv"), {"web": "太长", "tv": "太长"})
    assert faults(refused) == {"channels.web": "refused_by_all", "channels.tv": "refused_by_all"}


def test_a_channel_for_clips_does_not_count_for_a_story_without_one() -> None:
    for channels in (("douyin",), ("old",), ("douyin", "old")):
        with pytest.raises(InvalidInput) as refused:
            check(text_story(), channels, {})
        assert faults(refused) == {"plan.channels": "no_channel"}
    assert check(video_story(), ("douyin",), {}) == {}


# -- the story as it travels -----------------------------------------------------------------------

keys = st.lists(st.sampled_from(["b", "b1", "b2", "b3", "b2x", "k"]), min_size=1, max_size=6)


@given(keys)
def test_every_block_has_a_key_of_its_own_and_keeps_the_one_it_had(given_keys: list[str]) -> None:
    body = [{"kind": "divider", "key": key} for key in given_keys]
    filed = StoryIn.model_validate({"headline": "题", "body": body})
    story = intake.make_story(
        filed, {}, identity=uuid.uuid4(), number=1, version=1, created_at=NOON, now=NOON
    )
    made = [block.key for block in story.body]
    assert len(set(made)) == len(made)
    first = given_keys[0]
    assert made[0] == (first if first != "b" else "b1")
    assert Story.model_validate_json(story.model_dump_json()) == story


def inherited(raw: Any, previous: Story) -> list[str]:
    media = intake.inherit_media(raw, previous)["media"]
    return [medium["ref"] for medium in media]


def test_a_newer_version_keeps_what_it_still_shows_and_what_was_only_attached() -> None:
    attached = asset("x1", "video", b"attached", "video/mp4")
    story = text_story(cover="c1")
    extra = asset("c1", "image", b"cover", "image/jpeg")
    story = story.model_copy(update={"assets": (*story.assets, attached, extra)})
    body = story.model_dump(mode="json")["body"]
    assert inherited({"body": body, "cover": "c1"}, story) == ["p1", "p2", "x1", "c1"]
    assert inherited({"body": body[:3]}, story) == ["p1", "x1"]
    assert inherited({"body": [], "variants": {"web": {"cover": "p2"}}}, story) == ["p2", "x1"]
    anew = {"media": [{"ref": "p1", "file": "new.jpg"}], "body": body}
    assert intake.inherit_media(anew, story)["media"][0] == {"ref": "p1", "file": "new.jpg"}
    assert inherited(anew, story) == ["p1", "p2", "x1"]


@given(json_values)
def test_what_is_no_story_goes_on_to_be_refused(raw: Any) -> None:
    intake.inherit_media(raw, text_story())
    intake.inherit_media({"body": raw, "media": raw, "variants": raw, "cover": raw}, text_story())


def test_a_time_that_no_calendar_holds_is_a_fault() -> None:
    never = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    with pytest.raises(InvalidInput) as refused:
        resolve(Plan(release_at=never), FILED.model_copy(update={"embargoed_until": never}))
    assert faults(refused) == {"plan.release_at": "too_far", "story.embargoed_until": "too_far"}
