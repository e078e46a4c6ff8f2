"""Moving pictures from still layers: frames in planar YUV 4:2:0, composed with integers.

Everything slow (painting, colour conversion) is done once for each layer; a frame is then a few
slices, multiplications and additions of bytes, so that a clip takes seconds, not minutes.
Colours are BT.709, limited range.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deploy.demo.paint import Floats, Layer

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint16]

FRAMES_PER_S = 25


@dataclass(frozen=True)
class Planes:
    """Luma at full size and both chroma planes at half of it; width and height are even."""

    y: Bytes
    u: Bytes
    v: Bytes

    def __iter__(self) -> Iterator[tuple[Bytes, int]]:
        """Each plane with the shift that turns a luma position into its own."""
        return iter(((self.y, 0), (self.u, 1), (self.v, 1)))

    def tobytes(self) -> bytes:
        return self.y.tobytes() + self.u.tobytes() + self.v.tobytes()

    def copy(self) -> "Planes":
        return Planes(self.y.copy(), self.u.copy(), self.v.copy())

    def window(self, left: int, top: int, width: int, height: int) -> "Planes":
        """A copy of a part; at an odd place the chroma is half a pixel off."""
        cut = []
        for plane, half in self:
            rows = slice(top >> half, (top >> half) + (height >> half))
            cut.append(plane[rows, left >> half : (left >> half) + (width >> half)].copy())
        return Planes(*cut)


@dataclass(frozen=True)
class Sheet:
    """A layer ready to be laid over a frame: planes times cover, and what lets through."""

    paint: Planes
    clear: tuple[Words, Words]
    """256 times (1 - cover), for luma and for chroma."""


def halved(plane: Floats) -> Floats:
    """Mean of each 2 x 2 pixels."""
    return np.asarray(
        (plane[0::2, 0::2] + plane[1::2, 0::2] + plane[0::2, 1::2] + plane[1::2, 1::2]) / 4
    )


def yuv(picture: Floats) -> tuple[Floats, Floats, Floats]:
    """Luma and (full-size) chroma of RGB 0..1, BT.709 limited range, as levels 0..255."""
    red, green, blue = (picture[..., channel] for channel in range(3))
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    blueness = (blue - luma) / 1.8556
    redness = (red - luma) / 1.5748
    return 16 + 219 * luma, 128 + 224 * blueness, 128 + 224 * redness


def dithered(level: Floats, seed: int) -> Bytes:
    """Levels as bytes, rounded up or down by chance: a soft gradient shows no steps."""
    rng = np.random.default_rng(seed)
    return np.asarray(level + rng.random(level.shape, np.float32), np.float32).astype(np.uint8)


def to_planes(picture: Floats) -> Planes:
    """A picture (height, width, 3) as planes; odd last rows and columns are cut off."""
    height, width = picture.shape[0] & ~1, picture.shape[1] & ~1
    y, u, v = yuv(np.clip(picture[:height, :width], 0, 1))
    return Planes(dithered(y, 1), dithered(halved(u), 2), dithered(halved(v), 3))


def to_sheet(picture: Floats, cover: Floats) -> Sheet:
    """A picture with its cover (0..1) as a sheet; ``picture`` is not multiplied by the cover."""
    height, width = picture.shape[0] & ~1, picture.shape[1] & ~1
    y, u, v = yuv(np.clip(picture[:height, :width], 0, 1))
    clear, half_clear = (
        dithered(255 * (1 - part), seed).astype(np.uint16)
        for part, seed in ((cover[:height, :width], 4), (halved(cover[:height, :width]), 5))
    )
    # what the rounding took from the one it gives to the other, and 255 counts as 256
    clear += clear >> 7
    half_clear += half_clear >> 7
    full, half = 1 - clear / np.float32(256), 1 - half_clear / np.float32(256)
    paint = Planes(
        dithered(y * full, 6), dithered(halved(u) * half, 7), dithered(halved(v) * half, 8)
    )
    return Sheet(paint, (clear, half_clear))


def sprite(layer: Layer, size: tuple[int, int], light: Floats | None = None) -> Sheet:
    """A drawn layer as a sheet of ``size`` (width, height), both even.

    ``light`` (height, width, 3) adds a glow around what is drawn.
    """
    width, height = size
    tall, wide = layer.cover.shape
    colour = np.zeros((height, width, 3), np.float32)
    cover = np.zeros((height, width), np.float32)
    area = (slice(layer.top, layer.top + tall), slice(layer.left, layer.left + wide))
    colour[area], cover[area] = layer.colour, layer.cover
    if light is not None:
        strength = np.clip(light.max(axis=-1), 0, 1) * (1 - cover)
        colour += light * (1 - cover[..., None])
        cover += strength
    return to_sheet(colour / np.maximum(cover, 1e-3)[..., None], cover)


def lay_sheet(frame: Planes, sheet: Sheet, left: int, top: int, shift: int = 0) -> None:
    """Lay a sheet over the frame, in place, with its corner at (left, top).

    A sheet wider than the frame shows its columns from ``shift`` on. What lies outside is cut.
    """
    for (to, half), (paint, _) in zip(frame, sheet.paint, strict=True):
        clear = sheet.clear[1 if half else 0]
        x, y, skip = left >> half, top >> half, shift >> half
        from_row, from_column = max(-y, 0), max(-x, 0) + skip
        rows = min(paint.shape[0] - from_row, to.shape[0] - max(y, 0))
        columns = min(paint.shape[1] - from_column, to.shape[1] - max(x, 0))
        if rows <= 0 or columns <= 0:
            continue
        part = to[max(y, 0) : max(y, 0) + rows, max(x, 0) : max(x, 0) + columns]
        area = (
            slice(from_row, from_row + rows),
            slice(from_column, from_column + columns),
        )
        mixed = part * clear[area]
        mixed += 128
        mixed >>= 8
        part[...] = mixed
        part += paint[area]


def paste(frame: Planes, planes: Planes, top: int, shift: int = 0) -> None:
    """Copy opaque planes into the frame from the row ``top`` on, showing columns from ``shift``."""
    for (to, half), (plane, _) in zip(frame, planes, strict=True):
        row, skip = top >> half, shift >> half
        rows, columns = min(plane.shape[0], to.shape[0] - row), to.shape[1]
        to[row : row + rows] = plane[:rows, skip : skip + columns]
