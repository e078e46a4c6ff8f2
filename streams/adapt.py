"""Adaptation: a story rendered for each channel. Pure; the channels' ``render`` is passed in."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.channel import Channel, ChannelSpec
from schemas.copy import ChannelCopy, CopyRef, copies_fingerprint
from schemas.errors import PermanentError
from schemas.hashing import canonical, sha256
from schemas.rendition import placeholders
from schemas.story import Story


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
    payload = module.render(story, spec)
    return ChannelCopy(
        story_id=story.id,
        number=story.number,
        version=story.version,
        channel=spec.id,
        module=spec.module,
        headline=story.headline_for(spec.id),
        payload=payload.model_dump(mode="json"),
    )
