"""Renditions fetched for one attempt, into a folder of its own, SHA-256 checked."""

import shutil
from pathlib import Path

from schemas.channel import MediaFile
from schemas.errors import StorageFull, TransientError, Unavailable
from schemas.rendition import parse_placeholder
from stores import objects
from stores.ledger import renditions
from stores.ledger.transaction import Ledger


class AttemptMedia:
    """Meets ``schemas.channel.Media``; ``close`` removes what was fetched."""

    def __init__(self, ledger: Ledger, store: objects.Objects, folder: Path) -> None:
        self.ledger = ledger
        self.store = store
        self.folder = folder
        self._fetched: dict[str, list[MediaFile]] = {}

    def files(self, placeholder: str) -> list[MediaFile]:
        if placeholder not in self._fetched:
            try:
                self._fetched[placeholder] = self._fetch(placeholder)
            except (Unavailable, StorageFull) as error:
                raise TransientError(
                    f"素材还取不到 / fetching media: {error}", ours=True
                ) from error
        return self._fetched[placeholder]

    def _fetch(self, placeholder: str) -> list[MediaFile]:
        source, recipe = parse_placeholder(placeholder)
        with self.ledger.snapshot() as view:
            made = renditions.manifest(view, source, recipe)
        if made is None:
            raise TransientError(f"转码件还没有 / rendition {recipe} is not there yet", ours=True)
        folder = self.folder / f"{source[:16]}-{recipe}"
        folder.mkdir(parents=True, exist_ok=True)
        found = []
        for file in made.files:
            path = folder / file.name
            objects.get_file(self.store, file.object_key, file.sha256, path)
            found.append(
                MediaFile(path, file.name, file.sha256, file.size_bytes, file.content_type)
            )
        return found

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
