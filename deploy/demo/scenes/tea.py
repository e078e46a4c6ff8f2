"""A tea garden on rolling hills in the morning, with pickers among the rows."""

import numpy as np

from deploy.demo.paint import (
    Floats,
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
from deploy.demo.scenes.hills import Range, birds, paint_ranges
from deploy.demo.scenes.town import Pen, person
from deploy.demo.terrain import Camera, Ground, look, slope

ROWS = 8.5
"""Rows of bushes in one unit of height."""

CAMERA = Camera(eye=3.4, horizon=0.33, focal=0.95, near=2.2, far=26, steps=900)

MORNING = (
    (0.0, "#7fb4d6"),
    (0.18, "#a9d0de"),
    (0.34, "#e4ecd8"),
    (0.42, "#f7f0d2"),
    (1.0, "#f7f0d2"),
)

RANGES = (
    Range(0.20, 0.10, 0.40, "#a9c3c6", "#e9efdc", 61, mist_depth=0.13),
    Range(0.245, 0.09, 0.34, "#7da3a0", "#e3ecd4", 74, mist_depth=0.12),
    Range(0.29, 0.08, 0.30, "#4f7d6c", "#dbe8c8", 83, mist_depth=0.11, trees=0.012),
)


def rise(x: Floats, z: Floats) -> Floats:
    """Round hills, higher at the sides, with a dip in the middle."""
    bend = x + 0.7 * np.sin(z * 0.38)
    mounds = 0.55 * np.sin(bend * 0.62 + 0.8) * np.sin(z * 0.55 + 0.4)
    mounds = mounds + 0.20 * np.sin(bend * 1.4 - z * 0.5 + 2.0)
    far = 1.5 * smooth(6, 18, z)
    near = 0.75 * np.exp(-(((z - 0.4) / 3.6) ** 2)) + 0.10 * x
    side = 0.06 * np.minimum(np.abs(bend), 6.5) ** 1.5
    total: Floats = (0.6 + mounds + far + near + side).astype(np.float32)
    return total


def crown(level: Floats) -> Floats:
    """Height of a bush across its row, 0 in the furrow to 1."""
    part = level - np.floor(level)
    return smooth(0.0, 0.30, part) * smooth(1.0, 0.62, part)


def planted(x: Floats, z: Floats) -> Floats:
    """The hills with their rows of clipped bushes."""
    ground = rise(x, z)
    top: Floats = (ground + 0.085 * crown(ground * ROWS) * smooth(14, 7, z)).astype(np.float32)
    return top


def dress(ground: Ground, size: tuple[int, int]) -> Floats:
    """Colour of the garden at each pixel."""
    here = rise(ground.x, ground.z)
    level = here * ROWS
    part = level - np.floor(level)
    right, away = slope(rise, ground, here)
    light = np.clip(0.85 + 0.55 * right + 0.25 * away, 0.4, 1.3)
    near = smooth(10, 2, ground.z)
    leaves = noise(size, 8, 41, 3, stretch=1.3)
    shade = (light * (0.92 + (leaves - 0.5) * (0.15 + 0.55 * near)))[..., None]
    ripeness = smooth(0.25, 0.75, part + (leaves - 0.5) * 0.9)
    field = ramp(ripeness, ((0.0, "#6f9c2c"), (1.0, "#b4cf52"))) * shade
    blur = 0.05 + 0.35 * smooth(4, 14, ground.z)
    furrow = smooth(0.13 + blur, 0.02, part) + smooth(0.86 - blur, 1.0, part)
    dark = rgb("#2d4a1e") * (0.7 + 0.5 * light)[..., None]
    over(field, dark, np.clip(furrow, 0, 1) * (0.90 - 0.35 * smooth(5, 14, ground.z)))
    return field


SPOTS = (
    (0.17, 0.63),
    (0.62, 0.60),
    (0.66, 0.605),
    (0.335, 0.655),
    (0.30, 0.66),
    (0.80, 0.66),
    (0.47, 0.74),
    (0.50, 0.745),
)
"""Where pickers stand, farthest first: parts of width and height."""

COATS = ((196, 66, 58), (58, 96, 150), (224, 214, 196), (172, 88, 128), (70, 120, 112))


def pickers(ground: Ground, size: tuple[int, int], top: int, pen: Pen, scale: float) -> None:
    """People with baskets on their backs, behind the bushes; the sheet begins at row ``top``."""
    width, height = size
    for number, (across, down) in enumerate(SPOTS):
        column, row = across * width, down * height - top
        unit = ground.column_scale / float(ground.z[int(row), int(column)])
        tall = unit * 0.36 * scale
        x, foot = column * scale, row * scale
        person(pen, x, foot, tall, (*COATS[number % len(COATS)], 255), hat=True)
        left, right, rim, low = (
            x - tall * 0.08,
            x + tall * 0.12,
            foot - tall * 0.73,
            foot - tall * 0.48,
        )
        pen.polygon(
            [(left, rim), (right, rim), (right - tall * 0.02, low), (left + tall * 0.02, low)],
            fill=(176, 132, 72, 255),
        )
        for step in range(-4, 5):  # the bushes in front hide the legs
            at, half = x + tall * 0.07 * step, tall * 0.085
            rise_of = tall * (0.40 - 0.012 * step * step)
            pen.ellipse(
                (at - half, foot - rise_of, at + half, foot + tall * 0.02),
                fill=(78 + 12 * (step % 3), 122 + 12 * (step % 2), 36, 255),
            )


def draw(size: tuple[int, int]) -> Floats:
    """The picture; ``size`` is (width, height) in pixels."""
    width, height = size
    canvas = sky(size, MORNING)
    clouds = noise(size, height * 0.12, 77, 5, stretch=3.5)
    over(canvas, rgb("#ffffff"), smooth(0.50, 0.80, clouds) * 0.65)
    sun = (width * 0.20, height * 0.12)
    glow(canvas, sun, height * 0.25, "#fff3c4", 0.75)
    paint_ranges(canvas, RANGES)
    horizon = int(0.22 * height)
    ground = look(size, CAMERA, planted, horizon)
    part = (width, height - horizon)
    field = dress(ground, part)

    lay(field, shapes(part, lambda pen, scale: pickers(ground, size, horizon, pen, scale)))
    swirl = noise(part, height * 0.15, 19, 5, stretch=3)
    far = 1 - np.exp(-np.maximum(ground.z - 4, 0) * 0.07)
    low = smooth(7.0, 12.0, ground.z) * smooth(0.42, 0.75, swirl)
    mist = np.clip(far * 0.75 + low * 0.42, 0, 0.93)
    over(field, rgb("#e6efd0"), mist.astype(np.float32))
    over(canvas[horizon:], field, ground.seen)
    glow(canvas, sun, height * 0.5, "#fff0b8", 0.34)
    lay(
        canvas,
        birds(
            size,
            ((0.80, 0.13, 0.012), (0.835, 0.115, 0.010), (0.87, 0.14, 0.009), (0.905, 0.12, 0.008)),
        ),
        0.75,
    )
    return finish(canvas, 5, vignette=0.12)
