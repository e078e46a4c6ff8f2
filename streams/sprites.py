"""Small pictures for the player's time line: one sheet, and a WebVTT list of what lies where. Pure."""

from dataclasses import dataclass
from math import ceil

from streams.recipes import Size

_MOST = 100
_COLUMNS = 10
_LONG_SIDE = 160


@dataclass(frozen=True)
class Sheet:
    """A grid of equal pictures, one each ``step_s`` from the start on."""

    step_s: int
    count: int
    width: int
    height: int

    @property
    def columns(self) -> int:
        return min(_COLUMNS, self.count)

    @property
    def rows(self) -> int:
        return ceil(self.count / self.columns)


def sheet_of(duration_s: float, size: Size, keyframe_s: int) -> Sheet:
    """At most a hundred pictures, as many seconds apart as keyframes or a multiple of it."""
    steps = max(1, ceil(duration_s / (_MOST * keyframe_s)))
    step_s = steps * keyframe_s
    shrink = _LONG_SIDE / max(size)
    width, height = (max(2, 2 * round(side * shrink / 2)) for side in size)
    return Sheet(step_s, max(1, ceil(duration_s / step_s)), width, height)


def track_of(sheet: Sheet, duration_s: float, name: str) -> str:
    """WebVTT whose cues name a rectangle of the picture ``name``, as players expect it."""
    lines = ["WEBVTT", ""]
    for number in range(sheet.count):
        begin_s = number * sheet.step_s
        end_s = min(duration_s, begin_s + sheet.step_s)
        x = number % sheet.columns * sheet.width
        y = number // sheet.columns * sheet.height
        lines.append(f"{_clock(begin_s)} --> {_clock(max(end_s, begin_s + 0.001))}")
        lines.append(f"{name}#xywh={x},{y},{sheet.width},{sheet.height}")
        lines.append("")
    return "\n".join(lines)


def _clock(seconds: float) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{milliseconds:03d}"
