"""The county's reservoir at daybreak: hills on still water, a small boat."""

import numpy as np

from deploy.demo.paint import Floats, finish, glow, lay, noise, over, rgb, shapes, sky, smooth
from deploy.demo.scenes.hills import Range, birds, paint_ranges
from deploy.demo.scenes.town import Pen, person
from deploy.demo.scenes.water import ripples

SHORE = 0.56

DAYBREAK = ((0.0, "#6fa3c4"), (0.4, "#b5d3d6"), (0.7, "#f3e6c4"), (1.0, "#fdf0cc"))

RANGES = (
    Range(0.34, 0.26, 0.75, "#a3bcc4", "#f3e8cc", 331, mist_depth=0.3),
    Range(0.50, 0.22, 0.62, "#7a9ca4", "#ece4c8", 342, mist_depth=0.3),
    Range(0.66, 0.20, 0.52, "#50777a", "#e0ddc2", 353, mist_depth=0.26, trees=0.018),
    Range(0.84, 0.12, 0.40, "#2f5650", "#b9cbb4", 367, mist_depth=0.3, mist_cover=0.55, trees=0.03),
)


def draw(size: tuple[int, int]) -> Floats:
    """The picture; ``size`` is (width, height) in pixels."""
    width, height = size
    line = int(SHORE * height)
    above = sky((width, line), DAYBREAK)
    clouds = noise((width, line), line * 0.2, 4, 5, stretch=4)
    over(above, rgb("#fff6e2"), smooth(0.48, 0.8, clouds) * 0.7)
    sun = (width * 0.34, line * 0.42)
    glow(above, sun, line * 0.40, "#ffe3a6", 0.8)
    glow(above, sun, line * 0.07, "#fffdf0", 1.0)
    paint_ranges(above, RANGES)
    over(above[int(line * 0.97) :], rgb("#f0ecd8"), 0.45)
    deep = height - line
    waves = ripples((width, deep), 14, stretch=12)
    down = np.arange(deep, dtype=np.float32)[:, None]
    source = np.clip(line - 1 - down * 1.15 + waves * (0.6 + down * 0.028), 0, line - 1)
    side = np.clip(np.arange(width)[None, :] + waves * down * 0.006, 0, width - 1)
    water = above[source.astype(np.int32), side.astype(np.int32)]
    part = down / deep
    water = (
        water * (0.90 - 0.16 * part)[..., None] + rgb("#2f6a78") * (0.06 + 0.16 * part)[..., None]
    )
    over(
        water, rgb("#fff4d8"), (smooth(0.45, 0.9, waves) * (0.10 + 0.16 * part)).astype(np.float32)
    )
    canvas = np.concatenate([above, water]).astype(np.float32)
    column = np.exp(
        -(
            (
                (np.arange(width, dtype=np.float32)[None, :] - sun[0])
                / (width * (0.02 + 0.05 * part))
            )
            ** 2
        )
    )
    glitter = column * smooth(0.0, 0.7, waves) * 0.65
    over(canvas[line:], rgb("#fff1c4"), glitter.astype(np.float32))
    band = np.exp(-(((np.arange(height, dtype=np.float32) - line) / (height * 0.030)) ** 2))[
        :, None
    ]
    swirl = noise(size, height * 0.10, 9, 4, stretch=6)
    over(canvas, rgb("#fbf2dc"), (band * smooth(0.2, 0.7, swirl) * 0.85).astype(np.float32))

    def boat(pen: Pen, scale: float) -> None:
        x, y, half = width * 0.66 * scale, height * 0.80 * scale, height * 0.115 * scale
        pen.polygon(
            [
                (x - half * 0.8, y + half * 0.16),
                (x + half * 0.8, y + half * 0.16),
                (x + half * 0.5, y + half * 0.62),
                (x - half * 0.5, y + half * 0.62),
            ],
            fill=(24, 48, 54, 70),
        )
        person(pen, x + half * 0.52, y + half * 0.05, half * 0.98, (198, 112, 62, 255), hat=True)
        pen.line(
            [(x + half * 0.44, y - half * 0.98), (x + half * 0.98, y + half * 0.36)],
            fill=(92, 66, 44, 255),
            width=max(int(half * 0.030), 1),
        )
        pen.polygon(
            [
                (x - half * 1.12, y - half * 0.13),
                (x - half * 0.75, y + half * 0.03),
                (x + half * 0.75, y + half * 0.03),
                (x + half * 1.12, y - half * 0.13),
                (x + half * 0.72, y + half * 0.20),
                (x - half * 0.72, y + half * 0.20),
            ],
            fill=(70, 46, 34, 255),
        )
        pen.chord(
            (x - half * 0.62, y - half * 0.44, x + half * 0.22, y + half * 0.46),
            180,
            360,
            fill=(150, 112, 70, 255),
        )

    lay(canvas, shapes(size, boat))
    lay(
        canvas,
        birds(
            size,
            ((0.84, 0.17, 0.014), (0.885, 0.155, 0.012), (0.93, 0.18, 0.010), (0.975, 0.16, 0.010)),
        ),
        0.7,
    )
    return finish(canvas, 10, vignette=0.14)
