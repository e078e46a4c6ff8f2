"""The lag snapshot as Prometheus families.

Two sets of names: those of kafka_exporter and kafka-lag-exporter, so that their boards work
(https://github.com/danielqsj/kafka_exporter, https://github.com/seglo/kafka-lag-exporter), and
our own ``shoufa_…``. A figure that is not known is absent: never -1, NaN or an old one. Members
and client ids are no labels, because each restart would make a new series.
"""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from schemas.lag import SEVERITY, GroupLag, LagSnapshot, OutletLag, PartitionLag

_PARTITION = ["consumergroup", "topic", "partition"]
_Value = float | int | None


def families(snapshot: LagSnapshot) -> Iterator[Metric]:
    """Of a stale snapshot only its age is told: old figures would look like new ones."""
    yield _age(snapshot)
    yield GaugeMetricFamily(
        "shoufa_lag_cycle_seconds", "Seconds between two collections.", snapshot.cycle_s
    )
    if snapshot.took_s is not None:
        yield GaugeMetricFamily(
            "shoufa_lag_collection_seconds", "How long the last one took.", snapshot.took_s
        )
    if snapshot.stale:
        return
    yield from _partitions(snapshot)
    yield from _groups(snapshot)
    yield from _outlets(snapshot)
    if snapshot.work is not None:
        yield from _work(snapshot)


def _age(snapshot: LagSnapshot) -> Metric:
    family = GaugeMetricFamily(
        "shoufa_lag_snapshot_timestamp_seconds", "When the lag figures were taken."
    )
    if snapshot.at_ms is not None:
        family.add_metric([], snapshot.at_ms / 1000)
    return family


def _each(
    snapshot: LagSnapshot, name: str, text: str, figure: Callable[[PartitionLag], _Value]
) -> Metric:
    counter = name.endswith("_total")
    family = (CounterMetricFamily if counter else GaugeMetricFamily)(name, text, labels=_PARTITION)
    for group in snapshot.groups:
        for partition in group.partitions:
            value = figure(partition)
            if value is not None:
                family.add_metric([group.group, partition.topic, str(partition.partition)], value)
    return family


def _partitions(snapshot: LagSnapshot) -> Iterator[Metric]:
    yield _each(snapshot, "kafka_consumergroup_lag", "Records not consumed.", lambda p: p.lag)
    yield _each(snapshot, "kafka_consumergroup_current_offset", "Committed.", lambda p: p.committed)
    yield _each(
        snapshot,
        "kafka_consumergroup_group_lag_seconds",
        "Age of the first record not consumed; 0 when caught up.",
        lambda p: p.lag_s,
    )
    yield _each(
        snapshot,
        "shoufa_lag_velocity_records_per_second",
        "Growth of the lag; negative while it drains.",
        lambda p: None if p.rate_in is None or p.rate_out is None else p.rate_in - p.rate_out,
    )
    yield _each(
        snapshot,
        "shoufa_drain_eta_seconds",
        "Until caught up; absent unless it drains.",
        lambda p: p.eta_s,
    )
    yield _each(
        snapshot,
        "shoufa_records_lost_total",
        "Records deleted before they were consumed.",
        lambda p: p.lost,
    )
    # only the present one: eight zeros a partition more than doubled a scrape
    status = GaugeMetricFamily(
        "shoufa_lag_status", "1 at the present status.", labels=[*_PARTITION, "status"]
    )
    for group in snapshot.groups:
        for partition in group.partitions:
            place = [group.group, partition.topic, str(partition.partition)]
            status.add_metric([*place, partition.status], 1.0)
    yield status
    yield from _topics(snapshot)


def _topics(snapshot: LagSnapshot) -> Iterator[Metric]:
    """Each partition once, however many groups read it."""
    ends: dict[tuple[str, int], tuple[int | None, int | None]] = {}
    for group in snapshot.groups:
        for p in group.partitions:
            ends[p.topic, p.partition] = (p.end, p.start)
    for name, text, which in (
        ("kafka_topic_partition_current_offset", "Offset of the next record.", 0),
        ("kafka_topic_partition_oldest_offset", "First offset that is still there.", 1),
    ):
        family = GaugeMetricFamily(name, text, labels=["topic", "partition"])
        for (topic, number), pair in ends.items():
            value = pair[which]
            if value is not None:
                family.add_metric([topic, str(number)], value)
        yield family


def _groups(snapshot: LagSnapshot) -> Iterator[Metric]:
    figures: tuple[tuple[str, str, Callable[[GroupLag], _Value]], ...] = (
        ("kafka_consumergroup_lag_sum", "Records not consumed.", lambda g: g.lag),
        ("kafka_consumergroup_members", "Processes in the group.", lambda g: g.members),
        (
            "kafka_consumergroup_group_max_lag_seconds",
            "The oldest record not consumed.",
            lambda g: g.lag_s,
        ),
        (
            "shoufa_partitions_uncommitted",
            "Partitions that hold records and have no committed place.",
            lambda g: sum(
                p.why == "uncommitted" and (p.end or 0) > (p.start or 0) for p in g.partitions
            ),
        ),
        (
            "shoufa_group_status",
            "0 OK … 8 STOP, in the order of severity.",
            lambda g: SEVERITY[g.status],
        ),
    )
    for name, text, figure in figures:
        yield _gauge(name, text, "consumergroup", ((g.group, figure(g)) for g in snapshot.groups))


def _outlets(snapshot: LagSnapshot) -> Iterator[Metric]:
    figures: tuple[tuple[str, str, Callable[[OutletLag], _Value]], ...] = (
        ("shoufa_outlet_waiting", "Deliveries ordered and not received.", lambda o: o.waiting),
        (
            "shoufa_outlet_oldest_seconds",
            "Age of the oldest of them, or that waits for media.",
            lambda o: o.oldest_s,
        ),
        ("shoufa_outlet_failed", "Deliveries that a person must see to.", lambda o: o.failed),
        ("shoufa_outlet_eta_seconds", "Until nothing waits.", lambda o: o.eta_s),
    )
    for name, text, figure in figures:
        yield _gauge(name, text, "channel", ((o.channel, figure(o)) for o in snapshot.outlets))


def _gauge(name: str, text: str, label: str, values: Iterable[tuple[str, _Value]]) -> Metric:
    """What is not known is left out."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for of, value in values:
        if value is not None:
            family.add_metric([of], value)
    return family


def _work(snapshot: LagSnapshot) -> Iterator[Metric]:
    work = snapshot.work
    if work is None:
        return
    yield GaugeMetricFamily(
        "shoufa_backlog_work_seconds", "Estimated ffmpeg seconds still to do.", work.work_s
    )
    if work.eta_s is not None:
        yield GaugeMetricFamily(
            "shoufa_backlog_eta_seconds", "Until the transcodes are done.", work.eta_s
        )
