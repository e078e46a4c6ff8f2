"""From ffprobe's words to facts."""

from typing import Any

import pytest

from streams.clip_facts import Bounds, Packets, check_declared, clip_facts, probed
from streams.media_facts import MediaFacts
from streams.refusals import Refused
from streams.sniff import Sniffed

MP4 = Sniffed("video", "video/mp4", "mov", "MP4")


def video(**changes: Any) -> dict[str, Any]:
    return {
        "index": 0,
        "codec_type": "video",
        "codec_name": "h264",
        "width": 1920,
        "height": 1080,
        "duration": "4.0",
        "avg_frame_rate": "25/1",
        "pix_fmt": "yuv420p",
        **changes,
    }


AUDIO: dict[str, Any] = {
    "index": 1,
    "codec_type": "audio",
    "codec_name": "aac",
    "channels": 2,
    "sample_rate": "48000",
}


def even(seconds: float, rate: float, start_s: float = 0.0) -> Packets:
    times = [start_s + n / rate for n in range(round(seconds * rate))]
    return Packets(times, times[-1] + 1 / rate)


def facts(*streams: dict[str, Any], packets: dict[int, Packets], **form: Any) -> MediaFacts:
    found = probed({"streams": list(streams), "format": {"start_time": "0.0", **form}})
    return clip_facts(found, packets, MP4, 1000, Bounds())


def test_size_is_what_a_viewer_sees() -> None:
    turned = video(side_data_list=[{"side_data_type": "Display Matrix", "rotation": -90}])
    found = facts(turned, AUDIO, packets={0: even(4, 25), 1: even(4, 46.875)})
    assert (found.width, found.height, found.has_audio) == (1080, 1920, True)
    wide = video(width=720, height=576, sample_aspect_ratio="16:11")
    assert facts(wide, packets={0: even(4, 25)}).width == 1047


def test_a_cover_picture_is_no_video() -> None:
    cover = video(disposition={"attached_pic": 1})
    found = facts(cover, AUDIO, packets={0: even(1, 1), 1: even(4, 46.875)})
    assert (found.kind, found.width, found.video) == ("audio", None, None)


def test_rate_is_measured_on_packets() -> None:
    times = [round(n / 59.94, 3) for n in range(240)]  # Matroska keeps milliseconds
    found = facts(video(), packets={0: Packets(times, 4.004)})
    assert found.fps == pytest.approx(59.94, abs=0.05)
    assert found.video is not None
    assert not found.video.variable_rate


def test_a_phone_in_the_dark_has_a_variable_rate() -> None:
    times = [n / 30 for n in range(120) if n % 7]
    found = facts(video(), packets={0: Packets(times, 4.0)})
    assert found.video is not None
    assert found.video.variable_rate
    assert found.fps == pytest.approx(30, abs=0.1)


def test_length_counts_from_the_files_time_zero() -> None:
    found = facts(video(), packets={0: even(4, 25, start_s=1.9)}, start_time="1.4")
    assert found.duration_s == pytest.approx(4.5)


def test_a_header_that_claims_more_than_is_there_is_a_cut_file() -> None:
    with pytest.raises(Refused) as refused:
        facts(video(duration="20.0"), packets={0: even(8, 25)})
    assert refused.value.code == "truncated"
    assert "12.0 秒" in refused.value.reason


def test_a_container_that_lies_about_years_is_not_believed() -> None:
    found = facts(video(duration="2.0"), packets={0: even(2, 25)}, duration="4294967.0")
    assert found.duration_s == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (video(duration="7200.0"), "too_long"),
        (video(width=7680, height=4320), "too_many_pixels"),
        (AUDIO, "no_video_stream"),
        (video(codec_name="unknown"), "no_video_stream"),
    ],
)
def test_a_header_alone_can_rule_a_clip_out(stream: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        check_declared(probed({"streams": [stream], "format": {}}), Bounds(), wants_video=True)
    assert refused.value.code == code
    assert " / " in refused.value.reason
    assert " / " in refused.value.next_step


def test_the_label_of_generated_content_is_found() -> None:
    found = facts(video(), packets={0: even(4, 25)}, tags={"aigc": '{"Label":"1"}'})
    assert found.aigc == '{"Label":"1"}'
    assert facts(video(), packets={0: even(4, 25)}).aigc is None


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ("tt", ("tff", True)),
        ("bt", ("tff", True)),  # stored lower field first, shown upper field first
        ("bb", ("bff", True)),
        ("tb", ("bff", True)),
        ("progressive", ("progressive", False)),
        ("unknown", ("progressive", False)),
    ],
)
def test_which_field_is_shown_first(told: str, wanted: tuple[str, bool]) -> None:
    shown = facts(video(field_order=told), packets={0: even(4, 25)}).video
    assert shown is not None
    assert (shown.field_order, shown.interlaced) == wanted


def test_colours_depth_and_shape_of_pixels() -> None:
    shown = facts(
        video(
            pix_fmt="yuv420p10le",
            color_transfer="arib-std-b67",
            color_primaries="bt2020",
            color_space="bt2020nc",
            color_range="pc",
            sample_aspect_ratio="32:22",
        ),
        packets={0: even(4, 25)},
    ).video
    assert shown is not None
    assert (shown.hdr, shown.bit_depth, shown.full_range) == ("hlg", 10, True)
    assert (shown.primaries, shown.transfer, shown.matrix) == ("bt2020", "arib-std-b67", "bt2020nc")
    assert shown.sample_aspect == "16:11"


def test_what_only_the_packets_know() -> None:
    times = [n / 25 for n in range(100)]
    packets = Packets(times, 4.0, keys_s=[0.0, 2.0], sizes=[1000] * 50 + [3000] * 50, hidden=7)
    found = facts(video(), AUDIO, packets={0: packets, 1: even(3, 46.875, start_s=0.5)})
    shown, sound = found.video, found.audio
    assert shown is not None
    assert sound is not None
    assert (shown.key_every_s, shown.hidden_frames, found.edit_list) == (2.0, 7, True)
    assert (shown.bit_rate, shown.peak_bit_rate) == (400_000, 600_000)
    assert sound.start_s == 0.5
    assert sound.duration_s == pytest.approx(3.0, abs=0.02)
    assert [(s.kind, s.codec, s.used) for s in found.streams] == [
        ("video", "h264", True),
        ("audio", "aac", True),
    ]
