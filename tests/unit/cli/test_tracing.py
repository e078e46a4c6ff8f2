"""``./run trace``: a story's way as a newsroom reads it."""

from typing import Any

from rich.console import Console

from cli.tracing import waterfall


def span(name: str, start_ms: int, end_ms: int, **more: Any) -> dict[str, Any]:
    given = {"span_id": name, "parent": "story", "failed": False}
    return given | {"name": name, "start_ms": start_ms, "end_ms": end_ms} | more


def shown(*spans: dict[str, Any]) -> str:
    console = Console(width=160)
    with console.capture() as got:
        console.print(waterfall({"spans": [span("story", 0, 10_000, parent=""), *spans]}))
    return got.get()


def test_each_step_has_its_word_and_its_time() -> None:
    text = shown(span("transcode web_hls", 500, 4500), span("create web", 5000, 6000, parent="x"))
    assert "转码 / transcode web_hls" in text
    assert "  发出 / create web" in text
    assert "+0.500 s" in text
    assert "4.000 s" in text
    assert "消息进总线" not in text


def test_records_that_were_on_kafka_at_once_are_one_line() -> None:
    quick = [span(f"send event.{n}", 100, 100 + n) for n in range(1, 31)]
    slow = span("send cn.shoufa.slow", 100, 3100)
    lost = span("send cn.shoufa.lost", 100, 100, failed=True)
    text = shown(*quick, slow, lost)
    assert "另有 30 条消息进总线, 最慢 0.030 s" in text
    assert "send event.7" not in text
    assert "进消息总线 / send cn.shoufa.slow" in text
    assert "cn.shoufa.lost" in text
