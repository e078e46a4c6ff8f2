"""An outlet that is away: its channel rests, nothing is spent on it, and withdrawals still try."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from hypothesis import given
from hypothesis import strategies as st

from consumers.breaker import AFTER, PAUSES_S, Breaker, after
from consumers.rests import Rests
from schemas.channel import Absent, Refused
from schemas.errors import QuotaUsed, TransientError, Unavailable, UnknownOutcome
from stores.ledger import views
from tests.centre import CentreInMemory, Outlet

AWAY = TransientError("connection refused")
ONE, TWO = ("s1", "web", 1), ("s2", "web", 1)


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[CentreInMemory]:
    made = CentreInMemory(
        tmp_path, [Outlet("web", 1), Outlet("app", 1)], settle_s=1.0, call_deadline_s=5.0
    )
    yield made
    made.close()


def away() -> Any:
    raise TransientError("connection refused")


def approved(centre: CentreInMemory) -> uuid.UUID:
    story = centre.file()
    centre.pump(publish=False)
    centre.sign_all(story)
    centre.pump(publish=False)
    return story


def told(centre: CentreInMemory) -> dict[str, str]:
    with centre.ledger.snapshot() as view:
        found: dict[str, str] = views.status(view)["resting"]
    return found


def asked(centre: CentreInMemory, name: str = "web") -> int:
    """How often the outlet was called, answered or not."""
    return 999 - len(centre.outlets[name].answers)


def test_a_channel_whose_outlet_is_away_rests_and_the_others_do_not(
    centre: CentreInMemory,
) -> None:
    stories = [approved(centre) for _ in range(8)]
    outlet = centre.outlets["web"]
    outlet.answers = [away] * 999
    with structlog.testing.capture_logs() as logged:
        for _ in range(120):
            centre.pump()
            centre.pass_time(5)
        assert asked(centre) < 20, "ten minutes of outage, eight stories"
        rows = [centre.rows(story)["web"] for story in stories]
        assert max(row["tries"] for row in rows) <= AFTER
        assert {row["state"] for row in rows} <= {"ready", "retry_wait"}
        assert {centre.states(story)["app"] for story in stories} == {"live"}
        assert "停歇中" in told(centre)["web"]
        assert "connection refused" in told(centre)["web"]

        outlet.answers = []
        for _ in range(80):
            centre.pump()
            centre.pass_time(5)
    assert {centre.states(story)["web"] for story in stories} == {"live"}
    assert len(outlet.log) == 8, "each story once"
    assert told(centre) == {}
    lines = [line["event"] for line in logged if line["log_level"] in {"warning", "error"}]
    assert lines == ["publish.resting", "publish.works_again"]
    with centre.ledger.snapshot() as view:
        assert views.status(view)["dead_letters"] == 0


def test_withdrawals_try_while_the_channel_rests(centre: CentreInMemory) -> None:
    live = centre.publish()
    stories = [approved(centre) for _ in range(6)]
    outlet = centre.outlets["web"]
    outlet.answers = [away] * 999
    centre.pump()
    assert "web" in told(centre)
    assert centre.states(live)["web"] == "live"
    centre.withdraw(live)
    centre.pump()
    assert centre.states(live)["web"] == "recalled", "the fake outlet takes recalls"
    assert told(centre) == {}, "what any answer shows: the outlet is there"
    del stories


def test_one_bad_delivery_does_not_rest_the_channel(centre: CentreInMemory) -> None:
    bad = approved(centre)
    outlet = centre.outlets["web"]
    outlet.answers = [away] * 999
    for _ in range(40):
        centre.pump()
        centre.pass_time(60)
    assert centre.states(bad)["web"] == "retry_wait"
    assert told(centre) == {}


def test_a_probe_is_another_delivery_than_the_one_that_failed_last(
    centre: CentreInMemory,
) -> None:
    """One story that fails for ever must not keep the others behind it."""
    rests = Rests(centre.ledger, "web")
    for place in (ONE, TWO, ONE, TWO, ONE):
        rests.note(place, AWAY)
    assert rests.breaker.rests == 1
    assert rests.breaker.last == ONE
    first, second = approved(centre), approved(centre)
    publisher = centre.publishers["web"]
    publisher.rests = rests
    rests.breaker = Breaker(**{**vars(rests.breaker), "last": (str(first), "web", 1)})
    centre.pass_time(30)
    publisher._work_once()
    assert centre.states(second)["web"] == "live"


def test_a_rest_outlives_the_process(centre: CentreInMemory) -> None:
    before = Rests(centre.ledger, "web")
    for place in (ONE, TWO) * 3:
        before.note(place, AWAY)
    again = Rests(centre.ledger, "web")
    assert (again.breaker.rests, again.breaker.until) == (1, before.breaker.until)
    again.note(ONE, Absent())
    assert Rests(centre.ledger, "web").breaker == Breaker()


@pytest.mark.parametrize(
    "answer",
    [QuotaUsed("今天用完", retry_after_s=9), TransientError("S3 away", ours=True)],
    ids=["quota", "our own part"],
)
def test_what_is_not_the_outlets_failure_counts_for_nothing(answer: Any) -> None:
    breaker = Breaker()
    for place in (ONE, TWO) * 20:
        breaker = after(breaker, answer, place, 0, 0)
    assert breaker == Breaker()


@given(
    st.lists(
        st.tuples(
            st.sampled_from([ONE, TWO]),
            st.sampled_from([AWAY, UnknownOutcome("lost"), Refused("不收"), Absent()]),
            st.integers(0, 400_000),
        )
    ),
    st.floats(0, 1),
)
def test_rests_grow_to_a_bound_and_any_answer_ends_them(
    history: list[tuple[Any, Any, int]], jitter: float
) -> None:
    breaker, now = Breaker(), 0
    for place, answer, later in history:
        now += later
        breaker = after(breaker, answer, place, now, jitter)
        if not isinstance(answer, TransientError | UnknownOutcome):
            assert breaker == Breaker()
        assert breaker.until - now <= PAUSES_S[-1] * 1250
        assert breaker.rests == 0 or breaker.failures >= AFTER


def test_the_end_of_a_rest_that_the_ledger_missed_is_told_later(
    centre: CentreInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the channel would be shown at rest, and its late deliveries not be told of."""
    rests = Rests(centre.ledger, "web")
    for place in (ONE, TWO, ONE, TWO, ONE):
        rests.note(place, AWAY)
    assert "web" in told(centre)

    def ledger_away(*_: Any) -> None:
        raise Unavailable("ledger", "locked")

    with monkeypatch.context() as patch:
        patch.setattr(centre.ledger, "transaction", ledger_away)
        rests.note(ONE, Absent())
    assert "web" in told(centre)
    rests.note(TWO, Absent())
    assert told(centre) == {}
