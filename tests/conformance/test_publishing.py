"""What the publisher relies on: one item for one release, whatever happens in between."""

import contextlib
import re
import time
import typing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.channel import (
    Absent,
    Accepted,
    CannotRecall,
    CannotTell,
    Live,
    MediaFile,
    Recalled,
    Refused,
)
from schemas.errors import PipelineError, TransientError, UnknownOutcome
from schemas.rendition import placeholders
from tests.conformance.contract import Fault, World
from tests.conformance.discovery import only_where, opened
from tests.conformance.play import Crash, Points, Trial
from tests.conformance.samples import CORRECTION, corrected, numbered

FAULTS: tuple[Fault, ...] = typing.get_args(Fault)
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture
def trial(world: World) -> Trial:
    return Trial(world, world.story)


def points_of(world: World) -> list[str]:
    """Names of the places where a submit can die, from a run that does not."""
    points = Points()
    Trial(world, numbered(world.story, 900)).submit(points)
    return points.names


def test_a_receipt_names_the_item_and_the_copy(trial: Trial) -> None:
    live = trial.publish()
    item, receipt, payload = trial.the_item(), live.receipt, trial.payload()
    assert receipt.item_id == item.id
    assert receipt.payload_sha256 == trial.attempt(payload).payload_sha256
    assert trial.story.headline in item.text
    assert receipt.url == "" or receipt.url.startswith(("http://", "https://"))
    wanted = {p: trial.world.media.known[p][0].sha256
              for p in placeholders(payload.model_dump(mode="json"))}  # fmt: skip
    assert {m.placeholder: m.sha256 for m in receipt.media} == wanted
    assert all(m.address for m in receipt.media)


def test_submit_twice_makes_one_item(trial: Trial) -> None:
    trial.submit()
    answer = trial.submit_again()
    assert isinstance(answer, Live | CannotTell)
    assert len(trial.items()) == 1


def test_an_accepted_item_is_never_claimed_live(trial: Trial) -> None:
    answer = trial.submit()
    if isinstance(answer, Accepted):
        assert trial.world.module.capabilities.asynchronous
        assert CHINESE.search(answer.reason)
        assert not trial.live(), "the outlet shows it already: Live was the answer"
    assert isinstance(trial.wait(answer), Live)


def test_find_before_and_after(trial: Trial) -> None:
    before = trial.find()
    if trial.world.module.capabilities.absent_is_sure:
        assert isinstance(before, Absent)
    else:
        assert isinstance(before, CannotTell)
    assert trial.items() == []
    receipt = trial.publish().receipt
    found = trial.find()
    assert isinstance(found, Live)
    assert found.receipt.item_id == receipt.item_id
    assert found.receipt.url == receipt.url
    assert len(trial.items()) == 1


def test_crash_after_each_checkpoint_then_submit_again(world: World) -> None:
    for number, name in enumerate(points_of(world), 1):
        if name.startswith("after checkpoint"):
            trial = Trial(world, numbered(world.story, number))
            with pytest.raises(Crash):
                trial.submit(Points(die_at=number))
            answer = trial.submit_again()
            _once(trial, answer, name)


def test_crash_anywhere_then_recover(world: World) -> None:
    for number, name in enumerate(points_of(world), 1):
        trial = Trial(world, numbered(world.story, number))
        with pytest.raises(Crash):
            trial.submit(Points(die_at=number))
        answer = trial.recover()
        _once(trial, answer, name)


def _once(trial: Trial, answer: Live | CannotTell, where: str) -> None:
    items = trial.items()
    assert len(items) <= 1, f"{len(items)} items after a crash {where}"
    if isinstance(answer, Live):
        assert [item.id for item in items if item.live] == [answer.receipt.item_id], where
    else:
        assert CHINESE.search(answer.reason), where


def test_no_request_leaves_when_the_time_is_over(trial: Trial) -> None:
    payload, account = trial.payload(), trial.world.connect()
    late = replace(trial.attempt(payload), monotonic_end=time.monotonic() - 1)
    with pytest.raises(TransientError):
        trial.world.module.submit(account, payload, late)
    account.close()
    assert trial.items() == []


def test_media_away_is_transient(trial: Trial) -> None:
    payload = trial.payload()
    if not trial.world.media.known:
        return  # a copy without media asks for none
    account = trial.world.connect()
    with pytest.raises(TransientError):
        trial.world.module.submit(
            account, payload, replace(trial.attempt(payload), media=_NoMedia())
        )
    account.close()
    assert trial.items() == []
    trial.publish()
    trial.the_item()


class _NoMedia:
    def files(self, placeholder: str) -> list[MediaFile]:
        raise TransientError(f"object store away: {placeholder}")


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_that_this_outlet_can_have(channel_name: str, tmp_path: Path, fault: Fault) -> None:
    """A world of its own for each fault; an outlet names those that it can have."""
    with opened(channel_name, tmp_path / fault) as world:
        assert world.faults, "every outlet has some fault: name it in the case"
        if fault in world.faults:
            CHECKS[fault](Trial(world, world.story))


def a_lost_answer_is_never_sent_again_on_a_guess(trial: Trial) -> None:
    trial.world.inject("lost_answer")
    try:
        answer = trial.submit()
    except (UnknownOutcome, TransientError):
        answer = trial.recover()
    else:
        assert isinstance(answer, Accepted), "claims more than it can know"
        answer = trial.wait(answer)
    assert isinstance(answer, Live | CannotTell)
    _once(trial, answer, "lost answer")
    assert len(trial.items()) == 1, "it was carried out"


def a_transient_fault_leaves_nothing_behind(trial: Trial) -> None:
    trial.world.inject("transient")
    with pytest.raises(TransientError):
        trial.submit()
    assert trial.live() == []
    trial.submit_again()
    trial.the_item()


def a_definite_refusal_is_returned(trial: Trial) -> None:
    trial.world.inject("refused")
    answer = trial.wait(trial.submit())
    assert isinstance(answer, Refused)
    assert CHINESE.search(answer.reason), "the editor reads Chinese"
    assert trial.live() == []


def what_somebody_removed_is_not_found(trial: Trial) -> None:
    trial.publish()
    trial.world.inject("removed")
    assert not isinstance(trial.find(), Live)


CHECKS: dict[Fault, Callable[[Trial], None]] = {
    "lost_answer": a_lost_answer_is_never_sent_again_on_a_guess,
    "transient": a_transient_fault_leaves_nothing_behind,
    "refused": a_definite_refusal_is_returned,
    "removed": what_somebody_removed_is_not_found,
}


@only_where(lambda can: can.update)
def test_update_shows_the_new_version(trial: Trial) -> None:
    live, newer = trial.publish(), corrected(trial.story)
    for _ in range(2):  # told twice, done once
        answer = trial.update(newer, live)
        assert isinstance(answer, Live)
        item = trial.the_item()
        assert answer.receipt.item_id == item.id == live.receipt.item_id
        assert newer.headline in item.text
        assert CORRECTION in item.text
        assert trial.story.headline not in item.text


@only_where(lambda can: can.update)
def test_crash_in_an_update_then_again(world: World) -> None:
    probe = Trial(world, numbered(world.story, 800))
    points = Points()
    probe.update(corrected(probe.story), probe.publish(), points)
    for number in range(1, points.passed + 1):
        trial = Trial(world, numbered(world.story, number))
        live, newer = trial.publish(), corrected(trial.story)
        with pytest.raises(Crash):
            trial.update(newer, live, Points(die_at=number))
        world.settle()
        assert isinstance(trial.update(newer, live), Live)
        assert newer.headline in trial.the_item().text


@only_where(lambda can: can.update)
def test_versions_never_go_backwards(trial: Trial) -> None:
    live, newer = trial.publish(), corrected(trial.story)
    assert isinstance(trial.update(newer, live), Live)
    with contextlib.suppress(PipelineError):
        trial.update(trial.story, live)
    assert newer.headline in trial.the_item().text
    with contextlib.suppress(PipelineError):
        trial.submit()
    assert newer.headline in trial.the_item().text


def test_recall_takes_it_down(trial: Trial) -> None:
    live = trial.publish()
    can = trial.world.module.capabilities.recall
    for _ in range(2):  # harmless when repeated, by another process too
        answer = trial.recall(live)
        if can == "no":
            assert isinstance(answer, CannotRecall)
            assert answer.who
        else:
            assert isinstance(answer, Recalled | Accepted)
        assert CHINESE.search(answer.reason)
        if can == "yes":
            assert isinstance(trial.wait(answer), Recalled)
            assert trial.live() == []
            assert not isinstance(trial.find(), Live)
    assert len(trial.items()) == 1


@only_where(lambda can: can.recall == "yes")
def test_recall_leaves_other_stories_alone(world: World) -> None:
    first, second = (Trial(world, numbered(world.story, n)) for n in (1, 2))
    live, _ = first.publish(), second.publish()
    first.wait(first.recall(live))
    assert first.live() == []
    assert second.story.headline in second.the_item().text
    assert isinstance(second.find(), Live)
