"""Find the gain that brings a clip's sound to a recipe's loudness (ITU-R BS.1770 as EBU R128)."""

import re
from collections.abc import Iterable

from streams import soundings
from streams.recipes import Clip
from streams.work import SILENT_LUFS, Heard, Work

_MOST_GAIN_DB = 30.0  # beyond it is the noise of an empty room
_CLOSE_LU = 0.3
_NUMBER = re.compile(r"(I|Peak):\s+(-?\d+(?:\.\d+)?|-inf|nan) (?:LUFS|dBFS)")


def gain_for(recipe: Clip, work: Work) -> tuple[float, Heard]:
    """Gain in dB, and what the sound will be like behind gain and limiter.

    One measurement is not enough: speech with claps comes out several LU too quiet once the
    limiter has worked, so it is measured behind it and corrected up to five times. What was found
    for another recipe of the same source is taken over, or where to begin from.
    """
    target = (recipe.loudness_lufs, recipe.true_peak_db)
    if target in work.gains:
        return work.gains[target]
    gain_db = 0.0
    if work.facts.loudness is not None and work.facts.loudness.lufs > SILENT_LUFS + 1:
        gain_db = min(recipe.loudness_lufs - work.facts.loudness.lufs, _MOST_GAIN_DB)
    for found_db, found in work.gains.values():
        gain_db = found_db + recipe.loudness_lufs - found.lufs if not found.silent else 0.0
    heard = Heard(SILENT_LUFS, SILENT_LUFS)
    for _ in range(6):
        argv = soundings.listen(work.programs, work.source, work.facts, recipe, gain_db)
        heard = parse(work.run(argv).lines)
        missing_db = recipe.loudness_lufs - heard.lufs
        wanted_db = min(gain_db + missing_db, _MOST_GAIN_DB)
        if heard.silent or abs(missing_db) <= _CLOSE_LU or wanted_db == gain_db:
            break
        gain_db = wanted_db
    work.gains[target] = round(gain_db, 2), heard
    return work.gains[target]


def parse(lines: Iterable[str]) -> Heard:
    """The summary that the ebur128 filter prints at its end."""
    found = dict(_NUMBER.findall("\n".join(lines)))
    return Heard(_number(found.get("I")), _number(found.get("Peak")))


def _number(text: str | None) -> float:
    return SILENT_LUFS if text in {None, "-inf", "nan"} else float(text or 0)
