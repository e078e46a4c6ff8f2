"""The app feed: lists by board and column, stories as typed blocks, tombstones."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from consumers.channels import app_feed
from schemas.body import Image
from schemas.errors import PermanentError
from tests.conformance.samples import answering, corrected, every_block, numbered
from tests.fakes import asset, text_story, video_story
from tests.unit.consumers.tree_world import URL, TreeWorld, feed

FEED = f"{URL}/feed"


@pytest.fixture
def world(tmp_path: Path) -> TreeWorld:
    return feed(tmp_path)


def told(world: TreeWorld, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((world.root / name).read_bytes())
    return found


def titles(world: TreeWorld, name: str) -> list[str]:
    return [item["title"] for item in told(world, name)["items"]]


def test_blocks_of_every_kind(world: TreeWorld) -> None:
    story = every_block(text_story())
    blocks = app_feed.render(story, world.spec).blocks
    kinds = ["paragraph", "heading", "heading", "quote", "list_item", "list_item", "image",
             "gallery", "video", "table", "divider", "correction", "paragraph"]  # fmt: skip
    assert [block["kind"] for block in blocks] == kinds
    assert [block["key"] for block in blocks] == [block.key for block in story.body]
    source = f"asset://{story.assets[0].sha256}"
    assert blocks[0]["spans"][1:] == [
        {"text": "加重词组", "strong": True},
        {"text": "着重词组", "em": True},
        {"text": "链接文字", "href": "https://example.com/a?b=1&c=2"},
    ]
    assert blocks[6] == {
        "kind": "image",
        "key": "a7",
        "url": f"{source}/web_image",
        "thumb_url": f"{source}/web_thumb",
        "width": 1600,
        "height": 1067,
        "caption": "庚图说",
        "alt": "替代文字",
        "credit": "青禾融媒",
    }
    assert blocks[8]["hls_url"] == f"asset://{story.assets[3].sha256}/web_hls"
    assert blocks[8]["duration_s"] == 12.0
    assert blocks[9]["rows"] == [["子表头", "数"], ["丑格子", "1"]]


def test_plain_text_for_a_client_without_blocks(world: TreeWorld) -> None:
    text = app_feed.render(every_block(text_story()), world.spec).content_text
    assert text.startswith("甲段首句，加重词组着重词组链接文字\n\n乙小标题\n\n")
    assert "丙引文\n—— 丁出处" in text
    assert "癸表题\n子表头\t数\n丑格子\t1" in text
    assert "更正：寅更正说明" in text


def test_story_file(world: TreeWorld) -> None:
    story = answering(text_story(sections=("政务",)))
    receipt = world.live(story).receipt
    item = told(world, "story-7.json")
    assert receipt.url == f"{FEED}/story-7.json"
    assert item["id"] == f"urn:uuid:{story.id}"
    assert item["url"] == f"{URL}/a/7.html"
    assert item["title"] == story.headline
    assert item["date_published"] == "2026-11-24T12:01:00+08:00"
    assert item["image"].startswith(f"{FEED}/m/")
    own = item["_shoufa"]
    assert (own["state"], own["version"], own["number"]) == ("live", 1, 7)
    assert own["updated_at"] == item["date_modified"]
    assert own["payload_sha256"] == receipt.payload_sha256
    assert own["boards"] == [{"name": "政务", "slug": "gov", "url": f"{FEED}/board-gov.json"}]
    assert own["asked"]["asked"] == "村口的路灯什么时候修？"
    picture = next(block for block in own["blocks"] if block["kind"] == "image")
    assert (world.root / picture["url"].removeprefix(f"{FEED}/")).is_file()
    assert "asset://" not in world.text("story-7.json")


def test_lists_by_board_and_column(world: TreeWorld) -> None:
    world.live(numbered(text_story(headline="甲", sections=("首页",)), 1))
    world.live(numbered(text_story(headline="乙", sections=("政务", "首页")), 2))
    world.live(numbered(video_story(headline="丙", sections=("政务",), columns=("百姓点题",)), 3))
    assert titles(world, "index.json") == ["丙", "乙", "甲"]
    assert titles(world, "board-home.json") == ["乙", "甲"]
    assert titles(world, "board-gov.json") == ["丙", "乙"]
    assert titles(world, "column-hot.json") == ["乙", "甲"]
    column = told(world, "story-3.json")["_shoufa"]["columns"][0]
    assert titles(world, column["url"].removeprefix(f"{FEED}/")) == ["丙"], (
        "a new column has a list"
    )
    assert [board["slug"] for board in told(world, "index.json")["_shoufa"]["boards"]] == [
        "home",
        "gov",
    ]


def test_lists_are_json_feed(world: TreeWorld) -> None:
    """Required members of JSON Feed 1.1, and none of ours without its underscore."""
    world.live(text_story())
    found = told(world, "board-home.json")
    assert found["version"] == "https://jsonfeed.org/version/1.1"
    assert found["feed_url"] == f"{FEED}/board-home.json"
    allowed = {"version", "title", "home_page_url", "feed_url", "next_url", "language", "items"}
    assert set(found) <= allowed
    members = {
        "id", "url", "title", "content_text", "summary", "image", "date_published",
        "date_modified", "authors", "tags", "language", "_shoufa",
    }  # fmt: skip
    for item in found["items"]:
        assert set(item) == members
        assert isinstance(item["id"], str)
        assert item["content_text"]


def walk(world: TreeWorld, name: str) -> list[str]:
    """What a client sees that follows ``next_url`` and knows items by their id."""
    seen: dict[str, str] = {}
    files: list[str] = []
    while name:
        assert name not in files, "runs in a circle"
        files.append(name)
        found = told(world, name)
        for item in found["items"]:
            seen.setdefault(item["id"], item["title"])
        name = found.get("next_url", "").removeprefix(f"{FEED}/")
    return list(seen.values())


def test_following_the_cursor_misses_nothing(tmp_path: Path) -> None:
    world = feed(tmp_path, page_size=4)
    for number in range(1, 16):
        world.clock += timedelta(hours=7)
        sections = ("首页", "政务") if number % 3 else ("首页",)
        world.live(numbered(text_story(headline=f"第{number}篇", sections=sections), number))
    every = [f"第{n}篇" for n in range(15, 0, -1)]
    assert walk(world, "index.json") == every
    assert walk(world, "board-gov.json") == [
        t for n, t in zip(range(15, 0, -1), every, strict=True) if n % 3
    ]
    for number in (7, 8, 9):
        world.recall(numbered(text_story(), number))
    left = [t for n, t in zip(range(15, 0, -1), every, strict=True) if n not in {7, 8, 9}]
    assert walk(world, "index.json") == left
    world.account().tree.rebuild()
    assert walk(world, "index.json") == left


def test_a_correction_moves_nothing_and_says_so(world: TreeWorld) -> None:
    world.live(numbered(text_story(headline="甲"), 1))
    world.live(numbered(text_story(headline="乙"), 2))
    world.live(corrected(numbered(text_story(), 1)).model_copy(update={"sections": ("政务",)}))
    assert titles(world, "index.json") == ["乙", "更正后的第2版标题"]
    assert titles(world, "board-home.json") == ["乙"]
    item = told(world, "board-gov.json")["items"][0]
    assert item["_shoufa"]["version"] == 2
    assert item["_shoufa"]["corrections"][0]["text"] == corrected(text_story()).correction
    assert item["date_published"] < item["date_modified"]


def test_tombstone(world: TreeWorld) -> None:
    world.live(text_story())
    world.recall(text_story())
    found = told(world, "story-7.json")
    assert found["state"] == found["_shoufa"]["state"] == "withdrawn"
    assert text_story().headline not in world.everything()
    assert titles(world, "index.json") == titles(world, "board-home.json") == []


def test_a_block_with_a_medium_of_another_kind_is_refused(world: TreeWorld) -> None:
    clip = asset("v1", "video", b"v", "video/mp4")
    with pytest.raises(PermanentError) as refused:
        app_feed.render(text_story(body=(Image(key="x", media="v1"),), assets=(clip,)), world.spec)
    assert refused.value.faults[0].field == "body.x.media"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("public_url", "feed"),
        ("title", ""),
        ("article_url", "https://www.example.cn/a/"),
        ("page_size", 0),
        ("boards", [{"name": "政务", "slug": "政务"}]),
    ],
)
def test_a_faulty_entry_is_refused(tmp_path: Path, field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        feed(tmp_path, **{field: value})
    assert field in str(refused.value)
