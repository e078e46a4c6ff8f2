"""Ranges of misty mountains, one behind the other, and what flies above them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import ImageDraw

from deploy.demo.paint import (
    Colour,
    Floats,
    Layer,
    below,
    line_noise,
    noise,
    over,
    rgb,
    shapes,
    smooth,
)


@dataclass(frozen=True)
class Range:
    """One range: its outline, its colour at the crest and the mist it stands in."""

    crest: float
    """Highest row, as a part of the height."""
    depth: float
    """How far the outline falls below that, as a part of the height."""
    cell: float
    """Width of a mountain, as a part of the height."""
    colour: Colour
    mist: Colour
    seed: int
    mist_depth: float = 0.22
    """How far under the crest the mist is thickest, as a part of the height."""
    mist_cover: float = 0.9
    trees: float = 0.0
    """Height of the wood on the crest, as a part of the height."""


def outline(size: tuple[int, int], one: Range) -> Floats:
    """The crest's row in each column, without trees."""
    width, height = size
    line = line_noise(width, one.cell * height, one.seed, octaves=7, gain=0.46)
    low, high = np.quantile(line, (0.02, 0.98))
    line = 1 - np.clip((line - low) / (high - low), -0.1, 1.1)
    row = (one.crest + one.depth * line) * height
    return np.asarray(row, np.float32)


def wood(width: int, tall: float, seed: int) -> Floats:
    """Pointed tree tops side by side: how far each column rises."""
    rng = np.random.default_rng(seed + 1)
    rise = np.zeros(width, np.float32)
    spacing = max(tall * 0.30, 2.0)
    count = int(width / spacing)
    at = rng.uniform(0, width, count)
    top = tall * rng.uniform(0.35, 1.0, count) ** 1.2
    columns = np.arange(width, dtype=np.float32)
    for middle, height in zip(at, top, strict=True):
        half = height * 0.34
        left, right = max(int(middle - half), 0), min(int(middle + half) + 1, width)
        part = 1 - np.abs(columns[left:right] - middle) / half
        np.maximum(rise[left:right], height * np.clip(part, 0, 1) ** 0.8, out=rise[left:right])
    return rise


def ridge_cover(size: tuple[int, int], one: Range) -> Floats:
    """Where a range covers what lies behind it."""
    width, height = size
    line = outline(size, one)
    tops = line - wood(width, one.trees * height, one.seed) if one.trees else line
    return below(tops, height)


def paint_range(canvas: Floats, one: Range) -> None:
    """Paint one range over the canvas, in place: lit crest, folds, mist at its foot."""
    height, width = canvas.shape[:2]
    line = outline((width, height), one)
    tops = line - wood(width, one.trees * height, one.seed) if one.trees else line
    top = max(int(tops.min()) - 1, 0)
    cover = below(tops - top, height - top)
    under = (np.arange(top, height, dtype=np.float32)[:, None] - line[None, :]) / height
    folds = noise((width, height - top), one.cell * height * 0.35, one.seed + 7, 5)
    relief = 0.86 + 0.28 * folds
    body = rgb(one.colour) * relief[..., None]
    swirl = noise((width, height - top), height * 0.16, one.seed + 11, 4, stretch=3.5)
    thickness = smooth(0.0, one.mist_depth, under + (swirl - 0.5) * one.mist_depth * 0.9)
    over(body, rgb(one.mist), thickness * one.mist_cover)
    over(canvas[top:], body, cover)


def paint_ranges(canvas: Floats, ranges: Sequence[Range]) -> None:
    """Paint ranges from the farthest to the nearest, in place."""
    for one in ranges:
        paint_range(canvas, one)


def birds(
    size: tuple[int, int],
    flock: Sequence[tuple[float, float, float]],
    colour: tuple[int, int, int] = (40, 44, 58),
    beat: float = 0.0,
) -> Layer:
    """A layer with birds at (x, y, span), parts of the height; ``beat`` moves the wings."""
    _, height = size

    def draw(pen: ImageDraw.ImageDraw, scale: float) -> None:
        for number, (x, y, span) in enumerate(flock):
            middle = (x * height * scale, y * height * scale)
            reach = span * height * scale
            lift = 0.42 + 0.30 * np.sin(beat * 2 * np.pi + number * 1.7)
            for side in (-1, 1):
                elbow = (middle[0] + side * reach * 0.45, middle[1] - reach * lift)
                tip = (middle[0] + side * reach, middle[1] - reach * (lift - 0.28))
                thick = max(reach * 0.13, scale)
                pen.polygon(
                    [
                        middle,
                        elbow,
                        tip,
                        (elbow[0], elbow[1] + thick),
                        (middle[0], middle[1] + thick * 1.4),
                    ],
                    fill=(*colour, 235),
                )

    return shapes(size, draw)
