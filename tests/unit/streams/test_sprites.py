"""The time line's small pictures."""

import pytest

from streams.sprites import sheet_of, track_of


@pytest.mark.parametrize(
    ("seconds", "step_s", "count"),
    [(0.5, 2, 1), (12, 2, 6), (200, 2, 100), (201, 4, 51), (3600, 36, 100)],
)
def test_at_most_a_hundred(seconds: float, step_s: int, count: int) -> None:
    sheet = sheet_of(seconds, (640, 360), 2)
    assert (sheet.step_s, sheet.count, sheet.width, sheet.height) == (step_s, count, 160, 90)


def test_each_cue_names_its_rectangle() -> None:
    sheet = sheet_of(25, (360, 640), 2)
    cues = track_of(sheet, 25, "sprite.jpg").split("\n\n")
    assert cues[0] == "WEBVTT"
    assert cues[1] == "00:00:00.000 --> 00:00:02.000\nsprite.jpg#xywh=0,0,90,160"
    assert cues[12] == "00:00:22.000 --> 00:00:24.000\nsprite.jpg#xywh=90,160,90,160"
    assert cues[13].startswith("00:00:24.000 --> 00:00:25.000")
