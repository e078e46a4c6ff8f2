"""What stands in the reading room: table and stools, books, lamps."""

import numpy as np

from deploy.demo.paint import (
    Layer,
    shapes,
)
from deploy.demo.scenes.town import Pen

Point = tuple[float, float]
Tone = tuple[int, int, int]

SPINES: tuple[Tone, ...] = (
    (150, 54, 46),
    (188, 120, 60),
    (54, 92, 108),
    (92, 116, 74),
    (206, 176, 118),
    (112, 74, 96),
    (228, 214, 186),
    (64, 74, 112),
    (170, 86, 62),
    (120, 138, 142),
)


def on_table(size: tuple[int, int], scale: float, across: float, part: float) -> Point:
    """A point of the table top in the pen's pixels: ``across`` -1..1, ``part`` 0 far to 1 near."""
    width, height = size
    half = (0.085 + 0.215 * part) * width
    return (width * 0.5 + across * half) * scale, (0.665 + 0.245 * part) * height * scale


def stool(pen: Pen, at: Point, half: float) -> None:
    """A round stool, ``half`` as wide as its seat."""
    x, y = at
    for leg in (-0.7, 0.7):
        pen.line(
            (x + leg * half, y, x + leg * half * 1.15, y + half * 2.1),
            fill=(78, 50, 32, 255),
            width=int(half * 0.20),
        )
    for lift, fill in ((0.34, (112, 74, 44)), (0.42, (170, 118, 74))):
        box = (x - half, y - half * lift, x + half, y + half * (0.76 - lift))
        pen.ellipse(box, fill=(*fill, 255))


def top(size: tuple[int, int], pen: Pen, scale: float) -> None:
    """Legs, edge and boards of the table."""
    height = size[1]
    for across, part in ((-0.93, 0.02), (-0.93, 0.97), (0.93, 0.02), (0.93, 0.97)):
        x, y = on_table(size, scale, across, part)
        half = (0.006 + 0.008 * part) * height * scale
        foot = y + (0.10 + 0.14 * part) * height * scale
        pen.rectangle((x - half, y, x + half, foot), fill=(88, 56, 34, 255))
    corners = [on_table(size, scale, *corner) for corner in ((-1, 0), (1, 0), (1, 1), (-1, 1))]
    thick = height * 0.022 * scale
    edge = (*corners[3], corners[2][0], corners[2][1] + thick)
    pen.rectangle(edge, fill=(116, 74, 42, 255))
    pen.polygon(corners, fill=(190, 134, 84, 255))
    for step in range(1, 7):
        ends = [on_table(size, scale, -1 + step * 2 / 7, part) for part in (0, 1)]
        pen.line(ends, fill=(168, 114, 70, 255), width=int(2 * scale))


def open_book(pen: Pen, at: Point, half: float, paper: Tone) -> None:
    """A book lying open, ``half`` as wide as both pages."""
    x, y = at
    lift = half * 0.26
    for side in (-1, 1):
        page = [
            (x, y),
            (x + side * half * 0.5, y - lift * 0.35),
            (x + side * half, y),
            (x + side * half * 0.90, y - lift * 1.55),
            (x + side * half * 0.45, y - lift * 1.8),
            (x, y - lift * 1.4),
        ]
        pen.polygon(page, fill=paper if side > 0 else tuple(c - 14 for c in paper))
        for row in range(1, 6):
            up = y - lift * (1.45 * row / 6.4 + 0.12)
            pen.line(
                (x + side * half * 0.14, up, x + side * half * 0.80, up),
                fill=(176, 168, 156, 255),
                width=max(int(half * 0.016), 1),
            )


def pile(pen: Pen, at: Point, half: float, first: int) -> None:
    """Three closed books one upon the other; ``first`` picks their bindings."""
    x, y = at
    for number in range(3):
        up = y - number * half * 0.30
        shift = x + half * 0.09 * (number % 2)
        tone = SPINES[(first + number * 2) % len(SPINES)]
        pen.rectangle((shift - half, up - half * 0.28, shift + half, up), fill=tone)
        pages = (shift + half * 0.86, up - half * 0.24, shift + half, up - half * 0.05)
        pen.rectangle(pages, fill=(238, 230, 212, 255))
    lid = y - half * 0.88
    back = lid - half * 0.30
    pen.polygon(
        [(x - half, lid), (x + half, lid), (x + half * 0.84, back), (x - half * 0.84, back)],
        fill=tuple(min(c + 26, 255) for c in SPINES[(first + 4) % len(SPINES)]),
    )


def table(size: tuple[int, int]) -> Layer:
    """A long table with open books and piles of books, stools on both sides."""
    width, height = size

    def draw(pen: Pen, scale: float) -> None:
        for side in (-1.3, 1.3):
            for part in (0.06, 0.36, 0.78):
                half = (0.034 + 0.052 * part) * height * scale
                stool(pen, on_table(size, scale, side, part), half)
        top(size, pen, scale)
        for across, part in ((-0.55, 0.16), (0.45, 0.30), (-0.40, 0.62), (0.52, 0.76)):
            half = (0.026 + 0.050 * part) * width * scale
            open_book(pen, on_table(size, scale, across, part), half, (250, 246, 236))
        for across, part, first in ((0.10, 0.10, 0), (-0.06, 0.46, 3), (0.02, 0.90, 5)):
            half = (0.020 + 0.034 * part) * width * scale
            pile(pen, on_table(size, scale, across, part), half, first)

    return shapes(size, draw)


def lamps(size: tuple[int, int]) -> Layer:
    """Hanging lamps of woven bamboo."""
    width, height = size

    def draw(pen: Pen, scale: float) -> None:
        for x, y, half in (
            (0.42, 0.155, 0.030),
            (0.58, 0.155, 0.030),
            (0.355, 0.115, 0.048),
            (0.645, 0.115, 0.048),
        ):
            mid, low, wide = x * width * scale, y * height * scale, half * height * 1.5 * scale
            pen.line((mid, 0, mid, low), fill=(50, 36, 28, 255), width=int(2.4 * scale))
            pen.pieslice(
                (mid - wide, low - wide * 0.75, mid + wide, low + wide * 0.75),
                180,
                360,
                fill=(206, 158, 92, 255),
            )
            for spoke in np.linspace(-0.9, 0.9, 9).tolist():
                pen.line(
                    (mid + wide * spoke * 0.35, low - wide * 0.70, mid + wide * spoke, low),
                    fill=(160, 114, 62, 255),
                    width=max(int(wide * 0.03), 1),
                )
            pen.ellipse(
                (mid - wide, low - wide * 0.14, mid + wide, low + wide * 0.14),
                fill=(255, 236, 178, 255),
            )

    return shapes(size, draw)
