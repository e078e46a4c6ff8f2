"""The ledger is lost: an older copy and the topics make it anew, as ``./run restore`` does."""

from types import SimpleNamespace

from bus import topic_log
from cli import recovery
from stores.ledger import fold, restores
from stores.ledger.transaction import Ledger
from tests.simulation.checker import header
from tests.simulation.outlets import DEADLINE_S
from tests.simulation.world import World, engine


def lose_ledger(world: World) -> None:
    """Only when Kafka has all that was written: what it lacks is lost with the ledger, and nobody
    could say any more what is right. No call outlives it: it takes longer than any deadline."""
    if world.log_is_cut or not _kafka_has_all(world):
        return
    for name in list(world.processes):
        world.kill(name, 0.5)
    told = fold.Folded()
    records = [
        logged
        for partitions in world.state.broker.logs.values()
        for log in partitions
        for record in log
        for logged in topic_log.of_record(
            SimpleNamespace(
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                key=record.key,
                value=record.value,
                headers=record.headers,
                timestamp=round(world.stage.now * 1000),
            ),
            told,
        )
    ]
    world.raw.deserialize(world.copy)
    world.stage.now += DEADLINE_S
    ledger = Ledger(engine(), now=world.clock, wake=lambda *_: None)
    with ledger.snapshot() as view:
        after = fold.last_seq(view)
    fold.put_back(ledger, fold.beyond(records, ledger, after, told), told)
    fold.fold(ledger, told, after=after)
    rules, newsroom = world.rules(), world.newsroom
    centre = SimpleNamespace(rules=lambda: rules, newsroom=newsroom)
    recovery.decide_again(centre, ledger, hold=False)  # type: ignore[arg-type]
    settle_s = {name: spec.settle_s for name, spec in world.specs.items()}
    asked = restores.settle(ledger, source="copy", settle_s=settle_s)["asked"]
    world.state.history.poison = 0  # letters about records of others are in no other place
    world.note("restored", f"{told.records} records, {asked} outlets to ask")


def _kafka_has_all(world: World) -> bool:
    unsent = world.raw.execute("SELECT event_id FROM outbox WHERE sent_at IS NULL").fetchall()
    lying = {
        header(record, "ce_id")
        for partitions in world.state.broker.logs.values()
        for log in partitions
        for record in log
    }
    return all(event_id in lying for (event_id,) in unsent)
