"""WeChat's world: the simulated platform on a loopback port, its time moved by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from consumers.channels import wechat
from deploy.simulators import wechat as platform
from schemas.channel import Attempt
from tests.conformance.contract import Fault, Item, World
from tests.conformance.platform import MovedClock, PlatformDesk
from tests.conformance.play import Trial
from tests.conformance.samples import numbered
from tests.fakes import FakeMedia, outside, text_story
from tests.loopback import served

SUBMIT = "/freepublish/submit"


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    clock = MovedClock()
    app = platform.create_app(
        folder / "platform", app_id="wxapp", secret="s3cret", clock=clock, publish_delay_s=3600
    )
    (folder / "wechat.secret").write_text("s3cret\n")
    with served(app) as base, PlatformDesk(base) as desk:
        spec = wechat.Spec.model_validate(
            {
                "id": "wechat",
                "module": "wechat",
                "name": "微信公众号",
                "family": "wechat",
                "wave": 1,
                "settle_s": 0,
                "listing_lag_s": 0,
                "api_base": base,
                "appid": "wxapp",
                "secret_file": folder / "wechat.secret",
                "story_url": "https://www.example.com/a/{number}.html",
            }
        )

        def items(attempt: Attempt) -> list[Item]:
            return [_item(desk, one) for one in desk.items() if attempt.marker in one["source_url"]]

        def inject(fault: Fault) -> None:
            if fault == "lost_answer":
                desk.control(drop_answer_next={"path": SUBMIT})
            elif fault == "refused":
                desk.control(next_publish_status=4)
            elif fault == "transient":
                desk.control(fail_next={"path": SUBMIT, "errcode": 45009})
            else:
                _delete_all(desk)

        world = World(
            module=wechat,
            spec=spec,
            story=text_story(),
            connect=lambda: wechat.connect(spec, outside(folder / "state")),
            items=items,
            media=FakeMedia(folder / "media"),
            faults=frozenset({"lost_answer", "refused", "transient", "removed"}),
            inject=inject,
            settle=lambda: clock.advance(3601),
        )
        # the account keeps its token and what it has uploaded: after one story all take one way
        Trial(world, numbered(world.story, 999)).submit()
        yield world


def _item(desk: PlatformDesk, one: dict[str, Any]) -> Item:
    live = one["published_at"] is not None and one["deleted_at"] is None
    text = f"{one['title']}\n{desk.page(one['url'])}" if live else ""
    return Item(one["article_id"] or one["publish_id"], live, text)


def _delete_all(desk: PlatformDesk) -> None:
    """As the account's administrator does on the platform's own page."""
    login = {"grant_type": "client_credential", "appid": "wxapp", "secret": "s3cret"}
    token = httpx.post(f"{desk.base}/cgi-bin/stable_token", json=login).json()["access_token"]
    for one in desk.items():
        body = {"article_id": one["article_id"], "index": 0}
        params = {"access_token": token}
        httpx.post(f"{desk.base}/cgi-bin/freepublish/delete", params=params, json=body)
