"""Before anything starts: what must not be taken for a first start."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.processes import _lost_ledger
from schemas.errors import Unavailable
from schemas.settings import Settings
from shoufa import app
from stores.ledger.migrate import migrate
from stores.ledger.transaction import open_ledger


def test_a_ledger_that_is_gone_while_kafka_has_its_record_is_not_made_anew(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    assert _lost_ledger(settings) == ""
    log = tmp_path / "kafka" / "logs" / "story-events-2" / "00000000000000000000.log"
    log.parent.mkdir(parents=True)
    log.touch()
    assert _lost_ledger(settings) == ""
    log.write_bytes(b"a record")
    assert "./run rebuild" in _lost_ledger(settings)
    looked = open_ledger(settings.ledger_url)
    with pytest.raises(Unavailable), looked.snapshot() as view:
        view.exec_driver_sql("SELECT * FROM stories")
    looked.close()
    assert "./run rebuild" in _lost_ledger(settings), "whoever only looked made no ledger"
    made = open_ledger(settings.ledger_url)
    migrate(made, tmp_path / "backups")
    made.close()
    assert _lost_ledger(settings) == ""


def test_a_backup_of_no_ledger_says_so_and_leaves_none(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["backup", "--data", str(tmp_path)])
    assert done.exit_code == 1
    assert "没有账本" in done.output
    assert not list(tmp_path.rglob("*.db"))
