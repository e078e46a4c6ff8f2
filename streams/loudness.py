"""Find the gain that brings a clip's sound to a recipe's loudness (ITU-R BS.1770 as EBU R128)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from streams import soundings
from streams.renditions import Clip
from streams.work import Work

_SILENT_LUFS = -70.0  # what ebur128 answers below its absolute gate, and for less than 0.4 s
_MOST_GAIN_DB = 30.0  # beyond it is the noise of an empty room
_CLOSE_LU = 0.3
_NUMBER = re.compile(r"(I|Peak):\s+(-?\d+(?:\.\d+)?|-inf|nan) (?:LUFS|dBFS)")


@dataclass(frozen=True)
class Heard:
    """What a measurement says."""

    lufs: float
    true_peak_db: float

    @property
    def silent(self) -> bool:
        return self.lufs <= _SILENT_LUFS + 1


def gain_for(recipe: Clip, work: Work) -> tuple[float, Heard]:
    """Gain in dB, and what the sound will be like behind gain and limiter.

    One measurement is not enough: speech with claps comes out several LU too quiet once the
    limiter has worked, so it is measured behind it and corrected up to five times.
    """
    gain_db = 0.0
    heard = Heard(_SILENT_LUFS, _SILENT_LUFS)
    for _ in range(6):
        argv = soundings.listen(work.programs, work.source, work.facts, recipe, gain_db)
        heard = parse(work.run(argv).lines)
        missing_db = recipe.loudness_lufs - heard.lufs
        wanted_db = min(gain_db + missing_db, _MOST_GAIN_DB)
        if heard.silent or abs(missing_db) <= _CLOSE_LU or wanted_db == gain_db:
            break
        gain_db = wanted_db
    return round(gain_db, 2), heard


def parse(lines: Iterable[str]) -> Heard:
    """The summary that the ebur128 filter prints at its end."""
    found = dict(_NUMBER.findall("\n".join(lines)))
    return Heard(_number(found.get("I")), _number(found.get("Peak")))


def _number(text: str | None) -> float:
    return _SILENT_LUFS if text in {None, "-inf", "nan"} else float(text or 0)
