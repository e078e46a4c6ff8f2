"""The evening bus at a country stop, street lamps lit."""

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
from deploy.demo.scenes.hills import Range, paint_ranges
from deploy.demo.scenes.town import DUSK_HOUSE, Pen, house, person
from deploy.demo.scenes.vehicles import body, lamp, shelter

ROAD = 0.70
"""Row where the road begins, as a part of the height."""

DUSK = (
    (0.0, "#22335f"),
    (0.25, "#4a5f92"),
    (0.45, "#a789a0"),
    (0.60, "#f2b48c"),
    (0.70, "#ffd9a0"),
    (1.0, "#ffd9a0"),
)

RANGES = (
    Range(0.34, 0.13, 0.45, "#8a83a6", "#e9b99c", 231, mist_depth=0.2),
    Range(0.44, 0.11, 0.36, "#5e6690", "#c79aa0", 242, mist_depth=0.18),
    Range(0.54, 0.08, 0.30, "#39486a", "#8b7d98", 253, mist_depth=0.2, trees=0.022),
)


def ground(size: tuple[int, int]) -> Floats:
    """Verge, road and markings below the row ``ROAD``."""
    width, height = size
    deep = height - int(ROAD * height)
    down = np.linspace(0, 1, deep, dtype=np.float32)[:, None].repeat(width, axis=1)
    tar = ramp(
        0.5 * down + 0.5 * noise((width, deep), 60, 71, 5, stretch=3),
        ((0.0, "#6c6478"), (0.5, "#544f68"), (1.0, "#3e3c56")),
    )
    grass = ramp(noise((width, deep), 10, 72, 3, stretch=2), ((0.2, "#3c4a44"), (0.8, "#6d6f52")))
    cover = tar
    over(cover, grass, smooth(0.17, 0.14, down + 0.02 * noise((width, deep), 30, 73, 3)))
    over(cover, rgb("#c9bcc0"), smooth(0.012, 0.006, np.abs(down - 0.20)) * 0.8)
    dash = ((np.arange(width, dtype=np.float32)[None, :] - down * 60) / (width * 0.11)) % 1.0
    over(
        cover,
        rgb("#d8c8b8"),
        (
            smooth(0.016, 0.010, np.abs(down - 0.74))
            * smooth(0.02, 0.03, dash)
            * smooth(0.60, 0.59, dash)
            * 0.75
        ).astype(np.float32),
    )
    return cover


def draw(size: tuple[int, int]) -> Floats:
    """The picture; ``size`` is (width, height) in pixels."""
    width, height = size
    canvas = sky(size, DUSK)
    clouds = noise(size, height * 0.14, 28, 5, stretch=4.5)
    over(canvas, rgb("#f6b08e"), smooth(0.48, 0.80, clouds) * 0.55)
    paint_ranges(canvas, RANGES)
    lights: list[tuple[float, float]] = []

    def hamlet(pen: Pen, scale: float) -> None:
        for number, (x, wide, tall) in enumerate(
            (
                (0.0, 0.13, 0.13),
                (0.105, 0.12, 0.115),
                (0.215, 0.10, 0.10),
                (0.66, 0.10, 0.105),
                (0.755, 0.12, 0.125),
                (0.87, 0.13, 0.14),
            )
        ):
            found = house(
                pen,
                x * width * scale,
                (ROAD + 0.01) * height * scale,
                wide * height * 1.2 * scale,
                tall * height * scale,
                DUSK_HOUSE,
                400 + number,
            )
            lights.extend((px / scale, py / scale) for px, py in found)

    lay(canvas, shapes(size, hamlet), 0.85)
    for x, y in lights:
        glow(canvas, (x, y), height * 0.016, "#ffc070", 0.35)
    canvas[int(ROAD * height) :] = ground(size)
    lamps: list[tuple[float, float, float]] = []

    def posts(pen: Pen, scale: float) -> None:
        for x, tall, side in ((0.335, 0.26, 1), (0.575, 0.30, 1), (0.945, 0.42, -1)):
            spot = lamp(
                pen,
                x * width * scale,
                (ROAD + 0.035 + tall * 0.03) * height * scale,
                tall * height * scale,
                side,
            )
            lamps.append((spot[0] / scale, spot[1] / scale, tall))

    def stop(pen: Pen, scale: float) -> None:
        foot = (ROAD + 0.055) * height
        shelter(pen, 0.675 * width * scale, foot * scale, height * 0.20 * scale)
        for x, tall, coat in (
            (0.745, 0.130, (178, 70, 62)),
            (0.772, 0.122, (72, 98, 138)),
            (0.795, 0.086, (226, 186, 84)),
            (0.665, 0.128, (96, 118, 92)),
        ):
            person(
                pen,
                x * width * scale,
                (foot + height * 0.008) * scale,
                tall * height * scale,
                (*coat, 255),
            )

    lay(canvas, shapes(size, posts))
    lay(canvas, shapes(size, stop))
    coach: Layer = shapes(
        size,
        lambda pen, scale: body(
            pen, 0.10 * width * scale, (ROAD + 0.150) * height * scale, height * 0.235 * scale
        ),
    )
    lay(canvas, coach)
    for x, y, tall in lamps:
        glow(canvas, (x, y), height * 0.085 * tall * 3, "#ffe2a0", 0.55)
        glow(canvas, (x, y), height * 0.020 * tall * 3, "#fff6dc", 0.8)
        glow(canvas, (x, (ROAD + 0.06) * height), height * 0.08, "#ffcf8a", 0.22)
    front = (0.10 * width + height * 0.235 * 2.9, (ROAD + 0.075) * height)
    glow(canvas, front, height * 0.020, "#fffbe6", 0.9)
    beam = np.zeros((height, width), np.float32)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    along = (columns - front[0]) / (height * 0.75)
    fall = (rows - front[1]) / height - 0.055 * along
    beam = (
        smooth(0.0, 0.02, along)
        * np.exp(-np.maximum(along, 0) * 2.2)
        * np.exp(-(((fall - 0.05) / (0.012 + 0.045 * np.maximum(along, 0))) ** 2))
    )
    over(canvas, rgb("#ffedb8"), (beam * 0.5).astype(np.float32))
    glow(canvas, (0.28 * width, (ROAD + 0.02) * height), height * 0.14, "#ffdf9e", 0.20)
    return finish(canvas, 7, vignette=0.22)
