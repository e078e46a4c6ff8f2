"""Named crash points, wrapped around the product's functions from outside.

The harness puts this folder on the PYTHONPATH of the processes that it starts. Python imports it
by its name before anything else. When a product module named in ``POINTS`` is loaded, its
functions are wrapped; the product itself holds no hook. A file ``arm/<process>.json`` with
``{"point", "nth", "id"}`` lets the n-th pass of that point be the last thing the process does.
A file ``clock`` holds seconds by which the ledger's clock is set forward or back. INJECT_BROKEN
names deliberate breaks of a module ``shoufa_broken`` that a test put on the path.
"""

import contextlib
import functools
import importlib
import importlib.abc
import importlib.util
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("SHOUFA_FAULTS", "/nonexistent"))
PROCESS = os.environ.get("SHOUFA_PROCESS", "")
ARM = FOLDER / "arm" / f"{PROCESS}.json"
FIRED = FOLDER / "fired.jsonl"
CLOCK = FOLDER / "clock"

POINTS = {
    "consumers.claims": ["claim", "checkpoint", "finish", "adopt"],
    "consumers.static_files": ["write_group"],
    "consumers.hot_folder": ["reveal"],
    "stores.objects": ["put", "put_file", "get_file"],
    "stores.ledger.outbox": ["mark_sent"],
    "stores.ledger.renditions": ["commit"],
    "stores.ledger.transaction": ["Ledger"],
    "producers.filing": ["_file", "_revise"],
    "bus.relay": ["Relay._send_batch"],
    "bus.orders": ["OrderLoop._commit", "OrderLoop._note"],
    "httpx": ["HTTPTransport.handle_request"],
}
"""Module → functions. ``Ledger`` stands for ``ledger.commit``: every transaction's end."""

_passes: dict[int, int] = {}


def passing(point: str) -> None:
    """The process is at a named point; where it is armed, this may be its end."""
    if not ARM.exists():
        return
    try:
        armed = json.loads(ARM.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if armed["point"] != point:
        return
    passes = _passes[armed["id"]] = _passes.get(armed["id"], 0) + 1
    if passes < armed["nth"]:
        return
    with contextlib.suppress(OSError):
        ARM.unlink()
    line = json.dumps({"id": armed["id"], "process": PROCESS, "point": point, "pid": os.getpid()})
    descriptor = os.open(FIRED, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line.encode() + b"\n")
    os.kill(os.getpid(), signal.SIGKILL)


def _wrapped(function: Callable[..., Any], point: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def watched(*args: Any, **kwargs: Any) -> Any:
        passing(f"{point}:before")
        result = function(*args, **kwargs)
        passing(f"{point}:after")
        return result

    return watched


def _shift() -> timedelta:
    try:
        return timedelta(seconds=float(CLOCK.read_text(encoding="ascii") or 0))
    except (OSError, ValueError):
        return timedelta(0)


def _wrap_ledger(ledger: Any) -> None:
    begin, commit = ledger.__init__, ledger.transaction

    def opened(self: Any, *args: Any, **kwargs: Any) -> None:
        begin(self, *args, **kwargs)
        clock = self.now
        self.now = lambda: clock() + _shift()

    @contextlib.contextmanager
    def transaction(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        with commit(self, *args, **kwargs) as tx:
            yield tx
            passing("ledger.commit:before")
        passing("ledger.commit:after")

    ledger.__init__, ledger.transaction = opened, transaction


def _breaks() -> dict[str, list[Callable[[Any], None]]]:
    wanted = os.environ.get("INJECT_BROKEN", "")
    found: dict[str, list[Callable[[Any], None]]] = {}
    for name in filter(None, wanted.split(",")):
        module, spoil = importlib.import_module("shoufa_broken").BUILDS[name]
        found.setdefault(module, []).append(spoil)
    return found


BREAKS = _breaks()


def _patch(module: Any) -> None:
    for spoil in BREAKS.get(module.__name__, ()):
        spoil(module)
    for name in POINTS.get(module.__name__, ()):
        if name == "Ledger":
            _wrap_ledger(module.Ledger)
            continue
        owner, _, last = name.rpartition(".")
        place = getattr(module, owner) if owner else module
        point = module.__name__.rpartition(".")[2] + "." + last.lstrip("_")
        setattr(place, last, _wrapped(getattr(place, last), point))


class _Finder(importlib.abc.MetaPathFinder):
    """Lets a module load as always and wraps its functions then."""

    def __init__(self) -> None:
        self.busy = False

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> ModuleSpec | None:
        if (name not in POINTS and name not in BREAKS) or self.busy:
            return None
        self.busy = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.busy = False
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            load(module)
            _patch(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]  # of this import alone
        return spec


if PROCESS and FOLDER.is_dir():
    sys.meta_path.insert(0, _Finder())
