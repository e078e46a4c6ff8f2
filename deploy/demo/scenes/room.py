"""A village reading room: shelves, a long table, a window on the hills."""

import numpy as np

from deploy.demo.paint import (
    Floats,
    Layer,
    finish,
    glow,
    lay,
    noise,
    over,
    rgb,
    shapes,
    sky,
    smooth,
)
from deploy.demo.scenes.furniture import SPINES, lamps, table
from deploy.demo.scenes.hills import Range, paint_ranges
from deploy.demo.scenes.town import Pen

WINDOW = (0.335, 0.13, 0.665, 0.56)
"""Left, top, right, bottom as parts of width and height; also the room's far wall is near it."""

WALL = (0.27, 0.05, 0.73, 0.66)


def view(size: tuple[int, int]) -> Floats:
    """What the window shows: autumn hills under a clear sky."""
    canvas = sky(size, ((0.0, "#9cc8e0"), (0.5, "#e4eedc"), (1.0, "#fdf3d4")))
    clouds = noise(size, size[1] * 0.3, 5, 4, stretch=3)
    over(canvas, rgb("#ffffff"), smooth(0.5, 0.8, clouds) * 0.6)
    paint_ranges(
        canvas,
        (
            Range(0.34, 0.22, 0.8, "#a9bdb8", "#eef0d8", 4, mist_depth=0.3),
            Range(0.50, 0.20, 0.7, "#82a07a", "#e6ebc6", 9, mist_depth=0.3),
            Range(0.66, 0.16, 0.5, "#c09a3e", "#eed48a", 16, mist_depth=0.5, trees=0.05),
            Range(0.84, 0.08, 0.4, "#8f9a3e", "#c8b860", 25, mist_depth=0.4, trees=0.04),
        ),
    )
    return canvas


def corner(size: tuple[int, int], side: int, part: float, up: float) -> tuple[float, float]:
    """A point on the left (-1) or right (1) wall: ``part`` 0 far to 1 near, ``up`` 0 floor to 1."""
    width, height = size
    far_x = WALL[0] if side < 0 else WALL[2]
    near_x = -0.02 if side < 0 else 1.02
    bottom = WALL[3] + (1.10 - WALL[3]) * part
    top = WALL[1] + (-0.38 - WALL[1]) * part
    x = far_x + (near_x - far_x) * part
    return x * width, (bottom + (top - bottom) * up) * height


def near(part: float) -> float:
    """Equal lengths along the wall grow towards the viewer."""
    return float(part / (1 + (1 - part) * 1.6))


def shelves(size: tuple[int, int], side: int) -> Layer:
    """The book wall on one side."""
    rng = np.random.default_rng(31 + side)

    def draw(pen: Pen, scale: float) -> None:
        def at(part: float, up: float) -> tuple[float, float]:
            x, y = corner(size, side, near(part), up)
            return x * scale, y * scale

        pen.polygon([at(0.03, 0), at(1, 0), at(1, 0.93), at(0.03, 0.93)], fill=(92, 58, 34, 255))
        levels = (0.04, 0.20, 0.36, 0.52, 0.68, 0.84)
        for low in levels:
            pen.polygon(
                [at(0.035, low), at(1, low), at(1, low + 0.135), at(0.035, low + 0.135)],
                fill=(46, 28, 20, 255),
            )
            spot = 0.04
            while spot < 0.98:
                wide = float(rng.uniform(0.006, 0.013))
                if rng.random() < 0.06:
                    spot += wide * 2.4
                    continue
                tall = float(rng.uniform(0.085, 0.122))
                light = 0.62 + 0.42 * (1 - spot) + float(rng.uniform(-0.07, 0.07))
                tone = tuple(
                    int(min(c * light, 255)) for c in SPINES[int(rng.integers(len(SPINES)))]
                )
                pen.polygon(
                    [
                        at(spot, low),
                        at(spot + wide, low),
                        at(spot + wide, low + tall),
                        at(spot, low + tall),
                    ],
                    fill=tone,
                )
                band = tuple(min(int(c * 1.35) + 12, 255) for c in tone)
                pen.polygon(
                    [
                        at(spot, low + tall * 0.72),
                        at(spot + wide, low + tall * 0.72),
                        at(spot + wide, low + tall * 0.80),
                        at(spot, low + tall * 0.80),
                    ],
                    fill=band,
                )
                spot += wide * 1.05
        for low in (*levels, 0.93):
            pen.polygon(
                [at(0.03, low - 0.014), at(1, low - 0.014), at(1, low), at(0.03, low)],
                fill=(150, 100, 60, 255),
            )
        for part in (0.03, 0.24, 0.47, 0.72):
            pen.polygon(
                [at(part, 0), at(part + 0.012, 0), at(part + 0.012, 0.93), at(part, 0.93)],
                fill=(134, 88, 52, 255),
            )

    return shapes(size, draw)


def window_frame(size: tuple[int, int]) -> Layer:
    """Frame, bars and sill of the window, plants on the sill, curtains."""
    width, height = size
    left, top, right, bottom = (
        v * s for v, s in zip(WINDOW, (width, height, width, height), strict=True)
    )

    def draw(pen: Pen, scale: float) -> None:
        wood = (124, 82, 50, 255)
        bar = height * 0.010 * scale
        for x in np.linspace(left, right, 5).tolist():
            pen.rectangle(
                (x * scale - bar / 2, top * scale, x * scale + bar / 2, bottom * scale), fill=wood
            )
        for y in (top, top + (bottom - top) * 0.28, bottom):
            pen.rectangle(
                (left * scale - bar, y * scale - bar / 2, right * scale + bar, y * scale + bar / 2),
                fill=wood,
            )
        pen.rectangle(
            (
                (left - height * 0.03) * scale,
                bottom * scale,
                (right + height * 0.03) * scale,
                (bottom + height * 0.022) * scale,
            ),
            fill=(170, 120, 76, 255),
        )
        rng = np.random.default_rng(3)
        for part in (0.10, 0.90):
            x = left + (right - left) * part
            half = height * 0.026
            pen.polygon(
                [
                    ((x - half) * scale, (bottom - height * 0.045) * scale),
                    ((x + half) * scale, (bottom - height * 0.045) * scale),
                    ((x + half * 0.75) * scale, bottom * scale),
                    ((x - half * 0.75) * scale, bottom * scale),
                ],
                fill=(178, 92, 62, 255),
            )
            for _ in range(26):
                angle, reach = float(rng.normal(0, 0.75)), height * float(rng.uniform(0.04, 0.10))
                tip = (
                    x + reach * float(np.sin(angle)),
                    bottom - height * 0.045 - reach * float(np.cos(angle)),
                )
                green = int(rng.uniform(0, 50))
                pen.line(
                    (x * scale, (bottom - height * 0.045) * scale, tip[0] * scale, tip[1] * scale),
                    fill=(52 + green, 104 + green, 50, 255),
                    width=int(height * 0.006 * scale),
                )

    return shapes(size, draw)


def draw(size: tuple[int, int]) -> Floats:
    """The picture; ``size`` is (width, height) in pixels."""
    width, height = size
    canvas = sky(size, ((0.0, "#c9ab80"), (0.66, "#e2c79c"), (1.0, "#e2c79c")))
    # ceiling and floor
    rows = np.arange(height, dtype=np.float32)[:, None]
    columns = np.arange(width, dtype=np.float32)[None, :]
    floor_y = int(WALL[3] * height)
    boards = (columns - width * 0.5) / np.maximum(rows[floor_y:] - height * 0.40, 1) * 9
    plank = np.floor(boards + 100)
    tone = (
        0.86
        + 0.14 * (np.sin(plank * 12.9) * 0.5 + 0.5)
        - 0.30 * smooth(0.06, 0.0, boards + 100 - plank)
    )
    grain = 0.90 + 0.2 * noise((width, height - floor_y), 40, 8, 4, stretch=0.4)
    canvas[floor_y:] = rgb("#a8744a") * (tone * grain)[..., None]
    pane = [int(v * s) for v, s in zip(WINDOW, (width, height, width, height), strict=True)]
    canvas[pane[1] : pane[3], pane[0] : pane[2]] = view((pane[2] - pane[0], pane[3] - pane[1]))
    lay(canvas, window_frame(size))
    for side in (-1, 1):
        lay(canvas, shelves(size, side))
    # sunlight falls through the window onto the floor
    down = (rows - floor_y) / height
    beam = (columns / width - 0.5 + down * 0.35) / (0.17 + down * 0.75)
    light = smooth(1.0, 0.85, np.abs(beam)) * smooth(0.0, 0.02, down) * smooth(0.36, 0.10, down)
    bars = smooth(0.04, 0.09, np.abs((beam * 2 + 10) % 1 - 0.5))
    over(canvas, canvas * 0.4 + rgb("#ffe2a0") * 0.75, (light * bars * 0.55).astype(np.float32))

    def shadow(pen: Pen, scale: float) -> None:
        pen.polygon(
            [
                (0.38 * width * scale, 0.76 * height * scale),
                (0.62 * width * scale, 0.76 * height * scale),
                (0.86 * width * scale, 1.0 * height * scale),
                (0.14 * width * scale, 1.0 * height * scale),
            ],
            fill=(60, 34, 18, 255),
        )

    lay(canvas, shapes(size, shadow, blur=height * 0.03), 0.45)
    lay(canvas, table(size))
    lay(canvas, lamps(size))
    glow(canvas, (width * 0.5, height * 0.34), height * 0.34, "#fff2c8", 0.42)
    for x, y in ((0.42, 0.165), (0.58, 0.165), (0.355, 0.13), (0.645, 0.13)):
        glow(canvas, (x * width, y * height), height * 0.07, "#ffdf9a", 0.55)
    return finish(canvas, 4, vignette=0.34)
