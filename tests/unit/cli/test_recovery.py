"""The ledger is lost and made anew from the events: nothing is published twice, nothing is lost."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from bus import replay, topic_log
from bus.dead_letters import Origin, bury_alone
from producers import acts
from schemas.errors import InvalidInput
from schemas.story import Plan
from stores.ledger import fold, letters, restores, stories, views
from stores.ledger.outbox import unsent
from stores.ledger.tables import outbox, publications
from stores.ledger.transaction import open_ledger
from tests.centre import REVIEWERS, CentreInMemory, Outlet
from tests.recovering import content, folded, lose_ledger, on_kafka, rebuild


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[CentreInMemory]:
    made = CentreInMemory(
        tmp_path,
        [
            Outlet("web", 1, needs="web_hls"),
            Outlet("wechat", 1, can_update=False, asynchronous=True),
            Outlet("tv", 2),
            Outlet("paper", 3, absent_is_sure=False),
        ],
        settle_s=1.0,
        call_deadline_s=5.0,
        poll_s=(1.0,),
        quota={"create": 9},
    )
    yield made
    made.close()


def rest(centre: CentreInMemory) -> None:
    for _ in range(4):
        centre.pump()
        centre.pass_time(70)
    centre.pump()


def a_day(centre: CentreInMemory) -> None:
    """Published, corrected, withdrawn, held, sent back, in review, and a wave opened by hand."""
    first = centre.publish("一")
    rest(centre)
    centre.revise(first, "一, 更正", correction="数字有误")
    centre.pump()
    centre.sign_all(first)
    rest(centre)
    second = centre.publish("二")
    rest(centre)
    centre.withdraw(second)
    rest(centre)
    third = centre.publish("三")
    asked = acts.OpenWaveIn(wave=3, reason="领导要求")
    acts.open_wave(centre.desk, REVIEWERS[3], str(third), asked)
    acts.hold(centre.desk, REVIEWERS[3], str(third), acts.ReasonIn(reason="核实"))
    rest(centre)
    fourth = centre.file("四")
    centre.pump()
    centre.sign(fourth, 1)
    centre.sign(fourth, 2, decision="return", note="事实不清")
    centre.file("五")
    rest(centre)


def test_what_the_events_tell_is_the_ledger(centre: CentreInMemory, tmp_path: Path) -> None:
    a_day(centre)
    made = folded(on_kafka(centre.ledger), tmp_path)
    assert content(made) == content(centre.ledger)
    with made.snapshot() as view, centre.ledger.snapshot() as old:
        again, before = (list(v.execute(select(outbox))) for v in (view, old))
    assert again == before, "with topic, partition and offset: a record is known to be genuine"
    made.close()


def test_a_rebuilt_centre_goes_on_and_publishes_nothing_twice(centre: CentreInMemory) -> None:
    a_day(centre)
    before, logs = content(centre.ledger), {n: list(o.log) for n, o in centre.outlets.items()}
    records = on_kafka(centre.ledger)
    lose_ledger(centre)
    told = rebuild(centre, records)

    assert told.strange == []
    assert told.records == len(records)
    rest(centre)
    assert {n: o.log for n, o in centre.outlets.items()} == logs
    after = content(centre.ledger)
    for name in ("stories", "versions", "signatures", "copies", "assets", "story_renditions"):
        assert after[name] == before[name], name
    sixth = centre.publish("六")
    rest(centre)
    assert set(centre.states(sixth).values()) == {"live"}
    assert centre.rows(sixth)["web"]["number"] == 6


def test_a_released_delivery_without_receipt_is_asked_for(centre: CentreInMemory) -> None:
    """The request went out and the ledger was lost with the answer; the newspaper cannot tell."""
    story = centre.file()
    centre.pump()
    centre.sign_all(story)
    centre.pump(publish=False)
    acts.open_wave(centre.desk, REVIEWERS[3], str(story), acts.OpenWaveIn(wave=3, reason="急"))
    centre.pump(publish=False)
    records = on_kafka(centre.ledger)
    centre.publishers["web"]._work_once()
    centre.publishers["paper"]._work_once()
    assert centre.outlets["web"].log
    assert centre.outlets["paper"].log
    lose_ledger(centre)
    told = rebuild(centre, records)

    assert told.asked == 3
    assert centre.states(story)["web"] == "unknown"
    rest(centre)
    states = centre.states(story)
    assert (states["web"], states["wechat"], states["tv"]) == ("live", "live", "live")
    assert all(len(o.log) == 1 for o in centre.outlets.values()), "sent once, each"
    assert centre.states(story)["paper"] == "live", "it was found"


def test_where_the_outlet_cannot_tell_a_person_looks(centre: CentreInMemory) -> None:
    story = centre.file(plan=Plan(channels=("paper",)))
    centre.pump()
    centre.sign_all(story)
    centre.pump(publish=False)
    records = on_kafka(centre.ledger)
    lose_ledger(centre)
    rebuild(centre, records)
    rest(centre)
    assert centre.states(story)["paper"] == "needs_person"
    assert centre.outlets["paper"].log == []


def test_what_was_sent_in_the_lost_last_moments_is_not_sent_again(centre: CentreInMemory) -> None:
    """Kafka never got the approval and what followed; it is signed again and asked for first."""
    story = centre.file()
    centre.pump()
    records = on_kafka(centre.ledger)
    centre.sign_all(story)
    rest(centre)
    logs = {n: list(o.log) for n, o in centre.outlets.items()}
    assert all(logs.values())
    lose_ledger(centre)
    rebuild(centre, records)

    assert set(centre.states(story).values()) == {"planned"}
    centre.sign_all(story)
    rest(centre)
    assert set(centre.states(story).values()) == {"live"}
    assert {n: o.log for n, o in centre.outlets.items()} == logs


def test_held_until_somebody_has_looked(centre: CentreInMemory) -> None:
    story = centre.file()
    centre.pump()
    centre.sign_all(story)
    centre.pump(publish=False)
    records = on_kafka(centre.ledger)
    lose_ledger(centre)
    assert rebuild(centre, records, hold=True).held == 1
    rest(centre)
    assert all(o.log == [] for o in centre.outlets.values())
    acts.resume(centre.desk, REVIEWERS[3], str(story))
    rest(centre)
    assert centre.states(story)["web"] == "live"


def test_copies_and_renditions_that_were_lost_are_ordered_again(centre: CentreInMemory) -> None:
    story = centre.file()
    records = []
    for _ in range(3):
        records = on_kafka(centre.ledger)
        if any(r.topic == "adapt-orders" for r in records):
            break
        centre.deliver_events()
    lose_ledger(centre)
    rebuild(centre, records)
    rest(centre)
    centre.sign_all(story)
    rest(centre)
    assert centre.states(story)["web"] == "live"


def test_a_record_that_is_not_the_relays_is_left_out_and_named(centre: CentreInMemory) -> None:
    story = centre.publish()
    rest(centre)
    records = on_kafka(centre.ledger)
    (withdrawn, *_) = (r for r in records if r.type.startswith("cn.shoufa.story.approved"))
    forged = type(withdrawn)(**{**vars(withdrawn), "event_id": str(story)})
    lose_ledger(centre)
    told = rebuild(centre, [*records, forged])
    assert len(told.strange) == 1
    assert "another's" in told.strange[0]
    assert centre.states(story)["web"] == "live"


def test_a_dry_run_changes_nothing(centre: CentreInMemory, tmp_path: Path) -> None:
    a_day(centre)
    before = content(centre.ledger)
    told = rebuild(centre, on_kafka(centre.ledger), dry_run=True)
    assert told.rows["stories"] == 5
    assert told.kept == ""
    assert content(centre.ledger) == before
    assert list((tmp_path / "ledger").glob("*.db")) == []


def test_the_former_ledger_is_kept(centre: CentreInMemory) -> None:
    story = centre.publish()
    told = rebuild(centre, on_kafka(centre.ledger))
    kept = open_ledger(f"sqlite:///{told.kept}")
    with kept.snapshot() as view:
        assert stories.get(view, story).number == 1
        assert restores.last(view) is None
    kept.close()
    with centre.ledger.snapshot() as view:
        assert restores.last(view) is not None


def test_without_a_record_nothing_is_replaced(centre: CentreInMemory) -> None:
    story = centre.publish()
    with pytest.raises(InvalidInput, match="the topics are empty"):
        rebuild(centre, [])
    assert centre.states(story)["web"] == "live"


def test_open_recalls_and_updates_go_on(centre: CentreInMemory) -> None:
    story = centre.publish()
    rest(centre)
    centre.withdraw(story)
    centre.pump(publish=False)
    with centre.ledger.snapshot() as view:
        states = set(view.execute(select(publications.c.state)).scalars())
        assert views.status(view)["unfinished"] == 4
    assert states == {"recalling"}
    records = on_kafka(centre.ledger)
    lose_ledger(centre)
    rebuild(centre, records)
    rest(centre)
    assert set(centre.states(story).values()) == {"recalled"}
    assert all(o.items == {} for o in centre.outlets.values())


def test_a_story_of_a_build_that_told_no_rows_is_named(centre: CentreInMemory) -> None:
    story = centre.publish()
    rest(centre)
    records = [r for r in on_kafka(centre.ledger) if r.type != "cn.shoufa.ledger.written.v1"]
    lose_ledger(centre)
    told = rebuild(centre, records)
    assert told.untold == [str(story)]
    assert told.rows["stories"] == 0


def test_a_replayed_dead_letter_is_the_ledgers_own(centre: CentreInMemory) -> None:
    """It lies on its topic under its old event id and a new number, and tells nothing new."""
    story = centre.publish()
    rest(centre)
    records = on_kafka(centre.ledger)
    (first, *_) = (
        r for r in records if '"stories"' in r.value and r.type == "cn.shoufa.ledger.written.v1"
    )
    origin = Origin(first.topic, 0, first.kafka_offset or 0, "conductor")
    headers = [(n, v.encode()) for n, v in json.loads(first.headers).items()]
    bury_alone(
        centre.ledger, origin, first.key.encode(), first.value.encode(), "?", headers=headers
    )
    with centre.ledger.transaction() as tx:
        (letter,) = letters.all_open(tx, 9)
        replay.replay(tx, letter, by="one", why="", at=1)
    with centre.ledger.snapshot() as view:
        (again,) = (r for r in unsent(view, 9) if r.topic == first.topic)
    record = SimpleNamespace(
        topic=again.topic,
        partition=0,
        offset=99,
        timestamp=2,
        key=again.key.encode(),
        value=again.value,
        headers=list(again.headers),
    )
    told = fold.Folded()
    (read,) = topic_log.of_record(record, told)
    before = content(centre.ledger)
    lose_ledger(centre)
    rebuilt = rebuild(centre, [*records, read])
    assert (told.strange, rebuilt.strange) == ([], [])
    after = content(centre.ledger)
    assert after["stories"] == before["stories"], "the old image did not come back"
    assert centre.states(story)["web"] == "live"
