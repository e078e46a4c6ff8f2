"""Claim, checkpoint, quota, finish: what the ledger holds before and after each."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog.testing
from sqlalchemy import Row, select, update

from consumers import claims
from consumers.protocol import Next, after_crash
from schemas.channel import Absent, Live
from schemas.codec import decode
from schemas.errors import QuotaUsed, UnknownOutcome
from schemas.events import DeliveryChanged
from stores.ledger import outbox, publications, stories
from stores.ledger.tables import copies as copy_table
from stores.ledger.tables import outbox as outbox_table
from stores.ledger.tables import signatures
from tests.centre import CentreInMemory, Outlet


@pytest.fixture
def centre(tmp_path: Path, ledger_url: str) -> Iterator[CentreInMemory]:
    made = CentreInMemory(
        tmp_path,
        [Outlet("web", 1)],
        url=ledger_url,
        settle_s=1.0,
        call_deadline_s=5.0,
        quota={"create": 2},
    )
    yield made
    made.close()


@pytest.fixture
def ready(centre: CentreInMemory) -> uuid.UUID:
    """A story approved and ordered, that no publisher has touched."""
    story = centre.file()
    centre.pump()
    centre.sign_all(story)
    centre.pump(publish=False)
    return story


def row_of(centre: CentreInMemory, story: uuid.UUID, release: int = 1) -> Row[Any]:
    with centre.ledger.snapshot() as view:
        row = publications.get(view, story, "web", release)
    assert row is not None
    return row


def claim(centre: CentreInMemory, story: uuid.UUID) -> claims.Claim | None:
    return claims.claim(centre.ledger, centre.specs["web"], row_of(centre, story), "me")


def told(centre: CentreInMemory) -> list[DeliveryChanged]:
    with centre.ledger.snapshot() as view:
        found = [decode(r.value, r.headers)[1] for r in outbox.unsent(view, 100)]
    return [event for event in found if isinstance(event, DeliveryChanged)]


def receipt(centre: CentreInMemory, taken: claims.Claim) -> Live:
    publisher = centre.publishers["web"]
    copy, payload = publisher._copy(taken)
    media: Any = None
    answer = publisher._call(taken, payload, publisher._attempt(taken, copy, media, 1e12))()
    assert isinstance(answer, Live)
    return answer


def test_the_intent_is_in_the_ledger_before_any_call(
    centre: CentreInMemory, ready: uuid.UUID
) -> None:
    taken = claim(centre, ready)
    assert taken is not None
    row = row_of(centre, ready)
    assert (row.state, row.open_attempt, row.epoch) == ("intent", taken.attempt_id, 1)
    assert row.sent_before == taken.sent_before == centre.ledger.now_ms() + 5000
    with centre.ledger.snapshot() as view:
        (attempt,) = publications.attempts_of(view, ready)
    assert (attempt.id, attempt.outcome, attempt.owner) == (taken.attempt_id, "open", "me")
    assert centre.outlets["web"].log == []


def test_a_row_is_claimed_by_one(centre: CentreInMemory, ready: uuid.UUID) -> None:
    found = row_of(centre, ready)
    spec = centre.specs["web"]
    first = claims.claim(centre.ledger, spec, found, "one")
    assert first is not None
    assert claims.claim(centre.ledger, spec, found, "two") is None


def test_what_is_not_due_is_not_claimed(centre: CentreInMemory, ready: uuid.UUID) -> None:
    with centre.ledger.transaction() as tx:
        at = centre.ledger.now_ms()
        publications.change(tx, ready, "web", 1, at=at, due_at=at + 1)
    assert claim(centre, ready) is None


@pytest.mark.parametrize(
    "spoil",
    ["a voided signature", "a copy that is not the signed one", "a copy changed after signing"],
)
def test_without_three_signatures_over_this_copy_nothing_leaves(
    centre: CentreInMemory, ready: uuid.UUID, spoil: str
) -> None:
    with centre.ledger.transaction() as tx:
        if spoil == "a voided signature":
            tx.execute(update(signatures).where(signatures.c.level == 2).values(voided_at=1))
        elif spoil == "a copy that is not the signed one":
            publications.change(tx, ready, "web", 1, at=1, copy_sha256="e" * 64)
        else:
            tx.execute(update(copy_table).values(sha256="e" * 64))
            publications.change(tx, ready, "web", 1, at=1, copy_sha256="e" * 64)
    with structlog.testing.capture_logs() as logged:
        assert claim(centre, ready) is None
    assert row_of(centre, ready).state == "refused"
    assert [line["log_level"] for line in logged] == ["error"]
    assert told(centre)[-1].state == "refused"


def test_three_levels_by_fewer_than_three_people_are_not_enough(
    centre: CentreInMemory, ready: uuid.UUID
) -> None:
    with centre.ledger.transaction() as tx:
        tx.execute(update(signatures).where(signatures.c.level == 2).values(person_id="one"))
    assert claim(centre, ready) is None
    assert row_of(centre, ready).state == "refused"


def test_receipt_event_and_end_of_the_attempt_are_one_transaction(
    centre: CentreInMemory, ready: uuid.UUID
) -> None:
    taken = claim(centre, ready)
    assert taken is not None
    live = receipt(centre, taken)
    claims.finish(centre.ledger, taken, Next("live", "", receipt=live.receipt))
    row = row_of(centre, ready)
    assert (row.state, row.open_attempt, row.sent_before) == ("live", None, None)
    assert (row.live_version, json.loads(row.receipt)["item_id"]) == (1, live.receipt.item_id)
    assert told(centre)[-1].receipt == live.receipt


def test_a_taken_over_attempt_can_neither_finish_nor_checkpoint(
    centre: CentreInMemory, ready: uuid.UUID
) -> None:
    taken = claim(centre, ready)
    assert taken is not None
    claims.checkpoint(centre.ledger, taken, "draft", "d1")
    assert claims.adopt(centre.ledger, centre.specs["web"], after_crash) == 1
    before = row_of(centre, ready)
    claims.finish(centre.ledger, taken, Next("refused", "太晚"))
    with pytest.raises(UnknownOutcome):
        claims.checkpoint(centre.ledger, taken, "draft", "d2")
    assert row_of(centre, ready) == before
    assert before.state == "unknown"
    assert json.loads(before.checkpoints) == {"draft": "d1"}
    assert claims.adopt(centre.ledger, centre.specs["web"], after_crash) == 0


def test_checkpoints_are_kept_for_the_next_attempt_and_dropped_for_another_version(
    centre: CentreInMemory, ready: uuid.UUID
) -> None:
    taken = claim(centre, ready)
    assert taken is not None
    claims.checkpoint(centre.ledger, taken, "draft", "d1")
    claims.checkpoint(centre.ledger, taken, "step", 2)
    claims.finish(centre.ledger, taken, Next("retry_wait", "忙", 1.0, 1, told=False))
    assert json.loads(row_of(centre, ready).checkpoints) == {"draft": "d1", "step": 2}
    centre.revise(ready, "第二版")
    centre.pump(publish=False)
    centre.sign_all(ready)
    centre.pump(publish=False)
    assert json.loads(row_of(centre, ready).checkpoints) == {}


def test_asking_needs_no_intent_and_a_row_that_moved_on_stays(
    centre: CentreInMemory, ready: uuid.UUID
) -> None:
    taken = claim(centre, ready)
    assert taken is not None
    claims.finish(
        centre.ledger, taken, Next("accepted", "审核中", 0.0, handle={"id": "1"}, told=True)
    )
    asking = claim(centre, ready)
    assert asking is not None
    assert asking.attempt_id is None
    assert row_of(centre, ready).epoch == 1
    with centre.ledger.transaction() as tx:
        publications.change(tx, ready, "web", 1, at=1, state="recalling", handle=None)
    claims.finish(centre.ledger, asking, Next("live", "", receipt=None))
    assert row_of(centre, ready).state == "recalling"


def test_a_stopped_correction_tells_which_version_is_live(
    centre: CentreInMemory, ready: uuid.UUID
) -> None:
    centre.pump()
    centre.revise(ready, "第二版")
    centre.pump()
    centre.sign_all(ready)
    centre.pump(publish=False)
    assert row_of(centre, ready).state == "updating"
    centre.withdraw(ready)
    assert claim(centre, ready) is None
    event = told(centre)[-1]
    assert (event.state, event.version) == ("live", 1)


def test_the_days_quota_ends_at_midnight_in_beijing(
    centre: CentreInMemory, ready: uuid.UUID
) -> None:
    spec, taken = centre.specs["web"], claim(centre, ready)
    assert taken is not None
    claims.spend(centre.ledger, spec, taken, "create")
    claims.spend(centre.ledger, spec, taken, "query")
    claims.spend(centre.ledger, spec, taken, "create")
    with pytest.raises(QuotaUsed) as used_up:
        claims.spend(centre.ledger, spec, taken, "create")
    assert used_up.value.retry_after_s == 15 * 3600 + 5  # it is nine in the morning there
    centre.now += timedelta(seconds=used_up.value.retry_after_s or 0)
    claims.spend(centre.ledger, spec, taken, "create")


def test_what_is_kept_for_recalls_nothing_else_may_spend(
    centre: CentreInMemory, ready: uuid.UUID
) -> None:
    spec = centre.specs["web"].model_copy(
        update={"quota": {"token": 5}, "recall_reserve": {"token": 2}}
    )
    taken = claim(centre, ready)
    assert taken is not None
    for _ in range(3):
        claims.spend(centre.ledger, spec, taken, "token")
    for verb in ("create", "update"):
        working = replace(taken, row=SimpleNamespace(verb=verb, story_id=str(ready)))  # type: ignore[arg-type]
        with pytest.raises(QuotaUsed):
            claims.spend(centre.ledger, spec, working, "token")
    recall = replace(taken, row=SimpleNamespace(verb="recall", story_id=str(ready)))  # type: ignore[arg-type]
    for _ in range(2):
        claims.spend(centre.ledger, spec, recall, "token")
    with pytest.raises(QuotaUsed):
        claims.spend(centre.ledger, spec, recall, "token")


def test_a_call_is_told_as_spent_before_it_is_answered(
    centre: CentreInMemory, ready: uuid.UUID
) -> None:
    spec = centre.specs["web"].model_copy(update={"quota": {"create": 1}})
    taken = claim(centre, ready)
    assert taken is not None
    claims.spend(centre.ledger, spec, taken, "create")
    with centre.ledger.snapshot() as view:
        told = (
            view.execute(select(outbox_table.c.value).order_by(outbox_table.c.seq.desc()))
            .scalars()
            .first()
        )
    assert told is not None
    (row,) = json.loads(told)["rows"]["quotas"]
    assert (row["channel"], row["verb"], row["used"]) == ("web", "create", 1)


def test_an_order_counts_as_open_until_it_was_tried(
    centre: CentreInMemory, ready: uuid.UUID
) -> None:
    place = (str(ready), "web", 1)

    def lasts() -> bool:
        with centre.ledger.snapshot() as view:
            return publications.lasting(view, [place]) == {place}

    assert not lasts()
    taken = claim(centre, ready)
    assert taken is not None
    assert not lasts()
    claims.finish(centre.ledger, taken, Next("live", "", receipt=receipt(centre, taken).receipt))
    assert lasts()
    centre.pump()
    centre.withdraw(ready)
    centre.pump(publish=False)
    assert row_of(centre, ready).state == "recalling"
    assert not lasts()
    centre.pump()
    assert lasts()
    with centre.ledger.snapshot() as view:
        assert publications.lasting(view, [("gone", "web", 1)]) == {("gone", "web", 1)}


def test_a_channel_that_answers_nonsense_neither_ends_the_thread_nor_sends_twice(
    centre: CentreInMemory, ready: uuid.UUID
) -> None:
    centre.outlets["web"].answers = [Absent]
    with structlog.testing.capture_logs():
        assert centre.publishers["web"]._work_once()
    assert row_of(centre, ready).state == "unknown"


def test_sign_offs_of_one_version_do_not_carry_the_next(
    centre: CentreInMemory, ready: uuid.UUID
) -> None:
    centre.revise(ready, "第二版")
    centre.pump(publish=False)
    with centre.ledger.transaction() as tx:
        stories.change(tx, ready, at=1, approved_version=2)
        second = stories.copies_of(tx, ready, 2)["web"].sha256
        publications.change(tx, ready, "web", 1, at=1, version=2, copy_sha256=second)
    assert claim(centre, ready) is None
    assert row_of(centre, ready).state == "refused"
