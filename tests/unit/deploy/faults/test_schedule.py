"""The schedule is the seed's; every fault is known to somebody, every crash point is there."""

import importlib
import importlib.util
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from deploy.faults import strike
from deploy.faults.harness import Asked, run
from deploy.faults.places import INJECT
from deploy.faults.schedule import ALONE, CRASH_POINTS, KINDS, Fault, schedule


def test_a_seed_decides_all() -> None:
    assert schedule(3, 400) == schedule(3, 400)
    assert [str(f) for f in schedule(3, 400)] != [str(f) for f in schedule(4, 400)]


def test_every_kind_comes_once_before_any_comes_twice() -> None:
    kinds = [fault.kind for fault in schedule(5, 2000)]
    assert set(kinds[: len(KINDS)]) == set(KINDS)


def test_nothing_strikes_while_the_whole_stack_starts_again() -> None:
    faults = schedule(1, 1200)
    for one, following in pairwise(faults):
        if one.kind in ALONE:
            assert following.at_s - one.at_s >= 30


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_somebody_knows_how_to_strike(kind: str) -> None:
    assert callable(strike._how(Fault(1, 0.0, kind)))


def test_every_crash_point_is_a_function_of_the_product() -> None:
    points = injected().POINTS
    there = {"ledger.commit"}
    for module, names in points.items():
        loaded = importlib.import_module(module)
        for name in names:
            place: Any = loaded
            for part in name.split("."):
                place = getattr(place, part)
            assert callable(place), f"{module}.{name}"
            last = name.rpartition(".")[2].lstrip("_")
            there.add(f"{module.rpartition('.')[2]}.{last}")
    wanted = {point.partition(":")[0] for found in CRASH_POINTS.values() for point in found}
    wanted = {"httpx.handle_request" if p.startswith("HTTPTransport") else p for p in wanted}
    assert wanted <= there


def test_a_wrapped_transaction_takes_what_the_ledgers_takes() -> None:
    ledger = importlib.import_module("stores.ledger.transaction").Ledger
    seen: list[Any] = []

    class Stub:
        def __init__(self, now: Any) -> None:
            self.now = now

        transaction = ledger.transaction

    injected()._wrap_ledger(Stub)
    stub: Any = Stub(lambda: seen)
    assert stub.transaction("a story") is not None


def injected() -> Any:
    spec = importlib.util.spec_from_file_location("injected", INJECT / "sitecustomize.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "precious").write_text("kept")
    asked = Asked(tmp_path, 7600, seed=1, stories=1, minutes=0.1)
    with pytest.raises(RuntimeError, match="not empty"):
        run(asked, lambda _text: None)
    assert (tmp_path / "data" / "precious").read_text() == "kept"
