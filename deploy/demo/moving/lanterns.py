"""Vertical phone clip: a lantern evening on the river, sky lanterns rise, lotus lamps drift."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deploy.demo import sound
from deploy.demo.film import (
    FRAMES_PER_S,
    Planes,
    Sheet,
    lay_sheet,
    sprite,
    to_planes,
)
from deploy.demo.paint import Floats, glow, noise, shapes
from deploy.demo.scenes import river
from deploy.demo.scenes.town import Pen
from deploy.demo.scenes.water import lotus_lamp, reflection

WIDTH, HEIGHT = 1080, 1920
LENGTH_S = 8.0
FRAMES = int(LENGTH_S * FRAMES_PER_S)

TALL = HEIGHT + FRAMES
"""The whole scene is higher than the frame: the phone is raised, one pixel a frame."""

LINE = 1240
"""Row of the whole scene where the water begins; even."""


TOWN = 860
"""Rows that the town takes above the water; over it is the evening sky."""


@dataclass(frozen=True)
class Waves:
    """Two sets of ripples that run against each other; they move what the water mirrors."""

    one: NDArray[np.int16]
    other: NDArray[np.int16]
    """Rows to look up or down, for luma rows; wider than the frame."""


def scene() -> tuple[Planes, Planes]:
    """The town above the water, and its mirror image (still smooth) below."""
    above, lights = river.bank((WIDTH, LINE), TOWN)
    below = reflection(above, lights, TALL - LINE)
    rng = np.random.default_rng(3)
    speckle = [rng.standard_normal(part.shape[:2], np.float32) for part in (above, below)]
    return (
        to_planes(above + speckle[0][..., None] * 0.005),
        to_planes(below + speckle[1][..., None] * 0.005),
    )


def waves() -> Waves:
    """Ripples, longer and higher towards the viewer."""
    deep = TALL - LINE
    near = np.linspace(0, 1, deep)[:, None]
    at = (near[:, 0] ** 0.55 * (deep * 2 - 1)).astype(np.int32)
    sets = []
    for seed in (31, 32):
        flat = noise((WIDTH + 3 * FRAMES, deep * 2), deep * 0.032, seed, 3, stretch=9)
        sets.append(((flat[at] - 0.5) * (8 + 84 * near)).astype(np.int16))
    return Waves(sets[0], sets[1])


def ripple(still: Planes, moving: Waves, number: int) -> Planes:
    """The mirror image as the water breaks it in this frame."""
    deep, width = still.y.shape
    push = moving.one[:, 2 * number : 2 * number + width].astype(np.int32)
    push += moving.other[:, 3 * (FRAMES - number) : 3 * (FRAMES - number) + width]
    rows = np.arange(deep, dtype=np.int32)[:, None] + push
    np.clip(rows, 0, deep - 1, out=rows)
    rows *= width
    rows += np.clip(np.arange(width, dtype=np.int32)[None, :] + (push >> 2), 0, width - 1)
    y = still.y.ravel().take(rows)
    crest = np.clip(push - 12, 0, 28).astype(np.uint8)
    y += np.minimum(crest, 235 - np.minimum(y, 235))
    half = np.arange(deep // 2, dtype=np.int32)[:, None] + (push[::2, ::2] >> 1)
    np.clip(half, 0, deep // 2 - 1, out=half)
    half *= width // 2
    half += np.arange(width // 2, dtype=np.int32)[None, :]
    return Planes(y, still.u.ravel().take(half), still.v.ravel().take(half))


def lamp_sprite(radius: float) -> tuple[Sheet, int, int]:
    """A lotus lamp with its light on the water; the sheet, and the lamp's place in it."""
    size = (int(radius * 8) & ~1, int(radius * 9) & ~1)
    x, y = size[0] / 2, size[1] * 0.36
    light = np.zeros((size[1], size[0], 3), np.float32)
    for step in range(1, 8):
        glow(
            light,
            (x, y + radius * step * 0.72),
            radius * (0.75 - 0.07 * step),
            "#ff9a6a",
            0.40 - 0.05 * step,
        )
    glow(light, (x, y - radius * 0.4), radius * 0.9, "#ffb070", 0.75)
    drawn = shapes(size, lambda pen, s: lotus_lamp(pen, x * s, y * s, radius * s))
    return sprite(drawn, size, light), int(x), int(y)


def sky_lantern(pen: Pen, x: float, y: float, half: float) -> None:
    """A paper lantern in the sky, lit from below; (x, y) is its middle."""
    for step in range(24):
        up = step / 23
        wide = half * (0.62 + 0.38 * float(np.sin(np.pi * (0.18 + 0.72 * up))))
        top = y + half * 1.25 - up * half * 2.5
        tone = (255, int(236 - 92 * up), int(150 - 96 * up), 255)
        pen.rectangle((x - wide, top - half * 0.13, x + wide, top), fill=tone)
    pen.pieslice(
        (x - half * 0.80, y - half * 1.72, x + half * 0.80, y - half * 0.80),
        180,
        360,
        fill=(250, 138, 50, 255),
    )
    pen.ellipse(
        (x - half * 0.55, y + half * 1.10, x + half * 0.55, y + half * 1.36),
        fill=(255, 250, 214, 255),
    )


def lantern_sprite(half: float) -> Sheet:
    """A sky lantern with its glow."""
    size = (int(half * 12) & ~1, int(half * 12) & ~1)
    light = np.zeros((size[1], size[0], 3), np.float32)
    glow(light, (size[0] / 2, size[1] / 2 + half * 0.5), half * 1.7, "#ff9a48", 0.75)
    drawn = shapes(
        size, lambda pen, s: sky_lantern(pen, size[0] / 2 * s, size[1] / 2 * s, half * s)
    )
    return sprite(drawn, size, light)


def frames() -> Iterator[bytes]:
    """The frames in order, raw YUV 4:2:0, upright 1080 x 1920."""
    above, still = scene()
    moving = waves()
    rng = np.random.default_rng(90)
    near = np.sort(rng.uniform(0.06, 1.0, 22))
    lamps = [lamp_sprite(7 + 30 * float(part)) for part in near]
    lamp_x = rng.permutation(np.linspace(0.02, 0.98, 22)) * WIDTH
    far = np.sort(rng.uniform(0.25, 1.0, 26))
    lanterns = [lantern_sprite(6 + 24 * float(part) ** 2) for part in far]
    lantern_x = rng.permutation(np.linspace(0.04, 0.96, 26)) * WIDTH
    lantern_y = rng.uniform(0.04, 0.72, 26) * LINE
    for number in range(FRAMES):
        top = FRAMES - number  # the phone is raised: the window climbs
        water = ripple(still, moving, number)
        full = Planes(
            *(
                np.concatenate(pair)
                for pair in zip(
                    (above.y, above.u, above.v), (water.y, water.u, water.v), strict=True
                )
            )
        )
        frame = full.window(0, top, WIDTH, HEIGHT)
        for index, part in enumerate(far.tolist()):
            sheet = lanterns[index]
            y = lantern_y[index] - number * (0.35 + 1.5 * part)
            x = lantern_x[index] + 16 * part * np.sin(number / 38 + index)
            tall, wide = sheet.paint.y.shape
            lay_sheet(frame, sheet, round(x) - wide // 2, round(y) - tall // 2 - top)
        for index, part in enumerate(near.tolist()):
            sheet, mid_x, mid_y = lamps[index]
            x = lamp_x[index] + number * (0.15 + 0.7 * part) - 60
            y = LINE + part**1.25 * (TALL - LINE) * 0.93 + 2.2 * np.sin(number / 9 + index * 2)
            lay_sheet(frame, sheet, round(x) - mid_x, round(y) - mid_y - top)
        yield frame.tobytes()


def audio() -> Floats:
    """A brighter tune, small bells, water against the quay, a murmur of people."""
    notes = tuple(
        (0.3 + 0.42 * step, degree, 0.55 + 0.3 * (step % 4 == 0))
        for step, degree in enumerate((5, 7, 8, 7, 5, 4, 5, 7, 8, 9, 10, 9, 8, 7, 5, 7))
    )
    deep = ((0.3, 0, 0.8), (1.98, -2, 0.7), (3.66, 1, 0.7), (5.34, 0, 0.8), (6.9, 5, 0.7))
    strings = sound.tune(LENGTH_S, (*notes, *deep), 220.0, 5)
    lapping = sound.shaped_noise(LENGTH_S, 180, 900, 6) * sound.swell(LENGTH_S, 1.9, 0.8, 7)
    ticks = sound.drops(LENGTH_S, 0.11, 500, 2400, 8)
    murmur = sound.shaped_noise(LENGTH_S, 220, 520, 9) * sound.swell(LENGTH_S, 0.9, 0.5, 10)
    place = sound.reverb(strings * 0.45, 1.8, 0.32, 11)
    return sound.master(place + 0.03 * lapping + 0.16 * ticks + 0.03 * murmur)
