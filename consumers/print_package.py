"""The package of one story for the page desk: a folder whose manifest comes last.

``<item>/`` with ``<item>`` = ``<prefix><number>_r<release>`` holds story.docx, story.icml,
story.txt (UTF-8), story.gb18030.txt, story.ninjs.json, the pictures, captions.txt and, last,
manifest.json. It is built as ``<item>.part/`` beside it. A correction takes the place of the former
package under the same name, so that stories that InDesign has linked show as changed; a withdrawal
leaves nothing there but a manifest.
"""

import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from consumers.article import Article, PrintCopy, captions_document, text_document
from consumers.docx_document import docx_document
from consumers.folder_records import Placed
from consumers.hot_folder import copy_part, digests_of, part_of, remove, stage, sync_folder
from consumers.icml_document import icml_document
from consumers.ninjs_document import PictureFile, ninjs_document
from consumers.print_manifest import MANIFEST
from schemas.channel import Attempt, MediaFile
from schemas.hashing import sha256
from schemas.receipt import Substitution

_PREVIEW_PX = (1200, 1200)
_PREVIEW_MOST_PX = 120_000_000
_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/tiff": ".tif", "image/webp": ".webp"}


@dataclass(frozen=True)
class Layout:
    """Which picture becomes which file, and the text that names them."""

    sources: dict[int, MediaFile]
    names: dict[int, str]
    text: str
    media: tuple[Substitution, ...]

    @property
    def text_sha256(self) -> str:
        return sha256(self.text.encode())


def lay_out(article: Article, item: str, attempt: Attempt) -> Layout:
    """Fetch the pictures and name their files; raises TransientError where one cannot be had."""
    sources = {p.number: attempt.media.files(p.placeholder)[0] for p in article.pictures}
    names = {number: f"{item}_{number:02d}{_suffix(file)}" for number, file in sources.items()}
    first_use = {p.placeholder: p.number for p in reversed(article.pictures)}
    media = tuple(
        Substitution(placeholder=found, sha256=sources[n].sha256, address=f"{item}/{names[n]}")
        for found, n in first_use.items()
    )
    return Layout(sources, names, text_document(article, names), media)


def build(
    folder: Path, item: str, copy: PrintCopy, layout: Layout, attempt: Attempt
) -> tuple[Placed, ...]:
    """Write everything but the manifest into ``<item>.part/``, durably; what was there goes.

    Returns the files by their names within the package.
    """
    names, sources, text = layout.names, layout.sources, layout.text
    files = {
        number: PictureFile(names[number], file.content_type, file.size_bytes)
        for number, file in sources.items()
    }
    previews = {n: shown for n, file in sources.items() if (shown := _preview(file.path))}
    filed_at = datetime.fromisoformat(copy.updated_at)
    documents = {
        "story.docx": docx_document(copy, names, previews, filed_at),
        "story.icml": icml_document(copy, names),
        "story.txt": text.encode(),
        "story.gb18030.txt": text.encode("gb18030"),
        "story.ninjs.json": ninjs_document(copy, str(attempt.story_id), attempt.version, files),
        "captions.txt": captions_document(copy, names, copy.print_width_mm).encode(),
    }
    part = folder / f"{item}.part"
    remove(part)
    part.mkdir()
    placed = []
    for name, data in documents.items():
        attempt.remaining_s()
        stage(data, part / name)
        made = digests_of(data)
        placed.append(Placed(name=name, size=made.size_bytes, sha256=made.sha256))
    for number, source in sources.items():
        target = part / names[number]
        made = copy_part(source, target, attempt)
        part_of(target).replace(target)
        placed.append(Placed(name=target.name, size=made.size_bytes, sha256=made.sha256))
    sync_folder(part)
    sync_folder(folder)
    return tuple(placed)


def place(folder: Path, item: str) -> None:
    """Put the built package under its name; the former one goes, its manifest first."""
    clear(folder, item)
    (folder / f"{item}.part").rename(folder / item)
    sync_folder(folder)


def place_empty(folder: Path, item: str) -> None:
    """Take the package away and leave an empty folder for the notice."""
    clear(folder, item)
    (folder / item).mkdir()
    sync_folder(folder)


def clear(folder: Path, item: str) -> None:
    """Remove a package, the file that makes it visible first."""
    package = folder / item
    if package.exists():
        remove(package / MANIFEST)
        sync_folder(package)
        remove(package)
        sync_folder(folder)


def _suffix(file: MediaFile) -> str:
    return Path(file.name).suffix.lower() or _SUFFIXES.get(file.content_type, ".bin")


def _preview(path: Path) -> bytes | None:
    """A small JPEG for the DOCX; None where the picture cannot be shown, then it is only named."""
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > _PREVIEW_MOST_PX:
                return None
            picture.draft("RGB", _PREVIEW_PX)
            shown = ImageOps.exif_transpose(picture).convert("RGB")
            shown.thumbnail(_PREVIEW_PX)
            kept = io.BytesIO()
            shown.save(kept, "JPEG", quality=82)
            return kept.getvalue()
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None
