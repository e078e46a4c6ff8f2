"""A probe walks every hop and asks no outlet; only the thread that publishes answers it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumers.metrics import Metrics
from consumers.story_figures import StoryFigures
from schemas.codec import decode
from schemas.lag import NOTHING
from schemas.orders import ProbeOrder
from stores.ledger import outbox, probes
from stores.ledger.tables import outbox as outbox_table
from tests.centre import CentreInMemory, Outlet


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[CentreInMemory]:
    made = CentreInMemory(tmp_path, [Outlet("web", 1), Outlet("tv", 2)])
    yield made
    made.close()


@pytest.fixture
def metrics(centre: CentreInMemory) -> Metrics:
    stories = StoryFigures(centre.ledger, centre.specs.values())
    return Metrics(stories, lambda: NOTHING, probe_every_s=300)


def orders(centre: CentreInMemory) -> list[ProbeOrder]:
    """The probe orders on their topics, oldest first."""
    with centre.ledger.snapshot() as view:
        rows = view.execute(outbox_table.select().order_by(outbox_table.c.seq)).all()
    headers = [[(k, v.encode()) for k, v in json.loads(r.headers).items()] for r in rows]
    found = [decode(r.value.encode(), h)[1] for r, h in zip(rows, headers, strict=True)]
    return [order for order in found if isinstance(order, ProbeOrder)]


def test_a_probe_comes_through_to_every_channel_and_no_outlet(
    centre: CentreInMemory, metrics: Metrics
) -> None:
    metrics.refresh()
    centre.pump()
    centre.pass_time(2)
    for order in orders(centre):
        publisher = centre.publishers[order.channel]
        assert publisher._take_probe(order)
        publisher._answer_probe()
    metrics.refresh()

    assert {c: took for c, (took, _) in metrics.stories.probes.items()} == {"web": 2.0, "tv": 2.0}
    assert b'shoufa_probe_latency_seconds{channel="web"} 2.0' in metrics.text()
    assert all(outlet.log == [] for outlet in centre.outlets.values())
    with centre.ledger.snapshot() as view:
        assert outbox.backlog(view)[0] == 0


def test_one_probe_in_its_time_whoever_asks(centre: CentreInMemory, metrics: Metrics) -> None:
    for _ in range(4):
        metrics.refresh()
        centre.pump()
        centre.pass_time(100)
    assert len(orders(centre)) == 2 * 2
    centre.pass_time(-10_000)
    metrics.refresh()
    centre.pump()
    assert len(orders(centre)) == 2 * 3


def test_a_publisher_that_hangs_answers_nothing(centre: CentreInMemory, metrics: Metrics) -> None:
    metrics.refresh()
    centre.pump()
    for order in orders(centre):
        centre.publishers[order.channel]._take_probe(order)  # taken from Kafka, no more
    centre.publishers["web"]._answer_probe()
    metrics.refresh()
    assert set(metrics.stories.probes) == {"web"}
    centre.pass_time(1000)
    assert metrics.stories.probe_silent_s() == pytest.approx(1000)


def test_an_order_of_another_channel_is_no_probe_of_ours(centre: CentreInMemory) -> None:
    with centre.ledger.transaction() as tx:
        probes.send_if_due(tx, ["web"], every_s=1, at=centre.ledger.now_ms())
    centre.pump()
    other = next(order for order in orders(centre) if order.channel == "web")
    assert not centre.publishers["tv"]._take_probe(other)


def test_no_probes_where_they_are_switched_off(centre: CentreInMemory) -> None:
    stories = StoryFigures(centre.ledger, centre.specs.values())
    Metrics(stories, lambda: NOTHING).refresh()
    centre.pump()
    assert orders(centre) == []
