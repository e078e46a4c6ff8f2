"""The topic table: who writes, who reads, how many partitions. ``bus/topics.py`` makes them."""

from dataclasses import dataclass

STORY_EVENTS = "story-events"
TRANSCODE_ORDERS = "transcode-orders"
ADAPT_ORDERS = "adapt-orders"
DEAD_LETTERS = "dead-letters"

DAY_MS = 86_400_000


def release_orders(channel: str) -> str:
    """Name of a channel's order topic."""
    return f"release-orders.{channel}"


@dataclass(frozen=True)
class Topic:
    """``retention_ms`` -1 means for ever."""

    name: str
    partitions: int
    retention_ms: int
    key: str
    written_by: str
    read_by: str


def channel_of(topic: str) -> str | None:
    """The channel whose orders lie on a topic; None for one of the others."""
    head, _, channel = topic.partition(".")
    return channel or None if head == "release-orders" else None


def topics(channels: list[str]) -> list[Topic]:
    """All topics of a centre with these channels."""
    return [
        Topic(STORY_EVENTS, 6, -1, "story_id", "relay", "conductor, any outsider"),
        Topic(TRANSCODE_ORDERS, 6, 30 * DAY_MS, "source sha256", "relay", "transcode workers"),
        Topic(ADAPT_ORDERS, 6, 30 * DAY_MS, "story_id", "relay", "adapt"),
        Topic(DEAD_LETTERS, 1, 190 * DAY_MS, "original key", "relay", "desk"),
        *(
            Topic(release_orders(c), 3, 30 * DAY_MS, "story_id", "relay", f"publisher of {c}")
            for c in channels
        ),
    ]
