"""Parts of index pages, drawn once for each version of a story and kept in memory."""

from collections.abc import Callable, MutableMapping

from consumers.static_records import Record

Drawn = MutableMapping[tuple[str, str], str]
_KEPT = 20_000


def drawn_once(drawn: Drawn, kind: str, record: Record, draw: Callable[[str, Record], str]) -> str:
    """``draw(kind, record)``, or what it gave for the same story page before."""
    key = (kind, record.text_sha256)
    found = drawn.get(key)
    if found is None:
        if len(drawn) >= _KEPT:
            drawn.clear()
        found = drawn[key] = draw(kind, record)
    return found
