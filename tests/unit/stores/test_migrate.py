"""The ledger's tables: what the migrations make is what the program works with."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from schemas.errors import Unavailable
from schemas.review import Signature
from stores.ledger import migrate as module
from stores.ledger import stories
from stores.ledger.ids import new_id
from stores.ledger.migrate import migrate
from stores.ledger.tables import metadata
from stores.ledger.transaction import Ledger, open_ledger

SECOND = '''"""One more table."""

from alembic import op
import sqlalchemy as sa

revision = "9001"
down_revision = "{down}"


def upgrade() -> None:
    op.create_table("extra", sa.Column("id", sa.Integer, primary_key=True))
    {fail}
'''


@pytest.fixture
def empty(tmp_path: Path) -> Ledger:
    return open_ledger(f"sqlite:///{tmp_path}/new.db")


def test_migrations_lead_to_the_programs_own_tables(empty: Ledger, tmp_path: Path) -> None:
    head = migrate(empty, tmp_path / "backups")
    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == head
        partial = {
            row.name: row.sql
            for row in connection.execute(
                text("SELECT name, sql FROM sqlite_master WHERE sql LIKE '%WHERE%'")
            )
        }
    assert set(partial) == {"one_signature_a_level", "one_open_intent", "outbox_unsent"}
    assert "UNIQUE" in partial["one_open_intent"]
    assert not (tmp_path / "backups").exists(), "there was nothing to back up"
    empty.close()


def test_doing_it_again_changes_nothing(empty: Ledger, tmp_path: Path) -> None:
    head = migrate(empty, tmp_path / "backups")
    assert migrate(empty, tmp_path / "backups") == head
    assert not (tmp_path / "backups").exists()
    empty.close()


def test_a_newer_ledger_is_refused_and_left_as_it_is(empty: Ledger, tmp_path: Path) -> None:
    migrate(empty, tmp_path / "backups")
    with empty.transaction() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Unavailable, match="9999") as refused:
        migrate(empty, tmp_path / "backups")
    assert "升级程序" in str(refused.value)
    with empty.snapshot() as view:
        assert view.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    empty.close()


def test_equal_copies_of_two_versions_are_signed_apart(empty: Ledger, tmp_path: Path) -> None:
    """Where every channel refuses, the copies of two versions are the same."""
    migrate(empty, tmp_path / "backups")
    story = new_id()
    mine = Signature(1, "one", "编辑", "a" * 64)
    with empty.transaction() as tx:
        stories.sign(tx, story, 1, mine, note="", at=1)
        stories.sign(tx, story, 2, mine, note="", at=2)
    with pytest.raises(IntegrityError), empty.transaction() as tx:
        stories.sign(tx, story, 2, mine, note="", at=3)
    empty.close()


def newer_build(folder: Path, down: str, *, fail: str = "") -> Path:
    """The migrations of a later version of the program."""
    (folder / "versions").mkdir(parents=True)
    for script in (module.SCRIPTS / "versions").glob("*.py"):
        (folder / "versions" / script.name).write_text(script.read_text())
    (folder / "env.py").write_text((module.SCRIPTS / "env.py").read_text())
    (folder / "versions" / "9001_more.py").write_text(SECOND.format(down=down, fail=fail))
    return folder


def test_an_upgrade_backs_the_old_ledger_up_first(
    empty: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = migrate(empty, tmp_path / "backups")
    with empty.transaction() as tx:
        tx.execute(text("INSERT INTO seen VALUES ('c', 'e', 1)"))
    monkeypatch.setattr(module, "SCRIPTS", newer_build(tmp_path / "build", old))
    assert migrate(empty, tmp_path / "backups") == "9001"
    assert "extra" in inspect(empty.engine).get_table_names()
    (backup,) = (tmp_path / "backups").glob(f"before-{old}-*.db")
    with closing(sqlite3.connect(backup)) as kept:
        assert kept.execute("SELECT version_num FROM alembic_version").fetchone() == (old,)
        assert kept.execute("SELECT count(*) FROM seen").fetchone() == (1,)
        assert kept.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    empty.close()


def test_an_upgrade_that_fails_changes_nothing(
    empty: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = migrate(empty, tmp_path / "backups")
    build = newer_build(tmp_path / "build", old, fail='raise RuntimeError("half way")')
    monkeypatch.setattr(module, "SCRIPTS", build)
    with pytest.raises(RuntimeError, match="half way"):
        migrate(empty, tmp_path / "backups")
    assert "extra" not in inspect(empty.engine).get_table_names()
    with empty.snapshot() as view:
        assert view.execute(text("SELECT version_num FROM alembic_version")).scalar() == old
    empty.close()


def test_it_works_from_a_path_with_blanks_per_cent_and_chinese(tmp_path: Path) -> None:
    folder = tmp_path / "首发 100%"
    ledger = open_ledger(f"sqlite:///{folder}/shoufa.db")
    migrate(ledger, folder / "backups")
    with ledger.snapshot() as view:
        assert view.execute(text("SELECT count(*) FROM stories")).scalar() == 0
    ledger.close()
