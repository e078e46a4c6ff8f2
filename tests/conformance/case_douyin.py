"""Douyin's world: the simulated platform on a loopback port, its time moved by hand."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from consumers.channels import douyin
from deploy.simulators import douyin as platform
from deploy.simulators.douyin_account import Tokens
from deploy.simulators.douyin_rules import DouyinLimits
from deploy.simulators.probe import VideoFacts
from schemas.channel import Attempt
from tests.conformance.contract import Fault, Item, World
from tests.conformance.platform import MovedClock, PlatformDesk
from tests.fakes import FakeMedia, outside, video_story
from tests.loopback import served

CREATE = "/create_video/"
TOKENS = Tokens("act.first", "rft.first", "open-id-1")


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    clock = MovedClock()
    app = platform.create_app(
        folder / "platform",
        client_key="awkey",
        client_secret="s3cret",
        tokens=TOKENS,
        clock=clock,
        review_delay_s=3600,
        limits=DouyinLimits(calls_per_second=10_000),
        probe=lambda _file: VideoFacts(1080, 1920, 12.0),
    )
    tokens = folder / "tokens.json"
    tokens.write_text(json.dumps(vars(TOKENS)))
    with served(app) as base, PlatformDesk(base) as desk:
        desk.control(quota={"create_video": 1000})
        spec = douyin.Spec.model_validate(
            {
                "id": "douyin",
                "module": "douyin",
                "name": "抖音",
                "family": "short_video",
                "wave": 1,
                "settle_s": 0,
                "listing_lag_s": 0,
                "list_is_conclusive": True,
                "api_base": base,
                "client_key": "awkey",
                "tokens_file": tokens,
            }
        )

        def items(attempt: Attempt) -> list[Item]:
            video = attempt.checkpoints.get("video")
            own = video.get("video_id") if isinstance(video, dict) else None
            return [_item(desk, one) for one in desk.items() if one["video_id"] == own]

        def inject(fault: Fault) -> None:
            if fault == "lost_answer":
                desk.control(drop_answer_next={"path": CREATE})
            elif fault == "refused":
                desk.control(next_review_status=2)
            elif fault == "transient":
                desk.control(fail_next={"path": CREATE, "errcode": 28003018})
            else:
                _delete_all(desk)

        yield World(
            module=douyin,
            spec=spec,
            story=video_story(),
            connect=lambda: douyin.connect(spec, outside(folder / "state")),
            items=items,
            media=FakeMedia(folder / "media"),
            faults=frozenset({"lost_answer", "refused", "transient", "removed"}),
            inject=inject,
            settle=lambda: clock.advance(3601),
            carries_body=False,
        )


def _item(desk: PlatformDesk, one: dict[str, Any]) -> Item:
    live = one["published_at"] is not None and one["deleted_at"] is None
    text = f"{one['text']}\n{desk.page(one['url'])}" if live else ""
    return Item(one["item_id"], live, text)


def _delete_all(desk: PlatformDesk) -> None:
    """As the account's owner does in the app."""
    for one in desk.items():
        httpx.post(
            f"{desk.base}/video/delete/",
            params={"open_id": TOKENS.open_id},
            headers={"access-token": TOKENS.access_token},
            json={"item_id": one["item_id"]},
        )
