"""A document of any known format as the draft of a story. Pure; opens no address and no path."""

import importlib
import pkgutil
from functools import cache
from typing import cast

import producers.importers
from producers.import_contract import HEAD_BYTES, Imported, Importer
from schemas.errors import Fault, InvalidInput


@cache
def importers() -> dict[str, Importer]:
    """Every module of ``producers/importers/``, by its format."""
    names = [m.name for m in pkgutil.iter_modules(producers.importers.__path__)]
    modules = [importlib.import_module(f"producers.importers.{name}") for name in names]
    return {module.FORMAT: cast("Importer", module) for module in modules}


def import_document(data: bytes, name: str, *, format_id: str | None = None) -> Imported:
    """Read a document; ``format_id`` None: by its first bytes and its name. Raises InvalidInput."""
    known = importers()
    if format_id is not None and format_id not in known:
        told = f"没有这种格式 / there is no such format: {'、'.join(known)}"
        raise InvalidInput(Fault("unknown_format", "format", told))
    chosen = known[format_id] if format_id else recognise(data[:HEAD_BYTES], name)
    if chosen is None:
        raise InvalidInput(
            Fault(
                "unknown_format",
                name,
                f"认不出这是哪种稿件 / not one of: {'、'.join(known)}",
                "另存为 .docx、.html 或 .txt 再导入 / save it as one of these",
            ),
            status=415,
        )
    return chosen.read(data, name)


def recognise(head: bytes, name: str) -> Importer | None:
    """The one importer that takes a file beginning so."""
    return next((one for one in importers().values() if one.fits(head, name)), None)
