"""What goes wrong in a play, drawn from its seed: some kinds of fault each time, not all at once."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from random import Random

from tests.simulation import kafka
from tests.simulation.newsroom import Act
from tests.simulation.restoring import lose_ledger
from tests.simulation.world import World

CASTS: tuple[dict[str, int], ...] = (
    {"web": 1, "tv": 2},
    {"wechat": 1, "web": 1},
    {"web": 1, "wechat": 2},
    {"short": 1, "web": 2},
    {"toutiao": 1, "tv": 2},
    {"web": 1, "push": 2},
    {"wechat": 1, "tv": 1, "paper": 2},
    {"short": 1},
    {"tv": 1, "web": 2},
)

CHANCES = {
    "request lost": 0.15,
    "request answer lost": 0.3,
    "request late": 0.35,
    "request slow": 0.15,
    "send answer lost": 0.2,
    "records swapped": 0.4,
    "review rejects": 0.15,
    "commit answer lost": 0.02,
    "filing answer lost": 0.5,
}
BLOWS = (
    *("mid-call kill publish", "mid-call kill publish", "mid-call pause publish", "kill publish"),
    *(
        "mid-call pause publish",
        "pause publish",
        "kill core",
        "kill core",
        "pause core",
        "kill web",
    ),
    *("broker away", "ledger away", "outlet away", "outlet refuses", "power cut", "topic again"),
    *("record again", "poison", "forged approval", "tampered copy", "tampered copy"),
    "ledger lost",
)
FOREIGN = frozenset({"topic again", "record again", "poison", "forged approval"})
"""Records of others. None between a power cut and the relay's first look: it is the one sender
in all, and goes by where the logs end."""
MID_CALL = frozenset({"before the request", "answer", "answer lost", "committed", "begin"})


@dataclass
class Plan:
    """One play: from where, with whom, what the newsroom does, what goes wrong and how often."""

    cast: int
    stage: str
    script: list[Act]
    chances: dict[str, float]
    blows: tuple[str, ...]
    blow_likely: float
    steps: int
    """While so many steps last; then all heals."""


def plan_of(seed: int) -> Plan:
    rng = Random(seed)
    cast = rng.randrange(len(CASTS))
    script = [_act(rng) for _ in range(rng.randint(1, 3))]
    if "toutiao" in CASTS[cast]:  # a second story meets a quota of one
        script[:0] = [Act("file"), Act("approve", 1, after_s=1.0)]
    return Plan(
        cast=cast,
        stage=rng.choice(["filed", "signed", "signed", "signed", "live", "live"]),
        script=script,
        chances={name: likely for name, likely in CHANCES.items() if rng.random() < 0.4},
        blows=tuple(rng.sample(BLOWS, rng.randint(1, 5))),
        blow_likely=rng.choice([0.0, 0.05, 0.1, 0.2]),
        steps=rng.choice([40, 80, 120]),
    )


def _act(rng: Random) -> Act:
    what = rng.choice(
        [
            *("correct", "correct", "correct", "correct", "approve", "approve", "edit"),
            *("withdraw", "withdraw", "withdraw", "urgent", "sign", "return"),
            *("hold", "hold", "resume", "override", "override", "file", "settle", "resend"),
        ]
    )
    number = {"override": 2, "file": rng.choice([0, 0, 60])}.get(what, rng.randint(1, 3))
    after = rng.choice([0.0, 0.0, 0.0, 0.3, 2.0, 8.0, 30.0])
    story = rng.choice([0, 0, 0, 1])
    return Act(what, story, number, after)


def strike(world: World, blow: str) -> None:
    """One blow; what it needs beyond its name it draws itself."""
    rng, state = world.stage.rng, world.state
    if blow in FOREIGN and world.log_is_cut:
        return
    world.note("blow", blow)
    outlet = rng.choice(list(state.cast))
    kind, _, what = blow.partition(" ")
    if kind == "mid-call":
        world.armed = (what, rng.randint(1, 4))
    elif kind == "kill":
        world.kill(what, rng.choice([0.0, 0.5, 5.0]))
    elif kind == "pause":
        world.pause(what, rng.choice([2.0, 9.0, 25.0, 60.0]))
    elif what == "away":
        _away(world, kind, outlet)
    else:
        _mishap(world, blow, outlet)


def _away(world: World, who: str, outlet: str) -> None:
    until = world.stage.now + world.stage.rng.choice([0.5, 3.0, 20.0])
    if who == "broker":
        world.state.broker.down_until = until
    elif who == "ledger":
        world.ledger_away_until = min(until, world.stage.now + 3.0)
    else:
        world.state.books[outlet].down_until = until


def _mishap(world: World, blow: str, outlet: str) -> None:
    rng, state = world.stage.rng, world.state
    match blow:
        case "outlet refuses":
            state.books[outlet].refuses = state.refusals = True
        case "power cut":
            if rng.random() < 0.3:
                state.broker.sync()
            if rng.random() < 0.4 and not world.log_is_cut:
                _repeat_and_read(world)
            world.power_cut(lambda loose: rng.randint(0, loose))
        case "ledger lost":
            lose_ledger(world)
        case "record again":
            _again(world, lambda records: [rng.choice(records)])
        case "topic again":
            _again(world, lambda records: records[:12])
        case "poison":
            topic = rng.choice(["story-events", f"release-orders.{outlet}"])
            state.broker.append(topic, b"x", b"\xff{", [("ce_type", b"no.such.type")])
            state.history.poison += 1
        case "forged approval":
            _forge(world)
        case "tampered copy":
            _tamper(world, outlet)


def _again(world: World, some: Callable[[list[kafka.Record]], list[kafka.Record]]) -> None:
    """Records that were on a topic already are produced once more."""
    records = [r for logs in world.state.broker.logs.values() for log in logs for r in log]
    for record in some(records) if records else []:
        world.state.broker.append(record.topic, record.key, record.value, record.headers)


def _repeat_and_read(world: World) -> None:
    """Just before a power cut the newest events came twice and were read: when the second ones are
    gone, the group's offset may stand above the end of its log."""
    broker = world.state.broker
    for number, log in enumerate(broker.log("story-events")):
        place = ("conductor", "story-events", number)
        if log and broker.committed.get(place, 0) == len(log):
            for record in log[-world.stage.rng.choice([1, 1, 2]) :]:
                broker.append(record.topic, record.key, record.value, record.headers)
            world.checker.on_commit(*place, len(log))
            broker.committed[place] = len(log)


def _forge(world: World) -> None:
    """Somebody with full rights on the broker says that a story was approved."""
    if not world.state.stories:
        return
    story = world.stage.rng.choice(world.state.stories)
    version = world.raw.execute("SELECT version FROM stories WHERE id = ?", (story,)).fetchone()[0]
    value = {"story_id": story, "version": version, "copies_sha256": "0" * 64, "urgent": True}
    headers = [
        ("ce_id", str(world.new_id()).encode()),
        ("ce_type", b"cn.shoufa.story.approved.v1"),
    ]
    told = json.dumps(value).encode()
    world.state.broker.append("story-events", story.encode(), told, headers)
    world.state.history.forged += 1


def _tamper(world: World, outlet: str) -> None:
    """A copy that nobody signed takes the place of one that was, wherever it is kept."""
    row = world.raw.execute(
        "SELECT p.story_id, p.version, c.body FROM publications p JOIN copies c"
        " ON (c.story_id, c.version, c.channel) = (p.story_id, p.version, p.channel)"
        " WHERE p.channel = ? AND p.state IN ('ready', 'gated', 'updating')"
        " AND p.open_attempt IS NULL AND c.body IS NOT NULL",
        (outlet,),
    ).fetchone()
    if row is None:
        return
    story, version, body = row
    copy = json.loads(body)
    copy["payload"]["headline"] = "偷换"
    told = json.dumps(copy, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    digest = sha256(told.encode()).hexdigest()
    world.state.objects[f"copies/{digest}"] = told.encode()
    where = "WHERE story_id = ? AND version = ? AND channel = ?"
    world.raw.execute(
        f"UPDATE copies SET sha256 = ?, body = ? {where}", (digest, told, story, version, outlet)
    )
    world.raw.execute(
        f"UPDATE publications SET copy_sha256 = ? {where}", (digest, story, version, outlet)
    )
    world.state.history.tampered.add(story)
