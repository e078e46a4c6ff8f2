"""What makes a filed story a story: keys, media, plan, and every reason to refuse it. Pure."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from schemas.body import Gallery, Image, Video, media_of
from schemas.channel import ChannelSpec
from schemas.configuration import faults_of
from schemas.errors import Fault, InvalidInput
from schemas.newsroom import UploadLimits
from schemas.story import Asset, MediaIn, Plan, Story, StoryIn

PAST_TOLERANCE = timedelta(seconds=60)
"""Clocks of senders differ a little; a release this far in the past is taken as "now"."""

FARTHEST = timedelta(days=3653)
"""Planned times stay well inside what every clock and calendar here can count."""

Refusals = Callable[[Story, Sequence[str]], dict[str, str]]
"""Channel → why its render refuses the story."""

Model = TypeVar("Model", bound=BaseModel)

_PATH_PARTS = re.compile(r"[/\\]|^\.{1,2}$")


def read_model(model: type[Model], data: bytes | Any, field: str) -> Model:
    """Validate what a sender wrote; unknown fields are faults. Raises InvalidInput with all."""
    try:
        if isinstance(data, bytes):
            return model.model_validate_json(data, extra="forbid")
        return model.model_validate(data, extra="forbid")
    except ValidationError as error:
        raise InvalidInput(*faults_of(error, field)) from error


def file_name_fault(name: str, field: str) -> Fault | None:
    """A file name is data, never a path; still one that tries to be one is refused."""
    if not name or len(name.encode("utf-8", "surrogatepass")) > 255:
        reason = "文件名为空或超过 255 字节 / the file name is empty or longer than 255 bytes"
    elif _PATH_PARTS.search(name):
        reason = "文件名不能含路径 / a file name may not contain a path"
    elif any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn"} for c in name):
        reason = "文件名含控制字符 / the file name contains a control character"
    else:
        return None
    return Fault("bad_file_name", field, reason, "改名后再传 / rename the file and send it again")


def make_story(
    filed: StoryIn,
    assets: Mapping[str, Asset],
    *,
    identity: UUID,
    number: int,
    version: int,
    created_at: datetime,
    now: datetime,
) -> Story:
    """The story as it travels: every block has its own key, every media its asset."""
    fields = filed.model_dump(exclude={"media", "body"})
    return Story(
        **fields,
        id=identity,
        number=number,
        version=version,
        created_at=created_at,
        updated_at=now,
        assets=tuple(assets[medium.ref] for medium in filed.media),
        body=_with_keys(filed),
    )


def _with_keys(filed: StoryIn) -> tuple[Any, ...]:
    used: set[str] = set()
    body = []
    for index, block in enumerate(filed.body, 1):
        key = block.key if block.key != "b" and block.key not in used else f"b{index}"
        while key in used:
            key += "x"
        used.add(key)
        body.append(block.model_copy(update={"key": key}))
    return tuple(body)


def inherit_media(raw: Any, previous: Story) -> Any:
    """A newer version keeps the media of the former one, but for those that it names anew and
    those that the former one showed and it shows no more: a clip taken out of the text must not
    go on to the outlets that live from clips."""
    if not isinstance(raw, dict) or not isinstance(raw.get("media", []), list):
        return raw
    given = list(raw.get("media", []))
    named = [medium.get("ref") for medium in given if isinstance(medium, dict)]
    shown = set(media_of(previous.body)) | {v.cover for v in previous.variants.values()}
    taken_out = (shown | {previous.cover}) - set(_shown_by(raw))
    kept = [
        {"ref": asset.ref, "asset_id": str(asset.id)}
        for asset in previous.assets
        if asset.ref not in named and asset.ref not in taken_out
    ]
    return {**raw, "media": [*given, *kept]}


def _shown_by(raw: dict[str, Any]) -> list[str]:
    """References in what a sender wrote, before it is known to be a story."""
    found: list[str] = []
    left: list[Any] = [{k: v for k, v in raw.items() if k in {"body", "cover", "variants"}}]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            found += [value[k] for k in ("media", "cover") if isinstance(value.get(k), str)]
            left += value.values()
        elif isinstance(value, list):
            left += value
    return found


def resolve_plan(
    plan: Plan, specs: Mapping[str, ChannelSpec], story: StoryIn, now: datetime
) -> Plan:
    """The plan with channels and waves written out, so that a later change of the channels file
    does not publish old stories anew. Raises InvalidInput."""
    faults = [
        Fault(
            "unknown_channel",
            f"plan.channels.{index}",
            f"没有渠道 {channel!r} / there is no channel {channel!r}",
            f"可用 / known: {'、'.join(specs)}",
        )
        for index, channel in enumerate(plan.channels or ())
        if channel not in specs
    ]
    faults += [
        Fault("unknown_channel", f"plan.waves.{channel}", f"没有渠道 / no channel {channel!r}")
        for channel in plan.waves
        if channel not in specs
    ]
    faults += [
        Fault("bad_wave", f"plan.waves.{channel}", "波次只能是 1 到 9 / a wave is 1 to 9")
        for channel, wave in plan.waves.items()
        if not 1 <= wave <= 9
    ]
    faults += [
        Fault("unknown_channel", f"story.variants.{channel}", f"没有渠道 / no channel {channel!r}")
        for channel in story.variants
        if channel not in specs
    ]
    times = {"plan.release_at": plan.release_at, "story.embargoed_until": story.embargoed_until}
    faults += [
        Fault(
            "in_the_past",
            field,
            f"发布时间已过 / the time is in the past: {time.isoformat()}",
            "去掉它就立即发布 / leave it out to release at once",
        )
        for field, time in times.items()
        if time is not None and time < now - PAST_TOLERANCE
    ]
    faults += [
        Fault(
            "too_far",
            field,
            f"发布时间太远 / the time is too far ahead: {time.isoformat()}",
            "要一直不发请用暂缓 / to keep it back, hold the story",
        )
        for field, time in times.items()
        if time is not None and time > now + FARTHEST
    ]
    channels = plan.channels
    if channels is not None and not channels:
        faults.append(Fault("empty", "plan.channels", "至少要一个渠道 / give at least one channel"))
    if faults:
        raise InvalidInput(*faults)
    names = tuple(dict.fromkeys(channels or [c for c, spec in specs.items() if spec.active]))
    waves = {c: plan.waves.get(c, specs[c].wave) for c in names}
    return plan.model_copy(update={"channels": names, "waves": waves})


def check_channels(
    story: Story, plan: Plan, specs: Mapping[str, ChannelSpec], refusals: Refusals
) -> dict[str, str]:
    """Warnings: channel → why it will not carry the story. Raises InvalidInput when none will."""
    has_video = any(asset.kind == "video" for asset in story.assets)
    fitting = [
        c
        for c in plan.channels or ()
        if specs[c].active and (specs[c].applies_to == "all" or has_video)
    ]
    if not fitting:
        raise InvalidInput(
            Fault(
                "no_channel",
                "plan.channels",
                "没有一个渠道适用于这篇稿件 / none of the channels applies to this story",
                "加一个渠道, 或为短视频/电视附上视频 / add a channel or a clip",
            )
        )
    refused = refusals(story, fitting)
    if len(refused) == len(fitting):
        raise InvalidInput(
            *(
                Fault("refused_by_all", f"channels.{channel}", reason)
                for channel, reason in refused.items()
            )
        )
    return refused


def match_files(media: Sequence[MediaIn], files: Sequence[str]) -> dict[str, int]:
    """Media reference → index of the file part; raises InvalidInput when they do not match up."""
    faults = []
    found: dict[str, int] = {}
    for index, medium in enumerate(media):
        if medium.file is None:
            continue
        at = [i for i, name in enumerate(files) if name == medium.file]
        if len(at) != 1:
            reason = (
                f"请求里没有文件 {medium.file!r} / the request holds no such file"
                if not at
                else f"有几个同名文件 {medium.file!r} / several files have this name"
            )
            faults.append(
                Fault(
                    "file_missing" if not at else "file_twice", f"story.media.{index}.file", reason
                )
            )
            continue
        found[medium.ref] = at[0]
    unused = [name for i, name in enumerate(files) if i not in found.values()]
    if not faults:
        faults += [
            Fault(
                "file_unused",
                "story.media",
                f"文件 {name!r} 没有在 media 中列出 / the file is not listed in media",
            )
            for name in unused
        ]
    if faults:
        raise InvalidInput(*faults)
    return found


def check_kinds(story: Story) -> None:
    """Picture blocks name pictures, clip blocks name clips, and a cover is a picture, or a clip
    for its still. Raises InvalidInput."""
    kinds = {asset.ref: asset.kind for asset in story.assets}
    named: list[tuple[int, str, str]] = []
    for index, block in enumerate(story.body):
        if isinstance(block, Gallery):
            named += [(index, image.media, "image") for image in block.images]
        elif isinstance(block, Image | Video):
            named.append((index, block.media, block.kind))
    faults = [
        Fault(
            "wrong_kind",
            f"story.body.{index}.media",
            f"{ref} 是 {kinds[ref]}, 不是 {wanted} / {ref} is a {kinds[ref]}, not a {wanted}",
        )
        for index, ref, wanted in named
        if kinds[ref] != wanted
    ]
    covers = {"story.cover": story.cover}
    covers |= {f"story.variants.{c}.cover": v.cover for c, v in story.variants.items()}
    faults += [
        Fault(
            "wrong_kind",
            field,
            f"{ref} 是 {kinds[ref]}, 封面要用图片或视频 / "
            f"{ref} is a {kinds[ref]}: a cover is a picture or a clip",
        )
        for field, ref in covers.items()
        if ref is not None and kinds[ref] not in {"image", "video"}
    ]
    if faults:
        raise InvalidInput(*faults)


def check_limits(asset: Asset, limits: UploadLimits) -> None:
    """Size and length of one piece of media; raises InvalidInput (413) with the limit."""
    most = limits.video_bytes if asset.kind == "video" else limits.image_bytes
    field = f"media.{asset.ref}"
    if asset.size_bytes > most:
        raise InvalidInput(
            Fault("too_large", field, f"文件超过 {most} 字节上限 / larger than {most} bytes"),
            status=413,
        )
    if asset.duration_s is not None and asset.duration_s > limits.video_s:
        raise InvalidInput(
            Fault(
                "too_long",
                field,
                f"视频 {asset.duration_s:.0f} 秒, 上限 {limits.video_s:.0f} 秒 / "
                f"the clip is {asset.duration_s:.0f} s long, the limit is {limits.video_s:.0f} s",
            )
        )
