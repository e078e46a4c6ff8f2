"""Where the simulation caught each broken build: ``python -m tests.simulation --teeth`` tells anew."""

WITHIN = 300
"""A broken build is caught by the seed below, or by one of so many from 0 on."""

CAUGHT_AT: dict[str, int] = {
    "accepted-is-live": 1,
    "acknowledged-unwritten": 51,
    "approval-by-record": 16,
    "approval-not-compared": 16,
    "crash-forgotten": 2,
    "epoch-not-checked": 22,
    "hold-not-read-again": 137,
    "intent-after-call": 0,
    "lost-tail-ignored": 0,
    "marked-before-sent": 0,
    "no-intent": 0,
    "no-kill": 65,
    "offset-before-ledger": 0,
    "poison-skipped": 2,
    "quota-not-counted": 5,
    "recall-loses-to-update": 0,
    "receipt-before-call": 0,
    "retry-after-unknown": 0,
    "settle-zero": 140,
    "version-not-compared": 73,
    "withdrawal-not-read-again": 65,
}

NOT_SHOWN_YET = frozenset(
    {"absent-believed", "dedupe-off", "gate-ignores-failure", "untaken-ignored"}
)
"""Builds for which no seed has been found so far."""
