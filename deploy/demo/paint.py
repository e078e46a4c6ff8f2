"""The painter's tools of the demo's pictures and clips: noise, gradients, light, shapes.

A picture is a float32 array (height, width, 3) in 0..1; a plane is (height, width). All functions
are deterministic: what looks random comes from a seed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Floats = NDArray[np.floating[Any]]
Colour = str
"""``#rrggbb``."""
Stops = Sequence[tuple[float, Colour]]

SHAPE_SCALE = 2
"""Shapes are drawn this much larger and reduced, which smooths their edges."""


def rgb(colour: Colour) -> Floats:
    """The three channels of ``#rrggbb``, 0..1."""
    return np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)], np.float32)


def ramp(at: Floats, stops: Stops) -> Floats:
    """Colours along ``stops`` at the positions ``at`` (any shape); adds a last axis of 3."""
    places = [place for place, _ in stops]
    table = np.linspace(places[0], places[-1], 512)
    colours = np.stack([rgb(colour) for _, colour in stops])
    lookup = np.stack([np.interp(table, places, colours[:, c]) for c in range(3)], axis=-1)
    index = (at - places[0]) / (places[-1] - places[0]) * 511
    picked: Floats = lookup.astype(np.float32)[np.clip(index, 0, 511).astype(np.int32)]
    return picked


def sky(size: tuple[int, int], stops: Stops) -> Floats:
    """A vertical gradient of (width, height), position 0 at the top, 1 at the bottom."""
    width, height = size
    column = ramp(np.linspace(stops[0][0], stops[-1][0], height, dtype=np.float32), stops)
    return np.repeat(column[:, None, :], width, axis=1)


def noise(
    size: tuple[int, int], cell: float, seed: int, octaves: int = 4, stretch: float = 1.0
) -> Floats:
    """Cloudy noise of (width, height), 0..1; ``cell`` is the largest feature in pixels.

    ``stretch`` > 1 draws features out sideways.
    """
    width, height = size
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width), np.float32)
    weight, weights = 1.0, 0.0
    for _ in range(octaves):
        columns = int(width / (cell * stretch)) + 4
        rows = int(height / cell) + 4
        grid = Image.fromarray(rng.random((rows, columns), np.float32))
        box = (1.0, 1.0, 1 + width / (cell * stretch), 1 + height / cell)
        total += weight * np.asarray(grid.resize(size, Image.Resampling.BICUBIC, box))
        weights += weight
        weight *= 0.5
        cell = max(cell / 2, 1.5)
    return np.asarray(np.clip(total / weights, 0, 1), np.float32)


def line_noise(width: int, cell: float, seed: int, octaves: int = 5, gain: float = 0.5) -> Floats:
    """One-dimensional noise, 0..1: the outline of a ridge."""
    rng = np.random.default_rng(seed)
    at = np.arange(width)
    total, weight, weights = np.zeros(width), 1.0, 0.0
    for _ in range(octaves):
        knots = rng.random(int(width / cell) + 3)
        place = at / cell
        low = place.astype(int)
        part = place - low
        part = part * part * (3 - 2 * part)
        total += weight * (knots[low] * (1 - part) + knots[low + 1] * part)
        weights += weight
        weight *= gain
        cell = max(cell / 2, 2)
    return np.asarray(total / weights, np.float32)


def smooth(low: Floats | float, high: float, at: Floats) -> Floats:
    """0 below ``low``, 1 above ``high``, a soft S between."""
    part = np.clip((at - low) / (high - low), 0, 1)
    return np.asarray(part * part * (3 - 2 * part), np.float32)


def over(canvas: Floats, paint: Floats, cover: Floats | float) -> None:
    """Lay ``paint`` (a colour or a picture) over the canvas, in place; ``cover`` 0..1."""
    alpha = cover if isinstance(cover, float) else cover[..., None]
    canvas += (paint - canvas) * alpha


def glow(
    canvas: Floats, at: tuple[float, float], radius: float, colour: Colour, strength: float
) -> None:
    """Soft light around ``at`` (x, y in pixels), screened onto the canvas in place."""
    height, width = canvas.shape[:2]
    x, y = at
    left, right = max(int(x - 4 * radius), 0), min(int(x + 4 * radius) + 1, width)
    top, bottom = max(int(y - 4 * radius), 0), min(int(y + 4 * radius) + 1, height)
    if left >= right or top >= bottom:
        return
    across = ((np.arange(left, right, dtype=np.float32) - x) / radius) ** 2
    down = ((np.arange(top, bottom, dtype=np.float32) - y) / radius) ** 2
    distance = down[:, None] + across[None, :]
    light = strength * np.maximum(1 / (1 + 2.5 * distance) - 1 / 41, 0) ** 1.3
    part = canvas[top:bottom, left:right]
    part += (1 - part) * np.clip(light, 0, 1)[..., None] * rgb(colour)


def below(line: Floats, height: int) -> Floats:
    """Cover 1 under the outline ``line`` (a row for each column), its edge smoothed."""
    rows = np.arange(height, dtype=np.float32)[:, None]
    return np.clip(rows - line[None, :] + 0.5, 0, 1)


@dataclass(frozen=True)
class Layer:
    """Something drawn that covers only a part of the picture."""

    left: int
    top: int
    colour: Floats
    """(height, width, 3), multiplied by the cover."""
    cover: Floats


def shapes(
    size: tuple[int, int], draw: Callable[[ImageDraw.ImageDraw, float], None], blur: float = 0.0
) -> Layer:
    """What ``draw(pen, scale)`` draws on a sheet of (width, height), with smooth edges.

    ``scale`` is the factor between the picture's pixels and the pen's; ``blur`` in pixels.
    """
    width, height = size
    sheet = Image.new("RGBA", (width * SHAPE_SCALE, height * SHAPE_SCALE), (0, 0, 0, 0))
    draw(ImageDraw.Draw(sheet), float(SHAPE_SCALE))
    found = sheet.getbbox() or (0, 0, SHAPE_SCALE, SHAPE_SCALE)
    spare = int(3 * blur) + 1
    left, top = max(found[0] // SHAPE_SCALE - spare, 0), max(found[1] // SHAPE_SCALE - spare, 0)
    right = min(found[2] // SHAPE_SCALE + spare + 1, width)
    bottom = min(found[3] // SHAPE_SCALE + spare + 1, height)
    box = (left * SHAPE_SCALE, top * SHAPE_SCALE, right * SHAPE_SCALE, bottom * SHAPE_SCALE)
    small = sheet.crop(box).convert("RGBa").reduce(SHAPE_SCALE)
    if blur:
        small = small.filter(ImageFilter.GaussianBlur(blur))
    pixels = np.asarray(small, np.float32) / 255
    return Layer(left, top, pixels[..., :3], pixels[..., 3])


def lay(canvas: Floats, layer: Layer, opacity: float = 1.0) -> None:
    """Lay a layer over the canvas, in place."""
    height, width = layer.cover.shape
    part = canvas[layer.top : layer.top + height, layer.left : layer.left + width]
    part *= 1 - layer.cover[..., None] * opacity
    part += layer.colour * opacity


def finish(canvas: Floats, seed: int, *, vignette: float = 0.16, grain: float = 0.012) -> Floats:
    """The last glaze: darker corners and a little grain, so that gradients do not band."""
    height, width = canvas.shape[:2]
    across = np.linspace(-1, 1, width, dtype=np.float32) ** 2
    down = np.linspace(-1, 1, height, dtype=np.float32) ** 2
    corner = np.clip((across[None, :] + down[:, None]) / 2, 0, 1) ** 1.5
    rng = np.random.default_rng(seed)
    speckle = rng.standard_normal((height, width), np.float32) * grain
    done: Floats = np.clip(canvas * (1 - vignette * corner[..., None]) + speckle[..., None], 0, 1)
    return done


def to_image(canvas: Floats) -> Image.Image:
    """The picture as 8-bit RGB."""
    return Image.fromarray((np.clip(canvas, 0, 1) * 255 + 0.5).astype(np.uint8), "RGB")
