"""Picture recipes by Pillow: upright, sRGB, without any metadata, inside the outlet's limits."""

import io
import shutil
from pathlib import Path

from PIL import Image, ImageCms, ImageEnhance, ImageFilter, ImageOps

from streams.recipes import Picture, Size
from streams.renditions import fills

_SWAPPED = {5, 6, 7, 8}
_ORIENTATION = 0x0112
_WHITE = (255, 255, 255)
_LOWEST_QUALITY = 60
_DPI = (300, 300)
_PLACEABLE = {"JPEG": (".jpg", "image/jpeg"), "PNG": (".png", "image/png"), "TIFF": (".tif", "image/tiff")}  # fmt: skip
LONGEST_SIDE = 20_000


class Unreadable(Exception):
    """A picture that cannot be decoded; ``pixels`` is set when it is only too large."""

    def __init__(self, reason: str, *, pixels: int = 0) -> None:
        super().__init__(reason)
        self.pixels = pixels
        self.truncated = "truncated" in reason.lower()


def look(path: Path, reader: str, max_pixels: int) -> Size:
    """Size after orientation of a picture that decodes to its end; raises Unreadable.

    The size is read from the header before anything is decoded.
    """
    with _opened(path, reader, max_pixels) as picture:
        width, height = picture.size
        picture.draft("RGB", (max(1, width // 8), max(1, height // 8)))
        turned = _orientation(picture) in _SWAPPED
        _load(picture)
    return (height, width) if turned else (width, height)


def read_picture(path: Path, reader: str, max_pixels: int, box: Size | None) -> Image.Image:
    """The first frame: upright, 8-bit RGB in sRGB, on white, without metadata; raises Unreadable.

    With a ``box``, a JPEG may be decoded at a smaller size, never below twice the box.
    """
    with _opened(path, reader, max_pixels) as opened:
        if box is not None:
            opened.draft("RGB", (2 * max(box), 2 * max(box)))
        _load(opened)
        profile = opened.info.get("icc_profile")
        try:
            picture = ImageOps.exif_transpose(opened)
            clean = _srgb(_flat(picture), profile)
        except Exception as error:
            raise Unreadable(str(error)) from error
    clean.info = {}
    return clean


def write_picture(recipe: Picture, picture: Image.Image, folder: Path) -> Path:
    """Write the recipe's one file into ``folder`` and return its path.

    ``picture`` is what :func:`read_picture` returns, or a frame. Raises Unreadable when even the
    smallest form stays over the recipe's limit.
    """
    shaped = _shape(recipe, picture)
    if recipe.format == "png":
        data = _png(shaped)
        if recipe.max_bytes is None or len(data) <= recipe.max_bytes:
            return _written(folder / f"{recipe.name}.png", data)
    return _written(folder / f"{recipe.name}.jpg", _jpeg_within(recipe, shaped))


def original_or_copy(recipe: Picture, path: Path, reader: str, max_pixels: int, folder: Path) -> Path:  # fmt: skip
    """The sender's own bytes where a page layout program can place them, else a JPEG of them."""
    if reader in _PLACEABLE:
        target = folder / f"{recipe.name}{_PLACEABLE[reader][0]}"
        shutil.copyfile(path, target)
        return target
    return write_picture(recipe, read_picture(path, reader, max_pixels, None), folder)


def content_type(path: Path) -> str:
    """By the ending that this module gave."""
    return dict(_PLACEABLE.values())[path.suffix]


def _opened(path: Path, reader: str, max_pixels: int) -> Image.Image:
    try:
        picture = Image.open(path, formats=[reader])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unreadable("too many pixels", pixels=2 * max_pixels) from error
    except Exception as error:
        raise Unreadable(_reason(error, path)) from error
    width, height = picture.size
    if width * height > max_pixels or max(width, height) > LONGEST_SIDE:
        picture.close()
        raise Unreadable("too many pixels", pixels=max(width * height, max_pixels + 1))
    return picture


def _load(picture: Image.Image) -> None:
    try:
        picture.load()
    except Exception as error:  # decoders of hostile bytes raise nearly anything
        raise Unreadable(_reason(error, None)) from error


def _reason(error: Exception, path: Path | None) -> str:
    text = str(error) or type(error).__name__
    return text.replace(str(path), "…") if path else text


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001  # a broken EXIF block is no reason to refuse the picture
        return 1


def _flat(picture: Image.Image) -> Image.Image:
    """One of the modes L, RGB, CMYK, 8 bits each, transparency laid on white."""
    if picture.mode.startswith("I;16") or picture.mode in {"I", "F"}:
        _, high = picture.getextrema()
        scale = 1 / 257 if isinstance(high, int | float) and high > 255 else 1.0
        return picture.point(lambda value: value * scale).convert("L")
    if picture.mode == "P" or "A" in picture.mode or "a" in picture.mode:
        seen = picture.convert("RGBA")
        flat = Image.new("RGB", seen.size, _WHITE)
        flat.paste(seen, mask=seen.getchannel("A"))
        return flat
    return picture if picture.mode in {"L", "RGB", "CMYK"} else picture.convert("RGB")


def _srgb(picture: Image.Image, profile: object) -> Image.Image:
    if isinstance(profile, bytes) and profile:
        try:
            converted = ImageCms.profileToProfile(
                picture,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None  # a broken profile: the colours as they stand
        if converted is not None:
            return converted
    return picture.convert("RGB")


def _shape(recipe: Picture, picture: Image.Image) -> Image.Image:
    if recipe.box is None or recipe.fit == "original":
        return picture
    width, height = recipe.box
    if recipe.fit == "turned" and picture.height > picture.width:
        width, height = height, width
    if recipe.fit == "cover" or (recipe.fit == "blur" and fills(*picture.size, recipe.box)):
        # A little above the middle: that is where faces are.
        return ImageOps.fit(
            picture, (width, height), Image.Resampling.LANCZOS, centering=(0.5, 0.42)
        )
    if recipe.fit == "blur":
        return _before_blur(picture, (width, height))
    shaped = picture.copy()
    shaped.thumbnail((width, height), Image.Resampling.LANCZOS)
    return shaped


def _before_blur(picture: Image.Image, box: Size) -> Image.Image:
    small = ImageOps.fit(picture, (box[0] // 8, box[1] // 8), Image.Resampling.BILINEAR)
    soft = small.filter(ImageFilter.GaussianBlur(5)).resize(box, Image.Resampling.BICUBIC)
    page = ImageEnhance.Brightness(soft).enhance(0.72)
    front = ImageOps.contain(picture, box, Image.Resampling.LANCZOS)
    page.paste(front, ((box[0] - front.width) // 2, (box[1] - front.height) // 2))
    return page


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", dpi=_DPI, compress_level=6)
    return buffer.getvalue()


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    chroma = 0 if quality >= 95 else 2  # 4:4:4 for print, 4:2:0 for screens
    for small in (True, False):
        buffer = io.BytesIO()
        try:
            picture.save(
                buffer,
                "JPEG",
                quality=quality,
                subsampling=chroma,
                optimize=small,
                progressive=small and quality < 95,
            )
        except OSError:
            if not small:
                raise
            continue  # noise outgrows the buffer that Pillow guesses for optimized files
        break
    return buffer.getvalue()


def _jpeg_within(recipe: Picture, picture: Image.Image) -> bytes:
    """First lower quality, then fewer pixels, until the recipe's limit holds."""
    limit = None if recipe.format == "png" else recipe.max_bytes
    quality, shaped = recipe.quality, picture
    for _ in range(20):
        data = _jpeg(shaped, quality)
        if limit is None or len(data) <= limit:
            return data
        if quality > _LOWEST_QUALITY:
            quality = max(_LOWEST_QUALITY, quality - 6)
        else:
            size = max(1, shaped.width * 17 // 20), max(1, shaped.height * 17 // 20)
            shaped = shaped.resize(size, Image.Resampling.LANCZOS)
    raise Unreadable(f"stays over {limit} bytes")


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
