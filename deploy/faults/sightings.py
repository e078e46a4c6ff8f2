"""Looks at the public pages all the time: which version of each story stood there, and since when."""

import re
import threading
from pathlib import Path
from typing import Any

TOKEN = re.compile(r"F(\d{4,})V(\d+)")
PAUSE_S = 0.4


def token_of(text: str) -> tuple[int, int] | None:
    """(story, version) that a text of an outlet carries; the first one."""
    found = TOKEN.search(text)
    return (int(found[1]), int(found[2])) if found else None


class Sightings:
    """A thread that scans the site's and the app's story files by their times of change."""

    def __init__(self, data: Path) -> None:
        self._places = {
            "web": (data / "site" / "a", "*.html"),
            "app": (data / "app", "story-*.json"),
        }
        self._seen: dict[Path, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sightings", daemon=True)
        self.lines: list[dict[str, Any]] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> list[dict[str, Any]]:
        """End, look once more, and return all that was seen, in the order of looking."""
        self._stop.set()
        self._thread.join(timeout=10)
        self._look()
        return self.lines

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_S):
            self._look()

    def _look(self) -> None:
        for channel, (folder, names) in self._places.items():
            for path in folder.glob(names) if folder.is_dir() else ():
                try:
                    changed = path.stat().st_mtime_ns
                    if self._seen.get(path) == changed:
                        continue
                    text = path.read_text(encoding="utf-8")
                except OSError:
                    continue
                self._seen[path] = changed
                token = token_of(text)
                if token is not None:
                    story, version = token
                    at = changed // 1_000_000
                    line = {"channel": channel, "story": story, "version": version, "at": at}
                    self.lines.append(line)
