import pytest

from tests.unit.deploy.simulators.callers import StandingClock, WechatCaller


def with_token(wechat: WechatCaller, token: str) -> int:
    """The error code of a harmless call with this token; 0 when it is taken."""
    answer = wechat.request("GET", "/cgi-bin/draft/count", params={"access_token": token}).json()
    return int(answer.get("errcode", 0))


def test_repeats_give_the_same_token_with_what_is_left_of_its_life(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    first = wechat.stable_token()
    assert first["expires_in"] == 7200
    clock.advance(1000)
    assert wechat.stable_token() == {"access_token": first["access_token"], "expires_in": 6200}


def test_the_token_is_renewed_five_minutes_early_and_both_are_valid(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    old = wechat.stable_token()["access_token"]
    clock.advance(7200 - 301)
    assert wechat.stable_token()["access_token"] == old
    clock.advance(1)
    new = wechat.stable_token()
    assert new["access_token"] != old
    assert new["expires_in"] == 7200
    assert with_token(wechat, old) == 0
    assert with_token(wechat, new["access_token"]) == 0
    clock.advance(300)
    assert with_token(wechat, old) == 42001


def test_a_token_fits_the_documented_512_characters(wechat: WechatCaller) -> None:
    assert 100 < len(wechat.stable_token()["access_token"]) <= 512


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"appid": "wxother"}, 40013),
        ({"secret": "wrong"}, 40125),
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"grant_type": "password"}, 40002),
        ({"force_refresh": "true"}, 47001),
    ],
)
def test_wrong_credentials_are_named(
    wechat: WechatCaller, changes: dict[str, object], code: int
) -> None:
    answer = wechat.stable_token(**changes)
    assert answer["errcode"] == code
    assert "access_token" not in answer
    assert " rid: " in answer["errmsg"]


def test_no_unknown_and_expired_tokens_are_told_apart(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    assert wechat.request("GET", "/cgi-bin/draft/count").json()["errcode"] == 41001
    assert with_token(wechat, "nonsense") == 40014
    token = wechat.stable_token()["access_token"]
    clock.advance(7200)
    assert with_token(wechat, token) == 42001


def test_a_forced_refresh_ends_the_former_token(wechat: WechatCaller, clock: StandingClock) -> None:
    old = wechat.stable_token()["access_token"]
    new = wechat.stable_token(force_refresh=True)["access_token"]
    assert with_token(wechat, old) == 40001
    assert with_token(wechat, new) == 0
    assert wechat.stable_token()["access_token"] == new
    clock.advance(29)
    assert wechat.stable_token(force_refresh=True)["errcode"] == 45011
    clock.advance(1)
    assert wechat.stable_token(force_refresh=True)["access_token"] != new


def test_a_forced_refresh_is_allowed_twenty_times_a_beijing_day(
    wechat: WechatCaller, clock: StandingClock
) -> None:
    for _ in range(20):
        assert "access_token" in wechat.stable_token(force_refresh=True)
        clock.advance(31)
    assert wechat.stable_token(force_refresh=True)["errcode"] == 45009
    clock.go_to(2026, 11, 25, 0, 0)
    assert "access_token" in wechat.stable_token(force_refresh=True)


def test_tokens_can_be_expired_by_a_test(wechat: WechatCaller) -> None:
    token = wechat.stable_token()["access_token"]
    wechat.control(token_expire_now=True)
    assert with_token(wechat, token) == 42001
    assert wechat.stable_token()["access_token"] != token


def test_the_wrong_method_is_refused(wechat: WechatCaller) -> None:
    assert wechat.call("draft/add", method="GET")["errcode"] == 43002
    assert wechat.call("draft/count", {})["errcode"] == 43001
    assert wechat.request("GET", "/cgi-bin/stable_token").json()["errcode"] == 43002
