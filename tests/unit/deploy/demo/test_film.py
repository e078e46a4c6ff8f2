import numpy as np
import pytest

from deploy.demo.film import Planes, lay_sheet, paste, sprite, to_planes, to_sheet
from deploy.demo.paint import Floats, rgb, shapes


def plain(colour: str, width: int = 16, height: int = 12) -> Floats:
    return np.broadcast_to(rgb(colour), (height, width, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("colour", "yuv"),
    [  # BT.709, limited range
        ("#000000", (16, 128, 128)),
        ("#ffffff", (235, 128, 128)),
        ("#ff0000", (63, 102, 240)),
        ("#00ff00", (173, 42, 26)),
        ("#0000ff", (32, 240, 118)),
    ],
)
def test_colours_become_the_standards_levels(colour: str, yuv: tuple[int, int, int]) -> None:
    planes = to_planes(plain(colour))
    assert planes.y.shape == (12, 16)
    assert planes.u.shape == planes.v.shape == (6, 8)
    for plane, level in zip((planes.y, planes.u, planes.v), yuv, strict=True):
        assert np.abs(plane.astype(int) - level).max() <= 1


def levels(frame: Planes) -> tuple[float, float, float]:
    return float(frame.y.mean()), float(frame.u.mean()), float(frame.v.mean())


@pytest.mark.parametrize("cover", [0.0, 0.25, 0.5, 1.0])
def test_a_sheet_mixes_by_its_cover(cover: float) -> None:
    frame = to_planes(plain("#204060"))
    under, over = levels(frame), levels(to_planes(plain("#e0a020")))
    sheet = to_sheet(plain("#e0a020"), np.full((12, 16), cover, np.float32))
    lay_sheet(frame, sheet, 0, 0)
    for seen, low, high in zip(levels(frame), under, over, strict=True):
        assert seen == pytest.approx(low + (high - low) * cover, abs=1.5)


def test_many_clear_sheets_do_not_darken_the_frame() -> None:
    frame = to_planes(plain("#ffffff"))
    sheet = to_sheet(plain("#000000"), np.zeros((12, 16), np.float32))
    for _ in range(50):
        lay_sheet(frame, sheet, 0, 0)
    assert frame.y.min() >= 234


@pytest.mark.parametrize(
    ("left", "top", "seen"),
    [(4, 2, 16), (-2, -2, 4), (14, 10, 4), (-4, 0, 0), (40, 0, 0), (0, -9, 0)],
)
def test_a_sprite_is_cut_at_the_edges_of_the_frame(left: int, top: int, seen: int) -> None:
    frame = to_planes(plain("#000000"))
    white = to_sheet(plain("#ffffff", 4, 4), np.ones((4, 4), np.float32))
    lay_sheet(frame, white, left, top)
    assert int((frame.y > 200).sum()) == seen


def test_a_wide_sheet_and_wide_planes_slide() -> None:
    wide = plain("#000000", 24)
    wide[:, 20:] = 1
    for shift, columns in ((0, 0), (8, 4), (6, 2)):
        frame = to_planes(plain("#808080"))
        paste(frame, to_planes(wide), 4, shift)
        assert int((frame.y[4:] > 200).sum()) == columns * 8
        assert (frame.y[:4] > 100).all()
        other = to_planes(plain("#808080"))
        lay_sheet(other, to_sheet(wide, np.ones((12, 24), np.float32)), 0, 0, shift)
        assert int((other.y > 200).sum()) == columns * 12


def test_a_window_is_a_copy() -> None:
    world = to_planes(plain("#808080", 16, 20))
    frame = world.window(0, 4, 16, 12)
    frame.y[...] = 0
    assert world.y.min() > 100
    assert len(frame.tobytes()) == 16 * 12 * 3 // 2


def test_a_glow_lights_what_the_sprite_does_not_cover() -> None:
    dot = shapes((16, 16), lambda pen, s: pen.ellipse((6 * s, 6 * s, 10 * s, 10 * s), "#ff0000"))
    light = np.full((16, 16, 3), 0.4, np.float32)
    dark, lit = to_planes(plain("#000000", 16, 16)), to_planes(plain("#000000", 16, 16))
    lay_sheet(dark, sprite(dot, (16, 16)), 0, 0)
    lay_sheet(lit, sprite(dot, (16, 16), light), 0, 0)
    assert dark.y[0, 0] <= 17
    assert lit.y[0, 0] > 60
    assert abs(int(dark.y[8, 8]) - int(lit.y[8, 8])) <= 2
