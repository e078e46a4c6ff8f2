"""What a sender is told about a clip."""

from typing import Any

import pytest

from streams.media_facts import AudioFacts, Loudness, MediaFacts, StreamFacts, VideoFacts
from streams.media_words import problems, told


def facts(*, audio: dict[str, Any] | None = None, **changes: Any) -> MediaFacts:
    video = {
        "stream": 0,
        "codec": "hevc",
        "coded_width": 1920,
        "coded_height": 1080,
        "rate": 30.0,
        "frames": 300,
        "duration_s": 10.0,
        **changes.pop("video", {}),
    }
    sound = {"stream": 1, "codec": "aac", "channels": 2, "sample_rate": 48000, "duration_s": 10.0}
    return MediaFacts(
        **{
            "kind": "video",
            "content_type": "video/mp4",
            "reader": "mov",
            "size_bytes": 9,
            "width": 1920,
            "height": 1080,
            "duration_s": 10.0,
            "video": VideoFacts(**video),
            "audio": AudioFacts(**{**sound, **(audio or {})}),
            **changes,
        }
    )


def test_an_ordinary_clip_in_one_line() -> None:
    assert told(facts()) == (
        "视频 1920×1080, 30 帧/秒, 10.0 秒, H.265 + AAC / video 1920×1080, 30 fps, 10.0 s, H.265 + AAC",
    )
    assert problems(facts()) == ()


@pytest.mark.parametrize(
    ("clip", "word"),
    [
        (facts(video={"rotation": 90}), "转正"),
        (facts(width=1080, height=1920), "竖屏"),
        (facts(video={"sample_aspect": "16:11"}), "16:11"),
        (facts(video={"interlaced": True, "field_order": "bff"}), "下场先"),
        (facts(video={"variable_rate": True}), "固定帧率"),
        (facts(video={"hdr": "hlg"}), "HDR(HLG)"),
        (facts(video={"full_range": True}), "全范围"),
        (facts(video={"hidden_frames": 12}), "12 帧"),
        (facts(audio={"channels": 6}), "5.1 声道"),
        (facts(audio={"start_s": 0.8}), "晚 0.8 秒"),
        (facts(loudness=Loudness(lufs=-40, true_peak_db=-20)), "很轻"),
        (facts(loudness=Loudness(lufs=-8, true_peak_db=0)), "很响"),
        (facts(aigc='{"Label":"1"}'), "AIGC"),
    ],
)
def test_what_will_be_done_is_told(clip: MediaFacts, word: str) -> None:
    (line,) = [line for line in told(clip)[1:] if word in line]
    assert line.count(" / ") == 1 or "/ " in line
    assert problems(clip) == ()


@pytest.mark.parametrize(
    ("clip", "word"),
    [
        (facts(audio={"duration_s": 6.0}), "早结束 4.0 秒"),
        (facts(loudness=Loudness(lufs=-70, true_peak_db=-70)), "听不到"),
        (facts(damage=("[error] x", "[error] y")), "损坏"),
        (facts(width=320, height=240), "320×240"),
        (
            facts(
                streams=tuple(
                    StreamFacts(stream=n, kind="audio", codec="aac", used=n == 1) for n in (1, 2)
                )
            ),
            "2 条音轨",
        ),
    ],
)
def test_what_the_sender_should_look_at_is_told(clip: MediaFacts, word: str) -> None:
    assert [line for line in problems(clip) if word in line]


def test_a_clip_without_sound_and_sound_without_a_clip() -> None:
    silent = facts().model_copy(update={"audio": None})
    assert problems(silent) == ("没有声音 / there is no sound",)
    sound = facts().model_copy(update={"video": None, "kind": "audio"})
    assert told(sound)[0].startswith("音频, 10.0 秒, AAC / sound")
