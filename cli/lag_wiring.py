"""Builds the lag monitor of a centre: its own groups are expected, its outlets get their words."""

from collections.abc import Callable

from cli.wiring import Centre
from consumers import lag_newsroom
from consumers.lag import CYCLE_S, LagMonitor
from consumers.lag_read import Brokers
from schemas.lag import LagSnapshot
from stores.ledger.transaction import Ledger


def monitor_of(
    centre: Centre,
    ledger: Ledger,
    *,
    cycle_s: float = CYCLE_S,
    groups: frozenset[str] | None = None,
    after: Callable[[LagSnapshot], None] | None = None,
) -> LagMonitor:
    """Not started. ``groups`` None: every group of the cluster."""
    specs = list(centre.specs.values())
    ours = frozenset(lag_newsroom.groups_of([spec for spec in specs if spec.active]).values())
    return LagMonitor(
        Brokers(centre.settings.kafka_bootstrap),
        cycle_s=cycle_s,
        rules_of=lag_newsroom.rules_of(specs, window_s=20 * cycle_s),
        groups=groups,
        expected=ours if groups is None else frozenset(),
        newsroom=lag_newsroom.reader(ledger, specs),
        after=after,
    )
