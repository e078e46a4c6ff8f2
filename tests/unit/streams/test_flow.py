"""A story's way through decisions, review, waves and outlets, as a newsroom would notice it."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from producers import acts
from schemas.channel import AwaitingPerson, Refused
from schemas.errors import Conflict, InvalidInput, NotApproved, TransientError
from schemas.story import Plan
from stores.ledger import outbox, restores, stories
from stores.ledger.tables import publications
from tests.centre import REVIEWERS, CentreInMemory, Outlet


@pytest.fixture
def centre(tmp_path: Path, ledger_url: str) -> Iterator[CentreInMemory]:
    made = CentreInMemory(
        tmp_path,
        [
            Outlet("web", 1),
            Outlet("wechat", 1, can_update=False, asynchronous=True),
            Outlet("tv", 2),
            Outlet("paper", 3),
        ],
        url=ledger_url,
        settle_s=1.0,
        call_deadline_s=5.0,
        poll_s=(1.0,),
    )
    yield made
    made.close()


def test_nothing_goes_out_before_three_people_have_signed(centre: CentreInMemory) -> None:
    story = centre.file()
    centre.pump()
    centre.sign(story, 1)
    centre.sign(story, 2)
    centre.pump()

    assert set(centre.states(story).values()) == {"planned"}
    assert "终审" in centre.rows(story)["web"]["reason"]
    assert centre.outlets["web"].log == []


def test_first_wave_then_television_then_newspaper(centre: CentreInMemory) -> None:
    story = centre.publish()
    assert centre.states(story)["web"] == "live"
    centre.pass_time(2)
    centre.pump()

    assert set(centre.states(story).values()) == {"live"}
    rows = centre.rows(story)
    assert rows["web"]["received_at"] <= rows["tv"]["requested_at"]
    assert rows["tv"]["received_at"] <= rows["paper"]["requested_at"]
    assert "web" in rows["tv"]["gate"]
    assert all(len(o.items) == 1 for o in centre.outlets.values())


def test_second_wave_stays_shut_while_no_first_item_is_live(centre: CentreInMemory) -> None:
    for name in ("web", "wechat"):
        centre.outlets[name].answers = [lambda: Refused("不收", "48001")] * 9
    story = centre.publish()
    centre.pass_time(60)
    centre.pump()

    assert centre.states(story) == {
        "web": "refused",
        "wechat": "refused",
        "tv": "gated",
        "paper": "gated",
    }
    assert centre.outlets["tv"].log == []

    centre.pass_time(900)
    centre.pump()
    assert centre.states(story)["tv"] == "live"
    assert "兜底" in centre.rows(story)["tv"]["gate"]


def test_override_opens_a_wave_by_name(centre: CentreInMemory) -> None:
    centre.outlets["web"].answers = [lambda: Refused("不收")]
    centre.outlets["wechat"].answers = [lambda: Refused("不收")]
    story = centre.publish()
    asked = acts.OpenWaveIn(wave=2, reason="领导要求")
    acts.open_wave(centre.desk, REVIEWERS[3], str(story), asked)
    centre.pump()

    assert centre.states(story)["tv"] == "live"
    assert "总编" in centre.rows(story)["tv"]["gate"]


def test_a_correction_updates_where_it_can_and_replaces_where_it_cannot(
    centre: CentreInMemory,
) -> None:
    story = centre.publish("错的数字")
    centre.pass_time(2)
    centre.pump()
    centre.revise(story, "对的数字", correction="数字有误")
    centre.pump()
    assert centre.outlets["web"].log[-1][2] == 1, "an unreviewed correction must not go out"

    centre.sign_all(story)
    centre.pump()
    centre.pass_time(2)
    centre.pump()

    rows = centre.rows(story)
    assert {c: r["live_version"] for c, r in rows.items()} == dict.fromkeys(rows, 2)
    assert set(centre.states(story).values()) == {"live"}
    assert rows["wechat"]["release"] == 2
    assert [v for v, _, _ in centre.outlets["wechat"].log] == ["create", "recall", "create"]
    assert [i["headline"] for i in centre.outlets["wechat"].items.values()] == ["对的数字"]
    assert [v for v, _, _ in centre.outlets["web"].log] == ["create", "update"]


def test_withdrawal_reaches_every_outlet_and_stops_what_waits(centre: CentreInMemory) -> None:
    story = centre.publish()
    centre.withdraw(story)
    centre.pass_time(5)
    centre.pump()

    states = centre.states(story)
    assert states["web"] == "recalled"
    assert states["wechat"] == "recalled"
    assert all(o.items == {} for o in centre.outlets.values())
    assert set(states.values()) <= {"recalled", "cancelled"}
    centre.pass_time(100_000)
    centre.pump()
    assert all(o.items == {} for o in centre.outlets.values())


def test_withdrawal_between_order_and_claim_sends_nothing(centre: CentreInMemory) -> None:
    story = centre.file()
    centre.pump()
    centre.sign_all(story)
    centre.pump(publish=False)
    assert centre.states(story)["web"] == "ready"
    centre.withdraw(story)
    centre.publishers["web"]._work_once()

    assert centre.states(story)["web"] == "cancelled"
    assert centre.outlets["web"].log == []


def test_an_edit_voids_sign_offs(centre: CentreInMemory) -> None:
    story = centre.file()
    centre.pump()
    centre.sign(story, 1)
    centre.sign(story, 2)
    with centre.ledger.snapshot() as view:
        old = stories.version_row(view, story, 1).copies_sha256
    centre.revise(story, "改了")
    centre.pump()

    with pytest.raises(Conflict, match=r"level 1|初审"):
        centre.sign(story, 3)
    with pytest.raises(Conflict, match="copies"):
        centre.sign(story, 1, copies=old)
    assert centre.outlets["web"].log == []


def test_same_person_cannot_sign_twice(centre: CentreInMemory) -> None:
    from stores.ledger.people import Caller

    story = centre.file()
    centre.pump()
    everybody = Caller("one", "编辑", "编辑部", ("reviewer1", "reviewer2", "reviewer3"))
    before = REVIEWERS[2]
    centre.sign(story, 1)
    REVIEWERS[2] = everybody
    try:
        with pytest.raises(NotApproved, match="one person"):
            centre.sign(story, 2)
    finally:
        REVIEWERS[2] = before


def test_urgent_release_by_one_final_signature(centre: CentreInMemory) -> None:
    story = centre.file()
    centre.pump()
    with pytest.raises(InvalidInput, match="note"):
        centre.sign(story, 3, urgent=True)
    centre.sign(story, 3, urgent=True, note="突发汛情")
    centre.pump()

    assert centre.states(story)["web"] == "live"


def test_a_lost_answer_is_asked_for_and_never_sent_again(centre: CentreInMemory) -> None:
    centre.outlets["web"].lost_answers = 1
    story = centre.publish()
    assert centre.states(story)["web"] == "unknown"
    centre.pass_time(30)
    centre.pump()

    assert centre.states(story)["web"] == "live"
    assert [v for v, _, _ in centre.outlets["web"].log] == ["create"]


def test_surely_absent_is_sent_again(centre: CentreInMemory) -> None:
    from schemas.errors import UnknownOutcome

    def lost() -> Any:
        raise UnknownOutcome("cable cut before the request left")

    centre.outlets["web"].answers = [lost]
    story = centre.publish()
    centre.pass_time(30)
    centre.pump()

    assert centre.states(story)["web"] == "live"
    assert len(centre.outlets["web"].log) == 1


def test_what_cannot_be_told_goes_to_a_person(tmp_path: Path) -> None:
    outlet = Outlet("short", 1, absent_is_sure=False)
    centre = CentreInMemory(tmp_path, [outlet], settle_s=1.0, call_deadline_s=5.0)

    def lost() -> Any:
        from schemas.errors import UnknownOutcome

        raise UnknownOutcome("answer lost")

    outlet.answers = [lost]
    story = centre.publish()
    centre.pass_time(30)
    centre.pump()
    centre.pass_time(100_000)
    centre.pump()

    assert centre.states(story)["short"] == "needs_person"
    assert outlet.log == []
    centre.close()


def test_transient_refusal_is_retried_at_the_platforms_own_time(centre: CentreInMemory) -> None:
    def later() -> Any:
        raise TransientError("busy", retry_after_s=120)

    centre.outlets["web"].answers = [later]
    story = centre.publish()
    assert centre.states(story)["web"] == "retry_wait"
    centre.pass_time(119)
    centre.pump()
    assert centre.states(story)["web"] == "retry_wait"
    centre.pass_time(2)
    centre.pump()
    assert centre.states(story)["web"] == "live"


def test_a_newer_version_never_loses_to_an_older_ones_retry(centre: CentreInMemory) -> None:
    def later() -> Any:
        raise TransientError("busy", retry_after_s=600)

    centre.outlets["web"].answers = [later]
    story = centre.publish("第一版")
    centre.revise(story, "第二版")
    centre.pump()
    centre.sign_all(story)
    centre.pump()
    centre.pass_time(5)
    centre.pump()
    centre.pass_time(1000)
    centre.pump()

    assert [v for _, _, v in centre.outlets["web"].log] == [2]
    assert centre.rows(story)["web"]["live_version"] == 2


def test_embargo_holds_until_its_time(centre: CentreInMemory) -> None:
    plan = Plan(release_at=centre.now + timedelta(hours=2))
    story = centre.publish(plan=plan)
    assert set(centre.states(story).values()) == {"held"}
    centre.pass_time(7199)
    centre.pump()
    assert centre.outlets["web"].log == []
    centre.pass_time(2)
    centre.pump()
    assert centre.states(story)["web"] == "live"


def test_every_event_twice_and_in_another_order_changes_nothing(centre: CentreInMemory) -> None:
    story = centre.publish()
    centre.pass_time(2)
    centre.pump()
    before = centre.rows(story)
    logs = {o.name: list(o.log) for o in centre.outlets.values()}
    with centre.ledger.transaction() as tx:
        from sqlalchemy import update

        from stores.ledger.tables import outbox as table

        tx.execute(update(table).values(sent_at=None))
        rows = outbox.unsent(tx, 1000)
        outbox.mark_sent(tx, [(r.seq, 0, 0) for r in rows], at=1)
    for row in reversed(rows):
        centre.hand_on(row.topic, row.key.encode(), row.value, row.headers)
    centre.pump()

    assert logs == {o.name: o.log for o in centre.outlets.values()}
    after = centre.rows(story)
    assert {c: r["state"] for c, r in before.items()} == {c: r["state"] for c, r in after.items()}


def test_a_killed_owner_is_settled_and_asked_for(centre: CentreInMemory) -> None:
    from consumers import claims
    from consumers.protocol import after_crash
    from stores.ledger import publications

    story = centre.file()
    centre.pump()
    centre.sign_all(story)
    centre.pump(publish=False)
    publisher = centre.publishers["web"]
    with centre.ledger.snapshot() as view:
        found = publications.next_due(view, "web", centre.ledger.now_ms())
    assert found is not None
    taken = claims.claim(centre.ledger, publisher.spec, found, "dead")
    assert taken is not None
    # the request reached the outlet, then the owner was killed
    attempt = publisher._attempt(taken, publisher._copy(taken)[0], None, 1e12)  # type: ignore[arg-type]
    centre.outlets["web"].submit(None, publisher._copy(taken)[1], attempt)
    assert claims.adopt(centre.ledger, publisher.spec, after_crash) == 1
    centre.pump()
    assert centre.states(story)["web"] == "unknown"
    centre.pass_time(10)
    centre.pump()

    assert centre.states(story)["web"] == "live"
    assert len(centre.outlets["web"].log) == 1


def test_an_unknown_story_becomes_a_dead_letter(centre: CentreInMemory) -> None:
    from datetime import UTC, datetime

    from bus.dead_letters import open_count
    from schemas.codec import encode
    from schemas.events import StoryApproved
    from stores.ledger.ids import new_id

    forged = StoryApproved(story_id=uuid.uuid4(), version=1, copies_sha256="a" * 64)
    record = encode(forged, id=new_id(), at=datetime.now(UTC), key="x")
    headers = [(k, v.encode()) for k, v in record.headers.items()]
    centre.hand_on("story-events", b"x", record.value, headers)
    centre.hand_on("story-events", b"x", b"not json", headers)
    centre.pump()

    with centre.ledger.snapshot() as view:
        assert open_count(view) >= 1


def test_a_person_with_an_older_package_is_told_of_the_correction(centre: CentreInMemory) -> None:
    centre.outlets["wechat"].answers = [lambda: AwaitingPerson("draft-1", "press publish")]
    story = centre.publish("第一版")
    assert centre.states(story)["wechat"] == "awaiting_person"
    centre.revise(story, "第二版")
    centre.pump()
    centre.sign_all(story)
    centre.pump()

    assert "不要发布手上的第1版" in centre.rows(story)["wechat"]["reason"]


def test_a_withdrawal_during_a_call_is_not_kept_waiting_by_its_retry(
    centre: CentreInMemory,
) -> None:
    story = centre.publish()
    centre.pass_time(2)
    centre.pump()
    centre.revise(story, "更正")
    centre.pump()

    def withdrawn_meanwhile() -> Any:
        centre.withdraw(story)
        raise TransientError("quota used up", retry_after_s=50_000)

    centre.outlets["web"].answers = [withdrawn_meanwhile]
    centre.sign_all(story)
    centre.pump()

    assert centre.states(story)["web"] == "recalled"
    assert centre.outlets["web"].items == {}


def remove(centre: CentreInMemory, channel: str) -> None:
    """The operator takes a channel out of the channels file and starts again."""
    rules = {c: r for c, r in centre.conductor.rules.items() if c != channel}
    centre.conductor.rules = rules
    centre.publishers.pop(channel)._lock.close()


def test_withdrawal_reaches_a_channel_that_was_switched_off(centre: CentreInMemory) -> None:
    story = centre.publish()
    centre.pass_time(2)
    centre.pump()
    rules = centre.conductor.rules
    centre.conductor.rules = {**rules, "web": replace(rules["web"], active=False)}
    centre.withdraw(story)
    centre.pump()
    centre.pass_time(5)
    centre.pump()

    assert set(centre.states(story).values()) == {"recalled"}
    assert centre.outlets["web"].items == {}


def test_withdrawal_of_what_stands_at_a_channel_that_is_gone_asks_a_person(
    centre: CentreInMemory,
) -> None:
    story = centre.publish()
    centre.pass_time(2)
    centre.pump()
    address = centre.rows(story)["web"]["url"]
    remove(centre, "web")
    centre.withdraw(story)
    for _ in range(2):
        centre.pump()
        centre.pass_time(5)

    row = centre.rows(story)["web"]
    assert row["state"] == "needs_person"
    assert address in row["reason"]
    assert "值班编辑" in row["reason"]
    assert {s for c, s in centre.states(story).items() if c != "web"} == {"recalled"}


def test_withdrawal_cancels_what_a_channel_that_is_gone_never_got(centre: CentreInMemory) -> None:
    for name in ("web", "wechat"):
        centre.outlets[name].answers = [lambda: Refused("不收", "48001")] * 9
    story = centre.publish()
    assert centre.states(story)["tv"] == "gated"
    remove(centre, "tv")
    centre.withdraw(story)
    centre.pump()

    assert centre.states(story)["tv"] == "cancelled"
    assert centre.outlets["tv"].log == []


def test_a_later_version_never_waits_for_an_earlier_corrections_retry(
    centre: CentreInMemory,
) -> None:
    story = centre.publish("第一版")
    centre.pass_time(2)
    centre.pump()

    def later() -> Any:
        raise TransientError("busy", retry_after_s=50_000)

    centre.outlets["web"].answers = [later]
    for headline in ("第二版", "第三版"):
        centre.revise(story, headline, correction="有误")
        centre.pump()
        centre.sign_all(story)
        centre.pump()
        centre.pass_time(5)
        centre.pump()

    assert [(v, n) for v, _, n in centre.outlets["web"].log] == [("create", 1), ("update", 3)]
    assert centre.rows(story)["web"]["live_version"] == 3


def test_a_clock_that_jumps_opens_no_wave_and_no_embargo(centre: CentreInMemory) -> None:
    for name in ("web", "wechat"):
        centre.outlets[name].answers = [lambda: Refused("不收", "48001")] * 9
    gated = centre.publish()
    later = centre.publish(plan=Plan(release_at=centre.now + timedelta(hours=2)))
    jumped = [True]
    centre.conductor.frozen = centre.timer.frozen = lambda: jumped[0]
    centre.pass_time(100_000)
    centre.pump()
    acts.hold(centre.desk, REVIEWERS[3], str(gated), acts.ReasonIn(reason="看一下"))
    acts.resume(centre.desk, REVIEWERS[3], str(gated))
    acts.hold(centre.desk, REVIEWERS[3], str(later), acts.ReasonIn(reason="看一下"))
    acts.resume(centre.desk, REVIEWERS[3], str(later))
    centre.pump()
    assert centre.outlets["tv"].log == [], "no event opens what only the clock would"
    assert set(centre.states(later).values()) == {"held"}

    jumped[0] = False
    centre.pump()
    assert centre.states(gated)["tv"] == "live"
    assert "held" not in centre.states(later).values()


def test_what_an_outlet_may_still_have_under_way_is_not_asked_for_by_a_wrong_clock(
    centre: CentreInMemory,
) -> None:
    centre.outlets["web"].lost_answers = 1
    story = centre.publish()
    live = centre.publish()
    publisher = centre.publishers["web"]
    publisher.frozen = lambda: True
    centre.pass_time(7200)
    centre.withdraw(live)
    centre.pump()
    assert centre.states(story)["web"] == "unknown"
    assert centre.states(live)["web"] == "recalled", "a withdrawal waits for no clock"
    publisher.frozen = lambda: False
    centre.pump()
    assert centre.states(story)["web"] == "live"


@pytest.mark.parametrize("copied", [True, False])
def test_withdrawal_after_a_restore_takes_down_what_the_lost_ledger_had_sent(
    centre: CentreInMemory, copied: bool
) -> None:
    """The restored copy is older than the sending, and its topics are lost: it looks unsent."""
    story = centre.publish()
    centre.pass_time(3600)
    centre.pump()
    before = {
        "state": "planned",
        "gate": "",
        "epoch": 0,
        **dict.fromkeys(("receipt", "received_at", "live_version", "due_at", "sent_before")),
    }
    with centre.ledger.transaction() as tx:
        forgotten = before if copied else before | {"copy_sha256": None}
        tx.execute(publications.update().values(forgotten))
        restores.hold(tx, str(story), at=centre.ledger.now_ms())
    restores.settle(centre.ledger, source="a copy", settle_s={})
    centre.withdraw(story)
    centre.pass_time(90)
    centre.pump()
    for name, row in centre.rows(story).items():
        if copied:
            assert centre.outlets[name].items == {}, name
            assert row["state"] == "recalled", name
        else:
            assert row["state"] == "needs_person", name
            assert "已发布的请撤下" in row["reason"]
