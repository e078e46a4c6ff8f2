"""The documents as the tests of the documents read them."""

import re
from pathlib import Path

from schemas.settings import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = sorted([
    REPOSITORY / "README.md",
    REPOSITORY / "CHANGELOG.md",
    REPOSITORY / "CONTRIBUTING.md",
    REPOSITORY / "THIRD-PARTY.md",
    *DOCS.rglob("*.md"),
])  # fmt: skip


def text(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def named(path: Path) -> str:
    return path.relative_to(REPOSITORY).as_posix()


def rows_below(name: str, heading: str) -> list[list[str]]:
    """Cells of the table that follows a heading, without its head."""
    body = text(name).split(f"\n{heading}\n", 1)
    assert len(body) == 2, f"{name} has no heading {heading!r}"
    rows = []
    for line in body[1].splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.replace(r"\|", "¦").strip("|").split("|")])
        elif rows or line.startswith("#"):
            break
    assert len(rows) > 2, f"{name}: no table below {heading!r}"
    return rows[2:]


def code(cell: str) -> str:
    found = re.match(r"`([^`]+)`", cell)
    assert found, f"not in code marks: {cell!r}"
    return found.group(1)
