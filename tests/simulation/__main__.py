"""``python -m tests.simulation --seed 7 --trace``; ``--seeds 0-199`` plays many and counts."""

import argparse
import sys
import time

from tests.broken import asked_for, breaks
from tests.simulation.play import Outcome, play
from tests.simulation.teeth import CAUGHT_AT, WITHIN


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seeds", default="0-99", help="from-to")
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--broken", choices=sorted(breaks()), help="a build broken on purpose")
    parser.add_argument("--teeth", action="store_true", help="where each broken build is caught")
    parser.add_argument("--first", action="store_true", help="stop at the first that fails")
    asked = parser.parse_args()
    if asked.teeth:
        return bite()
    build = asked.broken or asked_for()
    if asked.seed is not None:
        return show(play(asked.seed, trace=asked.trace, build=build))
    first, _, last = asked.seeds.partition("-")
    began, failed, steps = time.process_time(), 0, 0
    for seed in range(int(first), int(last) + 1):
        outcome = play(seed, build=build)
        steps += outcome.steps
        if outcome.broken:
            failed += 1
            show(outcome)
            if asked.first:
                break
    spent = time.process_time() - began
    print(f"{int(last) - int(first) + 1} seeds, {failed} failed, {steps} steps, {spent:.1f} s CPU")
    return 1 if failed else 0


def bite() -> int:
    """The table of ``teeth.py`` anew, and what was seen where."""
    missed = 0
    for build in sorted(breaks()):
        last = CAUGHT_AT.get(build, 0)
        for seed in (last, *(s for s in range(WITHIN) if s != last)):
            outcome = play(seed, build=build)
            if outcome.broken:
                seen = f"step {outcome.steps}: {outcome.broken}: {outcome.seen.splitlines()[0]}"
                print(f'    "{build}": {seed},  # {seen[:150]}', flush=True)
                break
        else:
            missed += 1
            print(f"    # {build}: not caught within {WITHIN} seeds", flush=True)
    return 1 if missed else 0


def show(outcome: Outcome) -> int:
    for line in outcome.trace:
        print(line)
    if not outcome.broken:
        print(f"seed {outcome.seed}: kept, {outcome.steps} steps, {outcome.sim_s:.0f} s")
        return 0
    print(f"seed {outcome.seed} step {outcome.steps}: {outcome.broken}: {outcome.seen}")
    print(f"  python -m tests.simulation --seed {outcome.seed} --trace")
    return 1


if __name__ == "__main__":
    sys.exit(main())
