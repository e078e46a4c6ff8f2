"""The autumn crop drying on round bamboo trays, seen from above."""

from dataclasses import dataclass

import numpy as np

from deploy.demo.paint import Floats, finish, lay, noise, over, ramp, rgb, shapes, smooth
from deploy.demo.scenes.town import Pen

Tone = tuple[int, int, int]


@dataclass(frozen=True)
class Crop:
    """What lies on a tray: its tones from dark to light, its grain's length and width."""

    tones: tuple[Tone, ...]
    length: float
    width: float
    """Both as parts of the tray's radius."""


CROPS = (
    Crop(((132, 16, 14), (176, 24, 18), (206, 38, 24), (226, 62, 36)), 0.105, 0.026),  # chillies
    Crop(((196, 138, 20), (224, 166, 32), (242, 190, 54), (252, 210, 92)), 0.034, 0.028),  # maize
    Crop(
        ((192, 84, 18), (216, 104, 24), (234, 128, 36), (246, 152, 62)), 0.085, 0.080
    ),  # persimmons
    Crop(
        ((214, 178, 104), (232, 200, 130), (244, 218, 158), (252, 236, 190)), 0.024, 0.014
    ),  # rice
    Crop(((72, 98, 34), (94, 124, 44), (118, 148, 58), (142, 170, 78)), 0.030, 0.026),  # beans
    Crop(
        ((214, 190, 96), (234, 214, 130), (246, 232, 172), (252, 244, 206)), 0.055, 0.050
    ),  # asters
    Crop(((134, 86, 52), (160, 108, 70), (184, 132, 90), (204, 156, 114)), 0.050, 0.030),  # peanuts
)

TRAYS = (
    (0.10, 0.16, 0.165, 3),
    (0.335, 0.13, 0.175, 0),
    (0.565, 0.19, 0.165, 1),
    (0.80, 0.14, 0.18, 2),
    (0.985, 0.30, 0.13, 6),
    (0.20, 0.475, 0.175, 1),
    (0.435, 0.50, 0.185, 2),
    (0.675, 0.52, 0.175, 5),
    (0.895, 0.60, 0.165, 0),
    (0.02, 0.66, 0.14, 2),
    (0.135, 0.84, 0.165, 0),
    (0.335, 0.86, 0.16, 4),
    (0.555, 0.87, 0.175, 3),
    (0.775, 0.90, 0.16, 1),
    (0.985, 0.93, 0.14, 5),
)
"""Middle as parts of width and height, radius as a part of the height, crop."""


def basket(pen: Pen, x: float, y: float, radius: float) -> None:
    """The woven tray itself."""
    for reach, fill in (
        (1.0, (120, 84, 42)),
        (0.975, (188, 142, 82)),
        (0.945, (146, 104, 56)),
        (0.915, (206, 166, 106)),
        (0.885, (158, 116, 66)),
    ):
        pen.ellipse(
            (x - radius * reach, y - radius * reach, x + radius * reach, y + radius * reach),
            fill=(*fill, 255),
        )
    for number in range(96):
        angle = number * 2 * np.pi / 96
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        lean = 0.05
        pen.line(
            (
                x + radius * 0.90 * cos,
                y + radius * 0.90 * sin,
                x + radius * float(np.cos(angle + lean)),
                y + radius * float(np.sin(angle + lean)),
            ),
            fill=(104, 72, 36, 255),
            width=max(int(radius * 0.008), 1),
        )


def fill(pen: Pen, x: float, y: float, radius: float, crop: Crop, rng: np.random.Generator) -> None:
    """Spread a crop over the tray, grain by grain, lit from the upper left."""
    base = np.sqrt(rng.random(420)) * 0.80
    for r, a in zip(base.tolist(), (rng.random(420) * 2 * np.pi).tolist(), strict=True):
        mid = (x + radius * r * float(np.cos(a)), y + radius * r * float(np.sin(a)))
        half = radius * 0.075
        under = crop.tones[int(r * 37) % 2]
        pen.ellipse(
            (mid[0] - half, mid[1] - half, mid[0] + half, mid[1] + half),
            fill=tuple(int(c * 0.80) for c in under),
        )
    count = int(np.clip(2.2 / (crop.length * crop.width), 150, 2600))
    reach = np.sqrt(rng.random(count)) * 0.865
    around = rng.random(count) * 2 * np.pi
    turn = rng.random(count) * np.pi
    tone = rng.random(count)
    for r, a, t, shade in zip(
        reach.tolist(), around.tolist(), turn.tolist(), tone.tolist(), strict=True
    ):
        mid = (x + radius * r * float(np.cos(a)), y + radius * r * float(np.sin(a)))
        colour = crop.tones[min(int(shade * len(crop.tones)), len(crop.tones) - 1)]
        if crop.length > crop.width * 1.5:
            half = radius * crop.length / 2
            cos, sin = float(np.cos(t)), float(np.sin(t))
            pen.line(
                (
                    mid[0] - half * cos,
                    mid[1] - half * sin,
                    mid[0] + half * cos,
                    mid[1] + half * sin,
                ),
                fill=(*colour, 255),
                width=max(int(radius * crop.width), 1),
            )
            continue
        half = radius * crop.length / 2
        dark = tuple(int(c * 0.62) for c in colour)
        pen.ellipse((mid[0] - half, mid[1] - half, mid[0] + half, mid[1] + half), fill=(*dark, 255))
        pen.ellipse(
            (mid[0] - half, mid[1] - half, mid[0] + half * 0.72, mid[1] + half * 0.72),
            fill=(*colour, 255),
        )
        if half > radius * 0.03:
            pen.ellipse(
                (
                    mid[0] - half * 0.55,
                    mid[1] - half * 0.55,
                    mid[0] - half * 0.1,
                    mid[1] - half * 0.1,
                ),
                fill=tuple(min(c + 46, 255) for c in colour),
            )


def yard(size: tuple[int, int]) -> Floats:
    """Old flagstones."""
    width, height = size
    stone = ramp(
        noise(size, height * 0.2, 3, 6), ((0.2, "#7f7260"), (0.5, "#9b8c74"), (0.8, "#b8a88c"))
    )
    stone *= (0.92 + 0.16 * noise(size, 5, 4, 2))[..., None]
    rng = np.random.default_rng(6)

    def joints(pen: Pen, scale: float) -> None:
        step = height * 0.14
        for row in range(int(height / step) + 2):
            y = (row * step - step * 0.4) * scale
            pen.line(
                (0, y, width * scale, y), fill=(70, 64, 56, 255), width=int(height * 0.005 * scale)
            )
            x = -step * float(rng.random())
            while x < width:
                x += step * float(rng.uniform(1.2, 2.1))
                pen.line(
                    (x * scale, y, x * scale, y + step * scale),
                    fill=(70, 64, 56, 255),
                    width=int(height * 0.005 * scale),
                )

    lay(stone, shapes(size, joints, blur=0.8), 0.8)
    moss = smooth(0.60, 0.78, noise(size, height * 0.1, 7, 5))
    over(stone, rgb("#6f7a4a"), moss * 0.35)
    return stone


def draw(size: tuple[int, int]) -> Floats:
    """The picture; ``size`` is (width, height) in pixels."""
    width, height = size
    canvas = yard(size)
    places = [(x * width, y * height, r * height, CROPS[crop]) for x, y, r, crop in TRAYS]

    def shadows(pen: Pen, scale: float) -> None:
        for x, y, r, _ in places:
            pen.ellipse(
                (
                    (x - r * 0.97) * scale,
                    (y - r * 0.95) * scale,
                    (x + r * 1.09) * scale,
                    (y + r * 1.13) * scale,
                ),
                fill=(30, 24, 20, 255),
            )

    def trays(pen: Pen, scale: float) -> None:
        rng = np.random.default_rng(12)
        for x, y, r, crop in places:
            basket(pen, x * scale, y * scale, r * scale)
            fill(pen, x * scale, y * scale, r * scale, crop, rng)

    lay(canvas, shapes(size, shadows, blur=height * 0.008), 0.62)
    lay(canvas, shapes(size, trays))
    # morning sun from the upper left
    across = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    warm = smooth(1.5, 0.0, across + down)
    canvas *= 0.84 + 0.30 * warm[..., None] * rgb("#fff0d0")
    return finish(canvas, 8, vignette=0.25)
