"""The story figures as Prometheus reads them."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from consumers.story_figures import Figures, Histogram
from consumers.story_metrics import families
from schemas.channel import ChannelSpec
from schemas.lag import Late

SPECS = {
    "web": ChannelSpec(id="web", module="web", name="网站", family="web", wave=1, late_after_s=60),
    "tv": ChannelSpec(id="tv", module="tv", name="电视", family="tv", wave=2),
}


def _read(figures: Figures) -> dict[str, float]:
    class One(Collector):
        def collect(self):  # type: ignore[no-untyped-def]
            return families(figures, SPECS)

    registry = CollectorRegistry()
    registry.register(One())
    text = generate_latest(registry).decode()
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_an_outlet_without_any_story_reads_zero_not_nothing() -> None:
    read = _read(Figures())
    assert read["shoufa_stories_overdue[('channel', 'tv')]"] == 0
    late = "shoufa_story_deliveries_total[('channel', 'tv'), ('result', 'late'), ('wave', '2')]"
    assert read[late] == 0


def test_what_was_counted_is_what_is_read() -> None:
    kept = Histogram((10.0, 60.0), [1, 2, 3], 500.0)
    late = Late(7, "id", "标题", "news", "web", "网站", "refused", "", 5.0, "值班编辑")
    figures = Figures(
        at_ms=2_000,
        since_released={("web", "news"): kept},
        kept={"web": 3},
        missed={"web": 3},
        late=(late, late),
        waiting={("web", "refused"): 2},
        letters=4,
        letters_open=1,
    )
    read = _read(figures)

    at = "shoufa_release_latency_seconds"
    assert read[f"{at}_bucket[('channel', 'web'), ('kind', 'news'), ('le', '60.0')]"] == 3
    assert read[f"{at}_bucket[('channel', 'web'), ('kind', 'news'), ('le', '+Inf')]"] == 6
    assert read[f"{at}_count[('channel', 'web'), ('kind', 'news')]"] == 6
    assert read[f"{at}_sum[('channel', 'web'), ('kind', 'news')]"] == 500
    assert read["shoufa_stories_overdue[('channel', 'web')]"] == 2
    assert read["shoufa_deliveries[('channel', 'web'), ('state', 'refused')]"] == 2
    assert read["shoufa_dead_letters_total[]"] == 4
    assert read["shoufa_story_figures_timestamp_seconds[]"] == 2


def test_no_label_grows_with_the_stories() -> None:
    figures = Figures(late=(Late(7, "an-id", "标题", "news", "web", "网站", "x", "", 5.0, "我"),))
    assert not [name for name in _read(figures) if "an-id" in name or "标题" in name]
