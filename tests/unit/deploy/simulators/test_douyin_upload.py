from pathlib import Path

import pytest

from deploy.simulators.douyin_rules import DouyinLimits
from tests.unit.deploy.simulators.callers import DouyinCaller, StandingClock


def test_a_clip_gets_an_id_and_its_measures(douyin: DouyinCaller) -> None:
    answer = douyin.api("upload_video", files={"video": ("v.mp4", b"clip 1080x1920 30")})
    video = answer["data"]["video"]
    assert (video["width"], video["height"]) == (1080, 1920)
    assert video["video_id"]
    assert answer["extra"]["now"] > 0
    assert answer["extra"]["logid"].startswith("20261124")


@pytest.mark.parametrize(
    "clip",
    [
        b"#EXTM3U not a clip",
        b"clip 719x1280 30",
        b"clip 1280x719 30",
        b"clip 720x1280 900.1",
        b"",
    ],
    ids=["no video", "narrow", "low", "longer than 15 minutes", "empty"],
)
def test_a_clip_that_the_platform_would_not_show_is_refused(
    douyin: DouyinCaller, tmp_path: Path, clip: bytes
) -> None:
    answer = douyin.api("upload_video", files={"video": ("v.mp4", clip)})
    assert answer["data"]["error_code"] == 28001007
    assert answer["data"]["description"] == "参数不合法"
    assert "video" not in answer["data"]
    assert list((tmp_path / "douyin" / "media").iterdir()) == []


def test_the_smallest_clip_that_fits_is_taken(douyin: DouyinCaller) -> None:
    assert douyin.clip(b"clip 720x1280 900")


def test_the_field_is_named_video(douyin: DouyinCaller) -> None:
    assert douyin.code("upload_video", files={"media": ("v.mp4", b"clip 720x1280 9")}) == 28001007
    assert douyin.code("upload_video", data={"video": "clip 720x1280 9"}) == 28001007


@pytest.fixture
def small(tmp_path: Path, clock: StandingClock) -> DouyinCaller:
    """The platform with its limits in bytes where the real ones are in megabytes."""
    limits = DouyinLimits(
        whole_bytes=128, part_bytes_least=50, part_bytes_most=100, total_bytes=200
    )
    return DouyinCaller(tmp_path / "small", clock, limits=limits)


def part(douyin: DouyinCaller, upload_id: str, number: int | str, data: bytes) -> int:
    return douyin.code(
        "upload_video_part",
        params={"upload_id": upload_id, "part_number": number},
        files={"video": ("v.mp4", data)},
    )


def complete(douyin: DouyinCaller, upload_id: str) -> int:
    return douyin.code("complete_video_part_upload", params={"upload_id": upload_id})


def begin(douyin: DouyinCaller) -> str:
    return str(douyin.api("init_video_part_upload")["data"]["upload_id"])


def test_the_real_limits_are_the_documented_ones() -> None:
    limits = DouyinLimits()
    mib = 1024 * 1024
    assert (limits.whole_bytes, limits.part_bytes_least) == (128 * mib, 5 * mib)
    assert (limits.total_bytes, limits.duration_s, limits.short_side_px) == (4096 * mib, 900, 720)


def test_a_large_clip_must_come_in_parts(small: DouyinCaller) -> None:
    clip = b"clip 720x1280 12 " + b"x" * 111
    assert len(clip) == 128
    assert small.clip(clip)
    assert small.code("upload_video", files={"video": ("v.mp4", clip + b"x")}) == 28001007
    far_too_large = b"x" * (2 * 1024 * 1024)
    assert small.code("upload_video", files={"video": ("v.mp4", far_too_large)}) == 28001007
    upload_id = begin(small)
    assert part(small, upload_id, 2, (clip + b"x")[60:]) == 0
    assert part(small, upload_id, 1, clip[:60]) == 0
    answer = small.api("complete_video_part_upload", params={"upload_id": upload_id})
    assert answer["data"]["video"]["width"] == 720
    small.create(answer["data"]["video"]["video_id"])
    assert complete(small, upload_id) == 28001007


def test_parts_count_from_one_without_a_gap(small: DouyinCaller) -> None:
    upload_id = begin(small)
    assert complete(small, upload_id) == 28001007
    assert part(small, upload_id, 0, b"x" * 60) == 28001007
    assert part(small, upload_id, "a", b"x" * 60) == 28001007
    assert part(small, upload_id, 1, b"clip 720x1280 12 ".ljust(60)) == 0
    assert part(small, upload_id, 3, b"x") == 0
    assert complete(small, upload_id) == 28001007
    assert part(small, upload_id, 2, b"x" * 49) == 0
    assert complete(small, upload_id) == 28001007
    assert part(small, upload_id, 2, b"x" * 50) == 0
    assert complete(small, upload_id) == 0


def test_part_and_total_sizes_are_limited(small: DouyinCaller) -> None:
    upload_id = begin(small)
    assert part(small, upload_id, 1, b"x" * 101) == 28001007
    for number in (1, 2, 3):
        assert part(small, upload_id, number, b"clip 720x1280 12 ".ljust(70)) == 0
    assert complete(small, upload_id) == 28001007


def test_an_upload_id_is_good_for_two_hours(small: DouyinCaller, clock: StandingClock) -> None:
    upload_id = begin(small)
    clock.advance(7199)
    assert part(small, upload_id, 1, b"clip 720x1280 12") == 0
    clock.advance(1)
    assert part(small, upload_id, 2, b"x") == 28001007
    assert complete(small, upload_id) == 28001007
    assert part(small, "unknown", 1, b"x") == 28001007


def test_joined_parts_are_looked_into_too(small: DouyinCaller) -> None:
    upload_id = begin(small)
    assert part(small, upload_id, 1, b"clip 320x240 12") == 0
    assert complete(small, upload_id) == 28001007
