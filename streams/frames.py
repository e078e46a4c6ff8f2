"""Choose one good frame of a clip: sharp, neither dark nor burnt out, not the first moment."""

import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageFilter, ImageStat

from streams import soundings
from streams.work import Work, cannot

_COUNT = 16
_WITHIN_S = 120.0  # a cover comes from the first two minutes: a long clip need not be read whole
_ENOUGH = 4
_APART_S = 1.0
_TIME = re.compile(r"pts_time:(-?\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Frame:
    """A full-size frame in sRGB and its time from the start of the clip."""

    picture: Image.Image
    at_s: float


def best_frames(work: Work, scraps: Path, count: int) -> list[Frame]:
    """The best of about sixteen frames, taken from the original, the very best first and no two
    within a second. ``scraps`` is a folder inside the work's own, for small frames.

    Raises PermanentError when the clip gives no frame at all.
    """
    found = _candidates(work, scraps, keyframes=True)
    if len(found) < max(_ENOUGH, count):
        found = _candidates(work, scraps, keyframes=False)
    if not found:
        raise cannot("no_frame", "视频里取不出画面 / no frame can be taken from the clip")
    half_s = 0.5 / max(work.facts.fps or 25.0, 1.0)
    whole = scraps / "frame.png"
    name = str(whole.relative_to(work.folder))
    frames = []
    for at_s in _choose(found, count):
        work.run(soundings.frame_at(work.programs, work.source, work.facts, at_s - half_s, name))
        with Image.open(whole, formats=["PNG"]) as opened:
            frames.append(Frame(opened.convert("RGB"), at_s))
    return frames


def _candidates(work: Work, scraps: Path, *, keyframes: bool) -> list[tuple[float, Path]]:
    argv = soundings.candidates(
        work.programs,
        work.source,
        work.facts,
        str(scraps.relative_to(work.folder) / "small-%03d.png"),
        step_s=max(min(work.duration_s, _WITHIN_S) / _COUNT, 0.2),
        within_s=_WITHIN_S,
        keyframes=keyframes,
    )
    said = work.run(argv).stdout.decode("utf-8", "replace")
    times = [float(text) for text in _TIME.findall(said)]
    return list(zip(times, sorted(scraps.glob("small-*.png")), strict=False))


def score(picture: Image.Image) -> float:
    """Higher is better: edges count most, then light in the middle, then contrast."""
    grey = picture.convert("L")
    inner = grey.filter(ImageFilter.FIND_EDGES).crop((2, 2, grey.width - 2, grey.height - 2))
    sharp = ImageStat.Stat(inner).stddev[0]
    light, contrast = ImageStat.Stat(grey).mean[0], ImageStat.Stat(grey).stddev[0]
    well_lit = max(0.05, 1.0 - abs(light - 118.0) / 128.0)
    return float(sharp * (0.3 + well_lit) * min(1.0, contrast / 40.0))


def _choose(found: list[tuple[float, Path]], count: int) -> list[float]:
    later = [pair for pair in found if pair[0] >= 0.3] or found  # clips begin with a fade or a jerk
    scored = []
    for at_s, path in later:
        with Image.open(path, formats=["PNG"]) as picture:
            scored.append((score(picture), at_s))
    chosen: list[float] = []
    for _, at_s in sorted(scored, reverse=True):
        if len(chosen) < count and all(abs(at_s - other) >= _APART_S for other in chosen):
            chosen.append(at_s)
    return chosen
