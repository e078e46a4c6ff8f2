"""An avenue of ginkgo trees in autumn, gold above and below."""

import numpy as np

from deploy.demo.paint import (
    Floats,
    Layer,
    finish,
    glow,
    lay,
    noise,
    over,
    ramp,
    rgb,
    shapes,
    sky,
    smooth,
)
from deploy.demo.scenes.ginkgo import leaf, tree
from deploy.demo.scenes.hills import Range, paint_ranges
from deploy.demo.scenes.town import Pen, person

VANISH = (0.5, 0.50)
"""Where the avenue's lines meet, as parts of width and height."""


def depths() -> list[float]:
    """Distances of the pairs of trees, farthest first; 1 is the nearest."""
    return [1.0 * 1.42**step for step in range(8, -1, -1)]


def floor(size: tuple[int, int]) -> Floats:
    """The road and the leaf-covered verges, as a picture of the whole size."""
    width, height = size
    rows = np.arange(height, dtype=np.float32)[:, None] - VANISH[1] * height
    down = np.maximum(rows, 1.0)
    across = (np.arange(width, dtype=np.float32)[None, :] - VANISH[0] * width) / down
    away = height / down
    leaves = noise(size, 14, 51, 3, stretch=2.2)
    fine = noise(size, 5, 52, 2, stretch=1.8)
    verge = ramp(
        np.clip(0.15 + 0.5 * leaves + 0.45 * fine, 0, 1),
        (
            (0.0, "#8a5a12"),
            (0.35, "#c88a1c"),
            (0.6, "#e6b02e"),
            (0.85, "#f8cf58"),
            (1.0, "#ffe08a"),
        ),
    )
    road = ramp(0.3 + 0.5 * noise(size, 40, 53, 4, stretch=3), ((0.0, "#8c8078"), (1.0, "#c9b9a2")))
    strewn = smooth(0.58, 0.68, leaves * 0.5 + fine * 0.5)
    over(road, verge, strewn * 0.85)
    edge = np.abs(across) + (noise(size, 26, 54, 3, stretch=2) - 0.5) * 0.34
    on_road = smooth(1.02, 0.78, edge)
    ground = verge
    over(ground, road, on_road)
    # the shadows of the trunks and crowns fall across the road
    bars = noise(size, height * 0.05, 55, 3, stretch=7)
    ground *= (1 - 0.38 * smooth(0.48, 0.62, bars) * smooth(16, 3, away))[..., None]
    return ground


def backdrop(size: tuple[int, int]) -> Floats:
    """The avenue without its nearest trees' falling leaves: sky, far light, ground."""
    width, height = size
    canvas = sky(size, ((0.0, "#b9d3de"), (0.3, "#e6e3c6"), (0.5, "#fff0c0"), (1.0, "#fff0c0")))
    haze = noise(size, height * 0.12, 57, 4)
    over(canvas, rgb("#f2cf74"), smooth(0.30, 0.70, haze) * 0.5)
    paint_ranges(
        canvas,
        (
            Range(0.40, 0.05, 0.30, "#d9c48c", "#fbe7b4", 91, mist_depth=0.08),
            Range(0.455, 0.03, 0.16, "#d8a23c", "#f6cf7a", 92, mist_depth=0.10, trees=0.03),
        ),
    )
    ground = floor(size)
    start = int(VANISH[1] * height) + 1
    far = np.exp(-(np.arange(height - start, dtype=np.float32)) / (height * 0.07))
    over(ground[start:], rgb("#ffe4a0"), np.repeat(far[:, None] * 0.85, width, axis=1))
    canvas[start:] = ground[start:]
    light = (VANISH[0] * width, VANISH[1] * height * 0.92)
    for number, distance in enumerate(depths()):
        air = float(np.clip(1.08 - 0.115 * distance, 0.30, 1))
        for side in (-1, 1):
            unit = height / distance
            foot = (VANISH[0] * width + side * unit * 0.62, VANISH[1] * height + unit * 0.40)
            layer = tree(size, foot, unit, side, 100 + number * 2 + side)
            tint = Layer(
                layer.left,
                layer.top,
                layer.colour * air + layer.cover[..., None] * rgb("#ffe6a2") * (1 - air),
                layer.cover,
            )
            lay(canvas, tint)
        if number < 6:
            glow(canvas, light, height * 0.10, "#fff2c4", 0.16)
    return canvas


def walkers(size: tuple[int, int]) -> Layer:
    """Grown-ups and a child on the road."""
    width, height = size

    def draw(pen: Pen, scale: float) -> None:
        for across, distance, tall, coat in (
            (-0.10, 3.1, 0.30, (176, 66, 60)),
            (0.02, 3.1, 0.32, (62, 84, 120)),
            (-0.045, 3.0, 0.19, (232, 222, 206)),
            (0.22, 4.6, 0.31, (84, 108, 84)),
            (-0.24, 5.6, 0.31, (120, 84, 110)),
        ):
            unit = height / distance
            x, foot = VANISH[0] * width + across * unit * 2.2, VANISH[1] * height + unit * 0.40
            pen.ellipse(
                (
                    (x - unit * 0.10) * scale,
                    (foot - unit * 0.012) * scale,
                    (x + unit * 0.10) * scale,
                    (foot + unit * 0.016) * scale,
                ),
                fill=(80, 50, 10, 110),
            )
            person(pen, x * scale, foot * scale, unit * tall * 1.05 * scale, (*coat, 255))

    return shapes(size, draw)


def draw(size: tuple[int, int]) -> Floats:
    """The picture; ``size`` is (width, height) in pixels."""
    width, height = size
    canvas = backdrop(size)
    lay(canvas, walkers(size))
    glow(canvas, (VANISH[0] * width, VANISH[1] * height * 0.9), height * 0.36, "#ffe9a8", 0.45)
    rng = np.random.default_rng(70)
    places = rng.uniform((0.05, 0.25), (0.95, 0.92), (46, 2))
    turns = rng.uniform(0, 2 * np.pi, 46)

    def falling(pen: Pen, scale: float) -> None:
        for (x, y), turn in zip(places.tolist(), turns.tolist(), strict=True):
            leaf(pen, x * width * scale, y * height * scale, height * 0.010 * scale, turn)

    lay(canvas, shapes(size, falling))
    return finish(canvas, 9, vignette=0.2)
