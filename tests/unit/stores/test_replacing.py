"""A recovered ledger takes the old one's place; cut off anywhere, one of the two stands there."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from stores.ledger import replacing

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class CutError(Exception):
    """The power went."""


def make(path: Path, word: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as made:
        made.execute("CREATE TABLE said (word TEXT)")
        made.execute("INSERT INTO said VALUES (?)", (word,))


def word_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as found:
        return str(found.execute("SELECT word FROM said").fetchone()[0])


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """(the ledger as a killed process left it, its last commit in the log beside it; the new one)."""
    old, made = tmp_path / "shoufa.db", tmp_path / "recovering.db"
    live = sqlite3.connect(tmp_path / "living.db", isolation_level=None)
    live.execute("PRAGMA journal_mode=WAL")
    live.execute("CREATE TABLE said (word TEXT)")
    live.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    live.execute("INSERT INTO said VALUES ('old')")
    for end in ("", "-wal"):
        shutil.copy(tmp_path / f"living.db{end}", tmp_path / f"shoufa.db{end}")
    live.close()
    make(made, "new")
    return old, made


def test_the_old_one_is_kept_whole_and_the_new_one_stands(places: tuple[Path, Path]) -> None:
    old, made = places
    kept = replacing.install(made, f"sqlite:///{old}", now=NOW)
    assert word_of(old) == "new"
    assert word_of(Path(kept)) == "old"
    assert not made.exists()


@pytest.mark.parametrize("step", range(6))
def test_cut_off_anywhere_a_ledger_stands_and_doing_it_again_works(
    places: tuple[Path, Path], step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, made = places
    left = [step]

    def cut(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:
            if left[0] == 0:
                raise CutError
            left[0] -= 1
            return call(*args, **named)

        return counted

    with monkeypatch.context() as patch:
        for name in ("rename", "replace", "link", "fsync"):
            patch.setattr(os, name, cut(getattr(os, name)))
        patch.setattr(Path, "rename", cut(Path.rename))
        patch.setattr(Path, "replace", cut(Path.replace))
        with suppress(CutError):
            replacing.install(made, f"sqlite:///{old}", now=NOW)
    assert word_of(old) == ("old" if made.exists() else "new")
    if made.exists():
        replacing.install(made, f"sqlite:///{old}", now=NOW)
    assert word_of(old) == "new"
    assert [word_of(path) for path in (old.parent / "kept").glob("*.db")] == ["old"]


def test_a_damaged_one_is_kept_as_it_is(tmp_path: Path) -> None:
    old, made = tmp_path / "shoufa.db", tmp_path / "recovering.db"
    old.write_bytes(b"no database at all " * 400)
    old.with_name("shoufa.db-wal").write_bytes(b"its log")
    make(made, "new")
    kept = Path(replacing.install(made, f"sqlite:///{old}", now=NOW))
    assert word_of(old) == "new"
    assert kept.read_bytes().startswith(b"no database")
    assert kept.with_name(kept.name + "-wal").read_bytes() == b"its log"
