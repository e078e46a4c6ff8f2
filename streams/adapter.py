"""The adapter's shell: an order in, frozen copies in S3 and the ledger, ``copies.ready`` out."""

from collections.abc import Mapping
from typing import Any

from bus import genuine
from bus.dead_letters import Origin, bury_alone
from schemas import keys
from schemas.channel import Channel, ChannelSpec
from schemas.codec import decode
from schemas.errors import Fault, InvalidInput
from schemas.events import CopiesReady
from schemas.orders import AdaptOrder
from stores import objects
from stores.ledger import outbox, stories
from stores.ledger.transaction import Ledger
from streams.adapt import adapt

CONSUMER = "adapt"


class Adapter:
    """Renders and freezes. Raises Unavailable or StorageFull when a part is away."""

    def __init__(
        self,
        ledger: Ledger,
        store: objects.Objects,
        specs: Mapping[str, ChannelSpec],
        modules: Mapping[str, Channel],
    ) -> None:
        self.ledger = ledger
        self.store = store
        self.specs = specs
        self.modules = modules

    def take(self, origin: Origin, key: bytes | None, value: bytes, headers: Any) -> None:
        """Process one record of ``adapt-orders``; the first frozen copies of a version stay."""
        try:
            event_id, order = decode(value, headers)
            if not isinstance(order, AdaptOrder):
                raise InvalidInput(Fault("wrong_type", "ce_type", "not an adapt order"))
            with self.ledger.snapshot() as view:
                genuine.check(view, origin.topic, key, value, event_id, order.type())
                story = stories.story_of(view, order.story_id, order.version)
                known = stories.version_row(view, order.story_id, order.version).copies_sha256
        except InvalidInput as error:
            bury_alone(self.ledger, origin, key, value, str(error), headers=headers)
            return
        if known is not None:
            return
        made = adapt(story, order.channels, self.specs, self.modules)
        for digest, body in made.bodies.items():
            objects.put(self.store, keys.copy(digest), body, "application/json")
        with self.ledger.transaction() as tx:
            now = self.ledger.now_ms()
            if stories.put_copies(
                tx,
                story.id,
                story.version,
                made.refs,
                made.needs,
                made.copies_sha256,
                made.bodies,
            ):
                ready = CopiesReady(
                    story_id=story.id,
                    version=story.version,
                    copies=tuple(made.refs),
                    copies_sha256=made.copies_sha256,
                    needs=made.needs,
                )
                outbox.append(tx, ready, at=now)
                stories.touch(tx, story.id, at=now)
