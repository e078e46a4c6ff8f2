"""An outdoor screen (户外大屏): headline and one line, read by its controller from a folder.

The controller shows ``<number>_r<release>.json`` while ``show`` is true. An invented outlet, kept
small: the worked example of docs/add-a-channel.md.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from consumers.hot_folder import reported, require, reveal, stage
from schemas.channel import (
    Absent,
    Attempt,
    CannotTell,
    Capabilities,
    ChannelSpec,
    Live,
    Outside,
    Recalled,
    Refused,
)
from schemas.errors import Fault, PermanentError
from schemas.hashing import canonical, sha256
from schemas.receipt import Receipt
from schemas.story import Story

capabilities = Capabilities(update=True, recall="yes", absent_is_sure=True, asynchronous=False)
"""``absent_is_sure``: the folder is ours, nobody else writes or deletes there."""


class Spec(ChannelSpec):
    """The screen's entry in the channels file."""

    folder: Path
    """The controller's folder, made by its owner; never created here."""
    headline_max: int = Field(default=40, ge=4, le=200)
    """Characters that fit on the screen."""


class Payload(BaseModel):
    """The copy: the lines as they will be shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Account:
    folder: Path
    outside: Outside

    def close(self) -> None:
        """Nothing is held open."""


def render(story: Story, spec: Spec) -> Payload:
    headline = story.headline_for(spec.id)
    if len(headline) > spec.headline_max:
        reason = (
            f"标题 {len(headline)} 字, 大屏最多 {spec.headline_max} 字 / too long for the screen"
        )
        step = f"填写 variants.{spec.id}.headline / give one"
        raise PermanentError(Fault("too_long", "headline", reason, step))
    second = story.correction or story.lead_for(spec.id)
    return Payload(lines=tuple(line for line in (headline, second) if line))


def connect(spec: Spec, outside: Outside) -> Account:
    return Account(spec.folder, outside)


def submit(account: Account, payload: Payload, attempt: Attempt) -> Live | Refused:
    """The same file for each attempt of a release, so repeating it is harmless."""
    require(account.folder)
    standing = _standing(account, attempt)
    if standing.get("marker", attempt.marker) != attempt.marker:
        return Refused(
            "大屏文件名已被别的稿件占用 / the name belongs to another story", "name_taken"
        )
    if standing.get("show") is False:
        return Refused("已从大屏撤下 / was taken off the screen", "taken_off")
    if standing.get("version", 0) > attempt.version:
        return Refused("大屏已显示更新的版本 / a newer version is shown", "newer_version")
    shown = {
        "marker": attempt.marker,
        "version": attempt.version,
        "copy_sha256": attempt.payload_sha256,
        "show": True,
        "lines": list(payload.lines),
    }
    _write(account, shown, attempt)
    return Live(_receipt(account, shown, attempt))


def confirm(
    account: Account, payload: Payload, _handle: dict[str, JsonValue], attempt: Attempt
) -> Live | Refused:
    """Nothing is ever only accepted here; the file tells."""
    return submit(account, payload, attempt)


def update(
    account: Account, payload: Payload, _receipt: Receipt, attempt: Attempt
) -> Live | Refused:
    return submit(account, payload, attempt)


def find(account: Account, _payload: Payload, attempt: Attempt) -> Live | Absent | CannotTell:
    require(account.folder)
    standing = _standing(account, attempt)
    if not standing:
        return Absent()
    if standing.get("marker") != attempt.marker or not standing.get("show"):
        return CannotTell("大屏文件不是这一稿或已撤下 / the file is another's, or taken off")
    return Live(_receipt(account, standing, attempt))


def recall(account: Account, _receipt: Receipt, reason: str, attempt: Attempt) -> Recalled:
    require(account.folder)
    _write(account, {**_standing(account, attempt), "show": False, "reason": reason}, attempt)
    return Recalled("已从大屏撤下 / taken off the screen")


def _path(account: Account, attempt: Attempt) -> Path:
    return account.folder / f"{attempt.number:06d}_r{attempt.release}.json"


def _standing(account: Account, attempt: Attempt) -> dict[str, Any]:
    path = _path(account, attempt)
    with reported(account.folder):
        found = json.loads(path.read_bytes()) if path.exists() else {}
    return found if isinstance(found, dict) else {}


def _write(account: Account, shown: dict[str, Any], attempt: Attempt) -> None:
    """Aside first, then one rename: the controller never sees half a file."""
    path = _path(account, attempt)
    part = path.with_name(f"{path.name}.part")
    with reported(account.folder):
        stage(canonical(shown), part)
    attempt.remaining_s()
    reveal(part, path)


def _receipt(account: Account, shown: dict[str, Any], attempt: Attempt) -> Receipt:
    return Receipt(
        item_id=_path(account, attempt).name,
        at=account.outside.now(),
        payload_sha256=shown["copy_sha256"],
        text_sha256=sha256(canonical(shown["lines"])),
    )
