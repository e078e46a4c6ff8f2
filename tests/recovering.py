"""A centre in memory loses its ledger and has it made anew from what lay on Kafka."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from cli import recovery
from stores.ledger import fold, journal, replacing
from stores.ledger.fold import Logged
from stores.ledger.outbox import Unsent
from stores.ledger.tables import metadata, outbox
from stores.ledger.transaction import Ledger, open_ledger
from tests.centre import CentreInMemory

VOLATILE = {"stories": {"updated_at"}, "renditions": {"updated_at", "progress", "owner", "state"}}
"""What is not told, since nothing rests on it: the state of a rendition between order and end."""


def of_unsent(row: Unsent, place: int) -> Logged:
    """A record as it lies on Kafka, read back by ``bus.topic_log``."""
    headers = {name: value.decode() for name, value in row.headers}
    seq = int(headers.pop("ce_outboxseq"))
    return Logged(
        seq=seq,
        event_id=headers["ce_id"],
        type=headers["ce_type"],
        topic=row.topic,
        key=row.key,
        headers=json.dumps(headers, ensure_ascii=False),
        value=row.value.decode(),
        created_at=1,
        sent_at=2,
        kafka_partition=0,
        kafka_offset=place,
    )


def on_kafka(ledger: Ledger) -> list[Logged]:
    """All that the outbox sent, as Kafka would give it back: not in the outbox's order."""
    with ledger.snapshot() as view:
        rows = view.execute(select(outbox).where(outbox.c.sent_at.is_not(None)))
        sent = [Logged(**row._mapping) for row in rows]
    return sorted(sent, key=lambda r: (r.topic, hash(r.key) % 6, r.seq))


def as_centre(centre: CentreInMemory) -> Any:
    """What ``cli.recovery`` needs of a centre."""
    url = f"sqlite:///{centre.settings.data}/ledger.db"
    return SimpleNamespace(
        settings=centre.settings.model_copy(update={"ledger": url}),
        newsroom=centre.newsroom,
        specs=centre.specs,
        rules=lambda: centre.conductor.rules,
    )


def lose_ledger(centre: CentreInMemory) -> None:
    centre.ledger.close()
    replacing.remove(centre.settings.data / "ledger.db")


def rebuild(
    centre: CentreInMemory, records: list[Logged], *, dry_run: bool = False, hold: bool = False
) -> recovery.Recovered:
    """``./run rebuild`` with these records on Kafka."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recovery, "read_all", lambda _bootstrap, _told: iter(records))
        told = recovery.rebuild(
            as_centre(centre), lambda _: None, dry_run=dry_run, hold=hold, now=lambda: centre.now
        )
    centre.ledger.close()  # the pool: the next look opens the new file
    return told


def folded(records: list[Logged], folder: Any) -> Ledger:
    """A new ledger from records alone, nothing decided."""
    ledger = open_ledger(f"sqlite:///{folder}/folded.db")
    metadata.create_all(ledger.engine)
    told = fold.Folded()
    fold.put_back(ledger, records, told)
    fold.fold(ledger, told)
    assert told.strange == []
    return ledger


def content(ledger: Ledger) -> dict[str, list[dict[str, Any]]]:
    """Every row that is told, without what is volatile; a copy's bytes lie in S3."""
    found = {}
    with ledger.snapshot() as view:
        for name, table in journal.KEPT.items():
            left_out = VOLATILE.get(name, set()) | ({"body"} if name == "copies" else set())
            rows = view.execute(select(table).order_by(*table.primary_key.columns))
            found[name] = [
                {k: v for k, v in row._mapping.items() if k not in left_out} for row in rows
            ]
    return found
