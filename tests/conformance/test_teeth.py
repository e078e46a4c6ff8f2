"""The suite can fail: a channel broken on purpose does not get through."""

import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from consumers.channels import web
from schemas.channel import Absent, Live, Recalled
from tests.conformance import test_publishing as publishing
from tests.conformance import test_shape as shape
from tests.conformance.contract import World
from tests.conformance.discovery import opened
from tests.conformance.play import Trial


@pytest.fixture
def site(tmp_path: Path) -> Iterator[World]:
    with opened("web", tmp_path / "web") as world:
        yield world


def broken(world: World, **functions: Callable[..., Any]) -> World:
    """The world with some functions of its channel replaced."""
    world.module = types.SimpleNamespace(**{**vars(web), **functions})
    return world


def _forgets_the_receipt(account: Any, payload: Any, attempt: Any) -> Any:
    answer = web.submit(account, payload, attempt)
    assert isinstance(answer, Live)
    return Live(answer.receipt.model_copy(update={"item_id": "a/0.html"}))


def _claims_live_unread(account: Any, payload: Any, attempt: Any) -> Any:
    answer = web.submit(account, payload, attempt)
    (account.tree.root / f"a/{attempt.number}.html").unlink()
    return answer


def _forgets_media(account: Any, payload: Any, attempt: Any) -> Any:
    answer = web.submit(account, payload, attempt)
    assert isinstance(answer, Live)
    return Live(answer.receipt.model_copy(update={"media": ()}))


@pytest.mark.parametrize("submit", [_forgets_the_receipt, _claims_live_unread, _forgets_media])
def test_a_false_receipt_is_caught(site: World, submit: Callable[..., Any]) -> None:
    with pytest.raises(AssertionError):
        publishing.test_a_receipt_names_the_item_and_the_copy(
            Trial(broken(site, submit=submit), site.story)
        )


def test_a_find_that_guesses_is_caught(site: World) -> None:
    world = broken(site, find=lambda *_: Absent())
    with pytest.raises(AssertionError):
        publishing.test_find_before_and_after(Trial(world, site.story))


def test_versions_going_backwards_are_caught(site: World) -> None:
    with (
        mock.patch("consumers.static_records.refusal", return_value=None),
        pytest.raises(AssertionError),
    ):
        publishing.test_versions_never_go_backwards(Trial(site, site.story))


def test_a_recall_that_only_says_so_is_caught(site: World) -> None:
    world = broken(site, recall=lambda *_: Recalled("已撤下 / gone"))
    with pytest.raises(AssertionError):
        publishing.test_recall_takes_it_down(Trial(world, site.story))


def test_an_update_that_does_nothing_is_caught(site: World) -> None:
    world = broken(site, update=lambda _account, _payload, receipt, _attempt: Live(receipt))
    with pytest.raises(AssertionError):
        publishing.test_update_shows_the_new_version(Trial(world, site.story))


def test_a_second_item_is_caught(site: World) -> None:
    items = site.items
    site.items = lambda attempt: items(attempt) * 2
    for test in (
        publishing.test_submit_twice_makes_one_item,
        publishing.test_a_receipt_names_the_item_and_the_copy,
    ):
        with pytest.raises(AssertionError):
            test(Trial(site, site.story))
    with pytest.raises(AssertionError):
        publishing.test_crash_anywhere_then_recover(site)


def test_a_render_that_depends_on_more_than_the_story_is_caught(
    site: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = iter(range(10))

    def impure(story: Any, spec: Any) -> Any:
        return web.render(story.model_copy(update={"desk": f"{next(count)}"}), spec)

    with pytest.raises(AssertionError):
        shape.test_render_is_pure(broken(site, render=impure), monkeypatch)

    def reading(story: Any, spec: Any) -> Any:
        Path(__file__).read_text()
        return web.render(story, spec)

    with pytest.raises(AssertionError, match="did I/O"):
        shape.test_render_is_pure(broken(site, render=reading), monkeypatch)


def test_a_block_lost_on_the_way_is_caught(site: World) -> None:
    def forgetful(story: Any, spec: Any) -> Any:
        body = tuple(block for block in story.body if block.kind != "table")
        return web.render(story.model_copy(update={"body": body}), spec)

    with pytest.raises(AssertionError, match="dropped quietly"):
        shape.test_render_is_total_and_drops_nothing(broken(site, render=forgetful))


def test_a_headline_cut_is_caught(site: World) -> None:
    def cutting(story: Any, spec: Any) -> Any:
        return web.render(story.model_copy(update={"headline": story.headline[:30]}), spec)

    with pytest.raises(AssertionError, match="cut quietly"):
        shape.test_a_headline_too_long_is_shown_whole_or_refused_by_name(
            broken(site, render=cutting)
        )
