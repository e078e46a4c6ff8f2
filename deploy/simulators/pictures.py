"""Tell a picture by its bytes, never by its name or the declared type."""

import io
import warnings
from typing import Literal

from PIL import Image, UnidentifiedImageError

PictureKind = Literal["jpg", "png", "gif", "bmp"]
KINDS: dict[str, PictureKind] = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "BMP": "bmp"}
MEDIA_TYPES = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "bmp": "image/bmp"}


def picture_kind(data: bytes) -> PictureKind | None:
    """The kind of a picture that can be decoded to its last line; None for anything else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=list(KINDS)) as picture:
                kind = KINDS[picture.format or ""]
                picture.load()
    except (
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        KeyError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ):
        return None
    return kind
