"""What got stuck is led on: each case is a row that nothing would ever move again."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from sqlalchemy import update

from consumers import claims
from desk.words import STATES
from schemas.channel import Accepted
from stores.ledger import overdue, publications, renditions, stories, views
from stores.ledger.tables import outbox as outbox_table
from stores.ledger.tables import publications as publication_table
from stores.ledger.tables import versions as version_table
from streams.sweep import Sweep
from tests.centre import CentreInMemory, Outlet


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[CentreInMemory]:
    made = CentreInMemory(
        tmp_path, [Outlet("web", 1), Outlet("tv", 2)], settle_s=1.0, call_deadline_s=5.0
    )
    yield made
    made.close()


def sweep(centre: CentreInMemory) -> list[str]:
    """One pass and what follows; the names of what it wrote to the log."""
    with structlog.testing.capture_logs() as logged:
        Sweep(centre.conductor).once()
    centre.pump()
    told = [line for line in logged if line.get("what") != "outbox"]  # no relay runs here
    return [line["event"] for line in told if line["event"].startswith("sweep.")]


def approved(centre: CentreInMemory) -> uuid.UUID:
    story = centre.file()
    centre.pump()
    centre.sign_all(story)
    centre.pump(publish=False)
    return story


def late(centre: CentreInMemory) -> dict[str, int]:
    """What is late, but for records that no relay has sent here."""
    with centre.ledger.snapshot() as view:
        found = overdue.counts(view, centre.ledger.now_ms())
    return {kind: number for kind, number in found.items() if kind != "outbox"}


def lose_events(centre: CentreInMemory) -> None:
    """Whatever is on its way was buried or never came."""
    with centre.ledger.transaction() as tx:
        tx.execute(update(outbox_table).values(sent_at=1))


def test_every_state_has_an_owner_and_a_limit_or_a_reason_for_none() -> None:
    assert set(overdue.DELIVERIES) == set(STATES)
    for state in (*publications.OPEN, "intent"):
        limit = overdue.DELIVERIES[state]
        assert (limit.owner, limit.late_s is not None) == ("publisher", True), state
    waiting = {s for s, limit in overdue.DELIVERIES.items() if limit.late_s is None}
    assert waiting.isdisjoint({*publications.OPEN, "intent"})


def test_a_quiet_centre_is_left_alone(centre: CentreInMemory) -> None:
    centre.publish()
    held = centre.file()
    centre.pump()
    centre.pass_time(100_000)
    before = centre.rows(held)
    assert sweep(centre) == []
    assert centre.rows(held) == before
    assert late(centre) == {}


@pytest.mark.parametrize("state", sorted(publications.OPEN))
def test_a_delivery_without_a_due_time_is_due(centre: CentreInMemory, state: str) -> None:
    story = centre.publish()
    verb = {"updating": "update", "recalling": "recall"}.get(state, "create")
    with centre.ledger.transaction() as tx:
        publications.change(tx, story, "web", 1, at=1, state=state, verb=verb, due_at=None)
    centre.pass_time(120)
    assert sweep(centre) == ["sweep.mended"]
    assert centre.states(story)["web"] in {"live", "recalled"}


def test_a_delivery_that_no_publisher_takes_is_told_once(centre: CentreInMemory) -> None:
    approved(centre)
    centre.pass_time(61)
    watching = Sweep(centre.conductor)
    with structlog.testing.capture_logs() as logged:
        for _ in range(3):
            watching.once()
            centre.pass_time(1)
        assert late(centre) == {"deliveries": 1}
        centre.pump()
        watching.once()
    told = [(line["event"], line["what"]) for line in logged if "what" in line]
    told = [one for one in told if one[1] != "outbox"]
    assert told == [("sweep.late", "deliveries"), ("sweep.in_time_again", "deliveries")]


def test_an_open_call_that_is_past_all_time_is_late(centre: CentreInMemory) -> None:
    approved(centre)
    with centre.ledger.snapshot() as view:
        found = publications.next_due(view, "web", centre.ledger.now_ms())
    assert found is not None
    claims.claim(centre.ledger, centre.specs["web"], found, "me")
    centre.pass_time(6)
    assert late(centre) == {}
    centre.pass_time(61)
    assert late(centre) == {"deliveries": 1}


def test_copies_that_never_came_are_ordered_again(centre: CentreInMemory) -> None:
    story = centre.file()
    centre.deliver_events()
    lose_events(centre)
    centre.pump()
    with centre.ledger.snapshot() as view:
        assert stories.version_row(view, story, 1).copies_sha256 is None
    centre.pass_time(61)
    assert late(centre) == {"copies": 1}
    assert "sweep.mended" in sweep(centre)
    with centre.ledger.snapshot() as view:
        assert stories.version_row(view, story, 1).copies_sha256 is not None
    assert late(centre) == {}


def test_copies_that_cannot_be_made_are_not_ordered_for_ever(centre: CentreInMemory) -> None:
    centre.file()
    centre.pump()
    with centre.ledger.transaction() as tx:
        tx.execute(update(version_table).values(copies_sha256=None))
    centre.adapter.take = lambda *_: None  # type: ignore[method-assign]
    mended = 0
    for _ in range(100):
        centre.pass_time(300)
        mended += "sweep.mended" in sweep(centre)
    assert mended == len(overdue.SLOTS_S)


def test_a_withdrawal_whose_event_was_lost_comes_through(centre: CentreInMemory) -> None:
    story = centre.publish()
    centre.withdraw(story)
    lose_events(centre)
    centre.pump()
    assert centre.states(story)["web"] == "live"
    centre.pass_time(61)
    assert late(centre) == {"withdrawals": 1}
    sweep(centre)
    assert set(centre.states(story).values()) == {"recalled"}


def test_an_approval_whose_event_was_lost_comes_through(centre: CentreInMemory) -> None:
    story = centre.file()
    centre.pump()
    centre.sign_all(story)
    lose_events(centre)
    centre.pump()
    assert set(centre.states(story).values()) == {"planned"}
    centre.pass_time(61)
    sweep(centre)
    assert set(centre.states(story).values()) == {"live"}


def test_a_rendition_of_a_worker_that_is_gone_is_ordered_again(centre: CentreInMemory) -> None:
    with centre.ledger.transaction() as tx:
        now = centre.ledger.now_ms()
        story = uuid.uuid4()
        renditions.need(tx, story, "a" * 64, "tv_xdcam_hd422", wave=1, urgency=5, cost_s=1, at=now)
        assert renditions.take(tx, "gone", now)
    centre.pass_time(overdue.RENDITION_SILENT_S - 1)
    assert sweep(centre) == []
    centre.pass_time(2)
    assert sweep(centre) == ["sweep.mended"]
    with centre.ledger.snapshot() as view:
        row = renditions.get(view, "a" * 64, "tv_xdcam_hd422")
    assert row is not None
    assert (row.state, row.owner) == ("ordered", None)
    centre.pass_time(overdue.RENDITION_LATE_S + 1)
    assert late(centre) == {"renditions": 1}


def test_records_that_stay_off_kafka_are_told(centre: CentreInMemory) -> None:
    centre.file()
    centre.pass_time(61)
    with centre.ledger.snapshot() as view:
        assert overdue.counts(view, centre.ledger.now_ms())["outbox"] >= 1


SENT = [
    ("accepted", "create"),
    ("unknown", "create"),
    ("updating", "update"),
    ("recalling", "recall"),
]


@pytest.mark.parametrize(("state", "verb"), SENT)
def test_what_stands_at_a_channel_that_is_gone_goes_to_a_person(
    centre: CentreInMemory, state: str, verb: str
) -> None:
    story = centre.publish()
    address = centre.rows(story)["web"]["url"]
    with centre.ledger.transaction() as tx:
        publications.change(tx, story, "web", 1, at=1, state=state, verb=verb, due_at=1)
    _remove(centre, "web")
    sweep(centre)
    row = centre.rows(story)["web"]
    assert row["state"] == "needs_person"
    assert address in row["reason"]
    assert "值班编辑" in row["reason"]
    assert sweep(centre) == []


def test_a_call_cut_off_at_a_channel_that_is_gone_is_closed(centre: CentreInMemory) -> None:
    story = approved(centre)
    with centre.ledger.snapshot() as view:
        found = publications.next_due(view, "web", centre.ledger.now_ms())
    assert found is not None
    claims.claim(centre.ledger, centre.specs["web"], found, "dead")
    _remove(centre, "web")
    sweep(centre)
    assert centre.states(story)["web"] == "needs_person"
    with centre.ledger.snapshot() as view:
        assert views.status(view)["open_intents"] == 0
        made = {a.channel: a.outcome for a in publications.attempts_of(view, story)}
    assert made["web"] == "lost"


def test_what_was_never_sent_to_a_channel_that_is_gone_ends(centre: CentreInMemory) -> None:
    story = centre.file()
    centre.pump()
    _remove(centre, "tv")
    sweep(centre)
    assert centre.states(story) == {"web": "planned", "tv": "not_applicable"}
    assert "渠道文件" in centre.rows(story)["tv"]["reason"]


def test_reconciling_is_asked_for_and_never_sent(centre: CentreInMemory) -> None:
    story = centre.publish()
    with centre.ledger.transaction() as tx:
        tx.execute(
            update(publication_table)
            .where(publication_table.c.channel == "web")
            .values(state="reconciling", due_at=1, receipt=None, received_at=None)
        )
    centre.pump()
    assert centre.states(story)["web"] == "live"
    assert [v for v, _, _ in centre.outlets["web"].log] == ["create"]


def test_an_accepted_item_has_its_publishers_patience(centre: CentreInMemory) -> None:
    centre.outlets["web"].answers = [lambda: Accepted({"id": "1"}, "审核中")]
    story = centre.publish()
    centre.pass_time(1)
    assert sweep(centre) == []
    centre.pass_time(10)
    centre.pump()
    assert centre.states(story)["web"] == "live"


def _remove(centre: CentreInMemory, channel: str) -> None:
    rules: dict[str, Any] = {c: r for c, r in centre.conductor.rules.items() if c != channel}
    centre.conductor.rules = rules
    centre.publishers.pop(channel)._lock.close()
