"""Which fault strikes when: drawn by a seed alone, so that a run can be had again.

Every kind comes once before any comes twice, in an order of the seed's own, with pauses between.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

CHANNELS = ("web", "app", "wechat", "douyin", "tv", "newspaper")
OURS = ("web", "core", "publish", "work")
EVERY = ("web", "core", "publish", "work", "platforms", "kafka", "s3")
PLATFORMS = ("wechat", "douyin", "site")

CRASH_POINTS: dict[str, tuple[str, ...]] = {
    "publish": (
        "claims.claim:after", "claims.checkpoint:before", "claims.checkpoint:after",
        "claims.finish:before", "claims.finish:after", "HTTPTransport.handle_request",
        "static_files.write_group:before", "static_files.write_group:after",
        "hot_folder.reveal:before", "hot_folder.reveal:after", "orders.commit:before",
        "orders.note:after", "ledger.commit:before", "ledger.commit:after",
    ),
    "core": (
        "ledger.commit:before", "ledger.commit:after", "relay.send_batch:after",
        "outbox.mark_sent:before", "outbox.mark_sent:after", "objects.put:before",
        "objects.put:after",
    ),
    "web": (
        "objects.put_file:after", "filing.file:before", "filing.file:after",
        "filing.revise:after", "ledger.commit:before", "ledger.commit:after",
    ),
    "work": ("objects.get_file:after", "objects.put_file:after", "renditions.commit:before",
             "renditions.commit:after", "ledger.commit:after"),
}  # fmt: skip
"""Process → places where it may die; ``before`` and ``after`` the named function of the product."""


@dataclass(frozen=True)
class Fault:
    """One fault; ``at_s`` counts from the first filing."""

    id: int
    at_s: float
    kind: str
    target: str = ""
    seconds: float = 0.0
    detail: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        told = [f"{self.at_s:6.1f} s  {self.kind:18}", self.target]
        if self.seconds:
            told.append(f"{self.seconds:.1f} s")
        told += [f"{name}={value}" for name, value in self.detail.items()]
        return " ".join(filter(None, told))


Drawn = tuple[str, float, dict[str, Any]]
"""Target, seconds, detail."""


def _crash(process: str) -> Callable[[Random], Drawn]:
    def draw(random: Random) -> Drawn:
        point = random.choice(CRASH_POINTS[process])
        if point == "HTTPTransport.handle_request":
            point = "httpx." + point.rpartition(".")[2] + random.choice((":before", ":after"))
        return process, 40.0, {"point": point, "nth": random.randint(1, 4)}

    return draw


def _of(*targets: str, least_s: float = 0, most_s: float = 0) -> Callable[[Random], Drawn]:
    def draw(random: Random) -> Drawn:
        return random.choice(targets), round(random.uniform(least_s, most_s), 1), {}

    return draw


def _outlet(least: int, most: int) -> Callable[[Random], Drawn]:
    def draw(random: Random) -> Drawn:
        return random.choice(PLATFORMS), 20.0, {"times": random.randint(least, most)}

    return draw


def _creating(platform: str, path: str) -> Callable[[Random], Drawn]:
    """The request that makes the item is the one whose answer matters."""

    def draw(random: Random) -> Drawn:
        return platform, 40.0, {"times": random.randint(1, 3), "path": path}

    return draw


def _late(platform: str, path: str) -> Callable[[Random], Drawn]:
    def draw(random: Random) -> Drawn:
        late_s = round(random.uniform(2.6, 5.5), 1)
        return platform, 40.0, {"times": random.randint(1, 2), "path": path, "late_s": late_s}

    return draw


def _s3(kind: str) -> Callable[[Random], Drawn]:
    def draw(random: Random) -> Drawn:
        method = "GET" if kind in {"short", "wrong"} else random.choice(("PUT", "GET", ""))
        return "s3", 25.0, {"times": random.randint(2, 6), "method": method}

    return draw


def _step(random: Random) -> Drawn:
    return "", 8.0, {"step_s": random.choice((60, -60, 30, -30))}


def _count(least: int, most: int) -> Callable[[Random], Drawn]:
    def draw(random: Random) -> Drawn:
        return "", 0.0, {"count": random.randint(least, most)}

    return draw


def _power(random: Random) -> Drawn:
    return "", 0.0, {"offsets_lost": random.random() < 0.5, "cut_bytes": random.randint(200, 4000)}


KINDS: dict[str, Callable[[Random], Drawn]] = {
    "kill_publish": _of("publish"),
    "kill_core": _of("core"),
    "kill_web": _of("web"),
    "kill_work": _of("work"),
    "kill_platforms": _of("platforms"),
    "kill_kafka": _of("kafka"),
    "kill_s3": _of("s3"),
    "crash_publish": _crash("publish"),
    "crash_core": _crash("core"),
    "crash_web": _crash("web"),
    "crash_work": _crash("work"),
    "pause": _of(*OURS, least_s=12, most_s=22),
    "pause_past_limit": _of("publish", "core", least_s=34, most_s=36),
    "pause_server": _of("kafka", "s3", "platforms", least_s=5, most_s=10),
    "rebalance": _of(*CHANNELS, least_s=4, most_s=8),
    "replay_from_0": _of(*CHANNELS),
    "produced_again": _of("story-events", "story-events", *(f"release-orders.{c}" for c in CHANNELS)),
    "poison": _of("story-events", "adapt-orders", "transcode-orders", "release-orders.web"),
    "forged_approval": _of("story-events"),
    "kafka_cut": _of("kafka", least_s=3, most_s=8),
    "kafka_silent": _of("kafka", least_s=3, most_s=8),
    "kafka_slow": _of("kafka", least_s=4, most_s=8),
    "kafka_reset": _of("kafka"),
    "s3_cut": _of("s3", least_s=3, most_s=8),
    "s3_slow": _of("s3", least_s=8, most_s=12),
    "s3_error": _s3("error"),
    "s3_answer_lost": _s3("lost"),
    "s3_short": _s3("short"),
    "s3_wrong_bytes": _s3("wrong"),
    "outlet_cut": _of(*PLATFORMS, least_s=3, most_s=8),
    "outlet_slow": _of(*PLATFORMS, least_s=4, most_s=8),
    "outlet_reset": _of(*PLATFORMS),
    "outlet_error": _outlet(2, 6),
    "outlet_answer_lost": _outlet(2, 6),
    "create_answer_lost": _creating("wechat", "freepublish/submit"),
    "create_late": _late("wechat", "freepublish/submit"),
    "draft_late": _late("wechat", "draft/add"),
    "delete_answer_lost": _creating("wechat", "freepublish/delete"),
    "clip_answer_lost": _creating("douyin", "create_video"),
    "clip_late": _late("douyin", "create_video"),
    "platform_token": _of("wechat", "douyin"),
    "platform_list_late": _of("wechat", "douyin", least_s=10, most_s=15),
    "disk_full_spool": _of("spool", least_s=4, most_s=8),
    "disk_full_ledger": _of("ledger", least_s=4, most_s=8),
    "clock_step": _step,
    "corrections": _count(5, 10),
    "withdrawals": _count(4, 8),
    "power_cut": _power,
    "kill_two_brokers": _of("kafka"),
    "rolling_restart": _of("kafka"),
}  # fmt: skip
"""Every kind of fault and how its particulars are drawn."""

NEEDS_THREE = {"kill_two_brokers", "rolling_restart"}
NEEDS_ROOT = {"disk_full_spool", "disk_full_ledger"}
ALONE = {"power_cut"}
"""Nothing else strikes while the whole stack starts again."""
START_S, ALONE_S = 6.0, 30.0


def schedule(
    seed: int, length_s: float, kinds: list[str] | None = None, *, gap_s: float = 6.0
) -> list[Fault]:
    """The faults of a run of that length; the same for the same seed and kinds."""
    random = Random(f"faults {seed}")  # noqa: S311 - a schedule, no secret
    wanted = list(KINDS) if kinds is None else kinds
    faults: list[Fault] = []
    at = START_S
    while at < length_s:
        order = random.sample(wanted, len(wanted))
        for kind in order:
            if at >= length_s or (kind in ALONE and at + ALONE_S > length_s and faults):
                continue
            target, seconds, detail = KINDS[kind](random)
            faults.append(Fault(len(faults) + 1, round(at, 1), kind, target, seconds, detail))
            at += ALONE_S if kind in ALONE else random.uniform(0.5, 1.5) * gap_s
    return faults
