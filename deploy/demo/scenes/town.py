"""What stands in an old county town: white houses, a stone bridge, lanterns, people.

Each function takes the pen of :func:`deploy.demo.paint.shapes`; lengths are in the pen's pixels.
"""

from dataclasses import dataclass

import numpy as np
from PIL import ImageDraw

Pen = ImageDraw.ImageDraw
Paint = tuple[int, int, int, int]


@dataclass(frozen=True)
class HousePaint:
    """Colours of a house at one time of the day."""

    wall: Paint
    shade: Paint
    roof: Paint
    cap: Paint
    window: Paint
    dark_window: Paint


DUSK_HOUSE = HousePaint(
    (126, 132, 158, 255),
    (96, 102, 132, 255),
    (40, 42, 62, 255),
    (30, 32, 50, 255),
    (255, 205, 116, 255),
    (62, 66, 92, 255),
)
DAY_HOUSE = HousePaint(
    (246, 241, 230, 255),
    (214, 210, 206, 255),
    (92, 94, 102, 255),
    (66, 68, 78, 255),
    (120, 122, 128, 255),
    (106, 108, 116, 255),
)


def house(
    pen: Pen, left: float, foot: float, wide: float, tall: float, paint: HousePaint, seed: int
) -> list[tuple[float, float]]:
    """A two-storey house with stepped gable walls; returns the middles of its lit windows."""
    rng = np.random.default_rng(seed)
    top = foot - tall
    pen.rectangle((left, top, left + wide, foot), fill=paint.wall)
    pen.rectangle((left, top, left + wide * 0.07, foot), fill=paint.shade)
    eave = tall * 0.20
    pen.polygon(
        [
            (left - wide * 0.02, top),
            (left + wide * 0.05, top - eave),
            (left + wide * 0.95, top - eave),
            (left + wide * 1.02, top),
        ],
        fill=paint.roof,
    )
    for side in (0, 1):
        at = left if side == 0 else left + wide
        for number in range(3):  # the gable wall climbs in three steps
            half = wide * (0.085 - 0.022 * number)
            height = eave * (0.35 + 0.42 * number)
            pen.rectangle((at - half, top - height, at + half, top), fill=paint.wall)
            pen.polygon(
                [
                    (at - half * 1.28, top - height),
                    (at - half * 1.45, top - height - tall * 0.018),
                    (at + half * 1.45, top - height - tall * 0.018),
                    (at + half * 1.28, top - height),
                    (at + half * 1.1, top - height + tall * 0.022),
                    (at - half * 1.1, top - height + tall * 0.022),
                ],
                fill=paint.cap,
            )
    mid = top + tall * 0.46
    pen.polygon(
        [
            (left - wide * 0.01, mid),
            (left + wide * 0.03, mid - tall * 0.06),
            (left + wide * 0.97, mid - tall * 0.06),
            (left + wide * 1.01, mid),
        ],
        fill=paint.roof,
    )
    lit = []
    for upper, lower in ((0.16, 0.33), (0.56, 0.78)):
        count = 3 if wide > tall * 0.8 else 2
        for number in range(count):
            middle = left + wide * (number + 1) / (count + 1)
            half = wide * 0.28 / count
            bright = rng.random() < 0.72
            fill = paint.window if bright else paint.dark_window
            box = (middle - half, top + tall * upper, middle + half, top + tall * lower)
            pen.rectangle(box, fill=fill)
            bar = max(wide * 0.008, 1.0)
            for part in (0.25, 0.5, 0.75):
                at = box[0] + (box[2] - box[0]) * part
                pen.rectangle((at - bar / 2, box[1], at + bar / 2, box[3]), fill=paint.cap)
            at = (box[1] + box[3]) / 2
            pen.rectangle((box[0], at - bar / 2, box[2], at + bar / 2), fill=paint.cap)
            if bright:
                lit.append((middle, at))
    return lit


def lantern(pen: Pen, x: float, y: float, radius: float, *, lit: bool = True) -> None:
    """A round red lantern with its tassel; (x, y) is its middle."""
    red: Paint = (226, 58, 38, 255) if lit else (186, 52, 44, 255)
    pen.line(
        (x, y - radius * 1.5, x, y + radius * 1.1),
        fill=(60, 32, 28, 255),
        width=max(int(radius * 0.12), 1),
    )
    pen.ellipse((x - radius, y - radius * 0.82, x + radius, y + radius * 0.82), fill=red)
    for half, bright in ((0.66, 26), (0.30, 58)):
        fill = (
            min(red[0] + bright, 255),
            red[1] + bright * (2 if lit else 1),
            red[2] + bright,
            255,
        )
        pen.ellipse(
            (x - radius * half, y - radius * 0.80, x + radius * half, y + radius * 0.80), fill=fill
        )
    gold: Paint = (240, 186, 84, 255)
    for edge in (-0.88, 0.72):
        pen.rectangle(
            (x - radius * 0.42, y + radius * edge, x + radius * 0.42, y + radius * (edge + 0.16)),
            fill=gold,
        )
    for thread in (-0.16, 0.0, 0.16):
        pen.line(
            (x + radius * thread, y + radius * 0.88, x + radius * thread * 1.4, y + radius * 1.65),
            fill=gold,
            width=max(int(radius * 0.08), 1),
        )


def bridge(pen: Pen, middle: float, water: float, half: float, stone: Paint, dark: Paint) -> None:
    """A stone bridge with one round arch, ``half`` long to each side, standing on ``water``."""
    span = half * 0.40
    across = np.linspace(-1, 1, 121)
    deck = water - half * (0.10 + 0.42 * np.cos(across * np.pi / 2) ** 1.6)
    angle = np.linspace(0, np.pi, 61)
    arch = [(middle - span * float(np.cos(a)), water - span * float(np.sin(a))) for a in angle]
    edge = [(middle + half * float(a), float(d)) for a, d in zip(across, deck, strict=True)]
    # one outline: over the deck, then back along the water around the arch
    pen.polygon([*edge, (middle + half, water), *arch[::-1], (middle - half, water)], fill=stone)
    thin = max(int(half * 0.006), 1)
    outer = span * 1.11
    for reach in (span, outer):
        pen.line(
            [(middle - reach * float(np.cos(a)), water - reach * float(np.sin(a))) for a in angle],
            fill=dark,
            width=thin * 2,
            joint="curve",
        )
    for a in angle[::3]:  # the wedge stones of the arch
        x, y = float(np.cos(a)), float(np.sin(a))
        pen.line(
            (middle - span * x, water - span * y, middle - outer * x, water - outer * y),
            fill=dark,
            width=thin,
        )
    rail = half * 0.072
    pen.line(edge, fill=dark, width=max(int(half * 0.016), 1), joint="curve")
    pen.line(
        [(x, y - rail) for x, y in edge], fill=stone, width=max(int(half * 0.018), 1), joint="curve"
    )
    for x, y in edge[::6]:
        post = half * 0.011
        pen.rectangle((x - post, y - rail * 1.35, x + post, y), fill=stone)
        pen.ellipse((x - post * 1.4, y - rail * 1.7, x + post * 1.4, y - rail * 1.3), fill=stone)


def person(
    pen: Pen,
    x: float,
    foot: float,
    tall: float,
    coat: Paint,
    skin: Paint = (96, 74, 66, 255),
    hair: Paint = (30, 26, 30, 255),
    *,
    hat: bool = False,
) -> None:
    """A small standing figure seen from behind; no face."""
    pen.polygon(
        [
            (x - tall * 0.075, foot),
            (x - tall * 0.10, foot - tall * 0.46),
            (x + tall * 0.10, foot - tall * 0.46),
            (x + tall * 0.075, foot),
        ],
        fill=(46, 48, 62, 255),
    )
    pen.polygon(
        [
            (x - tall * 0.13, foot - tall * 0.40),
            (x - tall * 0.135, foot - tall * 0.74),
            (x - tall * 0.06, foot - tall * 0.83),
            (x + tall * 0.06, foot - tall * 0.83),
            (x + tall * 0.135, foot - tall * 0.74),
            (x + tall * 0.13, foot - tall * 0.40),
        ],
        fill=coat,
    )
    pen.rectangle(
        (x - tall * 0.03, foot - tall * 0.86, x + tall * 0.03, foot - tall * 0.80), fill=skin
    )
    head = tall * 0.078
    middle = foot - tall * 0.91
    pen.ellipse((x - head, middle - head, x + head, middle + head), fill=hair)
    if hat:
        pen.polygon(
            [(x - tall * 0.17, middle), (x, middle - tall * 0.13), (x + tall * 0.17, middle)],
            fill=(244, 222, 164, 255),
        )
