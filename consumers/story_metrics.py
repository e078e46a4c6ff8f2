"""The story figures as Prometheus families. Names: one prefix, base units, no unbounded label.

A story's id or headline is never a label; the lag page and ``/v1/late`` name the stories.
"""

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from consumers.story_figures import FOR_CONTACT, Figures, Histogram, limits
from schemas.channel import ChannelSpec


def families(figures: Figures, specs: dict[str, ChannelSpec]) -> Iterator[Metric]:
    """Every channel of ``specs`` has its zero, so that an alert can tell zero from blind."""
    yield _histogram(
        "shoufa_story_latency_seconds",
        "From the upload of a version to its receipt at the outlet.",
        figures.since_filed,
    )
    yield _histogram(
        "shoufa_release_latency_seconds",
        "From the release of a delivery (its wave open, nothing missing) to its receipt.",
        figures.since_released,
    )
    limit = GaugeMetricFamily(
        "shoufa_late_after_seconds", "The outlet's own service level.", labels=["channel"]
    )
    for channel, seconds in limits(specs.values()).items():
        limit.add_metric([channel], seconds)
    yield limit
    yield _deliveries(figures, specs)
    overdue = GaugeMetricFamily(
        "shoufa_stories_overdue",
        "Released deliveries past the outlet's limit that have not arrived.",
        labels=["channel"],
    )
    for channel in specs:
        overdue.add_metric([channel], sum(late.channel == channel for late in figures.late))
    yield overdue
    breaches = CounterMetricFamily(
        "shoufa_order_violations",
        "Followers asked to publish before the first outlet was live.",
        labels=["channel"],
    )
    for channel in specs:
        breaches.add_metric([channel], figures.breaches.get(channel, 0))
    yield breaches
    states = GaugeMetricFamily(
        "shoufa_deliveries", "Deliveries by their present state.", labels=["channel", "state"]
    )
    none = {(channel, state): 0 for channel in specs for state in FOR_CONTACT}
    for (channel, state), count in sorted((none | figures.waiting).items()):
        states.add_metric([channel, state], count)
    yield states
    letters = CounterMetricFamily("shoufa_dead_letters", "Records that nobody could process.")
    letters.add_metric([], figures.letters)
    yield letters
    yield GaugeMetricFamily(
        "shoufa_dead_letters_open", "Dead letters nobody has dealt with.", figures.letters_open
    )
    yield GaugeMetricFamily(
        "shoufa_story_figures_timestamp_seconds",
        "Up to when the story figures are counted.",
        figures.at_ms / 1000,
    )


def probe_families(probes: Mapping[str, tuple[float, float]]) -> Iterator[Metric]:
    """``probes``: channel → (seconds the last probe took, Unix time at which it came through)."""
    took = GaugeMetricFamily(
        "shoufa_probe_latency_seconds",
        "The last probe's way from the outbox to the outlet's publisher.",
        labels=["channel"],
    )
    came = GaugeMetricFamily(
        "shoufa_probe_received_timestamp_seconds", "When it came through.", labels=["channel"]
    )
    for channel, (seconds, at) in sorted(probes.items()):
        took.add_metric([channel], seconds)
        came.add_metric([channel], at)
    yield took
    yield came


def _histogram(name: str, text: str, kept: dict[tuple[str, str], Histogram]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=["channel", "kind"])
    for (channel, kind), histogram in sorted(kept.items()):
        family.add_metric([channel, kind], histogram.cumulative(), histogram.total_s)
    return family


def _deliveries(figures: Figures, specs: dict[str, ChannelSpec]) -> Metric:
    family = CounterMetricFamily(
        "shoufa_story_deliveries",
        "Deliveries by result, each counted once: in time, or late when its limit passed.",
        labels=["channel", "result", "wave"],
    )
    for channel, spec in specs.items():
        wave = str(spec.wave)
        family.add_metric([channel, "in_time", wave], figures.kept.get(channel, 0))
        family.add_metric([channel, "late", wave], figures.missed.get(channel, 0))
    return family
