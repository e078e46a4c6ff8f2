"""A hundred counties' load on one machine: does it keep up, stay quick, and stay the same size?

17 publications a second (a busy county has some ten thousand in a day), filed, copied, signed by
three and published to two outlets. Beside it, in the same run, the same figures while nothing else
happens. ``--minutes`` sets how long; 10 by default.
"""

import time
from typing import Any

from bench._newsroom import CHANNELS, Crowd, clients, copies, file, sign, waits_ms
from bench._stack import Stack, quantile, resident, row, running
from stores.ledger import outbox, publications
from stores.ledger.transaction import Ledger, open_ledger

PUBLICATIONS_PER_S = 17.0
IDLE_STORIES = 60
MINUTES = 10.0
SETTLE_S = 20.0


def measure(minutes: float = MINUTES) -> list[dict[str, Any]]:
    """Rows: p50 and p99 of release to first receipt under load beside idle, publications a second
    beside the wanted, work open after one minute and at the end, resident MiB likewise."""
    with running() as stack:
        ledger = open_ledger(stack.settings.ledger_url)
        idle = _idle(stack, ledger)
        crowd = Crowd(stack, PUBLICATIONS_PER_S / len(CHANNELS))
        began = time.time() * 1000
        crowd.start()
        early_s = min(60.0, minutes * 60 / 4)
        time.sleep(early_s)
        open_early, size_early = _open_work(ledger), resident(stack)
        time.sleep(max(1.0, minutes * 60 - early_s))
        open_late, size_late = _open_work(ledger), resident(stack)
        ended = time.time() * 1000
        crowd.stop()
        time.sleep(SETTLE_S)
        busy = waits_ms(ledger, began, ended)
        left = _open_work(ledger)
        ledger.close()
    rows = [
        row("load", name, quantile(busy, q), "ms", quantile(idle, q))
        for name, q in (("p50", 0.5), ("p99", 0.99))
    ]
    done_per_s = len(busy) * len(CHANNELS) / ((ended - began) / 1000)
    rows += [
        row("load", "published", done_per_s, "1/s", PUBLICATIONS_PER_S),
        row("load", "crowd behind", crowd.behind_s, "s"),
        row("load", "requests failed", float(crowd.failures), ""),
        row("load", "open work, at the end beside early", float(open_late), "", float(open_early)),
        row("load", f"open work {SETTLE_S:.0f} s after", float(left), ""),
        row("load", "resident", sum(size_late.values()), "MiB", sum(size_early.values())),
    ]
    return rows + [
        row("load", f"resident.{name}", mib, "MiB", size_early.get(name))
        for name, mib in size_late.items()
    ]


def _idle(stack: Stack, ledger: Ledger) -> list[float]:
    people = clients(stack)
    began = time.time() * 1000
    for number in range(IDLE_STORIES):
        story = file(people["reporter"], 1_000_000 + number)
        sha256 = copies(people["reviewer-1"], story)
        for level in (1, 2):
            sign(people[f"reviewer-{level}"], story, sha256, level)
        time.sleep(0.1)
        sign(people["reviewer-3"], story, sha256, 3)
        time.sleep(0.1)
    time.sleep(2)
    return waits_ms(ledger, began, time.time() * 1000)


def _open_work(ledger: Ledger) -> int:
    """Outbox rows not on Kafka yet, and deliveries that the system still works on."""
    with ledger.snapshot() as view:
        return outbox.backlog(view)[0] + publications.unfinished(view)
