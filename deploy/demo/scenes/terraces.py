"""Rice terraces above a valley at sunrise."""

import numpy as np
from PIL import ImageDraw

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
from deploy.demo.terrain import Camera, Ground, look, slope

LEVELS = 9.0
"""Terraces in one unit of height."""

CAMERA = Camera(eye=3.3, horizon=0.30, focal=0.92, near=1.6, far=28, steps=1400)

SUNRISE = (
    (0.0, "#4f7ba6"),
    (0.10, "#86aabf"),
    (0.20, "#dcc6a6"),
    (0.30, "#fbd28c"),
    (0.5, "#fbe0ae"),
    (1.0, "#fbe3bb"),
)

FAR_RANGES = (
    Range(0.19, 0.10, 0.42, "#b6aba6", "#f6d6a4", 31, mist_depth=0.12),
    Range(0.225, 0.10, 0.36, "#8b9298", "#f1d3a2", 47, mist_depth=0.12),
    Range(0.265, 0.09, 0.30, "#61767c", "#e8cfa2", 53, mist_depth=0.11, trees=0.010),
)


FLOCK = (
    (0.93, 0.11, 0.011),
    (0.98, 0.095, 0.009),
    (1.03, 0.12, 0.008),
    (0.90, 0.14, 0.007),
    (1.09, 0.10, 0.007),
)


def rise(x: Floats, z: Floats) -> Floats:
    """The hills without their steps: a slope falling from the viewer, a valley, a far side."""
    bend = x + 0.9 * np.sin(z * 0.42 + 0.6) + 0.25 * np.sin(z * 1.1)
    near = 1.9 * np.exp(-(((z - 0.2) / 4.6) ** 2))
    far = 1.7 * smooth(7.5, 20, z) * (0.62 + 0.38 * np.sin(bend * 0.45 + 1.1))
    rolls = 0.24 * np.sin(bend * 1.05 + 0.5 * np.sin(z * 0.7)) * np.sin(z * 0.62 + 0.8)
    small = 0.06 * np.sin(bend * 2.7 + z * 0.9) + 0.04 * np.sin(z * 2.1 - bend * 1.3)
    side = 0.05 * np.minimum(np.abs(bend - 0.4), 7.0) ** 1.6
    total: Floats = (near + far + rolls + small + side).astype(np.float32)
    return total


def steps(x: Floats, z: Floats) -> Floats:
    """The hills as they were dug: level fields and short banks; far away the steps blur."""
    level = rise(x, z) * LEVELS
    whole = np.floor(level)
    stepped = whole + smooth(0.80, 1.0, level - whole)
    return np.asarray((stepped + (level - 0.3 - stepped) * smooth(7, 15, z)) / LEVELS)


def hashed(level: Floats, seed: int) -> Floats:
    """A number 0..1 for each terrace."""
    value = np.sin(level * 12.9898 + seed * 78.233) * 43758.5453
    part: Floats = (value - np.floor(value)).astype(np.float32)
    return part


def dress(ground: Ground, size: tuple[int, int]) -> Floats:
    """Colour of the ground at each pixel: ripe rice, water, banks, low light from the right."""
    here = rise(ground.x, ground.z)
    level = here * LEVELS
    whole = np.floor(level)
    part = level - whole
    plots = np.floor(ground.x * 0.8 + hashed(whole, 3) * 5)
    ripe = np.clip(0.80 * hashed(whole + plots * 0.37, 1) + 0.3 * noise(size, 60, 5) - 0.05, 0, 1)
    field = ramp(
        ripe,
        (
            (0.0, "#7f8f2c"),
            (0.2, "#b39f26"),
            (0.5, "#dfae30"),
            (0.8, "#f0c455"),
            (1.0, "#c98f35"),
        ),
    )
    near = smooth(9, 2, ground.z)
    ears = noise(size, 3.2, 9, 1, stretch=0.7)
    rows = np.sin(level * 34 + 3 * noise(size, 30, 19, 2)) * near
    field *= (0.93 + (ears - 0.5) * (0.12 + 0.34 * near) + 0.07 * rows)[..., None]
    right, away = slope(rise, ground, here)
    light = np.clip(0.92 - 0.75 * right + 0.30 * away, 0.42, 1.22)
    field *= light[..., None]
    blur = 0.02 + 0.12 * smooth(4, 16, ground.z)
    bank = smooth(0.0, 1.0, (part - 0.80 + blur / 2) / blur)
    tufts = noise(size, 7, 13, 2, stretch=0.6)
    grass = rgb("#42561f") * (0.45 + tufts * light)[..., None]
    over(field, grass, bank * 0.96)
    # the low rim that holds the water catches the light; under it lies a thin shadow
    over(field, rgb("#ffe9a6"), smooth(0.95, 1.0, part) * 0.5)
    over(field, rgb("#3c3f14"), smooth(0.12, 0.0, part) * 0.45)
    return field


def village(
    ground: Ground, size: tuple[int, int], top: int, pen: ImageDraw.ImageDraw, scale: float
) -> None:
    """White houses with dark roofs and round trees; the sheet begins at the row ``top``."""
    width, height = size
    rng = np.random.default_rng(8)
    spots = [
        (0.19, 0.50),
        (0.225, 0.485),
        (0.25, 0.505),
        (0.285, 0.49),
        (0.16, 0.475),
        (0.30, 0.515),
        (0.215, 0.515),
    ]
    trees = rng.uniform((0.12, 0.45), (0.36, 0.55), (26, 2)).tolist()
    trees += rng.uniform((0.0, 0.36), (1.0, 0.62), (46, 2)).tolist()
    things = [(y, x, "house") for x, y in spots] + [(y, x, "tree") for x, y in trees]
    for y, x, kind in sorted(things):
        row, column = int(y * height) - top, int(x * width)
        unit = ground.column_scale / float(ground.z[row, column]) * scale
        left, foot = column * scale, row * scale
        if kind == "tree":
            tall = unit * float(rng.uniform(0.14, 0.26))
            pen.ellipse(
                (left - tall * 0.9, foot - tall * 0.12, left + tall * 0.5, foot + tall * 0.1),
                fill=(60, 66, 30, 120),
            )
            for _ in range(9):
                across, up = rng.uniform(-0.30, 0.30), rng.uniform(0.35, 0.95)
                size_of = tall * float(rng.uniform(0.16, 0.30))
                shade = int(rng.uniform(0, 26) + 22 * (across + 0.3))
                middle = (left + across * tall, foot - up * tall)
                pen.ellipse(
                    (
                        middle[0] - size_of,
                        middle[1] - size_of,
                        middle[0] + size_of,
                        middle[1] + size_of,
                    ),
                    fill=(52 + shade, 76 + shade, 42 + shade // 2, 255),
                )
            continue
        wide, tall = unit * float(rng.uniform(0.30, 0.42)), unit * 0.20
        wall = (246, 238, 222, 255)
        pen.rectangle((left, foot - tall, left + wide, foot), fill=wall)
        pen.rectangle((left, foot - tall, left + wide * 0.38, foot), fill=(205, 196, 186, 255))
        pen.polygon(
            [
                (left - wide * 0.08, foot - tall),
                (left + wide * 0.12, foot - tall * 1.6),
                (left + wide * 0.96, foot - tall * 1.6),
                (left + wide * 1.08, foot - tall),
            ],
            fill=(84, 82, 88, 255),
        )
        for number in range(3):
            at = left + wide * (0.46 + 0.17 * number)
            pen.rectangle(
                (at, foot - tall * 0.66, at + wide * 0.07, foot - tall * 0.34),
                fill=(92, 84, 80, 255),
            )


def land(size: tuple[int, int], camera: Camera = CAMERA) -> tuple[int, Floats, Floats]:
    """The terraces from the row that it returns first: their colours and where they are seen."""
    width, height = size
    top = int(0.26 * height)
    part = (width, height - top)
    ground = look(size, camera, steps, top)
    field = dress(ground, part)
    lay(field, shapes(part, lambda pen, scale: village(ground, size, top, pen, scale)))
    # air: the farther and the lower, the more mist
    swirl = noise(part, height * 0.15, 17, 5, stretch=3)
    far = 1 - np.exp(-np.maximum(ground.z - 5, 0) * 0.062)
    low = smooth(1.1, 0.2, rise(ground.x, ground.z)) * smooth(7.0, 11.0, ground.z)
    mist = np.clip(far * 0.8 + low * smooth(0.40, 0.75, swirl) * 0.8, 0, 0.95)
    over(field, rgb("#f3d6a6"), mist)
    return top, field, ground.seen


def draw(size: tuple[int, int]) -> Floats:
    """The picture; ``size`` is (width, height) in pixels."""
    width, height = size
    canvas = sky(size, SUNRISE)
    sun = (width * 0.715, height * 0.165)
    clouds = noise(size, height * 0.10, 21, 5, stretch=5)
    over(canvas, rgb("#ffe2b4"), smooth(0.52, 0.78, clouds) * 0.6)
    glow(canvas, sun, height * 0.24, "#ffcf80", 0.8)
    glow(canvas, sun, height * 0.045, "#fffbe6", 1.0)
    paint_ranges(canvas, FAR_RANGES)
    top, field, seen = land(size)
    over(canvas[top:], field, seen)
    glow(canvas, sun, height * 0.42, "#ffc873", 0.36)
    lay(canvas, birds(size, FLOCK), 0.8)
    return finish(canvas, 3)
