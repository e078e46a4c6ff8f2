"""What a group of files says: a manifest or a text to the story as the API would be sent it. Pure."""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from producers import intake
from producers.filing import Received
from schemas.errors import Fault, InvalidInput
from schemas.story import Filing, Plan


@dataclass(frozen=True)
class Manifest:
    """``X.json`` as read; ``faults`` where it is none."""

    data: bytes
    story: Any = None
    plan: Plan = field(default_factory=Plan)
    files: tuple[str, ...] | None = None
    """Names of the media that lie beside it; None where they cannot be told."""
    faults: tuple[Fault, ...] = ()


def read_manifest(data: bytes, name: str) -> Manifest:
    """Never raises: what is wrong stands in ``faults``."""
    try:
        raw = json.loads(data.decode("utf-8-sig"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        reason = f"不是合法的 JSON (UTF-8) / not valid JSON: {str(error)[:200]}"
        return Manifest(data, faults=(Fault("json_invalid", name, reason),))
    try:
        filing = intake.read_model(Filing, raw, "")
    except InvalidInput as error:
        return Manifest(data, files=_names(raw), faults=error.faults)
    files = tuple(m.file for m in filing.story.media if m.file is not None)
    return Manifest(data, story=raw["story"], plan=filing.plan, files=files)


def _names(raw: Any) -> tuple[str, ...] | None:
    """The files that a faulty manifest names, as far as it can be read."""
    try:
        named = [medium["file"] for medium in raw["story"]["media"] if "file" in medium]
    except (KeyError, TypeError):
        return None
    return tuple(name for name in named if isinstance(name, str)) or None


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def story_of_text(text: str, name: str, received: Sequence[Received]) -> dict[str, Any]:
    """First line that is not empty: the headline; each further one a paragraph; then the media.

    Raises InvalidInput where there is no headline.
    """
    lines = [line.replace("\t", " ").strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    if not lines:
        raise InvalidInput(
            Fault(
                "empty",
                name,
                "文稿是空的 / the text is empty",
                "第一行写标题, 下面写正文 / headline on the first line, then the text",
            )
        )
    story = story_of_media(lines[0], received)
    body = [{"kind": "paragraph", "spans": [{"text": line}]} for line in lines[1:]]
    return {**story, "kind": "news", "body": body + story["body"]}


def story_of_media(headline: str, received: Sequence[Received]) -> dict[str, Any]:
    """Pictures and clips alone; raises InvalidInput where one is neither."""
    body = []
    for index, one in enumerate(received, 1):
        if one.facts.kind not in {"image", "video"}:
            raise InvalidInput(
                Fault(
                    "wrong_kind",
                    f"file.{one.file_name}",
                    f"不是图片也不是视频, 是 {one.facts.kind} / neither a picture nor a clip",
                )
            )
        body.append({"kind": one.facts.kind, "media": f"m{index}"})
    clip = any(one.facts.kind == "video" for one in received)
    return {
        "kind": "video" if clip else "news",
        "headline": unicodedata.normalize("NFC", headline),
        "body": body,
        "media": [
            {"ref": f"m{index}", "file": one.file_name} for index, one in enumerate(received, 1)
        ],
    }
