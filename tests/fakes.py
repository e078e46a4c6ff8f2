"""Fakes that tests share: media on local disk, a sample story, attempts."""

import hashlib
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from pydantic import JsonValue

from schemas.body import Heading, Image, Paragraph, Quote, Span, Table, Video
from schemas.channel import Attempt, MediaFile, Outside, marker
from schemas.rendition import parse_placeholder
from schemas.story import Asset, Story

STORY_ID = uuid.UUID("01930000-0000-7000-8000-000000000001")
NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


@dataclass
class FakeMedia:
    """Serves files by placeholder; ``put`` first."""

    folder: Path
    known: dict[str, list[MediaFile]] = field(default_factory=dict)

    def put(self, placeholder: str, *files: tuple[str, bytes, str]) -> None:
        """``files``: (name, bytes, content type), the entry file first."""
        parse_placeholder(placeholder)
        made = []
        for name, data, content_type in files:
            path = self.folder / hashlib.sha256(placeholder.encode()).hexdigest()[:12] / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            digest = hashlib.sha256(data).hexdigest()
            made.append(MediaFile(path, name, digest, len(data), content_type))
        self.known[placeholder] = made

    def files(self, placeholder: str) -> list[MediaFile]:
        return self.known[placeholder]


def asset(ref: str, kind: Any, content: bytes, content_type: str, **facts: Any) -> Asset:
    return Asset(
        ref=ref,
        id=uuid.uuid5(uuid.NAMESPACE_OID, ref),
        kind=kind,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        content_type=content_type,
        file_name=f"{ref}.bin",
        **facts,
    )


def text_story(**changes: Any) -> Story:
    """A story with two pictures."""
    fields: dict[str, Any] = {
        "id": STORY_ID,
        "number": 7,
        "version": 1,
        "created_at": NOON,
        "updated_at": NOON,
        "headline": "青禾梯田开镰 今年多收三成",
        "lead": "霜降过后，青禾县万亩梯田陆续开镰。",
        "byline": "本报记者 禾小满",
        "source": "青禾县融媒体中心",
        "columns": ("热点",),
        "sections": ("首页",),
        "keywords": ("梯田", "丰收"),
        "body": (
            Paragraph(key="b1", spans=(Span(text="清晨六点，"), Span(text="梯田", strong=True))),
            Heading(key="b2", text="一亩田的账"),
            Image(key="b3", media="p1", caption="梯田开镰", alt="金黄的梯田", credit="青禾融媒"),
            Quote(key="b4", spans=(Span(text="今年的谷子压手。"),), cite="村民"),
            Table(key="b5", rows=(("乡镇", "亩数"), ("云岭乡", "3200"))),
            Image(key="b6", media="p2", caption="打谷", alt="打谷场"),
            Paragraph(key="b7", spans=(Span(text='引号“测试”与 <b>尖括号</b> & "符号"。'),)),
        ),
        "assets": (
            asset("p1", "image", b"picture one", "image/jpeg", width=1600, height=1067),
            asset("p2", "image", b"picture two", "image/jpeg", width=1600, height=1067),
        ),
    }
    return Story(**{**fields, **changes})


def video_story(**changes: Any) -> Story:
    """A story with one clip."""
    fields: dict[str, Any] = {
        "kind": "video",
        "headline": "航拍青禾：云海漫过古桥",
        "body": (
            Paragraph(key="b1", spans=(Span(text="一场秋雨之后，云海漫过古桥。"),)),
            Video(key="b2", media="v1", caption="航拍云海"),
        ),
        "assets": (
            asset(
                "v1", "video", b"clip one", "video/mp4", width=1920, height=1080, duration_s=12.0
            ),
        ),
    }
    return text_story(**{**fields, **changes})


def attempt(
    media: FakeMedia,
    channel: str,
    *,
    story: Story | None = None,
    release: int = 1,
    seconds: float = 20.0,
    checkpoints: dict[str, JsonValue] | None = None,
    payload_sha256: str = "0" * 64,
) -> Attempt:
    """An attempt whose checkpoints land in the given dict and whose quota never ends."""
    told = story or text_story()
    kept: dict[str, JsonValue] = {} if checkpoints is None else checkpoints
    return Attempt(
        id=uuid.uuid4(),
        story_id=told.id,
        number=told.number,
        channel=channel,
        release=release,
        version=told.version,
        headline=told.headline,
        payload_sha256=payload_sha256,
        marker=marker(told.id, channel, release),
        monotonic_end=time.monotonic() + seconds,
        media=media,
        checkpoints=dict(kept),
        checkpoint=kept.__setitem__,
    )


def outside(folder: Path) -> Outside:
    folder.mkdir(parents=True, exist_ok=True)
    return Outside(state_dir=folder, log=structlog.get_logger(), now=lambda: datetime.now(UTC))
