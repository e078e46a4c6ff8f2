"""What the board reads, and when it reads it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from desk import screen as screen_module
from desk.screen import Screen
from schemas.errors import Unavailable
from stores.ledger import board_view, outbox, publications
from stores.ledger.transaction import Ledger
from tests.unit.desk import newsroom_day as day

NOW = day.NOW_MS


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return day.fresh_ledger(tmp_path)


def fill(ledger: Ledger, count: int) -> list[str]:
    with ledger.transaction() as tx:
        ids = [day.put_story(tx, n, f"第{n}条", at=NOW + n) for n in range(1, count + 1)]
        for story in ids:
            day.deliver(tx, story, "web", "live")
    return ids


def test_newest_first_and_older_ones_a_page_further(ledger: Ledger) -> None:
    fill(ledger, 7)
    screen = Screen(ledger, day.SPECS, day.NEWSROOM, rows=3)

    view = screen.read()
    rows, _, more = screen.older(5)

    assert (view.order, view.more) == ((7, 6, 5), True)
    assert ["第4条" in rows[0], "第3条" in rows[1], "第2条" in rows[2], more] == [
        True,
        True,
        True,
        2,
    ]
    assert screen.older(2)[2] is None


def test_an_old_story_on_which_somebody_must_act_stays_on_the_board(ledger: Ledger) -> None:
    ids = fill(ledger, 6)
    with ledger.transaction() as tx:
        publications.change(tx, ids[0], "web", 1, at=NOW, state="needs_person", reason="请查看")

    view = Screen(ledger, day.SPECS, day.NEWSROOM, rows=3).read()

    assert view.order == (6, 5, 4, 1)
    assert "请查看" in view.drawn[1].html


def test_only_what_changed_is_drawn_again(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = fill(ledger, 12)
    screen = Screen(ledger, day.SPECS, day.NEWSROOM)
    before = screen.read()
    monkeypatch.setattr(screen_module, "OVERLAP_MS", 0)
    asked: list[int] = []
    real = board_view.on_board

    def counted(tx: Connection, wanted: set[str]) -> list[board_view.StoryOnBoard]:
        asked.append(len(wanted))
        return real(tx, wanted)

    monkeypatch.setattr(board_view, "on_board", counted)
    unchanged = screen.read()
    with ledger.transaction() as tx:
        publications.change(tx, ids[1], "web", 1, at=NOW + 99, state="recalled")
    after = screen.read()

    assert unchanged is before
    assert asked == [2]  # it, and the newest one before it
    assert [n for n, drawn in after.drawn.items() if drawn.seq > before.seq] == [2]
    assert after.drawn[3] is before.drawn[3]


def test_a_change_that_left_no_time_behind_is_seen_by_the_sweep(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(ledger, 3)
    monkeypatch.setattr(screen_module, "SWEEP_S", 0.0)
    screen = Screen(ledger, day.SPECS, day.NEWSROOM)
    screen.read()
    with ledger.transaction() as tx:  # committed late, with a time that is long past
        publications.change(tx, ids[0], "web", 1, at=NOW - 60_000, state="recalled")

    assert 'data-state="recalled"' in screen.read().drawn[1].html


def test_two_changes_within_one_millisecond_are_both_seen(ledger: Ledger) -> None:
    ids = fill(ledger, 3)
    screen = Screen(ledger, day.SPECS, day.NEWSROOM)
    screen.read()
    for story in ids[:2]:
        with ledger.transaction() as tx:
            publications.change(tx, story, "web", 1, at=NOW + 500, state="recalled")
        screen.read()
    with ledger.transaction() as tx:
        publications.change(tx, ids[2], "web", 1, at=NOW + 501, state="recalled")

    view = screen.read()

    assert [n for n in view.order if 'data-state="recalled"' in view.drawn[n].html] == [3, 2, 1]


def test_the_strip_counts_the_whole_ledger(ledger: Ledger) -> None:
    ids = fill(ledger, 4)
    with ledger.transaction() as tx:
        day.deliver(tx, ids[0], "tv", "awaiting_person")
        day.deliver(tx, ids[0], "newspaper", "gated")
        day.deliver(tx, ids[1], "tv", "refused")
        day.deliver(tx, ids[2], "tv", "ready")
    with ledger.transaction() as tx:
        rows = [(row.seq, 0, row.seq) for row in outbox.unsent(tx, 100)]
        outbox.mark_sent(tx, rows, at=NOW)

    counts = Screen(ledger, day.SPECS, day.NEWSROOM, rows=2).read().counts

    assert counts == {
        "live": 4, "moving": 2, "person": 1, "refused": 1, "letters": 0, "busy": 1,
    }  # fmt: skip


def test_while_the_ledger_is_away_the_board_says_so_and_keeps_what_it_knew(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(ledger, 2)
    screen = Screen(ledger, day.SPECS, day.NEWSROOM)
    screen.read()

    @contextmanager
    def away() -> Iterator[Connection]:
        raise Unavailable("ledger", "locked")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "snapshot", away)
        lost = screen.read()
    back = screen.read()

    assert (lost.reachable, lost.order) == (False, (2, 1))
    assert back.reachable


def test_a_channel_that_appears_gets_its_column_and_a_new_layout(ledger: Ledger) -> None:
    ids = fill(ledger, 2)
    screen = Screen(ledger, day.SPECS, day.NEWSROOM)
    before = screen.read()
    with ledger.transaction() as tx:
        day.deliver(tx, ids[0], "weibo", "live", at=NOW + 99)
    screen.read()
    after = screen.read()  # the other rows follow with the next look

    assert after.layout != before.layout
    assert {len(drawn.row.cells) for drawn in after.drawn.values()} == {len(day.SPECS) + 1}
