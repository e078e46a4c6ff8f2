"""Landscape clip: ginkgo leaves fall in the avenue while the camera tilts down to the road."""

from collections.abc import Iterator

import numpy as np

from deploy.demo import sound
from deploy.demo.film import FRAMES_PER_S, Sheet, lay_sheet, sprite, to_planes
from deploy.demo.paint import Floats, glow, shapes
from deploy.demo.scenes import avenue
from deploy.demo.scenes.ginkgo import leaf

WIDTH, HEIGHT = 1920, 1080
LENGTH_S = 9.0
FRAMES = int(LENGTH_S * FRAMES_PER_S)

TURNS = 24
"""Pictures of a leaf in one turn."""

SIZES = (11, 16, 24, 38)
"""Radius of a leaf in pixels, far to near."""

LEAVES = 90


def scene() -> Floats:
    """The avenue, higher than the frame by the way the camera tilts."""
    size = (WIDTH, HEIGHT + FRAMES + (FRAMES & 1))
    canvas = avenue.backdrop(size)
    light = (avenue.VANISH[0] * size[0], avenue.VANISH[1] * size[1] * 0.9)
    glow(canvas, light, size[1] * 0.36, "#ffe9a8", 0.45)
    rng = np.random.default_rng(2)
    canvas += rng.standard_normal(canvas.shape[:2], np.float32)[..., None] * 0.006
    return canvas


def leaf_sprites(radius: int) -> list[Sheet]:
    """One leaf as it turns and flutters, in ``TURNS`` pictures; near ones are out of focus."""
    side = radius * 3 & ~1
    middle = side / 2
    near = radius / SIZES[-1]
    tone = (255, int(206 - 14 * near), int(84 - 20 * near))
    sheets = []
    for number in range(TURNS):
        turn = 2 * np.pi * number / TURNS
        flat = 0.55 + 0.45 * abs(float(np.cos(turn * 1.5)))
        layer = shapes(
            (side, side),
            lambda pen, s, turn=turn, flat=flat: leaf(  # type: ignore[misc]
                pen, middle * s, middle * s, radius * s, turn, flat, tone
            ),
            blur=1.6 if radius == SIZES[-1] else 0.0,
        )
        sheets.append(sprite(layer, (side, side)))
    return sheets


def frames() -> Iterator[bytes]:
    """The frames in order, raw YUV 4:2:0 of 1920 x 1080."""
    world = to_planes(scene())
    sprites = [leaf_sprites(radius) for radius in SIZES]
    rng = np.random.default_rng(77)
    kind = np.sort(rng.choice(len(SIZES), LEAVES, p=(0.36, 0.32, 0.22, 0.10)))
    start = rng.uniform((-0.1, -0.6), (1.1, 1.05), (LEAVES, 2)) * (WIDTH, HEIGHT)
    phase = rng.uniform(0, 2 * np.pi, LEAVES)
    pace = rng.uniform(0.8, 1.25, LEAVES)
    for number in range(FRAMES):
        frame = world.window(0, number, WIDTH, HEIGHT)
        for index in range(LEAVES):
            size = SIZES[kind[index]]
            fall = number * (1.1 + size * 0.14) * pace[index] - number * 0.5
            sway = size * 2.4 * np.sin(number / 17 * pace[index] + phase[index])
            x = start[index, 0] + sway + number * size * 0.035
            y = start[index, 1] + fall + size * 0.5 * np.cos(number / 8.5 + phase[index])
            turn = int(number * pace[index] * 0.45 + phase[index] * 4) % TURNS
            y = (y + 100) % (HEIGHT + 200) - 100
            lay_sheet(frame, sprites[kind[index]][turn], round(x), round(y))
        yield frame.tobytes()


def audio() -> Floats:
    """A calm low tune, leaves that rustle, a light wind."""
    notes = (
        (0.3, 2, 0.8),
        (1.1, 4, 0.6),
        (1.9, 5, 0.7),
        (2.7, 4, 0.6),
        (2.7, 0, 0.6),
        (3.9, 2, 0.7),
        (4.7, 1, 0.6),
        (5.5, 2, 0.7),
        (5.5, -3, 0.6),
        (6.5, 4, 0.7),
        (7.1, 5, 0.8),
        (7.1, 0, 0.6),
    )
    strings = sound.tune(LENGTH_S, notes, 174.6, 21)
    rustle = sound.drops(LENGTH_S, 0.03, 1500, 5200, 22) * sound.swell(LENGTH_S, 2.6, 0.7, 23)
    wind = sound.shaped_noise(LENGTH_S, 200, 1100, 24) * sound.swell(LENGTH_S, 3.4, 0.6, 25)
    return sound.master(sound.reverb(strings * 0.5, 2.0, 0.34, 26) + 0.09 * rustle + 0.035 * wind)
