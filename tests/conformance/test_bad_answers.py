"""Answers that no platform documents: nothing is published twice, nothing is claimed that is not so."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.channel import Absent, Accepted, CannotTell, Live, Recalled, Refused
from schemas.errors import PipelineError, TransientError, UnknownOutcome
from tests.conformance.bad_answers import BAD, Gateway, gateway
from tests.conformance.contract import World
from tests.conformance.discovery import opened
from tests.conformance.play import Trial
from tests.conformance.samples import numbered
from tests.fakes import outside

pytestmark = pytest.mark.slow

CREATE = {"wechat": "/freepublish/submit", "douyin": "/create_video/"}
LIST = {"wechat": "/freepublish/batchget", "douyin": "/video_list/"}
DELETE = {"wechat": "/freepublish/delete", "douyin": "/video/delete/"}
READS = {
    "wechat": ("/stable_token", "/media/uploadimg", "/draft/add", "/freepublish/get"),
    "douyin": ("/upload_video/", "/video_data/"),
}


@pytest.fixture(scope="module", params=sorted(CREATE))
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, Gateway]]:
    """A channel's world behind the gateway; each test takes a story of its own."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    with opened(request.param, folder) as world, gateway(_base(world.spec)) as between:
        spec = world.spec.model_copy(update={"api_base": between.base})
        yield (
            replace(
                world,
                spec=spec,
                connect=lambda: world.module.connect(spec, outside(folder / "state")),
            ),
            between,
        )


def _base(spec: Any) -> str:
    return str(spec.api_base)


_numbers = iter(range(2000, 9000))


def a_trial(world: World) -> Trial:
    return Trial(world, numbered(world.story, next(_numbers)))


def played(act: Any) -> Any:
    """The answer, or the error that the publisher would be given."""
    try:
        return act()
    except PipelineError as error:
        return error


@pytest.mark.parametrize("carried_out", [True, False], ids=["carried out", "not carried out"])
@pytest.mark.parametrize("name", sorted(BAD))
def test_a_create_is_never_repeated_on_a_guess(
    place: tuple[World, Gateway], name: str, carried_out: bool
) -> None:
    world, between = place
    trial = a_trial(world)
    between.spoil(CREATE[world.spec.id], BAD[name], carried_out=carried_out)
    answer = played(trial.submit)
    assert between.spoiled == 1
    assert between.elsewhere == [], "no redirect is followed"
    assert not isinstance(answer, Live | Accepted | Refused), "nobody knows"
    assert isinstance(answer, UnknownOutcome) or not carried_out
    found = trial.recover()
    items = trial.items()
    assert len(items) <= 1
    if carried_out:
        assert isinstance(found, Live), "it is there, and is found"
    if isinstance(found, Live):
        assert [item.id for item in items] == [found.receipt.item_id]


@pytest.mark.parametrize("name", sorted(BAD))
def test_a_list_that_cannot_be_read_proves_no_absence(
    place: tuple[World, Gateway], name: str
) -> None:
    world, between = place
    trial = a_trial(world)
    between.spoil(CREATE[world.spec.id], BAD["empty"], carried_out=True)
    assert isinstance(played(trial.submit), UnknownOutcome)
    world.settle()
    between.spoil(LIST[world.spec.id], BAD[name], carried_out=False)
    answer = played(trial.find)
    assert not isinstance(answer, Absent)
    if between.spoiled:
        assert isinstance(answer, TransientError | UnknownOutcome | CannotTell)
    assert isinstance(trial.recover(), Live)
    assert len(trial.items()) == 1


@pytest.mark.parametrize("carried_out", [True, False], ids=["carried out", "not carried out"])
@pytest.mark.parametrize("name", sorted(BAD))
def test_a_recall_is_not_claimed_before_it_is_so(
    place: tuple[World, Gateway], name: str, carried_out: bool
) -> None:
    world, between = place
    for _ in range(24):
        world.settle()  # another day: WeChat allows ten deletes
    trial = a_trial(world)
    live = trial.publish()
    between.spoil(DELETE[world.spec.id], BAD[name], carried_out=carried_out)
    answer = played(lambda: trial.recall(live))
    assert between.spoiled == 1
    if isinstance(answer, Recalled):
        assert trial.live() == []
    for _ in range(3):
        if isinstance(answer, Recalled):
            break
        assert isinstance(answer, TransientError | UnknownOutcome), answer
        answer = played(lambda: trial.recall(live))
    assert isinstance(answer, Recalled)
    assert trial.live() == []


@pytest.mark.parametrize("name", sorted(BAD))
def test_what_comes_before_and_after_the_create_is_asked_again(
    place: tuple[World, Gateway], name: str
) -> None:
    world, between = place
    for path in READS[world.spec.id]:
        trial = a_trial(world)
        between.spoil(path, BAD[name], carried_out=False)
        answer = played(lambda trial=trial: trial.wait(trial.submit()))
        between.bad = None
        if isinstance(answer, Live):
            continue  # what it had already was not asked for
        assert isinstance(answer, TransientError | UnknownOutcome), (path, answer)
        assert isinstance(trial.recover(), Live), path
        assert len(trial.items()) == 1, path


@pytest.mark.parametrize("code", [-1, 99_999, 40_013], ids=["busy", "unknown", "definite"])
def test_an_error_code_with_200_publishes_nothing(place: tuple[World, Gateway], code: int) -> None:
    world, between = place
    trial = a_trial(world)
    told = f'{{"errcode":{code},"errmsg":"x","data":{{"error_code":{code}}},"extra":{{}}}}'
    between.spoil(
        CREATE[world.spec.id], replace(BAD["empty"], body=told.encode()), carried_out=False
    )
    answer = played(trial.submit)
    assert between.spoiled == 1
    assert not isinstance(answer, Live | Accepted)
    assert trial.items() == []
