"""The static tree: whole or not at all, whatever dies; withdrawn stays withdrawn."""

import errno
import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest import mock

import httpx
import pytest

from schemas.channel import Absent, Accepted, Live, Recalled, Refused
from schemas.errors import TransientError, UnknownOutcome
from schemas.story import Story
from tests.conformance.samples import corrected, numbered
from tests.fakes import asset, text_story
from tests.unit.consumers.tree_world import Death, Steps, TreeWorld, feed, site, watched


@pytest.fixture(params=[site, feed])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> TreeWorld:
    made: TreeWorld = request.param(tmp_path)
    return made


def fresh(number: int) -> Story:
    """A story of its own, with pictures of its own."""
    pictures = tuple(
        asset(ref, "image", f"{ref} of {number}".encode(), "image/jpeg", width=1600, height=1067)
        for ref in ("p1", "p2")
    )
    return numbered(text_story(headline=f"第{number}次", assets=pictures), number)


def page_of(world: TreeWorld, story: Story) -> Path:
    path = f"a/{story.number}.html" if world.spec.module == "web" else f"story-{story.number}.json"
    return world.root / path


def listed(world: TreeWorld) -> str:
    name = "index.html" if world.spec.module == "web" else "index.json"
    return world.text(name)


def consistent(world: TreeWorld, story: Story, headline: str | None) -> None:
    """What stands is one whole state: shown and listed under ``headline``, or neither."""
    account = world.account()
    record = account.tree.standing.records.get(story.number)
    assert record is None or record.settled
    shown = record is not None and record.state == "live"
    assert shown == (headline is not None)
    if headline is not None:
        assert headline in page_of(world, story).read_text()
        assert headline in listed(world)
    else:
        assert story.headline not in world.everything()
    assert world.leftovers() == []
    kept = {f"m/{path.name}" for path in (world.root / "m").glob("*")}
    used = {folder for one in account.tree.standing.live for folder in one.folders}
    assert kept == used, "media that no page uses, or pages without their media"


def test_death_between_any_two_steps_of_a_first_publish(world: TreeWorld) -> None:
    world.account().close()
    with watched(Steps()) as steps:
        world.live(fresh(99))
    for number in range(1, steps.passed + 1):
        story = fresh(number)
        with watched(Steps(number)), pytest.raises(Death):
            world.publish(story)
        found = world.find(story)
        assert isinstance(found, Live | Absent)
        consistent(world, story, story.headline if isinstance(found, Live) else None)
        world.live(story)
        consistent(world, story, story.headline)
        assert listed(world).count(f"第{number}次") >= 1


def test_death_between_any_two_steps_of_a_correction(world: TreeWorld) -> None:
    probe = fresh(99)
    world.live(probe)
    with watched(Steps()) as steps:
        world.live(corrected(probe))
    for number in range(1, steps.passed + 1):
        story = fresh(number)
        newer = corrected(story).model_copy(update={"headline": f"更正{number}次"})
        world.live(story)
        with watched(Steps(number)), pytest.raises(Death):
            world.publish(newer)
        found = world.find(story)
        assert isinstance(found, Live), "the story was live and is live"
        version = found.receipt.data["version"]
        consistent(world, story, {1: story.headline, 2: newer.headline}[version])  # type: ignore[index]
        world.live(newer)
        consistent(world, story, newer.headline)


def test_death_between_any_two_steps_of_a_withdrawal(world: TreeWorld) -> None:
    probe = fresh(99)
    world.live(probe)
    with watched(Steps()) as steps:
        world.recall(probe)
    for number in range(1, steps.passed + 1):
        story = fresh(number)
        world.live(story)
        with watched(Steps(number)), pytest.raises(Death):
            world.recall(story)
        found = world.find(story)
        consistent(world, story, story.headline if isinstance(found, Live) else None)
        world.recall(story)
        consistent(world, story, None)
        assert isinstance(world.publish(story), Refused)


def test_repeating_writes_nothing(world: TreeWorld) -> None:
    first = world.live(text_story())
    before = {path: path.stat().st_mtime_ns for path in world.root.rglob("*") if path.is_file()}
    assert world.live(text_story()) == first
    assert before == {p: p.stat().st_mtime_ns for p in world.root.rglob("*") if p.is_file()}


def test_what_somebody_deleted_is_written_again(world: TreeWorld) -> None:
    story = text_story()
    first = world.live(story)
    page_of(world, story).unlink()
    assert isinstance(world.find(story), Absent)
    assert world.live(story).receipt.text_sha256 == first.receipt.text_sha256


def test_an_older_version_is_refused(world: TreeWorld) -> None:
    world.live(corrected(text_story()))
    answer = world.publish(text_story())
    assert isinstance(answer, Refused)
    assert answer.code == "newer_version"
    assert "第 2 版" in answer.reason


def test_withdrawn_before_it_ever_stood(world: TreeWorld) -> None:
    story = text_story()
    assert isinstance(world.recall(story), Recalled)
    answer = world.publish(story)
    assert isinstance(answer, Refused)
    assert answer.code == "withdrawn"
    assert isinstance(world.find(story), Absent)
    assert story.headline not in world.everything()


def test_a_new_release_after_a_withdrawal(world: TreeWorld) -> None:
    story = text_story()
    world.live(story)
    world.recall(story)
    again = world.live(story, release=2)
    assert again.receipt.data["release"] == 2
    assert story.headline in listed(world)
    assert json.loads(world.text("gone.json")) == {"paths": []}
    assert isinstance(world.find(story, release=1), Absent)
    assert isinstance(world.find(story, release=2), Live)
    world.recall(story, release=1)  # told late: the later release stays
    assert isinstance(world.find(story, release=2), Live)


def test_withdrawal_leaves_no_word_and_no_picture(world: TreeWorld) -> None:
    story, other = text_story(), numbered(text_story(headline="另一篇"), 8)
    other = other.model_copy(update={"assets": story.assets[:1], "body": other.body[:3]})
    world.live(story)
    world.live(other)
    answer = world.recall(story)
    assert "410" in answer.reason
    text = world.everything()
    for word in (story.headline, "打谷", "内部原因"):
        assert word not in text
    shared = world.find(other)
    assert isinstance(shared, Live), "the other story keeps the picture that both use"
    gone = json.loads(world.text("gone.json"))["paths"]
    assert any(path.startswith("m/") for path in gone)
    assert not any(m.address.endswith(tuple(gone)) for m in shared.receipt.media)
    consistent(world, story, None)


def test_a_picture_of_a_withdrawn_story_may_come_back(world: TreeWorld) -> None:
    world.live(text_story())
    world.recall(text_story())
    again = world.live(numbered(text_story(headline="同一张图"), 8))
    gone = json.loads(world.text("gone.json"))["paths"]
    assert gone == [str(page_of(world, text_story()).relative_to(world.root))]
    assert again.receipt.media


def test_another_story_never_takes_the_address(world: TreeWorld) -> None:
    world.live(text_story())
    stranger = numbered(text_story(), 8).model_copy(update={"number": text_story().number})
    answer = world.publish(stranger)
    assert isinstance(answer, Refused)
    assert answer.code == "number_taken"
    assert isinstance(world.find(stranger), Absent)
    world.recall(stranger)
    assert isinstance(world.find(text_story()), Live)


def test_a_picture_taken_out_by_a_correction_is_deleted(world: TreeWorld) -> None:
    story = text_story()
    world.live(story)
    without = corrected(story)
    world.live(without.model_copy(update={"assets": story.assets[:1], "body": story.body[:3]}))
    consistent(world, story, without.headline)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503),
        httpx.Response(404),
        httpx.Response(302, headers={"location": "https://elsewhere.example/"}),
        httpx.Response(200, text="some other page"),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("half an answer"),
    ],
)
def test_live_only_when_the_public_address_shows_it(
    world: TreeWorld, answer: httpx.Response | Exception
) -> None:
    def reply(_request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    world.answer = reply
    written = world.publish(text_story())
    assert isinstance(written, Accepted), "it stands: a withdrawal must find it"
    assert "等公开地址" in written.reason
    assert isinstance(world.find(text_story()), Accepted)
    assert isinstance(world.confirm(text_story()), Accepted)
    world.answer = None
    assert isinstance(world.confirm(text_story()), Live)
    world.live(text_story())
    assert listed(world).count(text_story().headline) >= 1


def test_an_endless_answer_is_cut_off(world: TreeWorld) -> None:
    world.answer = lambda _request: httpx.Response(200, content=b"x" * (6 * 1024**2))
    written = world.publish(text_story())
    assert isinstance(written, Accepted)
    assert "too long" in written.reason


def test_a_medium_that_readers_cannot_get_holds_the_receipt(world: TreeWorld) -> None:
    world.live(text_story())
    next((world.root / "m").rglob("*.jpg")).unlink()
    assert isinstance(world.find(text_story()), Accepted)
    world.live(text_story())


def test_withdrawal_is_told_only_when_it_is_gone(world: TreeWorld) -> None:
    world.live(text_story())
    page = page_of(world, text_story()).read_bytes()
    world.answer = lambda _request: httpx.Response(200, content=page)
    with pytest.raises(TransientError, match="仍回 200"):
        world.recall(text_story())
    world.answer = None
    world.recall(text_story())
    assert isinstance(world.find(text_story()), Absent)


def test_a_plain_server_that_shows_the_notice_will_do(world: TreeWorld) -> None:
    """A server that knows nothing of ``gone.json`` answers 200 with the notice."""
    world.live(text_story())

    def plain(request: httpx.Request) -> httpx.Response:
        path = world.root / request.url.path.removeprefix("/feed").lstrip("/")
        return (
            httpx.Response(200, content=path.read_bytes())
            if path.is_file()
            else httpx.Response(404)
        )

    world.answer = plain
    assert isinstance(world.recall(text_story()), Recalled)


@pytest.mark.parametrize("number", range(1, 12))
def test_a_full_disk_at_any_flush(world: TreeWorld, number: int) -> None:
    """Before the page stands: surely nothing. After it: unknown, and a look tells."""
    real, calls = os.fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    story = text_story()
    world.account().close()
    payload = world.module.render(story, world.spec)
    account = world.account()
    told = world.attempt(story, payload)
    outcome: object = None
    with mock.patch("consumers.static_files.os.fsync", full):
        try:
            outcome = world.module.submit(account, payload, told)
        except (TransientError, UnknownOutcome) as error:
            outcome = error
    found = world.module.find(account, payload, told)
    if isinstance(outcome, TransientError):
        assert isinstance(found, Absent)
    consistent(world, story, story.headline if isinstance(found, Live) else None)
    assert isinstance(world.module.submit(account, payload, told), Live)
    consistent(world, story, story.headline)


def test_no_step_after_the_deadline(world: TreeWorld) -> None:
    story = text_story()
    payload = world.module.render(story, world.spec)
    account = world.account()
    late = replace(world.attempt(story, payload), monotonic_end=0.0)
    with pytest.raises(TransientError):
        world.module.submit(account, payload, late)
    with pytest.raises(TransientError):
        world.module.recall(account, None, "x", late)
    assert account.tree.standing.records == {}


def test_index_pages_are_made_again_when_the_entry_changes(tmp_path: Path) -> None:
    world = site(tmp_path)
    world.live(text_story())
    renamed = site(tmp_path, site_name="云岭融媒")
    renamed.account().close()
    assert "云岭融媒" in renamed.text("index.html")
    assert text_story().headline in renamed.text("index.html")


def test_index_pages_are_made_again_after_a_boot(world: TreeWorld) -> None:
    """A power cut may lose index pages: they are not flushed one by one."""
    world.live(text_story())
    name = "index.html" if world.spec.module == "web" else "index.json"
    (world.root / name).write_bytes(b"")
    world.account().close()
    assert listed(world) == "", "the same boot: nothing is made again"
    with mock.patch("consumers.static_tree._boot", return_value="another"):
        world.account().close()
    assert text_story().headline in listed(world)


def test_a_record_that_is_none_stops_the_account_with_its_name(world: TreeWorld) -> None:
    world.live(text_story())
    (world.root / ".records" / "5.json").write_text("{")
    with pytest.raises(TransientError, match=r"5\.json"):
        world.publish(numbered(text_story(), 9))
    with pytest.raises(TransientError, match=r"5\.json"):
        world.find(text_story())


def test_what_somebody_deleted_is_not_confirmed(world: TreeWorld) -> None:
    world.live(text_story())
    page_of(world, text_story()).unlink()
    assert isinstance(world.confirm(text_story()), Refused)


def test_the_newest_first_and_times_kept_by_a_correction(world: TreeWorld) -> None:
    for number in (1, 2, 3):
        world.live(numbered(text_story(headline=f"第{number}篇"), number))
    world.clock += timedelta(hours=1)
    world.live(corrected(numbered(text_story(), 1)))
    text = listed(world)
    places = [text.rindex(word) for word in ("第3篇", "第2篇", "更正后的第2版标题")]
    assert places == sorted(places)
