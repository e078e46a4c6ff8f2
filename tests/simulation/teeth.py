"""Where the simulation caught each broken build: ``python -m tests.simulation --teeth`` tells anew."""

WITHIN = 800
"""A broken build is caught by the seed below, or by one of so many from 0 on."""

CAUGHT_AT: dict[str, int] = {
    "absent-believed": 187,
    "accepted-is-live": 1,
    "acknowledged-unwritten": 25,
    "approval-by-record": 12,
    "approval-not-compared": 28,
    "crash-forgotten": 2,
    "dedupe-off": 13,
    "epoch-not-checked": 2,
    "gate-ignores-failure": 8,
    "hold-not-read-again": 137,
    "intent-after-call": 0,
    "lost-tail-ignored": 2,
    "marked-before-sent": 2,
    "no-intent": 0,
    "no-kill": 65,
    "offset-before-ledger": 0,
    "poison-skipped": 17,
    "quota-not-counted": 23,
    "recall-loses-to-update": 0,
    "receipt-before-call": 1,
    "retry-after-unknown": 7,
    "settle-zero": 196,
    "untaken-ignored": 720,
    "version-not-compared": 235,
    "withdrawal-not-read-again": 65,
}
