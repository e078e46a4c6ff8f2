"""Bring the ledger to this build's tables: backup first, refuse a newer one.

Alembic is loaded by whoever upgrades or asks for a revision, not by each process.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from schemas.errors import Unavailable
from stores.ledger import postgres
from stores.ledger.ids import new_id
from stores.ledger.transaction import Ledger, check_pages, spoken

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

SCRIPTS = Path(__file__).resolve().parent.parent / "migrations"


def migrate(ledger: Ledger, backups: Path) -> str:
    """Upgrade to the newest tables; returns the revision.

    Raises Unavailable when the ledger is damaged, or was written by a newer build.
    """
    from alembic import command

    check_pages(ledger)
    config, scripts = _scripts()
    head = scripts.get_current_head() or ""
    with spoken(), ledger.engine.connect() as connection:
        if ledger.shared:
            postgres.lock_for_upgrade(connection)
        present = revision_of(connection) or None
        if not ledger.shared:
            connection.rollback()
        if present == head:
            return head
        known = {script.revision for script in scripts.walk_revisions()}
        if present is not None and present not in known:
            raise Unavailable(
                "ledger",
                f"账本由更新的版本写成 ({present}), 本版本只认到 {head}; 请升级程序 / "
                f"the ledger is of a newer build ({present}); upgrade the program",
            )
        if present is not None:
            _back_up(ledger, backups, present)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    return head


def revisions() -> list[str]:
    """Every revision of the tables that this build knows, the newest first."""
    return [script.revision for script in _scripts()[1].walk_revisions()]


def revision_of(connection: Connection) -> str:
    """The revision that a ledger is at; empty where it has no tables yet."""
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision() or ""


def _scripts() -> "tuple[Config, ScriptDirectory]":
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config, ScriptDirectory.from_config(config)


def _back_up(ledger: Ledger, backups: Path, revision: str) -> None:
    if ledger.engine.dialect.name != "sqlite":
        return  # PostgreSQL has its own backups; the upgrade runs in one transaction there
    backups.mkdir(parents=True, exist_ok=True)
    source = str(ledger.engine.url.database)
    target = backups / f"before-{revision}-{new_id()}.db"
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
