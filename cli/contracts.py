"""Exports of the contracts: JSON Schema of every message, AsyncAPI of the topics."""

import json
from pathlib import Path
from typing import Any

from cli.tables import terminal
from schemas.channel import ChannelSpec
from schemas.copy import ChannelCopy
from schemas.events import EVENTS
from schemas.orders import ORDERS
from schemas.receipt import Receipt
from schemas.rendition import Rendition
from schemas.story import Filing, Plan, Story, StoryIn
from schemas.topics import topics

out = terminal()

EXAMPLE_CHANNEL = "{channel}"


def export(folder: Path) -> int:
    """Write all documents below ``folder``; returns 0."""
    for name, document in documents().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    out.print(f"{len(documents())} 份契约写入 / contracts written to {folder}")
    return 0


def documents() -> dict[str, Any]:
    """File name → document; the same whenever the models are the same."""
    models = {
        "filing": Filing,
        "story-in": StoryIn,
        "story": Story,
        "plan": Plan,
        "rendition": Rendition,
        "channel-copy": ChannelCopy,
        "receipt": Receipt,
        "channel-spec": ChannelSpec,
    }
    made: dict[str, Any] = {
        f"{name}.schema.json": _schema(model, name) for name, model in models.items()
    }
    for kind, message in {**EVENTS, **ORDERS}.items():
        made[f"{kind}.schema.json"] = _schema(message, kind)
    made["asyncapi.json"] = _asyncapi()
    return made


def _schema(model: Any, name: str) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:shoufa:{name}",
        **model.model_json_schema(mode="serialization"),
    }


def _asyncapi() -> dict[str, Any]:
    """AsyncAPI 3.0: what lies on each topic and who may read it."""
    messages = {
        kind: {
            "name": kind,
            "title": model.__name__,
            "summary": (model.__doc__ or "").strip().split("\n")[0],
            "contentType": "application/json",
            "headers": {"$ref": "#/components/schemas/CloudEventHeaders"},
            "payload": {"$ref": f"./{kind}.schema.json"},
        }
        for kind, model in {**EVENTS, **ORDERS}.items()
    }
    carried = {
        "story-events": list(EVENTS),
        "transcode-orders": ["cn.shoufa.transcode.order.v1"],
        "adapt-orders": ["cn.shoufa.adapt.order.v1"],
        "dead-letters": [],
    }
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for topic in topics([EXAMPLE_CHANNEL]):
        kinds = carried.get(topic.name, ["cn.shoufa.release.order.v1", "cn.shoufa.probe.order.v1"])
        key = topic.name.replace(EXAMPLE_CHANNEL, "channel").replace(".", "-")
        channels[key] = {
            "address": topic.name,
            "description": f"key: {topic.key}; written by {topic.written_by}; read by {topic.read_by}",
            "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in kinds},
            "bindings": {"kafka": {"partitions": topic.partitions}},
        }
        if EXAMPLE_CHANNEL in topic.name:
            channels[key]["parameters"] = {"channel": {"description": "id in channels.toml"}}
        operations[f"send-{key}"] = {"action": "send", "channel": {"$ref": f"#/channels/{key}"}}
        operations[f"receive-{key}"] = {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{key}"},
        }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "shoufa", "version": "1.0.0", "description": "Story events and orders."},
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": {
                "CloudEventHeaders": {
                    "type": "object",
                    "description": "CloudEvents 1.0, binary mode of the Kafka protocol binding",
                    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time"],
                    "properties": {
                        name: {"type": "string"}
                        for name in (
                            "ce_specversion",
                            "ce_id",
                            "ce_type",
                            "ce_source",
                            "ce_subject",
                            "ce_partitionkey",
                            "ce_time",
                            "ce_outboxseq",
                            "content-type",
                        )
                    },
                }
            },
        },
    }
