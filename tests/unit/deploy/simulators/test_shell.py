"""Faults, log and durability, which are the same for each platform."""

from pathlib import Path

import httpx
import pytest

from deploy.simulators.platform_state import open_platform
from deploy.simulators.wechat_rules import refusal_answer
from tests.unit.deploy.simulators.callers import DouyinCaller, StandingClock, WechatCaller


def test_a_dropped_answer_was_carried_out(wechat: WechatCaller, clock: StandingClock) -> None:
    media_id = wechat.draft()
    wechat.control(drop_answer_next={"path": "freepublish/submit", "times": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        wechat.submit(media_id)
    clock.advance(2)
    assert wechat.call("draft/get", {"media_id": media_id})["errcode"] == 40007
    assert wechat.call("freepublish/batchget", {"offset": 0, "count": 1})["total_count"] == 1
    [line] = wechat.requests("freepublish/submit")
    assert line["outcome"] == "dropped:0"
    assert line["status"] is None
    assert line["ids"]["media_id"] == media_id


def test_a_provoked_error_is_not_carried_out_and_is_used_up(wechat: WechatCaller) -> None:
    media_id = wechat.draft()
    wechat.control(fail_next={"path": "freepublish/submit", "errcode": 45009, "times": 2})
    assert [wechat.submit(media_id).get("errcode") for _ in range(3)] == [45009, 45009, 0]
    outcomes = [line["outcome"] for line in wechat.requests("freepublish/submit")]
    assert outcomes == ["fault:45009", "fault:45009", "0"]


def test_a_provoked_http_error_is_a_gateways_page(douyin: DouyinCaller) -> None:
    douyin.control(fail_next={"path": "video_list", "http_status": 502})
    path = "/api/douyin/v1/video/video_list/"
    response = douyin.request("GET", path)
    assert response.status_code == 502
    assert response.headers["content-type"].startswith("text/html")
    assert douyin.requests("video_list")[0]["outcome"] == "fault:502"
    assert douyin.request("GET", path).status_code == 200


def test_the_log_tells_time_path_outcome_and_ids(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    media_id = wechat.draft()
    publish_id = wechat.submit(media_id)["publish_id"]
    clock.advance(1)
    wechat.submit(media_id)
    first, second = wechat.requests("freepublish/submit")
    assert first["ids"] == {"media_id": media_id, "publish_id": publish_id}
    assert (first["outcome"], first["status"], first["method"]) == ("0", 200, "POST")
    assert second["at"] - first["at"] == 1000
    assert second["outcome"] == "40007"
    newer = wechat.request("GET", "/_sim/requests", params={"after": first["id"]}).json()
    assert [line["id"] for line in newer["requests"]][-1] == second["id"]


def test_no_token_or_secret_is_in_the_log(wechat: WechatCaller, tmp_path: Path) -> None:
    token = wechat.stable_token()["access_token"]
    wechat.draft()
    text = wechat.request("GET", "/_sim/requests").text
    assert token not in text
    assert "s3cret" not in text


def test_an_unknown_switch_is_named(wechat: WechatCaller) -> None:
    response = wechat.request("POST", "/_sim/control", json={"publish_delay": 1})
    assert response.status_code == 400
    assert response.json()["unknown"] == ["publish_delay"]


def test_reset_takes_all_switches_back(wechat: WechatCaller, clock: StandingClock) -> None:
    wechat.control(publish_delay_s=100, fail_next={"path": "draft", "errcode": -1, "times": 9})
    wechat.control(reset=True)
    publish_id = wechat.submit(wechat.draft())["publish_id"]
    clock.advance(2)
    assert wechat.status(publish_id)["publish_status"] == 0


def test_wechat_forgets_nothing_when_it_is_killed(tmp_path: Path, clock: StandingClock) -> None:
    before = WechatCaller(tmp_path, clock)
    token = before.stable_token()["access_token"]
    draft = before.draft()
    running = before.submit(before.draft())["publish_id"]
    done = before.submit(before.draft())["publish_id"]
    before.control(publish_delay_s=50, quota={"draft/count": 1})
    before.call("draft/count", method="GET")
    requests = before.requests()

    after = WechatCaller(tmp_path, clock)
    assert after.stable_token()["access_token"] == token
    assert after.call("draft/get", {"media_id": draft})["news_item"]
    assert after.call("draft/count", method="GET")["errcode"] == 45009
    assert after.requests()[: len(requests)] == requests
    clock.advance(2)
    assert [after.status(job)["publish_status"] for job in (running, done)] == [0, 0]
    assert {item["publish_id"] for item in after.items()} == {running, done}


def test_douyin_forgets_nothing_when_it_is_killed(tmp_path: Path, clock: StandingClock) -> None:
    before = DouyinCaller(tmp_path, clock)
    clock.advance(16 * 24 * 3600)
    form = {"client_key": "awkey", "grant_type": "refresh_token", "refresh_token": "rft.first"}
    before.access_token = before.oauth("refresh_token", **form)["data"]["access_token"]
    video_id = before.clip()
    item_id = before.create(video_id)
    upload_id = before.api("init_video_part_upload")["data"]["upload_id"]
    part = {"upload_id": upload_id, "part_number": 1}
    before.api("upload_video_part", params=part, files={"video": ("v", b"clip 720x1280 5")})

    after = DouyinCaller(tmp_path, clock)
    assert after.code("video_list", "GET", params={"cursor": 0, "count": 1}) == 28001008
    after.access_token = before.access_token
    assert after.shown(item_id)[0]["video_status"] == 4
    assert after.code("complete_video_part_upload", params={"upload_id": upload_id}) == 0
    after.create(video_id)
    clock.advance(3)
    assert after.shown(item_id)[0]["video_status"] == 1
    assert "开镰啦" in after.request("GET", "/").text


def test_each_commit_is_forced_to_the_disk(tmp_path: Path, clock: StandingClock) -> None:
    platform = open_platform(tmp_path, "", clock, refusal_answer)
    assert platform.db.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert platform.db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_half_written_file_is_never_kept(tmp_path: Path, wechat: WechatCaller) -> None:
    wechat.cover()
    names = [file.name for file in (tmp_path / "wechat" / "media").iterdir()]
    assert len(names) == 1
    assert not names[0].startswith(".")
