from typing import Any

import pytest

from tests.unit.deploy.simulators.callers import DouyinCaller, StandingClock

DAY_S = 24 * 3600


def refresh(douyin: DouyinCaller, token: str = "rft.first", **changes: str) -> dict[str, Any]:
    form = {"client_key": "awkey", "grant_type": "refresh_token", "refresh_token": token}
    return douyin.oauth("refresh_token", **form | changes)


def renew(douyin: DouyinCaller, token: str) -> dict[str, Any]:
    return douyin.oauth("renew_refresh_token", client_key="awkey", refresh_token=token)


def access_code(douyin: DouyinCaller) -> int:
    return douyin.code("video_list", "GET", params={"cursor": 0, "count": 10})


def test_an_access_token_lives_fifteen_days(douyin: DouyinCaller, clock: StandingClock) -> None:
    assert access_code(douyin) == 0
    clock.advance(15 * DAY_S - 1)
    assert access_code(douyin) == 0
    clock.advance(1)
    assert access_code(douyin) == 28001008


def test_refreshing_an_expired_access_token_gives_a_new_one(
    douyin: DouyinCaller, clock: StandingClock
) -> None:
    clock.advance(16 * DAY_S)
    answer = refresh(douyin)
    data = answer["data"]
    assert answer["message"] == "success"
    assert data["error_code"] == 0
    assert data["access_token"] != "act.first"
    assert (data["refresh_token"], data["open_id"]) == ("rft.first", "open-id-1")
    assert int(data["expires_in"]) == 15 * DAY_S
    assert int(data["refresh_expires_in"]) == 14 * DAY_S
    assert access_code(douyin) == 28001008
    douyin.access_token = data["access_token"]
    assert access_code(douyin) == 0


def test_refreshing_a_valid_access_token_prolongs_the_same_one(
    douyin: DouyinCaller, clock: StandingClock
) -> None:
    clock.advance(10 * DAY_S)
    assert refresh(douyin)["data"]["access_token"] == "act.first"
    clock.advance(14 * DAY_S)
    assert access_code(douyin) == 0


def test_after_thirty_days_a_person_must_authorise_again(
    douyin: DouyinCaller, clock: StandingClock
) -> None:
    clock.advance(30 * DAY_S)
    for answer in (refresh(douyin), renew(douyin, "rft.first")):
        assert answer["message"] == "error"
        assert answer["data"]["error_code"] == 10010
        assert answer["data"]["description"] == "refresh_token 过期"
    code = douyin.control(authorise=True)["code"]
    form = {"client_key": "awkey", "grant_type": "authorization_code", "code": code}
    assert douyin.oauth("access_token", client_secret="x", **form)["data"]["error_code"] == 10013
    data = douyin.oauth("access_token", client_secret="s3cret", **form)["data"]
    douyin.access_token = data["access_token"]
    assert access_code(douyin) == 0
    again = douyin.oauth("access_token", client_secret="s3cret", **form)
    assert again["data"]["error_code"] == 10007


def test_a_refresh_token_is_renewed_five_times_and_the_old_one_ends(
    douyin: DouyinCaller, clock: StandingClock
) -> None:
    token = "rft.first"
    for _ in range(5):
        clock.advance(20 * DAY_S)
        old, token = token, renew(douyin, token)["data"]["refresh_token"]
        assert refresh(douyin, old)["data"]["error_code"] == 10010
        assert refresh(douyin, token)["data"]["error_code"] == 0
    assert renew(douyin, token)["data"]["error_code"] == 10020


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_key": "other"}, 10003),
        ({"client_key": ""}, 10005),
        ({"refresh_token": ""}, 10005),
        ({"refresh_token": "rft.other"}, 10010),
        ({"refresh_token": "act.first"}, 10010),
        ({"grant_type": "password"}, 10002),
    ],
)
def test_a_wrong_refresh_is_refused(
    douyin: DouyinCaller, changes: dict[str, str], code: int
) -> None:
    answer = douyin.oauth(
        "refresh_token",
        **{"client_key": "awkey", "grant_type": "refresh_token", "refresh_token": "rft.first"}
        | changes,
    )
    assert answer["data"]["error_code"] == code


def test_the_form_is_not_json(douyin: DouyinCaller) -> None:
    body = {"client_key": "awkey", "grant_type": "refresh_token", "refresh_token": "rft.first"}
    answer = douyin.request("POST", "/oauth/refresh_token/", json=body).json()
    assert answer["data"]["error_code"] == 10005


def test_a_call_needs_the_token_in_the_header_and_its_own_account(douyin: DouyinCaller) -> None:
    listing = {"cursor": 0, "count": 10}
    other = listing | {"open_id": "open-id-2"}
    none = listing | {"open_id": ""}
    in_query = listing | {"access_token": "act.first"}
    wrong = {"access-token": "act.other"}
    assert douyin.code("video_list", "GET", params=listing, headers=wrong) == 28001003
    assert (
        douyin.code("video_list", "GET", params=in_query, headers={"access-token": ""}) == 28001003
    )
    assert douyin.code("video_list", "GET", params=other) == 28001015
    assert douyin.code("video_list", "GET", params=none) == 28001007


def test_rights_and_tokens_can_be_taken_away_by_a_test(douyin: DouyinCaller) -> None:
    douyin.control(scope_granted=False)
    assert access_code(douyin) == 28001012
    douyin.control(scope_granted=True, ability_granted=False)
    assert access_code(douyin) == 28001018
    douyin.control(ability_granted=True, token_expire_now=True)
    assert access_code(douyin) == 28001008
    douyin.control(refresh_expire_now=True)
    assert refresh(douyin)["data"]["error_code"] == 10010


def test_an_unknown_interface_answers_in_the_platforms_shape(douyin: DouyinCaller) -> None:
    assert douyin.code("create_task") == 28001017
    assert douyin.code("video_list") == 28001017
