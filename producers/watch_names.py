"""Which files of a watched folder make one story. Pure: names, sizes and stillness in.

1. ``X.json`` is a manifest and names its media.
2. ``X.txt``, ``X.docx`` or ``X.html`` is a text; media called ``X``, ``X_1``, ``X-2`` or ``X (3)`` belong to it.
3. A picture or clip that nothing claims is a story of its own.
4. Whatever else lies there is refused, so that nothing is silently left behind.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

MEDIA = frozenset({
    "jpg", "jpeg", "png", "gif", "webp", "bmp", "tif", "tiff", "heic", "heif", "avif",
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "ts", "mts", "m2ts", "mpg", "mpeg", "mxf",
    "flv", "wmv", "3gp",
})  # fmt: skip
"""Endings by which files are grouped; what they are is found out by looking into them."""
TEXTS = frozenset({"txt", "docx", "html", "htm"})
_UNFINISHED = (".part", ".tmp", ".partial", ".filepart", ".crdownload", ".download")
_LITTER = frozenset({"thumbs.db", "desktop.ini"})
_NUMBERED = re.compile(r"^(?:[ _-]?[(（]\d{1,3}[)）]|[ _-]\d{1,3})$")
_NUMBER = re.compile(r"\d+")

Group = Literal["manifest", "text", "media", "refused"]


@dataclass(frozen=True)
class Seen:
    """One entry of a folder."""

    name: str
    """As the file system writes it; may hold what is no Unicode (surrogates)."""
    size: int
    mtime_ns: int
    still_s: float
    """How long size and time of change have stayed as they are."""
    kind: Literal["file", "link", "folder", "other"] = "file"

    @property
    def key(self) -> str:
        """Composed form: the same name from a Mac and from Windows is one name."""
        return unicodedata.normalize("NFC", self.name)

    @property
    def stem(self) -> str:
        return PurePath(self.key).stem

    @property
    def ending(self) -> str:
        return PurePath(self.key).suffix.removeprefix(".").lower()

    @property
    def stamp(self) -> tuple[int, int]:
        return self.size, self.mtime_ns


@dataclass(frozen=True)
class Candidate:
    """Files that belong together. ``lead`` names the group: the manifest, the text, the clip."""

    group: Group
    lead: Seen
    media: tuple[Seen, ...] = ()
    missing: tuple[str, ...] = ()
    """Names in the manifest that are not there."""

    @property
    def files(self) -> tuple[Seen, ...]:
        return tuple(dict.fromkeys((self.lead, *self.media)))

    @property
    def key(self) -> tuple[tuple[str, tuple[int, int]], ...]:
        """The same as long as none of the files changes."""
        return tuple((file.name, file.stamp) for file in self.files)


def ignored(name: str) -> bool:
    """Hidden, unfinished, or what systems leave lying about."""
    lower = name.lower()
    return lower.startswith((".", "~$")) or lower.endswith(_UNFINISHED) or lower in _LITTER


def candidates(
    entries: Iterable[Seen], named: Mapping[str, tuple[str, ...] | None]
) -> list[Candidate]:
    """Every entry that is not ignored, in exactly one group.

    ``named``: key of a manifest → the files it names, None where it cannot be read: then
    everything of its stem goes with it, lest a clip be published without its story.
    """
    found: list[Candidate] = []
    open_files: dict[str, Seen] = {}
    for entry in sorted(entries, key=lambda e: e.key):
        if ignored(entry.name):
            continue
        if entry.kind == "file" and entry.key not in open_files:
            open_files[entry.key] = entry
        elif entry.kind != "file":
            found.append(Candidate("refused", entry))
    found += _manifests(open_files, named)
    found += _texts(open_files)
    for entry in open_files.values():
        alone = Candidate("media", entry, (entry,))
        found.append(alone if _is_media(entry) else Candidate("refused", entry))
    return found


def _manifests(
    open_files: dict[str, Seen], named: Mapping[str, tuple[str, ...] | None]
) -> list[Candidate]:
    found = []
    leads = [e for e in open_files.values() if e.ending == "json" and e.key in named]
    for lead in leads:
        open_files.pop(lead.key, None)
    for lead in leads:
        names = named[lead.key]
        if names is None:
            names = tuple(e.key for e in open_files.values() if _belongs(lead.stem, e))
        keys = [unicodedata.normalize("NFC", name) for name in names]
        media = [open_files.pop(key) for key in dict.fromkeys(keys) if key in open_files]
        present = {file.key for file in media}
        missing = tuple(key for key in keys if key not in present)
        found.append(Candidate("manifest", lead, tuple(media), missing))
    return found


def _texts(open_files: dict[str, Seen]) -> list[Candidate]:
    texts = [e for e in open_files.values() if e.ending in TEXTS]
    mine: dict[str, list[Seen]] = {text.key: [] for text in texts}
    for entry in open_files.values():
        owners = [text for text in texts if _belongs(text.stem, entry)]
        if owners:  # 洪水_二_1.jpg belongs to 洪水_二.txt rather than to 洪水.txt
            mine[max(owners, key=lambda text: len(text.stem)).key].append(entry)
    found = []
    for text in texts:
        media = sorted(mine[text.key], key=lambda entry: _order(text.stem, entry))
        for entry in (text, *media):
            open_files.pop(entry.key, None)
        found.append(Candidate("text", text, tuple(media)))
    return found


def _belongs(stem: str, entry: Seen) -> bool:
    if not _is_media(entry) or not entry.stem.startswith(stem):
        return False
    rest = entry.stem[len(stem) :]
    return not rest or _NUMBERED.match(rest) is not None


def _order(stem: str, entry: Seen) -> tuple[int, str]:
    number = _NUMBER.search(entry.stem[len(stem) :])
    return (int(number[0]) if number else -1, entry.key)


def _is_media(entry: Seen) -> bool:
    return entry.ending in MEDIA
