"""Judges a faults run by what can be seen from outside; imports nothing of the product.

Of the promises of docs/promises.md and the invariants of a black-box check (I1 to I18):

* checked: I1 one live item or none, no row left to a person; I2 created once, deleted ones
  counted; I3 receipts true, no item without one; I4 only what three people signed, and exactly
  that; I5 order of the waves; I6 versions only rise; I7 nothing after a withdrawal; I8 an intent
  before each create; I9 one attempt an epoch, none left open; I10 no two submits of a story at
  once (where the outlet's log shows spans: WeChat); I11 quotas kept; I12 uploads kept; I13 the
  events tell what the ledger says is live or recalled; I14 nothing unread, broken records buried
  once, no other dead letter; I16 work goes on; I18 no secret in topics, logs, pages, answers.
* I6 and I7 on the two page trees: by times of change of the public files, looked at all the time.
* not applicable: I15 (the audit table is not chained), I17 (no push outlet).
* not here: promise 11's rebuild (I13 shows that the events suffice for what is live), and a power
  cut's effect on S3's and the ledger's own files: no layer here drops what was not synced; what is
  cut back is the broker's log.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from deploy.faults.checks import attempts, liveness, outlets, record
from deploy.faults.checks.view import View, Violation

CHECKS: tuple[Callable[[View], Iterator[Violation]], ...] = (
    outlets.live_once,
    outlets.states_end,
    outlets.acknowledged_acts_count,
    outlets.created_once,
    outlets.receipts_are_true,
    outlets.only_approved,
    outlets.waves_in_order,
    outlets.versions_rise,
    outlets.withdrawn_stays_down,
    attempts.intents_come_first,
    attempts.one_owner,
    attempts.no_two_at_once,
    attempts.quotas_kept,
    record.uploads_are_kept,
    record.filed_once,
    record.outbox_is_sent,
    record.events_tell_the_ledger,
    record.all_read,
    record.poison_is_buried,
    liveness.work_goes_on,
)


def check(evidence: dict[str, Any]) -> list[Violation]:
    """All violations that the evidence shows (see ``deploy/faults/evidence.py`` for its form)."""
    view = View(evidence)
    return [violation for one in CHECKS for violation in one(view)]


def find_secrets(secrets: dict[str, str], texts: Iterable[tuple[str, bytes]]) -> list[Violation]:
    """I18: (name → secret), (place, content) → where a secret stands that must not."""
    wanted = {name: value.encode() for name, value in secrets.items()}
    return [
        Violation("I18", place, f"holds the secret {name}")
        for place, content in texts
        for name, value in wanted.items()
        if value in content
    ]


def figures(evidence: dict[str, Any]) -> dict[str, Any]:
    """What the run did, for whoever reads its result."""
    view = View(evidence)
    outcomes: dict[str, int] = {}
    for line in view.history:
        if "key" in line:
            name = f"{line['op']}_{line['outcome']}"
            outcomes[name] = outcomes.get(name, 0) + 1
    return {
        "acts": dict(sorted(outcomes.items())),
        "live": sum(item["live"] for item in view.items),
        "attempts": len(view.ledger["attempts"]),
        "attempts_lost": sum(
            row["outcome"] in {"lost", "unknown"} for row in view.ledger["attempts"]
        ),
        "records": len(view.records),
        "dead_letters": len(view.ledger["dead_letters"]),
    }
