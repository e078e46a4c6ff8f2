"""A river through the old town at nightfall: bridge, houses, lanterns, their reflections."""

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
from deploy.demo.scenes.hills import Range, paint_ranges
from deploy.demo.scenes.town import DUSK_HOUSE, Pen, bridge, house, lantern, person
from deploy.demo.scenes.water import Lights, afloat, mirror

HALF = 0.62
"""Half the bridge's length, as a part of the height above the water."""

DUSK = (
    (0.0, "#16224a"),
    (0.35, "#2f3f74"),
    (0.62, "#7a6690"),
    (0.82, "#e09a7c"),
    (0.95, "#f8c68a"),
    (1.0, "#f8c68a"),
)

RANGES = (
    Range(0.60, 0.20, 0.55, "#6a6690", "#d69a8c", 5, mist_depth=0.30, mist_cover=0.8),
    Range(
        0.72, 0.16, 0.42, "#434a78", "#a77f92", 12, mist_depth=0.26, mist_cover=0.75, trees=0.012
    ),
)


def deck(part: float, height: float) -> float:
    """Row of the bridge's deck at ``part`` -1..1 of its half length."""
    return float(height - HALF * height * (0.10 + 0.42 * float(np.cos(part * np.pi / 2)) ** 1.6))


def far_houses(pen: Pen, scale: float, width: int, height: int, lights: Lights) -> None:
    """A row of houses behind the bridge, on the quay of the other bank."""
    rng = np.random.default_rng(4)
    pen.rectangle(
        (0, height * 0.945 * scale, width * scale, height * scale), fill=(104, 96, 124, 255)
    )
    pen.rectangle(
        (0, height * 0.945 * scale, width * scale, height * 0.953 * scale),
        fill=(140, 126, 146, 255),
    )
    at = width / 2 - height * 1.5
    while at < width / 2 + height * 1.5:
        wide, tall = (height * float(v) for v in rng.uniform((0.15, 0.13), (0.24, 0.22)))
        found = house(
            pen,
            at * scale,
            height * 0.95 * scale,
            wide * scale,
            tall * scale,
            DUSK_HOUSE,
            int(at * 7) & 1023,
        )
        lights.extend((x / scale, y / scale, 0.6) for x, y in found)
        at += wide * float(rng.uniform(0.92, 1.2))


def near_houses(pen: Pen, scale: float, width: int, height: int, lights: Lights) -> None:
    """Houses on both banks, lanterns under their eaves, a stone quay below them."""
    rng = np.random.default_rng(11)
    for side in (-1, 1):
        at = height * 0.60
        while at < height * 1.7:
            wide, tall = (height * float(v) for v in rng.uniform((0.28, 0.30), (0.36, 0.44)))
            left = width / 2 + (at if side > 0 else -at - wide)
            foot = height * 0.955
            found = house(
                pen,
                left * scale,
                foot * scale,
                wide * scale,
                tall * scale,
                DUSK_HOUSE,
                int(at * 13) & 1023,
            )
            lights.extend((x / scale, y / scale, 1.0) for x, y in found)
            for part in (0.14, 0.38, 0.62, 0.86):
                spot = (left + wide * part, foot - tall * 0.445)
                lantern(pen, spot[0] * scale, spot[1] * scale, height * 0.0145 * scale)
                lights.append((*spot, 2.0))
            at += wide * 1.04
        start = width / 2 + side * height * 0.56
        end = width / 2 + side * height * 1.8
        quay = sorted((start * scale, end * scale))
        pen.rectangle(
            (quay[0], height * 0.95 * scale, quay[1], height * scale), fill=(92, 88, 108, 255)
        )
        pen.rectangle(
            (quay[0], height * 0.95 * scale, quay[1], height * 0.958 * scale),
            fill=(134, 124, 136, 255),
        )
        for number in range(16):
            x = (start + side * height * 0.075 * number) * scale
            pen.line((x, height * 0.958 * scale, x, height * scale), fill=(70, 68, 90, 255))


def crowd(pen: Pen, scale: float, width: int, height: int, lights: Lights) -> None:
    """People on the bridge, some with a lantern in the hand."""
    rng = np.random.default_rng(23)
    coats = ((58, 60, 96), (112, 58, 66), (48, 76, 88), (126, 96, 74), (70, 56, 92), (150, 74, 58))
    for number, part in enumerate(
        (-0.66, -0.60, -0.36, -0.22, -0.15, 0.04, 0.11, 0.30, 0.37, 0.58)
    ):
        x, foot = width / 2 + HALF * height * part, deck(part, height)
        tall = height * float(rng.uniform(0.062, 0.074))
        person(pen, x * scale, foot * scale, tall * scale, (*coats[number % 6], 255))
        if number % 3 == 0:
            spot = (x + tall * 0.26, foot - tall * 0.42)
            lantern(pen, spot[0] * scale, spot[1] * scale, height * 0.0095 * scale)
            lights.append((*spot, 1.4))


def span(pen: Pen, scale: float, width: int, height: int, lights: Lights) -> None:
    """The bridge with lanterns along its side."""
    bridge(
        pen,
        width / 2 * scale,
        height * scale,
        HALF * height * scale,
        (136, 122, 126, 255),
        (72, 66, 86, 255),
    )
    for part in np.linspace(-0.86, 0.86, 9).tolist():
        spot = (width / 2 + HALF * height * part, deck(part, height) + HALF * height * 0.075)
        lantern(pen, spot[0] * scale, spot[1] * scale, height * 0.0145 * scale)
        lights.append((*spot, 2.0))


def stone_grain(layer: Layer, height: int) -> Layer:
    """The layer with the grain and the courses of hewn stone."""
    tall, wide = layer.cover.shape
    grain = 0.80 + 0.40 * noise((wide, tall), height * 0.02, 15, 3, stretch=2)
    rows = np.sin((np.arange(tall, dtype=np.float32) + layer.top) * 2 * np.pi / (height * 0.026))
    grain *= (1 - 0.16 * smooth(0.90, 1.0, rows))[:, None]
    shade = np.clip(layer.colour * grain[..., None], 0, 1)
    return Layer(layer.left, layer.top, shade, layer.cover)


def bank(size: tuple[int, int], town: int | None = None) -> tuple[Floats, Lights]:
    """What stands above the water line, which is the lowest row, and its lights.

    The town takes the lowest ``town`` rows, all rows where not given; over it is sky.
    """
    width, rows = size
    height = town or rows
    whole = sky(size, DUSK)
    clouds = noise(size, height * 0.16, 3, 5, stretch=5)
    over(whole, rgb("#f0a08c"), smooth(0.50, 0.85, clouds) * 0.42)
    reach = height * 0.040
    x, y = width / 2 + height * 0.36, rows * 0.17
    glow(whole, (x, y), height * 0.16, "#cfd8ff", 0.32)

    def moon(pen: Pen, s: float) -> None:
        box = ((x - reach) * s, (y - reach) * s, (x + reach) * s, (y + reach) * s)
        pen.ellipse(box, fill=(255, 249, 228, 255))

    lay(whole, shapes(size, moon))
    canvas = whole[rows - height :]
    part = (width, height)
    paint_ranges(canvas, RANGES)
    lights: Lights = []
    lay(canvas, shapes(part, lambda pen, s: far_houses(pen, s, width, height, lights)), 0.70)
    lay(canvas, shapes(part, lambda pen, s: near_houses(pen, s, width, height, lights)))
    lay(canvas, shapes(part, lambda pen, s: crowd(pen, s, width, height, lights)))
    bridge_layer = shapes(part, lambda pen, s: span(pen, s, width, height, lights))
    lay(canvas, stone_grain(bridge_layer, height))
    for light_x, light_y, power in lights:
        if power < 1.2:
            glow(canvas, (light_x, light_y), height * 0.026, "#ffb45e", 0.34 * power)
        else:
            glow(canvas, (light_x, light_y), height * 0.034, "#ff6a30", 0.34 * power)
    return whole, [(light_x, light_y + rows - height, power) for light_x, light_y, power in lights]


LAMPS = (
    (-0.62, 0.30),
    (-0.40, 0.52),
    (-0.16, 0.36),
    (0.05, 0.62),
    (0.26, 0.34),
    (0.47, 0.55),
    (0.70, 0.38),
    (-0.78, 0.74),
    (-0.26, 0.82),
    (0.34, 0.86),
    (0.88, 0.72),
    (-0.05, 0.22),
    (0.16, 0.20),
    (-0.30, 0.20),
    (0.56, 0.22),
    (0.62, 0.92),
    (-0.55, 0.95),
)
"""Lotus lamps on the water: across in heights from the middle, down the water 0..1."""


def draw(size: tuple[int, int]) -> Floats:
    """The picture; ``size`` is (width, height) in pixels."""
    width, height = size
    line = int(height * 0.62)
    above, lights = bank((width, line))
    canvas = np.concatenate([above, mirror(above, lights, height - line, 6)])
    shore = np.exp(-(((np.arange(height, dtype=np.float32) - line) / (height * 0.004)) ** 2))
    over(canvas, rgb("#20284a"), np.repeat(shore[:, None] * 0.55, width, axis=1))
    afloat(canvas, line, LAMPS)
    return finish(canvas, 2)
