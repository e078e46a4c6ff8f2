"""The demo's pictures, drawn by code: an invented county needs no camera.

They are illustrations without any text in them, the same on every machine that has the same
libraries; ``PICTURES`` names them.
"""

import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from deploy.demo.paint import Floats, to_image
from deploy.demo.scenes import avenue, bus, harvest, lake, river, room, tea, terraces, trays

SIZE = (1920, 1280)
"""Width and height in pixels."""

MOST_BYTES = 700_000

PICTURES: dict[str, Callable[[tuple[int, int]], Floats]] = {
    "terraces": terraces.draw,
    "harvest": harvest.draw,
    "trays": trays.draw,
    "river": river.draw,
    "tea": tea.draw,
    "avenue": avenue.draw,
    "room": room.draw,
    "bus": bus.draw,
    "lake": lake.draw,
}


def draw(name: str, size: tuple[int, int] = SIZE) -> Image.Image:
    """The picture of that name, 8-bit RGB of (width, height). Raises KeyError for another name."""
    return to_image(PICTURES[name](size))


def jpeg(image: Image.Image, most_bytes: int = MOST_BYTES) -> bytes:
    """The picture as JPEG of at most ``most_bytes``, at the best quality that fits."""
    encoded = b""
    for quality in range(90, 40, -5):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality, progressive=True, optimize=True)
        encoded = buffer.getvalue()
        if len(encoded) <= most_bytes:
            break
    return encoded


def write_pictures(folder: Path) -> dict[str, Path]:
    """Draw what is missing in the folder; returns name → JPEG file. A file that is there stays."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for name in PICTURES:
        path = folder / f"{name}.jpg"
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_bytes(jpeg(draw(name)))
            part.replace(path)
        written[name] = path
    return written
