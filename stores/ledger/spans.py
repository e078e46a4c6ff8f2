"""A story's way as spans, drawn from what the ledger wrote down when it happened."""

import json
from typing import Any

from sqlalchemy import Connection, Row, select

from schemas.events import LedgerWritten
from schemas.trace import SpanRow, root_id, span_id
from stores.ledger import publications, renditions, stories
from stores.ledger.tables import outbox, versions


def of_story(tx: Connection, key: str) -> tuple[str, list[SpanRow]]:
    """(story id, spans in order of their start, the root first); raises InvalidInput."""
    story = stories.find(tx, key)
    root = root_id(story.id)
    spans = [
        *_records(tx, story.id, root),
        *_copies(tx, story.id, root),
        *_signatures(tx, story.id, root),
        *_renditions(tx, story.id, root),
        *_deliveries(tx, story.id, root),
    ]
    end = max([story.updated_at, *(span.end_ms for span in spans)])
    whole = SpanRow(
        root,
        "",
        "story",
        story.created_at,
        end,
        {"story.number": story.number, "story.kind": story.kind, "story.version": story.version},
    )
    return story.id, [whole, *sorted(spans, key=lambda span: (span.start_ms, span.name))]


def _records(tx: Connection, story_id: str, root: str) -> list[SpanRow]:
    """Each record from its commit to Kafka's answer; an unsent one is as long as nothing.

    The ledger's own journal is left out: it tells of the steps, it is none.
    """
    rows = tx.execute(
        select(outbox)
        .where(outbox.c.key == story_id, outbox.c.type != LedgerWritten.type())
        .order_by(outbox.c.seq)
    )
    return [
        SpanRow(
            span_id("record", row.event_id),
            root,
            f"send {row.type}",
            row.created_at,
            max(row.created_at, row.sent_at or 0),
            {"messaging.system": "kafka", "messaging.destination.name": row.topic},
            failed=row.sent_at is None,
        )
        for row in rows
    ]


def _copies(tx: Connection, story_id: str, root: str) -> list[SpanRow]:
    """From the filing of a version to its frozen copies."""
    filed = {
        row.version: row.created_at
        for row in tx.execute(select(versions).where(versions.c.story_id == story_id))
    }
    made = tx.execute(
        select(outbox).where(outbox.c.key == story_id, outbox.c.type.like("%.copies.ready.%"))
    )
    spans = []
    for row in made:
        version = json.loads(row.value)["version"]
        if version in filed:
            spans.append(
                SpanRow(
                    span_id("adapt", story_id, version),
                    root,
                    "adapt",
                    filed[version],
                    row.created_at,
                    {"story.version": version},
                )
            )
    return spans


def _signatures(tx: Connection, story_id: str, root: str) -> list[SpanRow]:
    """Each level from the sign-off before it (the filing, for the first) to its own."""
    began = {
        row.version: row.created_at
        for row in tx.execute(select(versions).where(versions.c.story_id == story_id))
    }
    spans = []
    for row in sorted(stories.signature_rows(tx, story_id), key=lambda r: r.at):
        start = began.get(row.version, row.at)
        began[row.version] = row.at
        spans.append(
            SpanRow(
                span_id("review", row.id),
                root,
                f"review {row.level}",
                start,
                row.at,
                {"story.version": row.version, "review.urgent": int(row.urgent)},
            )
        )
    return spans


def _renditions(tx: Connection, story_id: str, root: str) -> list[SpanRow]:
    return [
        SpanRow(
            span_id("transcode", row.source_sha256, row.recipe),
            root,
            f"transcode {row.recipe}",
            row.created_at,
            row.updated_at,
            {"rendition.state": row.state, "rendition.tries": row.tries},
            failed=row.state == "failed",
        )
        for row in renditions.of_story(tx, story_id).values()
    ]


def _deliveries(tx: Connection, story_id: str, root: str) -> list[SpanRow]:
    """Each delivery from its release to its receipt, its attempts inside."""
    spans, parents = [], {}
    for row in publications.of_story(tx, story_id):
        if row.released_at is None:
            continue
        identity = span_id("delivery", story_id, row.channel, row.release)
        parents[row.channel, row.release] = identity
        spans.append(_delivery(row, identity, root))
    for row in publications.attempts_of(tx, story_id):
        parent = parents.get((row.channel, row.release), root)
        spans.append(
            SpanRow(
                span_id("attempt", row.id),
                parent,
                f"{row.verb} {row.channel}",
                row.started_at,
                row.ended_at or row.started_at,
                {"delivery.outcome": row.outcome, "delivery.epoch": row.epoch},
                failed=row.ended_at is None or row.outcome in {"unknown", "refused", "lost"},
            )
        )
    return spans


def _delivery(row: Row[Any], identity: str, root: str) -> SpanRow:
    return SpanRow(
        identity,
        root,
        f"deliver {row.channel}",
        row.released_at,
        row.received_at or row.updated_at,
        {
            "delivery.channel": row.channel,
            "delivery.release": row.release,
            "delivery.state": row.state,
            "delivery.wave": row.wave,
            "delivery.version": row.version,
        },
        failed=row.received_at is None,
    )
