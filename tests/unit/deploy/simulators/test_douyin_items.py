from pathlib import Path
from typing import Any

import pytest

from deploy.simulators.douyin_rules import DouyinLimits
from tests.unit.deploy.simulators.callers import DouyinCaller, StandingClock


def listing(douyin: DouyinCaller, cursor: int = 0, count: int = 20) -> dict[str, Any]:
    params = {"cursor": cursor, "count": count}
    data: dict[str, Any] = douyin.api("video_list", "GET", params=params)["data"]
    return data


def test_a_new_item_is_seen_by_its_author_only_until_it_is_reviewed(
    douyin: DouyinCaller, clock: StandingClock
) -> None:
    item_id = douyin.create(douyin.clip(b"clip 720x1280 12"), "秋收开镰 #青禾县")
    [item] = douyin.shown(item_id)
    assert (item["video_status"], item["is_reviewed"]) == (4, False)
    assert listing(douyin)["list"] == [item]
    assert "你要观看的作品不存在" in douyin.request("GET", item["share_url"]).text
    assert "审核中 1" in douyin.request("GET", "/").text
    clock.advance(3)
    [item] = douyin.shown(item_id)
    assert (item["video_status"], item["is_reviewed"]) == (1, True)
    assert item["title"] == "秋收开镰 #青禾县"
    page = douyin.request("GET", item["share_url"]).text
    assert "秋收开镰 #青禾县" in page
    source = page.split('<video src="')[1].split('"')[0]
    assert douyin.request("GET", source).content == b"clip 720x1280 12"
    part = douyin.request("GET", source, headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"clip")


def test_the_item_id_needs_escaping_and_finds_the_page(
    douyin: DouyinCaller, clock: StandingClock
) -> None:
    clip = douyin.clip()
    item_id = douyin.create(clip)
    assert item_id.startswith("@")
    clock.advance(3)
    assert "开镰啦" in douyin.request("GET", f"/video/{item_id.replace('+', '%2B')}").text


def test_a_review_can_end_badly(douyin: DouyinCaller, clock: StandingClock) -> None:
    douyin.control(next_review_status=2)
    item_id = douyin.create(douyin.clip())
    assert douyin.shown(item_id)[0]["video_status"] == 4
    clock.advance(3)
    [item] = douyin.shown(item_id)
    assert (item["video_status"], item["is_reviewed"]) == (2, True)
    assert "你要观看的作品不存在" in douyin.request("GET", item["share_url"]).text
    assert douyin.request("GET", f"/play/{item['video_id']}.mp4").status_code == 404
    other = douyin.create(douyin.clip())
    clock.advance(3)
    assert douyin.shown(other)[0]["video_status"] == 1


def test_nothing_guards_against_creating_the_same_item_twice(douyin: DouyinCaller) -> None:
    video_id = douyin.clip()
    first, second = douyin.create(video_id), douyin.create(video_id)
    assert first != second
    assert len(listing(douyin)["list"]) == 2
    assert len(douyin.items()) == 2


def test_a_used_video_id_may_also_be_refused(douyin: DouyinCaller) -> None:
    douyin.control(reuse_video_id="refuse")
    video_id = douyin.clip()
    douyin.create(video_id)
    body = {"video_id": video_id, "text": "再来"}
    assert douyin.code("create_video", json=body) == 28001007
    assert len(douyin.items()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"video_id": "unknown"},
        {"video_id": 7},
        {"text": ["a"]},
        {"text": "字" * 1001},
        {"cover_tsp": 12.1},
        {"cover_tsp": "0"},
        {"custom_cover_image_url": "img"},
    ],
)
def test_a_wrong_create_makes_nothing(douyin: DouyinCaller, changes: dict[str, Any]) -> None:
    body = {"video_id": douyin.clip(), "text": "字" * 1000, "cover_tsp": 12} | changes
    assert douyin.code("create_video", json=body) == 28001007
    assert douyin.items() == []


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", "{}".encode("utf-16")])
def test_a_body_must_be_a_json_object(douyin: DouyinCaller, raw: bytes) -> None:
    for name in ("create_video", "video_data", "/video/delete/"):
        assert douyin.code(name, content=raw) == 28001007


def test_a_create_within_the_limits_is_taken(douyin: DouyinCaller) -> None:
    body = {"video_id": douyin.clip(), "text": "字" * 1000, "cover_tsp": 12}
    assert douyin.code("create_video", json=body) == 0


def test_the_list_is_paged_by_an_opaque_cursor(douyin: DouyinCaller) -> None:
    made = [douyin.create(douyin.clip(), str(number)) for number in range(5)]
    first = listing(douyin, count=2)
    second = listing(douyin, cursor=first["cursor"], count=2)
    third = listing(douyin, cursor=second["cursor"], count=2)
    seen = [item["item_id"] for page in (first, second, third) for item in page["list"]]
    assert seen == made[::-1]
    assert [page["has_more"] for page in (first, second, third)] == [True, True, False]
    for wrong in ({"cursor": 0, "count": 21}, {"cursor": 0, "count": 0}, {"cursor": "a"}):
        assert douyin.code("video_list", "GET", params=wrong) == 28001007


def test_a_late_list_does_not_show_what_was_just_created(
    douyin: DouyinCaller, clock: StandingClock
) -> None:
    douyin.control(list_delay_s=30)
    douyin.create(douyin.clip())
    assert listing(douyin)["list"] == []
    clock.advance(30)
    assert len(listing(douyin)["list"]) == 1


def test_a_deleted_item_is_gone(douyin: DouyinCaller, clock: StandingClock) -> None:
    item_id = douyin.create(douyin.clip())
    clock.advance(3)
    address = douyin.shown(item_id)[0]["share_url"]
    assert douyin.code("/video/delete/", json={"item_id": item_id}) == 0
    assert "作品已删除" in douyin.request("GET", address).text
    assert douyin.shown(item_id) == []
    assert listing(douyin)["list"] == []
    assert douyin.code("/video/delete/", json={"item_id": item_id}) == 28001007
    assert douyin.items()[0]["deleted_at"] == clock.now_ms


def test_unknown_items_are_left_out_and_wrong_arguments_refused(douyin: DouyinCaller) -> None:
    assert douyin.shown("@unknown") == []
    bodies: list[dict[str, Any]] = [{}, {"item_ids": []}, {"item_ids": "@a"}, {"item_ids": [1]}]
    for body in bodies:
        assert douyin.code("video_data", json=body) == 28001007


def test_creates_are_limited_by_the_beijing_day(douyin: DouyinCaller, clock: StandingClock) -> None:
    video_id = douyin.clip()
    for _ in range(75):
        douyin.create(video_id)
    body = {"video_id": video_id, "text": "第七十六条"}
    assert douyin.code("create_video", json=body) == 28003017
    clock.go_to(2026, 11, 24, 23, 59)
    assert douyin.code("create_video", json=body) == 28003017
    clock.go_to(2026, 11, 25, 0, 0)
    assert douyin.code("create_video", json=body) == 0
    assert len(douyin.items()) == 76


def test_calls_that_come_too_fast_are_refused(tmp_path: Path, clock: StandingClock) -> None:
    douyin = DouyinCaller(tmp_path, clock, limits=DouyinLimits())
    body = {"item_ids": ["@a"]}
    assert [douyin.code("video_data", json=body) for _ in range(21)] == [0] * 20 + [28003018]
    clock.advance(1)
    assert douyin.code("video_data", json=body) == 0


@pytest.mark.parametrize("code", [28001005, 28001006, 28001018, 28001056, 28003017, 28003018])
def test_any_error_can_be_provoked_without_effect(douyin: DouyinCaller, code: int) -> None:
    douyin.control(fail_next={"path": "create_video", "errcode": code})
    body = {"video_id": douyin.clip(), "text": "字"}
    answer = douyin.api("create_video", json=body)
    assert answer["data"]["error_code"] == code
    assert answer["extra"]["description"] == answer["data"]["description"] != ""
    assert douyin.items() == []
    assert douyin.code("create_video", json=body) == 0
