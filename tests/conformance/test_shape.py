"""Each channel has a case, the names of the contract, and a pure and total ``render``."""

import builtins
import inspect
import io
import json
import socket
import typing
from pathlib import Path

import pytest
from pydantic import BaseModel

from schemas.body import Family
from schemas.channel import Capabilities, ChannelSpec
from schemas.errors import Fault, PermanentError
from schemas.hashing import canonical
from schemas.rendition import RecipeName, parse_placeholder, placeholders
from schemas.story import Story
from tests.conformance import samples
from tests.conformance.contract import World
from tests.conformance.discovery import case_names, channel, channel_names
from tests.conformance.play import readable

PARAMETERS = {
    "render": 2, "connect": 2, "submit": 3, "confirm": 4, "update": 4, "find": 3, "recall": 4,
}  # fmt: skip
FAMILIES: tuple[Family, ...] = typing.get_args(Family)


def test_every_channel_has_a_case() -> None:
    without = sorted(set(channel_names()) - set(case_names()))
    assert not without, f"no tests/conformance/case_<name>.py for: {', '.join(without)}"
    assert channel_names(), "no channel found"


def test_names_and_types(channel_name: str) -> None:
    module = channel(channel_name)
    assert isinstance(module.capabilities, Capabilities)
    assert issubclass(module.Spec, ChannelSpec)
    assert module.Spec.model_config.get("extra") == "forbid", "a typing error would pass unseen"
    assert issubclass(module.Payload, BaseModel)
    assert module.Payload.model_config.get("frozen"), "an approved copy must not change"
    for name, count in PARAMETERS.items():
        function = getattr(module, name)
        assert len(inspect.signature(function).parameters) == count, name
    assert module.__doc__, "say what outlet this is and which of its documents were followed"


def test_the_case_speaks_of_this_channel(world: World, channel_name: str) -> None:
    assert world.spec.module == channel_name
    assert isinstance(world.spec, world.module.Spec)
    account = world.connect()
    account.close()


def _rendered(world: World, story: Story) -> BaseModel:
    return world.module.render(story, world.spec)


def _tried(world: World, story: Story) -> tuple[str, tuple[Fault, ...]]:
    """The text of the copy, or the faults that the channel named."""
    try:
        return readable(_rendered(world, story)), ()
    except PermanentError as error:
        return "", error.faults


def test_render_is_pure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the same; once warm it opens no file and no socket."""
    first = _rendered(world, world.story)

    def forbidden(*args: object, **_kwargs: object) -> object:
        raise AssertionError(f"render did I/O: {args[:1]}")

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "open", forbidden)
        patch.setattr(io, "open", forbidden)
        patch.setattr(Path, "open", forbidden)
        patch.setattr(socket, "socket", forbidden)
        second = _rendered(world, world.story)
    assert canonical(first) == canonical(second)


def test_the_copy_survives_storage(world: World) -> None:
    made = _rendered(world, world.story)
    assert type(made) is world.module.Payload
    assert world.module.Payload.model_validate(json.loads(canonical(made))) == made


def test_placeholders_name_known_recipes_of_the_story(world: World) -> None:
    known = {asset.sha256 for asset in world.story.assets}
    for found in placeholders(json.loads(canonical(_rendered(world, world.story)))):
        source, recipe = parse_placeholder(found)
        assert recipe in typing.get_args(RecipeName)
        assert source in known


def test_render_is_total_and_drops_nothing(world: World) -> None:
    """Every kind of block shows, or the channel names what it cannot carry."""
    text, faults = _tried(world, samples.every_block(world.story))
    assert all(fault.field and fault.reason and fault.next_step for fault in faults)
    if world.carries_body and not faults:
        lost = [word for word in samples.WORDS if word not in text]
        assert not lost, f"dropped quietly: {lost}"


def test_blocks_for_other_families_stay_out(world: World) -> None:
    other = next(family for family in FAMILIES if family != world.spec.family)
    text = readable(_rendered(world, samples.only_for(world.story, world.spec.family, other)))
    assert "只给别的渠道看" not in text
    assert not world.carries_body or "只给本类渠道看" in text


def test_headline_as_written_for_this_channel(world: World) -> None:
    assert world.story.headline in readable(_rendered(world, world.story))
    own = samples.with_headline_for(world.story, world.spec.id, "专给这个渠道的标题")
    text = readable(_rendered(world, own))
    assert "专给这个渠道的标题" in text
    assert world.story.headline not in text


def test_markup_in_text_stays_text(world: World) -> None:
    headline = "<i>斜</i> & “引号” <script>x</script>"
    own = samples.with_headline_for(world.story, world.spec.id, headline)
    text, faults = _tried(world, own)
    assert faults or headline in text
    assert all(fault.field for fault in faults)


def test_a_headline_too_long_is_shown_whole_or_refused_by_name(world: World) -> None:
    headline = "长" * 200
    text, faults = _tried(world, world.story.model_copy(update={"headline": headline}))
    if not faults:
        assert headline in text, "cut quietly"
        return
    assert any("headline" in fault.field for fault in faults)
    assert any("200" in fault.reason for fault in faults), "name the actual length"


def test_a_correction_shows(world: World) -> None:
    assert samples.CORRECTION in readable(_rendered(world, samples.corrected(world.story)))


def test_an_answer_to_a_citizen_renders(world: World) -> None:
    text = readable(_rendered(world, samples.answering(world.story)))
    assert not world.carries_body or "村口的路灯什么时候修？" in text
