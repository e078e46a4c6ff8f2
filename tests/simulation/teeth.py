"""Where the simulation caught each broken build: ``python -m tests.simulation --teeth`` tells anew."""

WITHIN = 300
"""Of the seeds from 0 on, every broken build is caught by one of so many."""

CAUGHT_AT: dict[str, int] = {}
