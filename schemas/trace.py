"""Traces: one story is one trace. Ids follow from the ledger's own, so nothing is handed along.

The W3C trace id is the story's UUID; a record's span id comes from its event id. So every process
and every outsider who reads a topic comes to the same ids without a word between them, and a
trace is whole after a crash. https://www.w3.org/TR/trace-context/
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

HEADER = "traceparent"


@dataclass(frozen=True)
class SpanRow:
    """One span; times are UTC milliseconds. ``name`` is a step of the way, ``parent`` a span id
    or empty for the root."""

    span_id: str
    parent: str
    name: str
    start_ms: int
    end_ms: int
    attributes: dict[str, str | int] = field(default_factory=dict)
    failed: bool = False


def trace_id(story_id: UUID | str) -> str:
    """32 hexadecimal digits."""
    return UUID(str(story_id)).hex


def span_id(*parts: object) -> str:
    """16 hexadecimal digits, the same for the same parts; never all zero."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:16]


def root_id(story_id: UUID | str) -> str:
    return span_id("story", UUID(str(story_id)))


def traceparent(story_id: UUID | str, event_id: UUID | str) -> str:
    """The header of a record: its story's trace, its own span, sampled."""
    return f"00-{trace_id(story_id)}-{span_id('record', UUID(str(event_id)))}-01"


def otlp(story_id: UUID | str, spans: list[SpanRow], resource: dict[str, str]) -> dict[str, Any]:
    """The body of ``POST /v1/traces`` in OTLP's JSON encoding."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _attributes(resource)},
                "scopeSpans": [
                    {"scope": {"name": "shoufa"}, "spans": [_span(story_id, s) for s in spans]}
                ],
            }
        ]
    }


def _span(story_id: UUID | str, span: SpanRow) -> dict[str, Any]:
    return {
        "traceId": trace_id(story_id),
        "spanId": span.span_id,
        "parentSpanId": span.parent,
        "name": span.name,
        "kind": 1,
        "startTimeUnixNano": str(span.start_ms * 1_000_000),
        "endTimeUnixNano": str(max(span.start_ms, span.end_ms) * 1_000_000),
        "attributes": _attributes(span.attributes),
        "status": {"code": 2 if span.failed else 1},
    }


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": str(v)} if isinstance(v, int) else {"stringValue": v}}
        for key, v in values.items()
    ]
