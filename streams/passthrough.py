"""Which streams of a source need not be encoded again, since they are what the recipe asks for.

What a recipe made conforms to it, so nothing is encoded twice. Copied pictures and sound are
validated like encoded ones. Pure.
"""

from streams.media_facts import HEARD_S, AudioFacts, MediaFacts, VideoFacts
from streams.recipes import Clip, Hls, Mp4, Station
from streams.renditions import Level, ladder, mp4_shape, output_rate

_PROFILES = {"Baseline", "Constrained Baseline", "Main", "High"}
_HIGHEST_LEVEL = 42
_MORE_THAN_TARGET = 1.2
_CLOSE_LU = 1.0
_LEAN_KBPS = 4500
"""A copied top size that needs no more than half as much again as 720 lines leaves those out:
a clip that conforms is on the site in a tenth of the time."""


def copied_level(recipe: Hls, facts: MediaFacts) -> Level | None:
    """The size of the ladder that is the source's own pictures."""
    video = facts.video
    levels = ladder(recipe, facts)
    top = levels[-1]
    if video is None or (top.width, top.height) != (facts.width, facts.height):
        return None
    fits = video.peak_bit_rate <= _MORE_THAN_TARGET * 1000 * top.kbps
    regular = video.even_keys and video.key_every_s <= recipe.keyframe_s + 0.05
    same_rate = output_rate(facts, recipe.highest_rate) == output_rate(facts, 1000)
    return top if fits and regular and same_rate and _plain_h264(facts, video) else None


def levels_of(recipe: Hls, facts: MediaFacts) -> list[Level]:
    """The ladder; of three sizes the middle one is left out where the top is copied and lean."""
    levels = ladder(recipe, facts)
    copied = copied_level(recipe, facts)
    if copied is None or facts.video is None or len(levels) < 3:
        return levels
    lean = facts.video.peak_bit_rate <= 1000 * _LEAN_KBPS
    return [levels[0], levels[-1]] if lean else levels


def copies_pictures(recipe: Mp4 | Station, facts: MediaFacts) -> bool:
    video = facts.video
    if video is None:
        return False
    if isinstance(recipe, Station):
        return recipe.coding == "xdcam_hd422" and _is_xdcam(recipe, facts, video)
    size, kbps = mp4_shape(recipe, facts)
    lean = 0 < video.peak_bit_rate <= _MORE_THAN_TARGET * 1000 * kbps
    lean = lean and facts.size_bytes <= recipe.max_bytes
    slow = video.rate <= recipe.highest_rate + 0.01
    return (facts.width, facts.height) == size and lean and slow and _plain_h264(facts, video)


def copies_sound(recipe: Clip, facts: MediaFacts) -> bool:
    """AAC that is already as loud as the recipe wants it, from its beginning to its end."""
    audio, heard = facts.audio, facts.loudness
    if audio is None or heard is None or not isinstance(recipe, Hls | Mp4):
        return False
    close = abs(heard.lufs - recipe.loudness_lufs) <= _CLOSE_LU
    level = close and heard.true_peak_db <= recipe.true_peak_db
    whole = (facts.duration_s or 0.0) <= HEARD_S
    return level and whole and _plain_aac(facts, audio)


def _plain_h264(facts: MediaFacts, video: VideoFacts) -> bool:
    return (
        facts.reader == "mov"
        and video.codec == "h264"
        and video.profile in _PROFILES
        and 0 < video.level <= _HIGHEST_LEVEL
        and video.pixel_format == "yuv420p"
        and not (video.interlaced or video.hdr or video.full_range or video.rotation)
        and video.sample_aspect == "1:1"
        and (video.coded_width % 2, video.coded_height % 2) == (0, 0)
        and (video.matrix or "bt709") == "bt709"
        and (bool(video.matrix) or min(video.coded_width, video.coded_height) >= 720)
        and video.uneven_steps == 0
        and video.hidden_frames == 0
        and abs(video.start_s) < 0.001
    )


def _plain_aac(facts: MediaFacts, audio: AudioFacts) -> bool:
    return (
        facts.reader == "mov"
        and audio.codec == "aac"
        and audio.profile == "LC"
        and audio.channels == 2
        and audio.sample_rate == 48_000
        and abs(audio.start_s) < 0.03
        and abs(audio.duration_s - (facts.duration_s or 0.0)) < 0.04
    )


def _is_xdcam(recipe: Station, facts: MediaFacts, video: VideoFacts) -> bool:
    """XDCAM HD422 as cameras and we write it: long GOP of 12 at 50 Mb/s."""
    return (
        facts.reader == "mxf"
        and video.codec == "mpeg2video"
        and video.pixel_format == "yuv422p"
        and (video.coded_width, video.coded_height) == recipe.box
        and video.field_order == "tff"
        and abs(video.rate - 25) < 0.001
        and abs(video.bit_rate - recipe.bit_rate) < 0.02 * recipe.bit_rate
        and 0 < video.key_every_s <= recipe.gop / 25 + 0.05
        and video.hidden_frames == 0
    )
