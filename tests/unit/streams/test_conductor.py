"""The conductor's shell over the ledger: whatever order events come in, the ledger decides."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bus.dead_letters import Origin, open_count
from schemas.codec import encode
from schemas.events import CopiesReady, Event
from schemas.orders import ReleaseOrder
from schemas.rendition import placeholder
from stores.ledger import assets, outbox, renditions, stories
from stores.ledger.ids import new_id
from tests.centre import CentreInMemory, Outlet
from tests.fakes import asset

CLIP = asset("v1", "video", b"clip", "video/mp4", duration_s=12.0)
FILMED: dict[str, Any] = {
    "body": [{"kind": "video", "media": "v1"}],
    "media": [{"ref": "v1", "asset_id": str(CLIP.id)}],
}


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[CentreInMemory]:
    made = CentreInMemory(tmp_path, [Outlet("web", 1), Outlet("tv", 2, needs="tv_xdcam_hd422")])
    with made.ledger.transaction() as tx:
        assets.put(tx, CLIP, object_key="originals/1", facts={}, by="reporter", at=1)
    yield made
    made.close()


def hand_on(centre: CentreInMemory, message: Event, identity: uuid.UUID | None = None) -> None:
    known = identity or new_id()
    with centre.ledger.transaction() as tx:
        outbox.append(tx, message, at=1, event_id=str(known))
    record = encode(message, id=known, at=datetime.now(UTC), key=str(message.story_id))
    headers = [(k, v.encode()) for k, v in record.headers.items()]
    centre.hand_on("story-events", record.key.encode(), record.value, headers)


def test_a_rendition_made_for_another_story_is_waited_for_by_none(centre: CentreInMemory) -> None:
    first = centre.publish(**FILMED)
    centre.finish_renditions()
    centre.pump()
    assert centre.states(first) == {"web": "live", "tv": "live"}
    assert centre.states(centre.publish(**FILMED)) == {"web": "live", "tv": "live"}


def test_an_approval_that_overtakes_the_copies_event_still_goes_out(
    centre: CentreInMemory,
) -> None:
    centre.publish(**FILMED)
    centre.finish_renditions()
    centre.pump()
    story = centre.file(**FILMED)
    late: list[outbox.Unsent] = []
    while True:  # deliver everything but the news that the copies are ready
        with centre.ledger.transaction() as tx:
            rows = outbox.unsent(tx, 100)
            outbox.mark_sent(tx, [(r.seq, 0, r.seq) for r in rows], at=1)
        if not rows:
            break
        for row in rows:
            if dict(row.headers)["ce_type"] == CopiesReady.type().encode():
                late.append(row)
            else:
                centre.hand_on(row.topic, row.key.encode(), row.value, row.headers)
    centre.sign_all(story)
    centre.pump()
    assert centre.states(story) == {"web": "live", "tv": "live"}
    for row in late:
        centre.hand_on(row.topic, row.key.encode(), row.value, row.headers)
    centre.pump()
    assert [len(o.log) for o in centre.outlets.values()] == [2, 2]


def test_a_rendition_wanted_for_a_later_wave_is_brought_forward(centre: CentreInMemory) -> None:
    story = centre.publish(**FILMED)
    ready = CopiesReady(
        story_id=story,
        version=1,
        copies=(),
        copies_sha256="f" * 64,
        needs={"web": (placeholder(CLIP.sha256, "tv_xdcam_hd422"),)},
    )
    hand_on(centre, ready)
    with centre.ledger.snapshot() as view:
        row = renditions.get(view, CLIP.sha256, "tv_xdcam_hd422")
    assert row is not None
    assert row.wave == 1


def test_a_story_whose_channels_were_all_switched_off_is_still_adapted(
    centre: CentreInMemory,
) -> None:
    rules = centre.conductor.rules
    centre.conductor.rules = {c: replace(rule, active=False) for c, rule in rules.items()}
    story = centre.file()
    centre.pump()
    with centre.ledger.snapshot() as view:
        assert stories.version_row(view, story, 1).copies_sha256 is not None
        assert open_count(view) == 0
    assert set(centre.states(story).values()) == {"not_applicable"}


def test_what_is_no_event_is_a_dead_letter_once(centre: CentreInMemory) -> None:
    order = ReleaseOrder(story_id=uuid.uuid4(), channel="web", release=1, verb="create")
    record = encode(order, id=new_id(), at=datetime.now(UTC), key="k")
    headers = [(k, v.encode()) for k, v in record.headers.items()]
    for _ in range(2):
        one = Origin("story-events", 0, 7, "conductor")
        centre.conductor.take(one, b"k", record.value, headers)
        two = Origin("story-events", 0, 8, "conductor")
        centre.conductor.take(two, None, b"\xff\xfe not utf-8", [])
    with centre.ledger.snapshot() as view:
        assert open_count(view) == 2
        letters = outbox.unsent(view, 10)
    assert [letter.topic for letter in letters] == ["dead-letters"] * 2


def test_a_repeated_event_changes_nothing(centre: CentreInMemory) -> None:
    story = centre.publish(**FILMED)
    identity = new_id()
    ready = CopiesReady(story_id=story, version=1, copies=(), copies_sha256="f" * 64, needs={})
    hand_on(centre, ready, identity)
    with centre.ledger.snapshot() as view:
        before = stories.get(view, story)
    centre.pass_time(5)
    hand_on(centre, ready, identity)
    with centre.ledger.snapshot() as view:
        assert stories.get(view, story) == before
