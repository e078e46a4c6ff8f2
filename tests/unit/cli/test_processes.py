"""Before anything starts: what must not be taken for a first start."""

from pathlib import Path

from cli.processes import _lost_ledger
from schemas.settings import Settings


def test_a_ledger_that_is_gone_while_kafka_has_its_record_is_not_made_anew(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert _lost_ledger(settings) == ""
    log = tmp_path / "kafka" / "logs" / "story-events-2" / "00000000000000000000.log"
    log.parent.mkdir(parents=True)
    log.touch()
    assert _lost_ledger(settings) == ""
    log.write_bytes(b"a record")
    assert "./run rebuild" in _lost_ledger(settings)
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "shoufa.db").touch()
    assert _lost_ledger(settings) == ""
