"""One ginkgo tree in autumn, and its leaves."""

import numpy as np

from deploy.demo.paint import (
    Layer,
    shapes,
)
from deploy.demo.scenes.town import Pen

GOLD = (
    (150, 96, 14),
    (186, 124, 18),
    (214, 150, 22),
    (236, 176, 34),
    (250, 200, 58),
    (255, 222, 104),
)


def dabs(
    pen: Pen,
    scale: float,
    rng: np.random.Generator,
    middle: tuple[float, float],
    spread: tuple[float, float],
    count: int,
    dab: float,
    shine: float,
) -> None:
    """A cloud of leaf dabs around ``middle``: dark ones below, lit ones above."""
    places = rng.normal(0, 0.42, (count, 2))
    places = places[np.hypot(places[:, 0], places[:, 1]) < 1.05]
    places = places[np.argsort(-places[:, 1] + rng.normal(0, 0.45, len(places)))]
    sizes = rng.uniform(0.55, 1.25, len(places)) * dab
    tones = 2.6 - places[:, 1] * 2.4 + rng.normal(0, 0.9, len(places)) + shine
    tones = np.clip(tones, 0, len(GOLD) - 1).astype(int)
    for (across, up), half, tone in zip(
        places.tolist(), sizes.tolist(), tones.tolist(), strict=True
    ):
        x, y = (middle[0] + across * spread[0]) * scale, (middle[1] + up * spread[1]) * scale
        reach = half * scale
        pen.ellipse((x - reach, y - reach * 0.72, x + reach, y + reach * 0.72), fill=GOLD[tone])


def trunk(
    pen: Pen, x: float, foot: float, unit: float, side: int, rng: np.random.Generator
) -> None:
    """The trunk and its boughs, lit on the side of the road, with the streaks of its bark."""
    half, tall = unit * 0.030, unit * 0.98
    lean = side * unit * 0.015

    def edge(part: float, up: float) -> tuple[float, float]:
        flare = 1 + 0.9 * np.exp(-up * 16) - 0.55 * up
        return (x + part * half * float(flare) + lean * up, foot - tall * up)

    ups = np.linspace(0, 1, 13).tolist()
    pen.polygon(
        [*[edge(-1, u) for u in ups], *[edge(1, u) for u in reversed(ups)]], fill=(70, 52, 40, 255)
    )
    for _ in range(26):
        part = float(rng.uniform(-0.95, 0.95))
        low = float(rng.uniform(0.0, 0.8))
        warm = int(np.clip(34 * (-side * part + 0.5), 0, 60))
        pen.line(
            [edge(part, low), edge(part * 0.97, low + float(rng.uniform(0.06, 0.22)))],
            fill=(84 + warm, 62 + int(warm * 0.75), 46 + warm // 2, 255),
            width=max(int(half * rng.uniform(0.06, 0.22)), 1),
        )
    for number in range(7):
        up = 0.42 + 0.075 * number
        start = edge(0, up)
        reach = unit * float(rng.uniform(0.16, 0.34)) * (1 if number % 2 else -1)
        thick = half * (0.62 - 0.05 * number)
        end = (start[0] + reach, start[1] - unit * float(rng.uniform(0.20, 0.34)))
        pen.polygon(
            [(start[0], start[1] - thick), end, (start[0], start[1] + thick)],
            fill=(70, 52, 40, 255),
        )


def tree(
    size: tuple[int, int],
    foot: tuple[float, float],
    unit: float,
    side: int,
    seed: int,
) -> Layer:
    """One tree standing at ``foot`` on the left (-1) or right (1) of a road.

    ``unit`` is its height in pixels, about.
    """
    rng = np.random.default_rng(seed)

    def draw(pen: Pen, scale: float) -> None:
        x, y = foot
        trunk(pen, x * scale, y * scale, unit * scale, side, rng)
        dab = max(unit * 0.0085, 1.3)
        many = int(np.clip(4200 * unit / size[1], 300, 4200))
        for across, up, wide, high, part, shine in (
            (0.00, 0.95, 0.52, 0.40, 1.0, 0.0),
            (-0.34, 0.80, 0.34, 0.26, 0.5, -0.3),
            (0.34, 0.82, 0.34, 0.26, 0.5, 0.3),
            (-side * 0.42, 1.05, 0.46, 0.26, 0.7, 0.8),
            (0.05, 1.30, 0.42, 0.26, 0.5, 0.7),
        ):
            dabs(
                pen,
                scale,
                rng,
                (x + across * unit, y - up * unit),
                (wide * unit, high * unit),
                int(many * part),
                dab,
                shine,
            )

    return shapes(size, draw)


def leaf(
    pen: Pen,
    x: float,
    y: float,
    radius: float,
    turn: float,
    flat: float = 1.0,
    fill: tuple[int, int, int] = (252, 206, 70),
) -> None:
    """A falling ginkgo leaf: a fan with a notch and a stalk; ``flat`` turns it edge-on."""
    outline = [(0.0, 0.0)]
    for step in range(13):
        angle = -0.95 + 1.9 * step / 12
        reach = 1.0 - 0.10 * (step % 2) - (0.32 if step == 6 else 0.0)
        outline.append((float(np.sin(angle)) * reach, float(np.cos(angle)) * reach))
    cos, sin = float(np.cos(turn)), float(np.sin(turn))
    points = [
        (x + radius * (px * cos * flat - py * sin), y + radius * (px * sin * flat + py * cos))
        for px, py in outline
    ]
    pen.polygon(points, fill=(*fill, 255))
    pen.line(
        [(x, y), (x + radius * 0.8 * sin, y - radius * 0.8 * cos)],
        fill=(196, 140, 40, 255),
        width=max(int(radius * 0.12), 1),
    )
