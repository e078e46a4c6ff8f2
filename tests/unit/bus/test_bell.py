"""The bell: who works on orders looks as soon as one is committed."""

import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bus.bell import Bell
from schemas.events import StoryResumed
from schemas.orders import ReleaseOrder
from schemas.topics import release_orders
from stores.ledger import outbox
from stores.ledger.tables import metadata
from stores.ledger.transaction import Ledger, open_ledger

LONG_S = 20.0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{tmp_path}/ledger.db", wake_port=9)
    metadata.create_all(opened.engine)
    yield opened
    opened.close()


@pytest.fixture
def bell(ledger: Ledger) -> Iterator[Bell]:
    made = Bell(ledger, release_orders("web"))
    yield made
    made.close()


def heard(bell: Bell, seconds: float) -> bool:
    began = time.monotonic()
    bell.wait(seconds)
    return time.monotonic() - began < seconds


def order(ledger: Ledger, channel: str, *, fails: bool = False) -> None:
    made = ReleaseOrder(story_id=uuid.uuid4(), channel=channel, release=1, verb="create")
    with ledger.transaction() as tx:
        outbox.append(tx, made, at=1)
        if fails:
            raise RuntimeError


def test_a_committed_order_wakes_who_sleeps(ledger: Ledger, bell: Bell) -> None:
    other = threading.Timer(0.05, order, (ledger, "web"))
    other.start()
    assert heard(bell, LONG_S)
    other.join()


def test_orders_before_the_wait_count_as_one_ring(ledger: Ledger, bell: Bell) -> None:
    for _ in range(30):  # more than a socket holds: none of them may block
        order(ledger, "web")
    assert heard(bell, LONG_S)
    assert not heard(bell, 0.05)


def test_other_orders_and_events_wake_nobody(ledger: Ledger, bell: Bell) -> None:
    order(ledger, "app")
    with ledger.transaction() as tx:
        outbox.append(tx, StoryResumed(story_id=uuid.uuid4(), by="duty"), at=1)
    assert not heard(bell, 0.05)


def test_what_is_rolled_back_wakes_nobody(ledger: Ledger, bell: Bell) -> None:
    with pytest.raises(RuntimeError):
        order(ledger, "web", fails=True)
    assert not heard(bell, 0.05)


def test_two_owners_for_a_moment_each_hear_their_own_orders(ledger: Ledger, bell: Bell) -> None:
    second = Bell(ledger, release_orders("web"))
    second.ring()
    assert heard(second, LONG_S)
    assert not heard(bell, 0.05)
    second.close()
    second.ring()
