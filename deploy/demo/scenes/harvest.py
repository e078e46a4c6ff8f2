"""A harvested rice field in the evening sun, straw stooks in rows, people at work."""

from dataclasses import dataclass

import numpy as np

from deploy.demo.paint import Floats, finish, glow, lay, noise, over, ramp, rgb, shapes, sky, smooth
from deploy.demo.scenes.hills import Range, birds, paint_ranges
from deploy.demo.scenes.town import DAY_HOUSE, Pen, house, person

HORIZON = 0.44

EVENING = (
    (0.0, "#5d8ab0"),
    (0.16, "#9fb8bd"),
    (0.30, "#f0cf9c"),
    (0.44, "#ffd48a"),
    (1.0, "#ffd48a"),
)

RANGES = (
    Range(0.22, 0.12, 0.45, "#a99c9c", "#f6d09a", 131, mist_depth=0.16),
    Range(0.29, 0.10, 0.36, "#7e8482", "#eec88e", 142, mist_depth=0.14),
    Range(0.36, 0.07, 0.28, "#57683f", "#d9b878", 153, mist_depth=0.12, trees=0.018),
)


def stubble(size: tuple[int, int]) -> Floats:
    """The field below the horizon: cut rows that run to the far side, a strip of standing rice."""
    width, height = size
    start = int(HORIZON * height)
    deep = height - start
    down = np.arange(deep, dtype=np.float32)[:, None] + 1.0
    across = (np.arange(width, dtype=np.float32)[None, :] - width * 0.58) / down
    near = down / deep
    rows = np.sin(across * 26)
    shade = noise((width, deep), 90, 61, 4, stretch=4)
    straw = noise((width, deep), 8, 62, 2, stretch=2.6)
    field = ramp(
        np.clip(0.18 + 0.42 * shade + 0.34 * straw + 0.10 * rows, 0, 1),
        (
            (0.0, "#7a5a1e"),
            (0.35, "#b5892f"),
            (0.6, "#d8ae4c"),
            (0.85, "#efcf7a"),
            (1.0, "#fbe6a4"),
        ),
    )
    earth = smooth(0.45, 0.95, -rows + (straw - 0.5) * 0.8)
    over(field, rgb("#6d5326"), earth * 0.40 * smooth(0.03, 0.22, near))
    # rice that still stands, at the left, with an edge along the rows
    edge = smooth(-1.35, -1.39, across + (straw - 0.5) * 0.12)
    ears = ramp(
        np.clip(0.25 + 0.5 * noise((width, deep), 7, 63, 2, stretch=0.5) + 0.3 * shade, 0, 1),
        ((0.0, "#8a7a1c"), (0.5, "#d3a828"), (1.0, "#f6d662")),
    )
    over(field, ears, edge)
    over(field, rgb("#5d4a12"), smooth(-1.30, -1.36, across) * (1 - edge) * 0.55)
    haze = np.exp(-down / (height * 0.06))
    over(field, rgb("#ffd894"), (np.repeat(haze, width, axis=1) * 0.85).astype(np.float32))
    return field


def stook(pen: Pen, x: float, foot: float, tall: float, rng: np.random.Generator) -> None:
    """A sheaf of straw stood up and tied under its tip; light comes from behind on the right."""
    for number in range(120):
        spread = float(rng.uniform(-1, 1))
        low = (x + spread * tall * 0.40, foot + tall * 0.05 * (1 - spread * spread))
        tie = (x + spread * tall * 0.085, foot - tall * 0.76)
        warm = 0.62 + 0.34 * spread + float(rng.uniform(-0.13, 0.13))
        tone = tuple(int(np.clip(c * warm + 30, 0, 255)) for c in (250, 206, 104))
        pen.line([low, tie], fill=tone, width=max(int(tall * 0.026), 1))
        if number % 3 == 0:
            tip = (x + spread * tall * 0.30, foot - tall * (1.04 - 0.10 * abs(spread)))
            pen.line([tie, tip], fill=tone, width=max(int(tall * 0.020), 1))
    pen.line(
        [(x - tall * 0.09, foot - tall * 0.75), (x + tall * 0.09, foot - tall * 0.77)],
        fill=(140, 98, 38, 255),
        width=max(int(tall * 0.045), 1),
    )


@dataclass(frozen=True)
class Standing:
    """What stands on the field: a stook, or a person in a coat of that number."""

    x: float
    foot: float
    tall: float
    coat: int | None


def standing(size: tuple[int, int]) -> list[Standing]:
    """Stooks in rows and people among them, farthest first; pixels."""
    width, height = size
    rng = np.random.default_rng(44)
    things: list[tuple[float, float, int | None]] = []
    for row in range(9):
        near = 0.055 * 1.42**row
        for lane in range(-5, 6):
            across = lane * 0.46 + 0.10 * float(rng.uniform(-1, 1))
            if across > -1.15 or row < 3:
                things.append((min(near * float(rng.uniform(0.96, 1.04)), 1.2), across, None))
    things += [
        (0.205, -0.62, 0),
        (0.21, -0.48, 1),
        (0.33, 0.62, 2),
        (0.335, 0.80, 3),
        (0.145, 0.9, 1),
    ]
    placed = []
    for near, across, coat in sorted(things, key=lambda thing: thing[0]):
        foot = (HORIZON + (1 - HORIZON) * near) * height
        down = foot - HORIZON * height
        x = width * 0.58 + across * down * 1.02
        if -0.2 * width < x < 1.2 * width:
            placed.append(Standing(x, foot, down * (0.27 if coat is None else 0.46), coat))
    return placed


def shadows(things: list[Standing], pen: Pen, scale: float) -> None:
    """Long shadows towards the viewer's left."""
    for one in things:
        half = one.tall * (0.42 if one.coat is None else 0.10)
        x, foot, tall = one.x * scale, one.foot * scale, one.tall * scale
        half *= scale
        pen.polygon(
            [
                (x - half, foot),
                (x + half, foot),
                (x - tall * 0.95, foot + tall * 0.44),
                (x - tall * 1.15, foot + tall * 0.40),
            ],
            fill=(74, 50, 12, 255),
        )


def on_field(things: list[Standing], pen: Pen, scale: float) -> None:
    """Draw the stooks and the people."""
    rng = np.random.default_rng(45)
    coats = ((66, 98, 142), (182, 70, 58), (232, 222, 204), (84, 120, 88))
    for one in things:
        if one.coat is None:
            stook(pen, one.x * scale, one.foot * scale, one.tall * scale, rng)
        else:
            person(
                pen,
                one.x * scale,
                one.foot * scale,
                one.tall * scale,
                (*coats[one.coat], 255),
                hat=True,
            )


def hamlet(size: tuple[int, int], pen: Pen, scale: float) -> None:
    """White houses among trees at the foot of the hills."""
    width, height = size
    rng = np.random.default_rng(17)
    foot = (HORIZON + 0.008) * height
    for x, wide, tall in (
        (0.07, 0.060, 0.050),
        (0.125, 0.066, 0.058),
        (0.185, 0.056, 0.048),
        (0.80, 0.062, 0.052),
        (0.86, 0.070, 0.060),
        (0.925, 0.058, 0.048),
    ):
        house(
            pen,
            x * width * scale,
            foot * scale,
            wide * height * 1.3 * scale,
            tall * height * scale,
            DAY_HOUSE,
            int(x * 997),
        )
    for _ in range(620):
        x = (
            float(
                rng.choice(
                    [rng.normal(0.12, 0.11), rng.normal(0.87, 0.10), rng.uniform(0, 1)],
                    p=[0.42, 0.42, 0.16],
                )
            )
            * width
        )
        reach = height * float(rng.uniform(0.004, 0.011))
        up = foot - float(rng.uniform(0, 0.014)) * height
        tone = int(rng.uniform(0, 46))
        pen.ellipse(
            (
                (x - reach) * scale,
                (up - reach) * scale,
                (x + reach) * scale,
                (up + reach * 0.8) * scale,
            ),
            fill=(84 + tone, 92 + tone, 40 + tone // 3, 255),
        )


def draw(size: tuple[int, int]) -> Floats:
    """The picture; ``size`` is (width, height) in pixels."""
    width, height = size
    canvas = sky(size, EVENING)
    sun = (width * 0.80, height * 0.24)
    clouds = noise(size, height * 0.11, 35, 5, stretch=5)
    over(canvas, rgb("#ffdcae"), smooth(0.48, 0.78, clouds) * 0.7)
    glow(canvas, sun, height * 0.26, "#ffc070", 0.85)
    glow(canvas, sun, height * 0.05, "#fff8dc", 1.0)
    paint_ranges(canvas, RANGES)
    canvas[int(HORIZON * height) :] = stubble(size)
    lay(canvas, shapes(size, lambda pen, scale: hamlet(size, pen, scale)), 0.82)
    things = standing(size)
    lay(
        canvas,
        shapes(size, lambda pen, scale: shadows(things, pen, scale), blur=height * 0.002),
        0.45,
    )
    lay(canvas, shapes(size, lambda pen, scale: on_field(things, pen, scale)))
    glow(canvas, sun, height * 0.50, "#ffbe66", 0.44)
    lay(
        canvas,
        birds(
            size,
            (
                (0.40, 0.13, 0.012),
                (0.44, 0.115, 0.010),
                (0.475, 0.14, 0.009),
                (0.52, 0.125, 0.008),
                (0.37, 0.16, 0.008),
            ),
        ),
        0.75,
    )
    return finish(canvas, 6, vignette=0.2)
