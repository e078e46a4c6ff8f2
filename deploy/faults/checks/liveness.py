"""I16, promise 9: once faults are healed, work goes on in time and comes to an end."""

from collections.abc import Iterator
from itertools import pairwise

from deploy.faults.checks.view import View, Violation

GOES_ON_S = 120


def work_goes_on(view: View) -> Iterator[Violation]:
    """Between healing and quiet nothing stands still for longer than 120 s and one deadline."""
    healed, quiet = view.evidence["healed_at"], view.evidence["quiet_at"]
    if quiet is None:
        yield Violation("I16", "stack", "never came to rest after all faults were healed")
        return
    longest_s = max(spec["call_deadline_s"] + spec["settle_s"] for spec in view.channels.values())
    bound_ms = 1000 * (GOES_ON_S + longest_s)
    times = sorted(r["at"] for r in view.records if healed < r["at"] < quiet)
    marks = [healed, *times, quiet]
    for before, after in pairwise(marks):
        if after - before > bound_ms:
            told = (
                f"nothing happened for {(after - before) / 1000:.0f} s after the faults were healed"
            )
            yield Violation("I16", "stack", told)
