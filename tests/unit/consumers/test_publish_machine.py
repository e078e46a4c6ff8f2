"""Publishing once, whatever happens in between: random histories, and those that once went wrong."""

from collections.abc import Iterator

import pytest
import structlog.testing
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.consumers.publish_machine import Publishing


def play(chosen: settings) -> None:
    """Other histories each time, but in CI the same ones (the suite's profile)."""
    with structlog.testing.capture_logs():
        run_state_machine_as_test(Publishing, settings=settings(chosen, stateful_step_count=40))


def test_publishing_keeps_its_promises() -> None:
    play(settings(max_examples=6, derandomize=True))


@pytest.mark.slow
def test_publishing_keeps_its_promises_over_many_histories() -> None:
    play(settings(max_examples=120))


@pytest.fixture
def machine() -> Iterator[Publishing]:
    """A story that is live in wave one, told to the second; at the end all must come to rest."""
    with structlog.testing.capture_logs():
        made = Publishing()
        made.first_story(embargo_s=None, start=3)
        try:
            yield made
        except BaseException:
            made.centre.close()
            raise
        made.teardown()


def everywhere(machine: Publishing) -> None:
    for _ in range(4):
        machine.time_passes(2)
        machine.all_goes_well_for_a_while()


def state(machine: Publishing, channel: str) -> str:
    return machine.centre.states(machine.story(0))[channel]


def verbs(machine: Publishing, channel: str) -> list[tuple[str, int]]:
    return [(verb, version) for verb, _, version in machine.platforms[channel].requests]


def test_a_correction_overtaken_before_its_claim_is_no_second_create(machine: Publishing) -> None:
    machine.correct(0, told=True)
    machine.correct(0, told=False)
    machine.work("web", "ok")
    assert state(machine, "web") == "live"
    machine.deliver(20)
    machine.work("web", "ok")
    assert verbs(machine, "web") == [("create", 1), ("update", 3)]


def test_a_refused_recall_goes_to_a_person_and_nothing_is_sent_beside_it(
    machine: Publishing,
) -> None:
    everywhere(machine)
    machine.correct(0, told=True)
    machine.work("wechat", "refuse")
    machine.deliver(20)
    machine.work("wechat", "ok")
    assert state(machine, "wechat") == "needs_person"
    assert verbs(machine, "wechat") == [("create", 1)]


def test_a_newer_correction_waits_for_the_one_under_review(machine: Publishing) -> None:
    everywhere(machine)
    machine.correct(0, told=True)
    machine.work("tv", "ok")
    machine.correct(0, told=True)
    machine.work("tv", "ok")
    assert verbs(machine, "tv") == [("create", 1), ("update", 2)]
    everywhere(machine)
    assert verbs(machine, "tv") == [("create", 1), ("update", 2), ("update", 3)]


def test_a_withdrawal_does_not_wait_for_a_correction_under_review(machine: Publishing) -> None:
    everywhere(machine)
    machine.correct(0, told=True)
    machine.work("tv", "ok")
    machine.withdraw(0)
    machine.deliver(20)
    assert state(machine, "tv") == "recalling"
    machine.work("tv", "ok")
    machine.time_passes(2)
    machine.work("tv", "ok")
    assert state(machine, "tv") == "recalled"
    assert machine.platforms["tv"].items == {}


def test_a_withdrawal_takes_down_the_old_item_of_a_refused_correction(machine: Publishing) -> None:
    machine.correct(0, told=True)
    machine.work("web", "refuse")
    assert state(machine, "web") == "needs_person"
    machine.withdraw(0)
    everywhere(machine)
    assert state(machine, "web") == "recalled"
    assert machine.platforms["web"].items == {}


def test_a_newer_version_is_tried_where_the_former_correction_was_refused(
    machine: Publishing,
) -> None:
    machine.correct(0, told=True)
    machine.work("web", "refuse")
    machine.correct(0, told=True)
    machine.work("web", "ok")
    assert verbs(machine, "web") == [("create", 1), ("update", 3)]


def test_after_a_refusal_in_review_a_newer_version_is_a_new_release(machine: Publishing) -> None:
    machine.time_passes(2)
    machine.work("wechat", "refuse")
    assert state(machine, "wechat") == "refused"
    machine.correct(0, told=True)
    machine.work("wechat", "ok")
    row = machine.centre.rows(machine.story(0))["wechat"]
    assert (row["release"], row["version"]) == (2, 2)


def test_a_held_correction_whose_answer_was_lost_says_that_it_may_be_live(
    machine: Publishing,
) -> None:
    machine.correct(0, told=True)
    machine.work("web", "lost")
    machine.hold_or_resume(0, held=True)
    everywhere(machine)
    everywhere(machine)
    row = machine.centre.rows(machine.story(0))["web"]
    assert (row["state"], row["live_version"]) == ("live", 1)
    assert "可能已是第2版" in row["reason"]
    machine.hold_or_resume(0, held=False)
    everywhere(machine)
    row = machine.centre.rows(machine.story(0))["web"]
    assert (row["state"], row["live_version"], row["reason"]) == ("live", 2, "")


@pytest.mark.parametrize("then", ["correct", "withdraw"])
def test_nothing_leaves_while_a_killed_owners_request_may_still_arrive(
    machine: Publishing, then: str
) -> None:
    machine.correct(0, told=True)
    machine.begin("web", "ok", slow=True)
    machine.owner_dies("web")
    if then == "correct":
        machine.correct(0, told=True)
    else:
        machine.withdraw(0)
        machine.deliver(20)
    machine.work("web", "ok")
    machine.stray_request_arrives()
    assert verbs(machine, "web") == [("create", 1), ("update", 2)]
    everywhere(machine)
    everywhere(machine)
    newest = verbs(machine, "web")[-1]
    assert newest == (("update", 3) if then == "correct" else ("update", 2))
    assert (machine.platforms["web"].items == {}) is (then == "withdraw")
