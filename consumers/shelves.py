"""Shelves (板块、栏目): under what address an outlet of ours lists the stories of one name."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.text import Line


class Shelf(BaseModel):
    """One section, board or column: its Chinese name and the slug in its address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Line = Field(min_length=1)
    slug: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")


def _unambiguous(shelves: tuple[Shelf, ...]) -> tuple[Shelf, ...]:
    for what in ("name", "slug"):
        told = [getattr(shelf, what) for shelf in shelves]
        twice = sorted({value for value in told if told.count(value) > 1})
        if twice:
            raise ValueError(f"{what} 重复 / used twice: {'、'.join(twice)}")
    return shelves


Shelves = Annotated[tuple[Shelf, ...], AfterValidator(_unambiguous)]


def shelf_of(name: str, configured: Sequence[Shelf]) -> Shelf:
    """The configured shelf of this name; any other name gets an address made from the name, so
    that a newly invented column is never lost."""
    for shelf in configured:
        if shelf.name == name:
            return shelf
    return Shelf(name=name, slug=f"x{hashlib.sha256(name.encode()).hexdigest()[:10]}")


def shelves_of(names: Iterable[str], configured: Sequence[Shelf]) -> list[Shelf]:
    return [shelf_of(name, configured) for name in dict.fromkeys(names)]
