"""Statements made once: making one anew costs more than running it.

The values are parameters, so the same statement object serves every call and its SQL is looked up
instead of being put together again.
"""

from functools import cache
from typing import Any

from sqlalchemy import Select, Table, Update, bindparam, select, update


@cache
def rows_where(table: Table, *columns: str) -> Select[Any]:
    """Whole rows by equality; a parameter for each column, under its name."""
    return select(table).where(*(table.c[name] == bindparam(name) for name in columns))


@cache
def change_where(table: Table, columns: tuple[str, ...], changed: tuple[str, ...]) -> Update:
    """Set ``changed`` in the rows found by ``columns``: their parameters are ``at_<column>``."""
    found = (table.c[name] == bindparam(f"at_{name}") for name in columns)
    return update(table).where(*found).values({name: bindparam(name) for name in changed})
