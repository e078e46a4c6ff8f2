"""The publisher's thread: what an answer becomes when the process is told to stop meanwhile."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from consumers import claims
from schemas.channel import Accepted, Refused
from schemas.errors import TransientError, UnknownOutcome
from schemas.text import without_controls
from stores.ledger import publications
from stores.ledger.tables import copies
from tests.centre import CentreInMemory, Outlet


@pytest.fixture
def outlet() -> Outlet:
    return Outlet("web", 1)


@pytest.fixture
def centre(tmp_path: Path, outlet: Outlet) -> Iterator[CentreInMemory]:
    made = CentreInMemory(tmp_path, [outlet], settle_s=1.0, call_deadline_s=5.0)
    yield made
    made.close()


def test_an_answer_that_comes_while_stopping_is_kept(
    centre: CentreInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = centre.file()
    centre.pump()
    centre.sign_all(story)
    centre.pump(publish=False)
    publisher: Any = centre.publishers["web"]
    real = publisher._ask

    def told_meanwhile(call: Any) -> Any:
        publisher.ask_to_stop()
        return real(call)

    monkeypatch.setattr(publisher, "_ask", told_meanwhile)
    publisher._work_once()
    assert centre.states(story) == {"web": "live"}


def test_a_copy_that_cannot_be_read_says_nothing_of_what_the_outlet_took(
    centre: CentreInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = centre.file()
    centre.pump()
    centre.sign_all(story)
    centre.pump(publish=False)
    publisher: Any = centre.publishers["web"]
    with monkeypatch.context() as patch:
        patch.setattr(publisher, "_ask", lambda _call: Accepted({"id": "1"}, "审核中"))
        publisher._work_once()
    with centre.ledger.transaction() as tx:
        tx.execute(copies.update().values(body=None))
    monkeypatch.setattr(publisher.module, "Payload", _Unreadable, raising=False)
    centre.pass_time(10)
    publisher._work_once()
    assert centre.states(story) == {"web": "accepted"}


class _Unreadable:
    @staticmethod
    def model_validate(_value: Any) -> Any:
        from schemas.errors import Fault, PermanentError

        raise PermanentError(Fault("wrong", "payload", "x"))


SAID = "内容\x07违规\r\n\ud800" + "很长" * 200_000
"""What an outlet may answer: control characters, half a character, megabytes."""


@pytest.mark.parametrize(
    ("answer", "becomes"),
    [
        (Refused(SAID, "1"), "refused"),
        (Accepted({"id": "1"}, SAID), "accepted"),
        (TransientError(SAID), "retry_wait"),
        (UnknownOutcome(SAID), "unknown"),
        (Accepted({"id": "x" * 1_100_000}, "审核中"), "needs_person"),
    ],
)
def test_whatever_an_outlet_says_its_answer_is_written(
    centre: CentreInMemory, monkeypatch: pytest.MonkeyPatch, answer: Any, becomes: str
) -> None:
    story = centre.file()
    centre.pump()
    centre.sign_all(story)
    centre.pump(publish=False)
    publisher: Any = centre.publishers["web"]
    monkeypatch.setattr(publisher, "_ask", lambda _call: answer)
    publisher._stop.wait = lambda _s: publisher._stop.set()  # an endless wait would end here
    publisher._work_once()
    assert centre.states(story) == {"web": becomes}
    with centre.ledger.snapshot() as view:
        (row,) = publications.of_story(view, story)
    assert row.open_attempt is None
    assert len(row.reason) < 3000
    assert without_controls(row.reason) == row.reason


def test_a_mark_that_no_ledger_takes_is_no_refusal(centre: CentreInMemory) -> None:
    story = centre.file()
    centre.pump()
    centre.sign_all(story)
    centre.pump(publish=False)
    publisher: Any = centre.publishers["web"]
    with centre.ledger.snapshot() as view:
        (row,) = publications.of_story(view, story)
    taken = claims.claim(centre.ledger, publisher.spec, row, "me")
    assert taken is not None
    with pytest.raises(UnknownOutcome):
        claims.checkpoint(centre.ledger, taken, "draft", {"media_id": "x" * 1_100_000})
