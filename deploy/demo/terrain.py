"""Hills in perspective: which point of a rolling landscape each pixel of a picture shows.

The landscape is a pure function height(x, z); the viewer stands at x = 0, z = 0 and looks along z.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deploy.demo.paint import Floats

Height = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True)
class Camera:
    """Where the viewer stands; lengths in landscape units."""

    eye: float
    """Height of the eye."""
    horizon: float
    """Row of the horizon, as a part of the picture's height."""
    focal: float
    """Focal length as a part of the picture's width."""
    near: float = 1.0
    far: float = 30.0
    steps: int = 700


@dataclass(frozen=True)
class Ground:
    """For each pixel from row ``top`` on: is it ground, and which point of it. Planes."""

    seen: Floats
    x: Floats
    z: Floats
    column_scale: float
    """Pixels that one unit covers at distance 1."""


def look(size: tuple[int, int], camera: Camera, height_of: Height, top: int = 0) -> Ground:
    """Cast every column of the picture over the hills, nearest hill first.

    The planes begin with row ``top`` of the picture: above it there must be no ground.
    """
    width, rows = size
    focal = camera.focal * width
    depths = np.geomspace(camera.near, camera.far, camera.steps).astype(np.float32)
    across = (np.arange(width, dtype=np.float32) + 0.5 - width / 2) / focal
    heights = height_of(
        across[None, :] * depths[:, None], np.broadcast_to(depths[:, None], (camera.steps, width))
    )
    drawn = camera.horizon * rows + focal * (camera.eye - heights) / depths[:, None]
    crest = np.minimum.accumulate(drawn, axis=0)
    row = np.arange(top, rows, dtype=np.float32)
    step = np.empty((rows - top, width), np.int32)
    for column in range(width):
        step[:, column] = np.searchsorted(-crest[:, column], -row)
    seen = step < camera.steps
    last = np.clip(step, 1, camera.steps - 1)
    columns = np.arange(width)[None, :]
    before, after = drawn[last - 1, columns], drawn[last, columns]
    part = np.clip((before - row[:, None]) / np.maximum(before - after, 1e-3), 0, 1)
    z = depths[last - 1] * (1 - part) + depths[last] * part
    z = np.where(step == 0, depths[0], z).astype(np.float32)
    # a crest's last pixel is only partly covered: fade it, or the outline has steps
    edge = np.clip(row[:, None] - crest[-1][None, :] + 0.5, 0, 1)
    return Ground(
        np.where(seen, 1.0, edge).astype(np.float32) * edge, across[None, :] * z, z, focal
    )


def slope(height_of: Height, ground: Ground, here: Floats) -> tuple[Floats, Floats]:
    """Rise of the ground to the right and away from the viewer, where its height is ``here``."""
    reach = 0.03
    right = (height_of(ground.x + reach, ground.z) - here) / reach
    away = (height_of(ground.x, ground.z + reach) - here) / reach
    return right, away
