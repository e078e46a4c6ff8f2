"""The promises over many seeded histories of the real core, and those that once went wrong."""

import os
import subprocess
import sys

import pytest

from schemas.settings import REPOSITORY
from tests.simulation.play import play
from tests.simulation.regressions import SEEDS

FAST_SEEDS = 8
SLOW_SEEDS = 2000
CHUNK = 100


def keep_their_promises(seeds: range) -> None:
    for seed in seeds:
        outcome = play(seed)
        again = f".venv/bin/python -m tests.simulation --seed {seed} --trace"
        assert not outcome.broken, (
            f"seed {seed}, step {outcome.steps}: {outcome.broken}: {outcome.seen}\n  {again}"
        )


def test_the_core_keeps_its_promises() -> None:
    keep_their_promises(range(FAST_SEEDS))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SLOW_SEEDS, CHUNK))
def test_the_core_keeps_its_promises_over_many_histories(first: int) -> None:
    keep_their_promises(range(first, first + CHUNK))


@pytest.mark.parametrize(("seed", "why"), SEEDS)
def test_what_once_went_wrong_does_not_again(seed: int, why: str) -> None:
    outcome = play(seed)
    assert not outcome.broken, f"{why}: {outcome.broken}: {outcome.seen}"


def test_a_seed_gives_the_same_history_in_any_process() -> None:
    seed = 21
    elsewhere = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seed", str(seed), "--trace"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    here = list(play(seed, trace=True).trace)
    assert len(here) > 20
    assert elsewhere[:-1] == here
