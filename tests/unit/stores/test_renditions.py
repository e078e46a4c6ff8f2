"""Renditions: made once for all who wait, the first wave first, the first committed one wins."""

from typing import Any, cast

from schemas.rendition import Rendition, RenditionFile, placeholder
from stores.ledger import publications, renditions
from stores.ledger.transaction import Ledger

A, B, C = "a" * 64, "b" * 64, "c" * 64
S1, S2, S3 = (f"01930000-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))


def need(ledger: Ledger, source: str, recipe: str = "vertical", **more: Any) -> bool:
    wanted: dict[str, Any] = {"wave": 1, "urgency": 5, "cost_s": 10, "at": 1000, **more}
    story = wanted.pop("story", S1)
    with ledger.transaction() as tx:
        return renditions.need(tx, story, source, recipe, **wanted)


def take(ledger: Ledger, owner: str = "w1", now: int = 2000) -> list[tuple[str, str]]:
    with ledger.transaction() as tx:
        return [(r.source_sha256[0], r.recipe) for r in renditions.take(tx, owner, now)]


def made(source: str, recipe: str = "vertical", *, key: str = "k") -> Rendition:
    file = RenditionFile(
        name="v.mp4", object_key=key, sha256="f" * 64, size_bytes=9, content_type="video/mp4"
    )
    return Rendition(
        source_sha256=source, recipe=cast("Any", recipe), recipe_key=key, files=(file,)
    )


def commit(ledger: Ledger, rendition: Rendition) -> bool:
    with ledger.transaction() as tx:
        return renditions.commit(tx, rendition, at=3000)


def fail(ledger: Ledger, source: str) -> None:
    with ledger.transaction() as tx:
        renditions.change(tx, source, "vertical", at=1, state="failed", reason="坏文件", owner=None)


def test_it_is_ordered_once_however_many_wait(ledger: Ledger) -> None:
    assert need(ledger, A, story=S1)
    assert not need(ledger, A, story=S1)
    assert not need(ledger, A, story=S2)
    with ledger.snapshot() as view:
        assert set(renditions.stories_of(view, A, "vertical")) == {S1, S2}
        assert list(renditions.of_story(view, S2)) == [placeholder(A, "vertical")]
        found = renditions.of_needs(view, [placeholder(A, "vertical"), placeholder(B, "vertical")])
    assert list(found) == [placeholder(A, "vertical")]


def test_a_failed_one_is_ordered_again(ledger: Ledger) -> None:
    need(ledger, A)
    fail(ledger, A)
    assert take(ledger) == []
    assert need(ledger, A, story=S2)
    assert take(ledger) == [("a", "vertical")]


def test_first_wave_then_urgency_then_short_before_long(ledger: Ledger) -> None:
    need(ledger, A, wave=2, urgency=1, cost_s=1)
    need(ledger, B, wave=1, urgency=5, cost_s=900)
    need(ledger, C, wave=1, urgency=5, cost_s=20)
    need(ledger, "d" * 64, wave=1, urgency=2, cost_s=999)
    assert [take(ledger)[0][0] for _ in range(4)] == ["d", "c", "b", "a"]
    assert take(ledger) == []


def test_who_waits_more_urgently_brings_it_forward(ledger: Ledger) -> None:
    need(ledger, A, wave=1, urgency=5)
    need(ledger, B, wave=3, urgency=5)
    need(ledger, B, wave=1, urgency=1, story=S2)
    need(ledger, B, wave=2, urgency=9, story=S3)
    assert take(ledger) == [("b", "vertical")]


def test_recipes_of_one_source_and_wave_are_taken_together(ledger: Ledger) -> None:
    need(ledger, A, "vertical", wave=1)
    need(ledger, A, "web_hls", wave=1)
    need(ledger, A, "tv_xdcam_hd422", wave=2)
    assert sorted(take(ledger)) == [("a", "vertical"), ("a", "web_hls")]
    assert take(ledger) == [("a", "tv_xdcam_hd422")]


def test_what_waits_for_a_retry_is_not_taken_before_its_time(ledger: Ledger) -> None:
    need(ledger, A, at=5000)
    assert take(ledger, now=4999) == []
    with ledger.snapshot() as view:
        assert not renditions.any_due(view, 4999)
        assert renditions.any_due(view, 5000)
    assert take(ledger, now=5000) == [("a", "vertical")]


def test_a_dead_workers_share_is_given_back_and_nobody_elses(ledger: Ledger) -> None:
    need(ledger, A)
    need(ledger, B)
    take(ledger, "w1")
    take(ledger, "w2")
    with ledger.transaction() as tx:
        assert renditions.release_owned(tx, "w1", 2500) == 1
    assert take(ledger, "w3", now=2500) == [("a", "vertical")]


def test_the_first_committed_one_wins(ledger: Ledger) -> None:
    need(ledger, A)
    assert commit(ledger, made(A, key="first"))
    assert not commit(ledger, made(A, key="second"))
    assert not commit(ledger, made(B))
    with ledger.snapshot() as view:
        kept = renditions.manifest(view, A, "vertical")
        assert kept is not None
        assert kept.recipe_key == "first"
        assert renditions.manifest(view, B, "vertical") is None
    assert not need(ledger, A, story=S2)


def test_an_order_lasts_once_it_is_done_or_failed(ledger: Ledger) -> None:
    for source in (A, B, C):
        need(ledger, source)
    commit(ledger, made(A))
    fail(ledger, B)
    gone = ("d" * 64, "vertical")
    places = [(A, "vertical"), (B, "vertical"), (C, "vertical"), gone]
    with ledger.snapshot() as view:
        assert renditions.lasting(view, places) == {places[0], places[1], gone}
        assert renditions.open_count(view) == 1


def test_nobody_waits_when_every_publication_of_its_stories_has_ended(ledger: Ledger) -> None:
    need(ledger, A, story=S1)
    need(ledger, A, story=S2)

    def put(story: str, state: str) -> None:
        with ledger.transaction() as tx:
            publications.put(
                tx,
                story,
                at=1,
                channel="tv",
                release=1,
                wave=2,
                urgency=5,
                state=state,
                verb="create",
                version=1,
            )

    put(S1, "cancelled")
    put(S2, "gated")
    with ledger.snapshot() as view:
        assert not renditions.all_withdrawn(view, A, "vertical")
        assert not renditions.all_withdrawn(view, B, "vertical")
    with ledger.transaction() as tx:
        publications.change(tx, S2, "tv", 1, at=2, state="recalled")
        assert renditions.all_withdrawn(tx, A, "vertical")


def test_a_picture_of_a_later_wave_waits_for_no_clip_but_for_the_first_wave(
    ledger: Ledger,
) -> None:
    need(ledger, A, "tv_xdcam_hd422", wave=2, cost_s=300)
    need(ledger, B, "print_image", wave=3, cost_s=1)
    need(ledger, C, "vertical", wave=1, cost_s=600)

    assert take(ledger) == [("c", "vertical")]
    assert take(ledger) == [("b", "print_image")]
    assert take(ledger) == [("a", "tv_xdcam_hd422")]
