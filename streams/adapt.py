"""Adaptation: a story rendered for each channel. Pure; the channels' ``render`` is passed in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import structlog

from schemas.channel import Channel, ChannelSpec
from schemas.copy import ChannelCopy, CopyRef, copies_fingerprint
from schemas.errors import Fault, PermanentError
from schemas.hashing import canonical, sha256
from schemas.rendition import RecipeName, parse_placeholder, placeholders
from schemas.story import Story

log = structlog.get_logger("adapt")

_RECIPES = frozenset(get_args(RecipeName))


@dataclass(frozen=True)
class Adapted:
    """All copies of one version, ready to be frozen."""

    refs: list[CopyRef]
    bodies: dict[str, bytes]
    """SHA-256 → canonical JSON of a ChannelCopy."""
    needs: dict[str, tuple[str, ...]]
    copies_sha256: str


def adapt(
    story: Story,
    channels: tuple[str, ...],
    specs: Mapping[str, ChannelSpec],
    modules: Mapping[str, Channel],
) -> Adapted:
    """Render for every channel; what a channel cannot carry is a reason, not an exception."""
    refs: list[CopyRef] = []
    bodies: dict[str, bytes] = {}
    needs: dict[str, tuple[str, ...]] = {}
    for channel in channels:
        spec = specs.get(channel)
        if spec is None:
            refs.append(
                CopyRef(channel=channel, refused="渠道文件里没有它 / not in the channels file")
            )
            continue
        try:
            copy = render(story, spec, modules[spec.module])
        except PermanentError as error:
            told = "；".join(f"{f.field}: {f.reason} {f.next_step}".strip() for f in error.faults)
            refs.append(CopyRef(channel=channel, refused=told))
            continue
        body = canonical(copy)
        digest = sha256(body)
        refs.append(CopyRef(channel=channel, sha256=digest))
        bodies[digest] = body
        needs[channel] = tuple(placeholders(copy.payload))
    return Adapted(refs, bodies, needs, copies_fingerprint(refs))


def render(story: Story, spec: ChannelSpec, module: Channel) -> ChannelCopy:
    """One channel's copy; raises PermanentError naming the field that it cannot carry."""
    try:
        payload = module.render(story, spec).model_dump(mode="json")
    except PermanentError:
        raise
    except Exception as error:
        # a bug in one channel is that channel's refusal: it holds up no other
        log.exception("adapt.channel_failed", channel=spec.id, story_id=str(story.id))
        told = f"渠道程序出错 / the channel's program failed: {type(error).__name__}"
        raise PermanentError(Fault("channel_failed", spec.id, told, "请开发者查看")) from error
    _only_own_media(placeholders(payload), story)
    return ChannelCopy(
        story_id=story.id,
        number=story.number,
        version=story.version,
        channel=spec.id,
        module=spec.module,
        headline=story.headline_for(spec.id),
        payload=payload,
    )


def _only_own_media(found: list[str], story: Story) -> None:
    """Text that looks like a placeholder would be waited for, and filled in, like one."""
    known = {asset.sha256 for asset in story.assets}
    for name in found:
        source, recipe = parse_placeholder(name)
        if source not in known or recipe not in _RECIPES:
            told = "文字中不能写 asset:// 地址 / the text holds an asset:// address"
            raise PermanentError(Fault("placeholder", "body", told, "请改写 / write it otherwise"))
