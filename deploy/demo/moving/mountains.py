"""Landscape clip: the camera glides along terraces at sunrise, mist drifts, birds pass."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from deploy.demo import sound
from deploy.demo.film import (
    FRAMES_PER_S,
    Planes,
    Sheet,
    lay_sheet,
    paste,
    sprite,
    to_planes,
    to_sheet,
)
from deploy.demo.paint import Floats, glow, noise, ramp, rgb, sky, smooth
from deploy.demo.scenes import terraces
from deploy.demo.scenes.hills import Range, birds, paint_range, ridge_cover

WIDTH, HEIGHT = 1920, 1080
LENGTH_S = 12.0
FRAMES = int(LENGTH_S * FRAMES_PER_S)

SPEEDS = (1, 1, 2, 3)
"""Pixels a frame of the three ranges and of the terraces: the nearer, the faster."""


def backdrop() -> Planes:
    """The sky with the sun; it stands still."""
    size = (WIDTH, HEIGHT)
    canvas = sky(size, terraces.SUNRISE)
    sun = (WIDTH * 0.70, HEIGHT * 0.165)
    glow(canvas, sun, HEIGHT * 0.26, "#ffcf80", 0.85)
    glow(canvas, sun, HEIGHT * 0.045, "#fffbe6", 1.0)
    return to_planes(grained(canvas, 1))


def grained(picture: Floats, seed: int) -> Floats:
    """A little grain, so that soft gradients do not show steps."""
    rng = np.random.default_rng(seed)
    speckle = rng.standard_normal(picture.shape[:2], np.float32) * 0.006
    return np.asarray(picture + speckle[..., None])


def clouds() -> Sheet:
    """High clouds, wider than the frame."""
    size = (WIDTH + FRAMES, int(HEIGHT * 0.34) & ~1)
    cover = smooth(0.50, 0.80, noise(size, HEIGHT * 0.10, 21, 5, stretch=5)) * 0.62
    cover *= smooth(1.0, 0.6, np.linspace(0, 1, size[1])[:, None])
    return to_sheet(np.broadcast_to(rgb("#ffe6c0"), (*cover.shape, 3)), cover)


def range_sheet(one: Range, speed: int) -> tuple[Sheet, int]:
    """One range as a sheet, and the row where it begins."""
    size = (WIDTH + speed * FRAMES, HEIGHT)
    canvas = np.zeros((HEIGHT, size[0], 3), np.float32)
    paint_range(canvas, one)
    cover = ridge_cover(size, one)
    top = int(np.argmax(cover.max(axis=1) > 0)) & ~1
    bottom = int(HEIGHT * 0.47) & ~1  # below that the terraces hide it
    picture = canvas[top:bottom] / np.maximum(cover[top:bottom], 1e-3)[..., None]
    return to_sheet(grained(picture, one.seed), cover[top:bottom]), top


def mist(seed: int, tall: int, strength: float) -> Sheet:
    """A bank of mist that drifts by itself."""
    size = (WIDTH + 2 * FRAMES, tall)
    cover = smooth(0.34, 0.72, noise(size, tall * 0.55, seed, 5, stretch=4)) * strength
    cover *= np.sin(np.linspace(0, np.pi, tall))[:, None]
    return to_sheet(np.broadcast_to(rgb("#fbe3ba"), (*cover.shape, 3)), cover)


def fields() -> tuple[Sheet, Planes, int, int]:
    """The terraces: their upper part as a sheet, the rest opaque, and where both begin."""
    width = WIDTH + SPEEDS[-1] * FRAMES
    camera = replace(terraces.CAMERA, focal=terraces.CAMERA.focal * WIDTH / width, steps=2000)
    top, colours, seen = terraces.land((width, HEIGHT), camera)
    cut = top & 1
    colours, seen, top = colours[cut:], seen[cut:], top + cut
    solid = int(np.argmax(seen.min(axis=1) > 0.999)) & ~1
    colours = grained(colours, 4)
    return (
        to_sheet(colours[:solid], seen[:solid]),
        to_planes(colours[solid:]),
        top,
        top + solid,
    )


def sunlight() -> tuple[Sheet, int]:
    """The sun's glare over everything, and its first row."""
    light = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    glow(light, (WIDTH * 0.70, HEIGHT * 0.165), HEIGHT * 0.34, "#ffffff", 0.32)
    glow(light, (WIDTH * 0.70, HEIGHT * 0.165), HEIGHT * 0.035, "#ffffff", 0.85)
    cover = light[..., 0]
    rows = int(np.argmax(cover.max(axis=1)[::-1] > 0.01))
    cover = cover[: (HEIGHT - rows) & ~1]
    return to_sheet(ramp(cover, ((0.0, "#ffc873"), (0.2, "#ffd890"), (0.5, "#fffaf0"))), cover), 0


FLOCK = (
    (0.05, 0.12, 0.030),
    (0.14, 0.07, 0.026),
    (0.23, 0.14, 0.024),
    (0.19, 0.20, 0.021),
    (0.33, 0.10, 0.021),
    (0.41, 0.17, 0.019),
)


def flock(phases: int) -> list[Sheet]:
    """The birds with their wings in each phase of a beat."""
    size = (int(HEIGHT * 0.5) & ~1, int(HEIGHT * 0.26) & ~1)
    drawn = [birds(size, FLOCK, beat=phase / phases) for phase in range(phases)]
    return [sprite(layer, size) for layer in drawn]


def frames() -> Iterator[bytes]:
    """The frames in order, raw YUV 4:2:0 of 1920 x 1080."""
    ground = backdrop()
    high = clouds()
    ranges = [
        range_sheet(one, speed) for one, speed in zip(terraces.FAR_RANGES, SPEEDS[:3], strict=True)
    ]
    banks = [
        (mist(71, 150, 0.75), 0.225),
        (mist(72, 190, 0.85), 0.275),
        (mist(73, 240, 0.60), 0.33),
    ]
    edge, solid, edge_top, solid_top = fields()
    light, light_top = sunlight()
    wings = flock(14)
    for number in range(FRAMES):
        frame = ground.copy()
        lay_sheet(frame, high, 0, 0, number // 2)
        for (sheet, top), speed, (bank, row) in zip(ranges, SPEEDS[:3], banks, strict=True):
            lay_sheet(frame, sheet, 0, top, speed * number)
            lay_sheet(frame, bank, 0, int(row * HEIGHT) & ~1, number + speed * number // 2)
        lay_sheet(frame, edge, 0, edge_top, SPEEDS[-1] * number)
        paste(frame, solid, solid_top, SPEEDS[-1] * number)
        lay_sheet(frame, banks[2][0], 0, int(0.40 * HEIGHT) & ~1, 2 * (FRAMES - number))
        bob = round(6 * np.sin(number / 25 * 1.3))
        lay_sheet(frame, wings[number % 14], 60 + 4 * number, int(HEIGHT * 0.06) + bob)
        lay_sheet(frame, light, 0, light_top)
        yield frame.tobytes()


def audio() -> Floats:
    """A slow tune on plucked strings, mountain wind."""
    notes = (
        (0.4, 0, 0.9),
        (0.4, 5, 0.4),
        (1.6, 3, 0.7),
        (2.2, 4, 0.7),
        (2.8, 5, 0.9),
        (4.2, 7, 0.8),
        (4.8, 6, 0.6),
        (5.4, 5, 0.8),
        (5.4, 0, 0.5),
        (6.8, 4, 0.7),
        (7.4, 3, 0.6),
        (8.0, 4, 0.8),
        (8.6, 2, 0.7),
        (8.6, -3, 0.5),
        (10.0, 0, 0.9),
        (10.0, 5, 0.5),
        (10.6, 3, 0.5),
    )
    strings = sound.tune(LENGTH_S, notes, 196.0, 1)
    wind = sound.shaped_noise(LENGTH_S, 120, 700, 2) * sound.swell(LENGTH_S, 5.0, 0.6, 3)
    return sound.master(sound.reverb(strings * 0.5, 2.4, 0.38, 4) + 0.045 * wind)
