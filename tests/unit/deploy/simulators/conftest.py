from pathlib import Path

import pytest

from tests.unit.deploy.simulators.callers import DouyinCaller, StandingClock, WechatCaller


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def wechat(tmp_path: Path, clock: StandingClock) -> WechatCaller:
    return WechatCaller(tmp_path / "wechat", clock)


@pytest.fixture
def douyin(tmp_path: Path, clock: StandingClock) -> DouyinCaller:
    return DouyinCaller(tmp_path / "douyin", clock)
