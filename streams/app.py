"""The Faust app of the core process: two agents, each a thin shell that never raises.

Settings that matter, and why: Faust acknowledges and skips an event whose agent raised, and with
``concurrency`` above one it commits past events still in work, so agents catch everything and
run one at a time; a full buffer beyond the poll interval makes a worker leave its group for
good, so the interval is a day and progress is watched from outside; values are raw bytes,
since decode errors are ours to bury.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import faust
import structlog

from bus.dead_letters import Origin, bury_alone
from schemas.errors import StorageFull, Unavailable
from schemas.settings import Settings
from schemas.topics import ADAPT_ORDERS, STORY_EVENTS
from stores.ledger.transaction import Ledger
from streams.adapter import Adapter
from streams.conductor import Conductor

log = structlog.get_logger("core")

Take = Callable[[Origin, bytes | None, bytes, Any], None]


def make_app(
    settings: Settings, ledger: Ledger, conductor: Conductor, adapter: Adapter
) -> faust.App:
    """App with agents ``conduct`` (story-events) and ``adapt`` (adapt-orders)."""
    app = faust.App(
        "shoufa-core",
        broker=f"kafka://{settings.kafka_bootstrap}",
        datadir=str(settings.run_dir / "faust"),
        value_serializer="raw",
        key_serializer="raw",
        processing_guarantee="at_least_once",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        broker_max_poll_interval=86_400.0,
        broker_max_poll_records=100,
        stream_buffer_maxsize=4096,
        broker_session_timeout=45.0,
        broker_heartbeat_interval=3.0,
        broker_request_timeout=90.0,
        broker_rebalance_timeout=60.0,
        broker_commit_interval=1.0,
        consumer_group_instance_id=f"{settings.process}-0",
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=True,
    )
    events = app.topic(STORY_EVENTS, value_type=bytes, value_serializer="raw", key_type=bytes)
    orders = app.topic(ADAPT_ORDERS, value_type=bytes, value_serializer="raw", key_type=bytes)

    @app.agent(events, name="conduct", concurrency=1)
    async def conduct(stream: Any) -> None:
        async for event in stream.events():
            await _take(ledger, conductor.take, "conductor", event)

    @app.agent(orders, name="adapt", concurrency=1)
    async def adapt(stream: Any) -> None:
        async for event in stream.events():
            await _take(ledger, adapter.take, "adapt", event)

    return app


async def _take(ledger: Ledger, take: Take, consumer: str, event: Any) -> None:
    """Hand one record on; waits as long as the ledger or S3 is away; buries what is broken."""
    message = event.message
    origin = Origin(message.topic, message.partition, message.offset, consumer)
    value = message.value or b""
    pause = 0.1
    while True:
        try:
            await asyncio.to_thread(take, origin, message.key, value, _headers(message.headers))
        except (Unavailable, StorageFull) as error:
            log.warning("core.waiting", part=str(error), pause_s=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)
        except Exception as error:  # Faust would skip the record silently
            log.exception("core.buried", topic=origin.topic, offset=origin.offset)
            if await _bury(ledger, origin, message, error):
                return
            await asyncio.sleep(1.0)
        else:
            return


async def _bury(ledger: Ledger, origin: Origin, message: Any, error: Exception) -> bool:
    cause = f"{type(error).__name__}: {error}"
    bury = partial(bury_alone, headers=_headers(message.headers))
    try:
        await asyncio.to_thread(bury, ledger, origin, message.key, message.value or b"", cause)
    except Exception:  # the record is tried again rather than skipped
        log.exception("core.not_buried", topic=origin.topic, offset=origin.offset)
        return False
    return True


def _headers(headers: Any) -> list[tuple[str, bytes]]:
    if isinstance(headers, dict):
        return list(headers.items())
    return list(headers or ())
