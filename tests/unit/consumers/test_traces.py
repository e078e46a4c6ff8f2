"""One trace shows a story from its upload to each receipt, whatever process did what."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from consumers import traces
from consumers.traces import TraceExporter
from schemas.errors import UnknownOutcome
from schemas.events import LedgerWritten
from schemas.trace import root_id, trace_id
from stores.ledger import spans
from stores.ledger.tables import outbox
from tests.centre import CentreInMemory, Outlet


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[CentreInMemory]:
    made = CentreInMemory(tmp_path, [Outlet("web", 1), Outlet("tv", 2)], settle_s=1.0)
    yield made
    made.close()


class Collector:
    """An OTLP collector that keeps what it was sent."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.away = False

    def __call__(self, address: str, *, json: Any, **_: Any) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("away")
        assert address == "http://collector:4318/v1/traces"
        self.bodies.append(json)
        return httpx.Response(200, request=httpx.Request("POST", address))

    def spans(self, number: int = -1) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.bodies[number]["resourceSpans"][0]["scopeSpans"][0][
            "spans"
        ]
        return found


def test_every_step_stands_in_one_trace(centre: CentreInMemory) -> None:
    story = centre.file()
    centre.pump()
    centre.pass_time(60)
    centre.sign_all(story)
    centre.pump()
    with centre.ledger.snapshot() as view:
        found_id, found = spans.of_story(view, str(story))

    names = [span.name for span in found]
    assert found_id == str(story)
    assert names[0] == "story"
    for step in ("adapt", "review 1", "review 3", "deliver web", "create web", "create tv"):
        assert step in names, step
    by_name = {span.name: span for span in found}
    assert by_name["review 1"].end_ms - by_name["review 1"].start_ms == 60_000
    assert by_name["create tv"].parent == by_name["deliver tv"].span_id
    assert by_name["deliver web"].parent == by_name["story"].span_id == root_id(story)
    assert all(by_name["story"].start_ms <= s.start_ms <= s.end_ms for s in found)
    assert len({span.span_id for span in found}) == len(found)


def test_a_lost_answer_is_seen_in_the_trace(centre: CentreInMemory) -> None:
    def lost() -> None:
        raise UnknownOutcome("lost")

    centre.outlets["web"].answers = [lost]
    story = centre.publish()
    with centre.ledger.snapshot() as view:
        found = spans.of_story(view, str(story))[1]
    attempt = next(span for span in found if span.name == "create web")
    assert attempt.failed


def test_every_record_carries_its_storys_trace(centre: CentreInMemory) -> None:
    story = centre.publish()
    with centre.ledger.snapshot() as view:
        told = outbox.select().where(outbox.c.type != LedgerWritten.type())
        rows = view.execute(told).all()
        known = {span.span_id for span in spans.of_story(view, str(story))[1]}
    for row in rows:
        parts = re.fullmatch(
            r"00-([0-9a-f]{32})-([0-9a-f]{16})-01", json.loads(row.headers)["traceparent"]
        )
        assert parts is not None
        assert parts[1] == trace_id(story)
        assert parts[2] in known


def test_a_trace_is_sent_when_the_story_rests_and_not_before(centre: CentreInMemory) -> None:
    collector = Collector()
    exporter = TraceExporter(centre.ledger, "http://collector:4318/", post=collector)
    story = centre.file()
    centre.pump()
    exporter.turn()
    assert collector.bodies == []
    centre.sign_all(story)
    centre.pump()
    centre.pass_time(1)
    assert exporter.turn() == 1
    sent = collector.spans()
    assert {span["traceId"] for span in sent} == {trace_id(story)}
    assert all(int(s["endTimeUnixNano"]) >= int(s["startTimeUnixNano"]) for s in sent)
    assert exporter.turn() == 0


def test_a_collector_that_stays_away_costs_one_drawing_a_turn(
    centre: CentreInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it is away: else each turn would draw every story since, in one long read."""
    collector = Collector()
    exporter = TraceExporter(centre.ledger, "http://collector:4318", post=collector)
    for _ in range(4):
        centre.publish()
    drawn: list[str] = []
    real = spans.of_story

    def counted(view: Any, key: str) -> Any:
        drawn.append(key)
        return real(view, key)

    monkeypatch.setattr(spans, "of_story", counted)
    monkeypatch.setattr(traces, "MOST_WAITING", 3)
    collector.away = True
    assert exporter.turn() == 0
    assert len(drawn) == 1
    collector.away = False
    centre.pass_time(1)
    assert exporter.turn() == 3


def test_a_story_that_cannot_be_drawn_keeps_no_other_back(
    centre: CentreInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector = Collector()
    exporter = TraceExporter(centre.ledger, "http://collector:4318", post=collector)
    bad, _good = centre.publish(), centre.publish()
    real = spans.of_story

    def fails(view: Any, key: str) -> Any:
        if key == str(bad):
            raise KeyError(key)
        return real(view, key)

    monkeypatch.setattr(spans, "of_story", fails)
    centre.pass_time(1)
    for _ in range(3):
        with suppress(KeyError):
            exporter.turn()
        centre.pass_time(1)
    assert len(collector.bodies) == 1


def test_a_collector_that_is_away_gets_the_trace_later(centre: CentreInMemory) -> None:
    collector = Collector()
    exporter = TraceExporter(centre.ledger, "http://collector:4318", post=collector)
    centre.publish()
    collector.away = True
    assert exporter.turn() == 0
    collector.away = False
    assert exporter.turn() == 1
