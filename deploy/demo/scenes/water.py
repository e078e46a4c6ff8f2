"""Water that mirrors what stands above it, and lotus lamps afloat on it."""

from collections.abc import Sequence

import numpy as np

from deploy.demo.paint import (
    Floats,
    glow,
    lay,
    noise,
    over,
    rgb,
    shapes,
    smooth,
)
from deploy.demo.scenes.town import Pen

Lights = list[tuple[float, float, float]]
"""Column, row and strength of each light."""


def ripples(size: tuple[int, int], seed: int, stretch: float = 9.0) -> Floats:
    """Height of small waves over water in perspective, about -1..1; nearer waves are longer."""
    width, height = size
    flat = noise((width, height * 3), height * 0.045, seed, 4, stretch=stretch)
    # rows crowd together towards the far side, the top of the picture
    at = np.linspace(0, 1, height, dtype=np.float32) ** 0.55 * (height * 3 - 1)
    waves: Floats = (flat[at.astype(np.int32)] - 0.5) * 4
    return waves


def light_trails(size: tuple[int, int], lights: Lights, above: int) -> Floats:
    """How the lights that stand over water are drawn out downwards in it.

    ``size`` is the water's; ``above`` the rows of the picture over it.
    """
    width, deep = size
    down = np.arange(deep, dtype=np.float32)[:, None]
    trails = np.zeros((deep, width), np.float32)
    for x, y, power in lights:
        if not 0 <= x < width:
            continue
        left, right = max(int(x - width * 0.02), 0), min(int(x + width * 0.02), width)
        tall = np.exp(-(((down - (above - y) * 1.25) / (deep * 0.20)) ** 2))
        across = (np.arange(left, right, dtype=np.float32)[None, :] - x) / (width * 0.0035)
        trails[:, left:right] += 0.10 * power * tall * np.exp(-(across**2))
    return trails


def tinted(water: Floats, trails: Floats) -> Floats:
    """A mirror image with the colour of deep water and the trails of lights."""
    part = np.linspace(0, 1, len(water), dtype=np.float32)[:, None]
    deep_blue = rgb("#16264e") * (0.10 + 0.14 * part)[..., None]
    done = water * (0.84 - 0.20 * part)[..., None] + deep_blue
    done += (1 - done) * np.clip(trails, 0, 0.85)[..., None] * rgb("#ff9a52")
    return np.asarray(done, np.float32)


def reflection(above: Floats, lights: Lights, deep: int) -> Floats:
    """The water as a still mirror, ``deep`` rows."""
    height, width = above.shape[:2]
    source = np.minimum(np.arange(deep), height - 1)
    return tinted(above[height - 1 - source], light_trails((width, deep), lights, height))


def mirror(above: Floats, lights: Lights, deep: int, seed: int) -> Floats:
    """The water: ``deep`` rows that reflect the rows above them, broken by ripples."""
    height, width = above.shape[:2]
    waves = ripples((width, deep), seed)
    down = np.arange(deep, dtype=np.float32)[:, None]
    reach = 1.5 + down * 0.075
    fall = height - 1 - down * min(1.0, height * 0.98 / deep)
    source = np.clip(fall + waves * reach, 0, height - 1)
    sideways = np.arange(width)[None, :] + waves[:, ::-1] * reach * 0.25
    broken = above[source.astype(np.int32), np.clip(sideways, 0, width - 1).astype(np.int32)]
    trails = light_trails((width, deep), lights, height) * (0.25 + 1.5 * smooth(-0.2, 0.6, waves))
    water = tinted(broken, trails)
    over(water, rgb("#f2b8a8"), smooth(0.55, 0.9, waves) * (0.05 + 0.10 * down / deep))
    return water


def afloat(canvas: Floats, line: int, places: Sequence[tuple[float, float]]) -> None:
    """Set lotus lamps on the water below the row ``line``, in place, with their light."""
    height, width = canvas.shape[:2]
    spots = [
        (
            width / 2 + across * height,
            line + down * (height - line),
            height * (0.010 + 0.022 * down),
        )
        for across, down in sorted(places, key=lambda p: p[1])
    ]
    for x, y, radius in spots:
        for step in range(1, 6):
            glow(
                canvas,
                (x, y + radius * step * 0.8),
                radius * (0.75 - 0.09 * step),
                "#ff9a6a",
                0.42 - 0.07 * step,
            )

    def lamps(pen: Pen, scale: float) -> None:
        for x, y, radius in spots:
            lotus_lamp(pen, x * scale, y * scale, radius * scale)

    lay(canvas, shapes((width, height), lamps))
    for x, y, radius in spots:
        glow(canvas, (x, y - radius * 0.4), radius * 1.1, "#ffb070", 0.60)


def lotus_lamp(pen: Pen, x: float, y: float, radius: float) -> None:
    """A paper lotus with a candle, afloat; (x, y) is where it meets the water."""
    for angle, reach, fill in (
        (-72, 1.0, (206, 74, 116)),
        (72, 1.0, (206, 74, 116)),
        (-44, 1.05, (236, 104, 136)),
        (44, 1.05, (236, 104, 136)),
        (-18, 1.1, (250, 142, 160)),
        (18, 1.1, (250, 142, 160)),
        (0, 0.95, (255, 190, 186)),
    ):
        lean = np.deg2rad(angle)
        tip = (
            x + radius * reach * float(np.sin(lean)),
            y - radius * reach * float(np.cos(lean)) * 0.9,
        )
        side = (radius * 0.26 * float(np.cos(lean)), radius * 0.26 * float(np.sin(lean)))
        mid = ((x + tip[0]) / 2, (y + tip[1]) / 2)
        pen.polygon(
            [
                (x, y),
                (mid[0] - side[0], mid[1] - side[1]),
                tip,
                (mid[0] + side[0], mid[1] + side[1]),
            ],
            fill=(*fill, 255),
        )
    pen.ellipse(
        (x - radius * 0.15, y - radius * 0.62, x + radius * 0.15, y - radius * 0.18),
        fill=(255, 246, 200, 255),
    )
    pen.ellipse(
        (x - radius * 0.9, y - radius * 0.13, x + radius * 0.9, y + radius * 0.13),
        fill=(54, 104, 84, 255),
    )
