"""Seeds that once broke a promise, and what was wrong. A seed means its history only as long as the
points of the code stay where they are: what it found is therefore also kept as a test of its own.
"""

SEEDS: tuple[tuple[int, str], ...] = (
    (720, "an event below an offset that outlived a power cut was read by nobody"),
    (609, "a call that was open when the ledger was lost was not counted against its quota"),
)
